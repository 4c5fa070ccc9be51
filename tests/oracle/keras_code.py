"""The code that `archcalc export --to keras` writes, run: Keras's own count of parameters, and the shapes of outputs,
beside the spec's. The weights stand on PyTorch's meta device, where they have no values."""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
from oracle.exported import other_values

import archcalc
from archcalc.analysis.totals import Analysis, analyse
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.exchange.writers import keras as writer
from archcalc.language.expand import expand
from archcalc.quantities.registry import figure

sys.setrecursionlimit(50_000)  # Keras goes through a model's layers one within the other, and some have thousands.


class Counted(NamedTuple):
    """Parameters with running statistics and other weights that are not trained, and the shapes of outputs without the
    batch, the channels last."""

    params: int
    shapes: tuple[tuple[int, ...], ...]


def of_spec(analysis: Analysis) -> Counted:
    """archcalc's figures by Keras's convention: `count_params()` has the buffers, but for whole numbers, which count
    batches or are a table of places. Keras keeps those as code."""
    weights = [
        tensor
        for outcome in analysis.interpretation.outcomes
        for tensor in outcome.buffers
        if not tensor.dtype.startswith("int")
    ]
    volumes = (analysis.interpretation.volume(value) for value in analysis.network.outputs.values())
    shapes = tuple((*map(int, volume.space), int(volume.channels)) for volume in volumes)
    return Counted(int(figure(analysis, "params")) + sum(int(each.elements) for each in weights), shapes)


def of_code(analysis: Analysis) -> Counted:
    """Keras's."""
    return counted(function_of(analysis))


def of_json(analysis: Analysis) -> tuple[int, int, int, int]:
    """Parameters and MACs of the spec, then those that the reader of Keras's JSON finds in the model of the code."""
    keras.backend.clear_session()
    with keras.device("meta"):
        text = function_of(analysis)().to_json()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        path.write_text(text)
        read = archcalc.load(path).analyse()
    params, macs, *again = (int(figure(each, name)) for each in (analysis, read) for name in ("params", "macs"))
    return params, macs, again[0], again[1]


def counted(function: Callable[..., Any], **arguments: Any) -> Counted:
    """What a model of a function has."""
    keras.backend.clear_session()
    with keras.device("meta"):
        model = function(**arguments)
    return Counted(model.count_params(), tuple(tuple(output.shape[1:]) for output in model.outputs))


def function_of(analysis: Analysis) -> Callable[..., Any]:
    """The function that makes the network: the last of the code."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec("".join(writer.write(analysis)), names)
    return [each for each in names.values() if inspect.isfunction(each) and each.__module__ == "exported"][-1]


def with_other_arguments(analysis: Analysis) -> list[tuple[str, Any, Counted, Counted]]:
    """Each argument of the network, another value of it, and what the spec and the code then have."""
    function = function_of(analysis)
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        for given, value in other_values(analysis, name, parameter.default):
            try:
                ours = of_spec(analyse(expand(analysis.network.document, given)))
            except SpecError:
                continue
            found.append((name, value, ours, counted(function, **{name: value})))
    return found
