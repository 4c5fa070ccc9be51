"""What the page asks: the report of a draft, what follows it, the arithmetic of some layers. Answers are plain data.

A draft is `{"base": …, "text": …, "settings": {…}}`: a text, the name of the spec in the catalogue whose imports it
has ("" for those of the file that was opened, or of the catalogue where none was), and the parameters that are set.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from archcalc import catalogue
from archcalc.analysis.totals import Analysis, analyse
from archcalc.claims.library import Library
from archcalc.commands.check.run import judged
from archcalc.commands.check.tables import verdicts
from archcalc.commands.report import page as report_page
from archcalc.commands.report import tables
from archcalc.diagnostics import json
from archcalc.diagnostics.diagnostic import Diagnostic, Source, SpecError, UsageError
from archcalc.language import shipped
from archcalc.language.document import Document
from archcalc.language.expand import expand
from archcalc.language.read import read_document
from archcalc.layers.attributes import shown
from archcalc.output.layout import readable
from archcalc.pictures import page
from archcalc.pictures.page import Rows, Section
from archcalc.quantities.registry import Part
from archcalc.records import Record

#: A network of more layers has no live page.
MOST_LAYERS = 20_000
#: The arithmetic of so many layers is answered at once.
MOST_EXPLAINED = 500


class Draft(Record):
    """A spec as it stands in the page."""

    base: str
    text: str
    settings: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Draft:
        """The draft in a request. UsageError for anything else."""
        base, text, settings = data.get("base"), data.get("text"), data.get("settings")
        if not isinstance(base, str) or not isinstance(text, str) or not isinstance(settings, dict):
            raise UsageError("a draft has a base, a text and settings")
        if not all(isinstance(given, str) for given in settings.values()):
            raise UsageError("a setting is text")
        return cls(base, text, tuple(settings.items()))


class Answers:
    """Answers requests about drafts. `opened` is the file that the page was opened on. The last analysis is kept: its
    tables and its arithmetic are asked for next."""

    def __init__(self, opened: Path | None) -> None:
        self._opened = opened
        self._catalogue = catalogue.names()
        self._named = Library()
        self._last: tuple[Draft, Analysis] | None = None

    def answer(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one request. UsageError for a request that has none."""
        if kind == "open":
            return self.open(data.get("name"))
        draft = Draft.of(data)
        if kind == "rest":
            return self.rest(draft)
        if kind == "explain":
            return self.explain(draft, data.get("layers"))
        return self.report(draft)

    def open(self, name: object) -> dict[str, Any]:
        """The draft that a spec of the catalogue is."""
        if not isinstance(name, str) or name not in self._catalogue:
            raise UsageError("there is no such spec in the catalogue")
        return {"base": name, "text": catalogue.read_source(name).text, "settings": {}}

    def report(self, draft: Draft) -> dict[str, Any]:
        """The parameters of a draft, its figures and its network; without them, what is wrong with it.

        It is asked for with every letter that is typed, so what can wait is in `rest`.
        """
        try:
            analysis = self._analysed(draft)
            network = Part(analysis)
            report = readable(tables.build(network))
            drawn = report_page.graph_alone(network)
        except SpecError as error:
            return {"findings": _findings(error.diagnostics, draft)}
        except UsageError as error:
            return {"findings": _findings([Diagnostic("bad-setting", str(error))], draft)}
        return {
            "findings": [],
            "title": analysis.architecture,
            "parameters": [_parameter(draft, *pair) for pair in analysis.network.parameters.items()],
            "facts": page.summary(report),
            "network": page.part("network", drawn),
            "notes": page.footer(report),
        }

    def rest(self, draft: Draft) -> dict[str, Any]:
        """The layers and the memory of a draft that can be analysed, the verdicts on what it claims, and all that is
        wrong or suspicious. UsageError for any other."""
        try:
            analysis = self._analysed(draft)
        except SpecError:
            raise UsageError("the spec cannot be analysed") from None
        library = Library(self._named)
        if not draft.settings:
            library.add(analysis)
        found = judged(analysis.network.document, library)
        sections: list[Section] = list(report_page.tables(Part(analysis)))
        if found.verdicts:
            sections.append(Rows("claims", verdicts(found.verdicts)))
        keyed = [(section.title.replace(" ", "-"), section) for section in sections]
        return {
            "findings": _findings(found.findings, draft),
            "sections": [(key, page.part(key, section)) for key, section in keyed],
        }

    def explain(self, draft: Draft, numbers: object) -> dict[str, Any]:
        """The arithmetic of the layers with these numbers, of those that there are."""
        if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
            raise UsageError("layers are asked for by their numbers")
        try:
            analysis = self._analysed(draft)
        except SpecError:
            return {"layers": []}
        known = [analysis.layers[n] for n in numbers[:MOST_EXPLAINED] if 0 <= n < len(analysis.layers)]
        explained = (report_page.explanation(analysis, layer) for layer in known)
        return {"layers": [[heading, *pairs] for heading, pairs in explained]}

    def _analysed(self, draft: Draft) -> Analysis:
        if self._last is None or self._last[0] != draft:
            document = self._document(draft)
            names = {parameter.name for parameter in document.parameters}
            settings = {name: catalogue.value(name, text) for name, text in draft.settings if name in names}
            network = expand(document, settings)
            if len(network.nodes) > MOST_LAYERS:
                raise UsageError(
                    f"the network has {len(network.nodes):,} layers, and this page shows up to {MOST_LAYERS:,}: "
                    "use archcalc report"
                )
            self._last = (draft, analyse(network))
        return self._last[1]

    def _document(self, draft: Draft) -> Document:
        if draft.base and draft.base not in self._catalogue:
            raise UsageError("there is no such spec in the catalogue")
        beside = self._opened or os.path.join(shipped.folder(), "draft.yaml")
        path = self._catalogue[draft.base] if draft.base else beside
        return read_document(Source(os.path.basename(path), draft.text), path)


def _parameter(draft: Draft, name: str, value: object) -> dict[str, Any]:
    """A parameter for a control: a truth value, a whole number, or whatever else as text."""
    kind = "truth" if isinstance(value, bool) else "whole" if isinstance(value, int) else "text"
    return {"name": name, "value": shown(value), "kind": kind, "set": name in dict(draft.settings)}


def _findings(found: Iterable[Diagnostic], draft: Draft) -> list[dict[str, Any]]:
    """Findings as data; `here` says whether one is in the draft, and not in a file that it imports."""
    return [_finding(each, draft) for each in found]


#: Where the page shows a finding about a file as a whole.
_HEAD = {"line": 1, "column": 1, "end_line": 1, "end_column": 1}


def _finding(found: Diagnostic, draft: Draft) -> dict[str, Any]:
    place = found.place
    made = json.data(found) | (_HEAD if place is not None and place.is_file else {})
    return {**made, "here": place is not None and place.source.text == draft.text}
