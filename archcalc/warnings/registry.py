"""Where the rules for warnings are found: `@about_network` and `@about_document` make a rule known.

The rule's name is its function's, with dashes. Its docstring explains it: what it means, and after an empty line how
to fix it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.diagnostics.diagnostic import Diagnostic, Place
from archcalc.diagnostics.rules import rule
from archcalc.discovery import loaded_from
from archcalc.language.document import Document
from archcalc.language.network import Scope
from archcalc.records import Record


class Found(Record):
    """Something suspicious: where, what, and how it comes about."""

    place: Place
    message: str
    notes: tuple[str, ...] = ()


def at(analysis: Analysis, row: AnalysedLayer, attribute: str | None, message: str) -> Found:
    """Something suspicious about a layer, at its attribute, or where the spec calls the block from elsewhere that it
    is in: many specs share a file of blocks, and it is one of them that is warned of."""
    source = analysis.network.document.source
    place = row.node.place_of(attribute)
    scope: Scope | None = row.node.scope
    while place.source is not source and scope is not None:
        if scope.step is not None:
            place = scope.step.place
        scope = scope.parent
    inputs = ", ".join(map(str, analysis.input_volumes(row)))
    return Found(place, message, (f"at `{row.name}`, input: {inputs}", *row.node.trail()))


AboutNetwork: TypeAlias = Callable[[Analysis], Iterator[Found]]
AboutDocument: TypeAlias = Callable[[Document], Iterator[Found]]


_network: dict[str, AboutNetwork] = {}
_document: dict[str, AboutDocument] = {}


def about_network(function: AboutNetwork) -> AboutNetwork:
    """Make a rule about analysed networks known."""
    _network[_explained(function)] = function
    return function


def about_document(function: AboutDocument) -> AboutDocument:
    """Make a rule about spec files known."""
    _document[_explained(function)] = function
    return function


def _explained(function: AboutNetwork | AboutDocument) -> str:
    """The name of the rule that a function finds; the explanation in its docstring is made known."""
    name = function.__name__.replace("_", "-")
    meaning, _, fix = (function.__doc__ or "").partition("\n\n")
    rule(name, " ".join(meaning.split()), " ".join(fix.split()), "warning")
    return name


def load() -> None:
    """Make every rule for warnings known."""
    loaded_from("archcalc.warnings", without=frozenset({"rules"}))


def warnings(document: Document, analysis: Analysis | None) -> list[Diagnostic]:
    """Everything suspicious about a spec; about its network too if it could be analysed.

    What many copies of a step have in common is said once, of the first of them.
    """
    load()
    found: dict[tuple[str, str, int], Diagnostic] = {}
    for name, about in _document.items():
        for each in about(document):
            _keep(found, name, each)
    if analysis is not None:
        for name, of_network in _network.items():
            for each in of_network(analysis):
                _keep(found, name, each)
    return sorted(found.values(), key=Diagnostic.order)


def _keep(found: dict[tuple[str, str, int], Diagnostic], name: str, each: Found) -> None:
    key = (name, each.place.source.name, each.place.start)
    if key not in found:
        found[key] = Diagnostic(name, each.message, each.place, notes=each.notes, severity="warning")
