"""What people have: a reader for each format of model files, which turns one into the text of a spec.

A reader never runs code from a file and needs no framework. It refuses what it does not know, all of it at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archcalc.diagnostics.diagnostic import Source
    from archcalc.exchange.flat import Flat
    from archcalc.language.document import Document

#: The module that reads each kind of file, by the file's ending; it has a function `read`.
_READERS = {
    ".pt2": "torch_export",
    ".cfg": "darknet",
    ".prototxt": "caffe.blobs",
    ".onnx": "onnx",
    ".json": "json_model",
    ".keras": "keras.model",
}

#: The endings of files that say of every value which shape it has, so that an operation may be left out.
_READ_IN_PART = (".pt2", ".onnx")

#: The endings of the files that are read.
ENDINGS = tuple(_READERS)


def is_model(name: str | os.PathLike[str]) -> bool:
    """Whether a file is a model of some format, by its ending."""
    return bool(_ending(name))


def _ending(name: str | os.PathLike[str]) -> str:
    """The ending by which a file is read; empty for other files."""
    return next((ending for ending in ENDINGS if os.fspath(name).lower().endswith(ending)), "")


def read_model(path: str | os.PathLike[str], shown: str, *, partial: bool = False) -> Source:
    """A model's flat network as the text of a spec, a step for each layer, named by the path of its module.

    `shown` is the file's name in messages. `partial` puts the layer `unknown` in the place of each operation that is
    not known. UsageError if there is nothing to read, or the format cannot be read in part; SpecError if the file is
    damaged, has an operation that is not known, or says other shapes than the layers have.
    """
    return _read(path, shown, partial=partial)[1].source


def folded(path: str | os.PathLike[str], shown: str, *, partial: bool = False) -> Iterator[str]:
    """A model as the lines of the spec that a person would have written; its blocks are named after its classes.

    Errors as `read_model` has them.
    """
    from archcalc.exchange.flat import module_names
    from archcalc.exchange.open_sizes import Formula
    from archcalc.language.expand import expand
    from archcalc.language.folding import fold

    flat, document = _read(path, shown, partial=partial)
    network = expand(document)
    if not flat.parameters:
        return fold(network, module_names(flat), flat.notes)
    if any(isinstance(each, Formula) for step in flat.steps for each in _flattened(step.attributes.values())):
        sizes = ", ".join(f"{name} = {value:,}" for name, value in flat.parameters.items())
        return fold(network, module_names(flat), (*flat.notes, f"for {sizes}, on which attributes depend"))
    return fold(network, module_names(flat), flat.notes, flat.parameters, flat.inputs)


def _flattened(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple):
            yield from _flattened(value)
        else:
            yield value


def _read(model: str | os.PathLike[str], shown: str, *, partial: bool) -> tuple[Flat, Document]:
    from importlib import import_module
    from pathlib import Path

    from archcalc.diagnostics.diagnostic import Source, UsageError
    from archcalc.exchange.flat import spec_text
    from archcalc.exchange.verify import verify
    from archcalc.language.read import read_document

    path, ending = Path(model), _ending(model)
    try:
        path.stat()  # before it is said what is needed to read it
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {shown}: {getattr(error, 'strerror', None) or error}") from None
    reader = import_module(f"archcalc.exchange.{_READERS[ending]}")
    if partial and ending not in _READ_IN_PART:
        raise UsageError(f"{shown} is read as a whole or not at all: --partial is for {' and '.join(_READ_IN_PART)}")
    flat = reader.read(path, shown, partial=True) if partial else reader.read(path, shown)
    document = read_document(Source(shown, spec_text(flat), flat.notes, tuple(step.node for step in flat.steps)), path)
    verify(flat, document)
    return flat, document
