"""The networks that claims are about, each read and analysed once for the claims that follow each other."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from archcalc import catalogue
from archcalc.analysis.totals import Analysis, analyse
from archcalc.diagnostics.diagnostic import SpecError, UsageError
from archcalc.exchange import is_model
from archcalc.language.document import Document
from archcalc.language.expand import expand
from archcalc.layers.apply import Rules

_Made = TypeVar("_Made")

#: How many documents and how many analyses are held at a time: a list of figures can be about any number of networks.
MOST_HELD = 100


class Library:
    """The analyses that claims ask for, of a spec with parameters set and of the specs it names; the latest are held.

    What cannot be read or analysed is not tried again either. `catalogued` is another library, which has what is named
    of the catalogue: that stays the same when a spec changes.
    """

    def __init__(self, catalogued: Library | None = None) -> None:
        self._catalogued = catalogued
        self._analyses: dict[Any, Analysis | SpecError | UsageError] = {}
        self._documents: dict[Any, tuple[Document, dict[str, Any]] | SpecError | UsageError] = {}
        #: What layers were asked in one network they need not be asked in another.
        self._rules = Rules()

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the catalogue."""
        return frozenset(catalogue.names())

    def add(self, analysis: Analysis) -> None:
        """Take the analysis of a document as it stands, which was made elsewhere."""
        self._analyses[analysis.network.document, ()] = analysis

    def analysis(self, document: Document, settings: dict[str, Any]) -> Analysis:
        """The analysis of a document with parameters set; SpecError and UsageError as `expand` has them."""
        key = (document, tuple(sorted(settings.items())))
        return _once(self._analyses, key, lambda: analyse(expand(document, settings, self._rules), self._rules))

    def document(self, reference: str, directory: str | os.PathLike[str]) -> tuple[Document, dict[str, Any]]:
        """The document of a spec that a file in this folder names, and the parameters that the name sets; errors as
        `path_in` and `catalogue.load` have them."""
        found = path_in(directory, reference)
        return _once(self._documents, found, lambda: catalogue.load(found))

    def named(self, reference: str, directory: str | os.PathLike[str]) -> Analysis:
        """The analysis of a spec that a file in this folder names; errors as `document` and `analysis` have them."""
        if self._catalogued is not None:
            name = catalogue.split(reference).name
            if name in self._catalogued.names and not Path(name).is_file():
                return self._catalogued.named(reference, directory)
        return self.analysis(*self.document(reference, directory))


def path_in(directory: str | os.PathLike[str], reference: str) -> str:
    """A reference to a spec as a file in this folder has it, for the whole program: a path in the folder or below, or
    a name of the catalogue, with settings. UsageError if it lies elsewhere."""
    name = catalogue.split(reference).name
    if name == "-":
        raise UsageError("a claim cannot name standard input")
    if not (is_model(name) or name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name):
        return reference
    try:
        path = (Path(directory) / name).resolve()
        is_device = path.exists() and not path.is_file()
    except (OSError, ValueError, RuntimeError):  # a path that is too long, holds NUL, links to itself
        raise UsageError(f"cannot read {name[:80]}: it is not a path") from None
    if not path.is_relative_to(Path(directory).resolve()):
        raise UsageError(f"{name} is outside the folder of the file that names it")
    if not path.exists():
        raise UsageError(f"there is no file {name}")
    if is_device:  # to read from a device or a pipe may never end
        raise UsageError(f"cannot read {name}: it is not a file")
    here = Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}{reference[len(name) :]}"


def _once(made: dict[Any, _Made | SpecError | UsageError], key: Any, make: Callable[[], _Made]) -> _Made:
    if key not in made:
        if len(made) >= MOST_HELD:
            del made[next(iter(made))]
        try:
            made[key] = make()
        except (SpecError, UsageError) as error:
            made[key] = error
    found = made[key]
    if isinstance(found, SpecError | UsageError):
        raise found
    return found
