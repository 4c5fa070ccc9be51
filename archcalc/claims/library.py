"""The networks that claims are about, each analysed once."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from archcalc import catalogue
from archcalc.analysis.totals import Analysis, analyse
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.language.document import Document
from archcalc.language.expand import expand
from archcalc.layers.apply import Rules


class Library:
    """The analyses that claims ask for, each made once: of a spec with parameters set, and of the specs it names.

    `catalogued` is another library, which has what is named of the catalogue: that stays the same when a spec changes.
    """

    def __init__(self, catalogued: Library | None = None) -> None:
        self._catalogued = catalogued
        self._analyses: dict[Any, Analysis] = {}
        #: What layers were asked in one network they need not be asked in another.
        self._rules = Rules()
        self._documents: dict[Any, tuple[Document, dict[str, Any]]] = {}

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
        if key not in self._analyses:
            self._analyses[key] = analyse(expand(document, settings, self._rules), self._rules)
        return self._analyses[key]

    def named(self, reference: str, directory: Path) -> Analysis:
        """The analysis of a spec that another one names: a path in the folder of that one or below, or a name of the
        catalogue, with settings. UsageError if there is no such spec, or if it lies elsewhere."""
        name = catalogue.split(reference).name
        if name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name:
            try:
                path = (directory / name).resolve()
                is_device = path.exists() and not path.is_file()
            except (OSError, ValueError, RuntimeError):  # a path that is too long, holds NUL, links to itself
                raise UsageError(f"cannot read {name[:80]}: it is not a path") from None
            if not path.is_relative_to(directory.resolve()):
                raise UsageError(f"{name} is outside the folder of the spec")
            if is_device:  # to read from a device or a pipe may never end
                raise UsageError(f"cannot read {name}: it is not a file")
            reference = f"{path}{reference[len(name) :]}"
        elif name == "-":
            raise UsageError("a claim cannot name standard input")
        elif self._catalogued is not None and name in self._catalogued.names and not Path(name).is_file():
            return self._catalogued.named(reference, directory)
        if reference not in self._documents:
            self._documents[reference] = catalogue.load(reference)
        document, settings = self._documents[reference]
        return self.analysis(document, settings)
