"""Claims held against what the network really has: met, failed, or an erratum that is as wrong as it is said to be."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from archcalc.analysis.totals import Analysis, analyse
from archcalc.claims import figure as figures
from archcalc.claims.figure import FigureError
from archcalc.claims.read import Claim, Other
from archcalc.diagnostics import Diagnostic, SpecError, UsageError, did_you_mean
from archcalc.quantities.registry import BYTES, EXTENT, VOLUME, Part, select
from archcalc.reports.numbers import bytes_binary, bytes_decimal, exact
from archcalc.spec import catalogue
from archcalc.spec.document import Document
from archcalc.spec.expand import expand
from archcalc.volume import Volume

MET, FAILED, ERRATUM = "met", "failed", "erratum"


class Verdict(NamedTuple):
    """A claim, what was computed (None where nothing could be), and whether it is met, failed or an erratum."""

    claim: Claim
    computed: Any
    verdict: str
    unit: str


class _Unanswered(Exception):
    """A claim that cannot be computed at all."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


class Library:
    """The analyses that claims ask for, each made once: of a spec with parameters set, and of the specs it names."""

    def __init__(self) -> None:
        self._analyses: dict[Any, Analysis] = {}
        self._documents: dict[Any, tuple[Document, dict[str, Any]]] = {}

    def analysis(self, document: Document, settings: dict[str, Any]) -> Analysis:
        """The analysis of a document with parameters set; SpecError and UsageError as `expand` has them."""
        key = (document, tuple(sorted(settings.items())))
        if key not in self._analyses:
            self._analyses[key] = analyse(expand(document, settings))
        return self._analyses[key]

    def named(self, reference: str, directory: Path) -> Analysis:
        """The analysis of a spec that another one names: a path beside it, or a catalogue name, with settings."""
        if reference not in self._documents:
            name = catalogue.split(reference).name
            beside = directory / name
            if name.endswith((".yaml", ".yml")) or "/" in name:
                reference = f"{beside}{reference[len(name) :]}"
            if name == "-":
                raise UsageError("a claim cannot name standard input")
            self._documents[reference] = catalogue.load(reference)
        document, settings = self._documents[reference]
        return self.analysis(document, settings)


def judge(document: Document, claims: list[Claim], library: Library) -> tuple[list[Verdict], list[Diagnostic]]:
    """The verdict on every claim of a document that can be analysed, and a finding for each that does not hold."""
    verdicts, problems = [], []
    for claim in claims:
        try:
            verdict = _verdict(document, claim, library)
        except _Unanswered as unanswered:
            verdict = Verdict(claim, None, FAILED, "")
            problems.append(unanswered.diagnostic)
        else:
            if verdict.verdict == FAILED:
                problems.append(_finding(verdict))
        verdicts.append(verdict)
    return verdicts, problems


def _verdict(document: Document, claim: Claim, library: Library) -> Verdict:
    analysis = _analysis(document, claim, library)
    computed, unit = _computed(claim, analysis, library)
    try:
        holds = _holds(claim, computed, analysis)
    except FigureError as error:
        raise _Unanswered(Diagnostic("bad-claim", str(error), claim.place)) from None
    if claim.erratum:
        return Verdict(claim, computed, FAILED if holds else ERRATUM, unit)
    return Verdict(claim, computed, MET if holds else FAILED, unit)


def _analysis(document: Document, claim: Claim, library: Library) -> Analysis:
    settings = {}
    for setting in claim.settings:
        try:
            settings[setting.name] = catalogue.value(setting.name, setting.value)
        except UsageError as error:
            raise _Unanswered(Diagnostic("bad-claim", str(error), setting.place)) from None
    place = claim.settings[0].place if claim.settings else claim.place
    return _analysed(lambda: library.analysis(document, settings), "with these settings", place)


def _analysed(make: Any, which: str, place: Any) -> Analysis:
    try:
        analysis: Analysis = make()
    except UsageError as error:
        raise _Unanswered(Diagnostic("bad-claim", str(error), place)) from None
    except SpecError as error:
        first = error.diagnostics[0]
        notes = (f"{first.message}, at {first.place}" if first.place else first.message,)
        raise _Unanswered(
            Diagnostic("bad-claim", f"the network cannot be analysed {which}", place, notes=notes)
        ) from None
    return analysis


def _computed(claim: Claim, analysis: Analysis, library: Library) -> tuple[Any, str]:
    """What the network has, and in which unit: a quantity's own, or that of a ratio or share of it."""
    known = claim.quantity
    mine = known.measure(_part(claim, analysis))
    if mine is None:
        message = f"{known.name} has no value here"
        raise _Unanswered(Diagnostic("claim-failed", message, claim.place, notes=(known.doc,)))
    if known.unit in (VOLUME, EXTENT):
        return mine, known.unit
    share = claim.figure.unit == "%"
    if claim.other is None:
        if not share:
            return mine, known.unit
        return _ratio(mine, known.measure(Part(analysis)), claim) * 100, "%"
    theirs = _theirs(claim, claim.other, analysis, library)
    ratio = _ratio(mine, theirs, claim) if claim.other.relation == "over" else _ratio(theirs, mine, claim)
    return (ratio * 100, "%") if share else (ratio, "x")


def _theirs(claim: Claim, other: Other, analysis: Analysis, library: Library) -> Any:
    directory = analysis.network.document.directory
    analysed = _analysed(lambda: library.named(other.spec, directory), f"in {other.spec}", other.place)
    return claim.quantity.measure(_part(claim, analysed))


def _ratio(dividend: Any, divisor: Any, claim: Claim) -> Fraction:
    if not divisor:
        message = f"{claim.quantity.name} has no ratio: it would be divided by 0"
        raise _Unanswered(Diagnostic("claim-failed", message, claim.place))
    return Fraction(dividend) / Fraction(divisor)


def _part(claim: Claim, analysis: Analysis) -> Part:
    if claim.layer is None:
        return Part(analysis)
    part = select(analysis, claim.layer)
    if part is None:
        names = {name for row in analysis.layers for name in _prefixes(row.name)}
        message = f"{analysis.architecture} has no layer `{claim.layer[:80]}`"
        raise _Unanswered(
            Diagnostic(
                "unknown-claimed-layer", message, claim.layer_place, help=did_you_mean(claim.layer, sorted(names))
            )
        )
    return part


def _prefixes(path: str) -> Iterator[str]:
    """The path of a layer, and of each block around it."""
    parts = path.split("/")
    for length in range(1, len(parts) + 1):
        yield "/".join(parts[:length])


def _holds(claim: Claim, computed: Any, analysis: Analysis) -> bool:
    if isinstance(computed, Volume):
        return figures.is_volume(claim.figure, computed)
    sizes = computed if isinstance(computed, tuple) else (computed,)
    if claim.figure.volume is not None:
        return claim.figure.volume == sizes
    return all(figures.admits(claim.figure, Fraction(size), analysis.network.parameters) for size in sizes)


# --- what is said of a verdict


def what(claim: Claim) -> str:
    """The claim's quantity with its circumstances: `params of conv1`, `macs with image=192`, `params under alexnet`."""
    words = [claim.quantity.name]
    if claim.layer is not None:
        words.append(f"of {claim.layer}")
    if claim.settings:
        words.append(f"with {', '.join(f'{s.name}={s.value}' for s in claim.settings)}")
    if claim.other is not None:
        words.append(f"{claim.other.relation} {claim.other.spec}")
    return " ".join(words)


def shown(computed: Any, unit: str) -> str:
    """A computed value in full, with its unit."""
    if computed is None:
        return ""
    if isinstance(computed, Volume):
        return str(computed)
    if isinstance(computed, tuple):
        return "x".join(map(str, computed))
    if unit == BYTES:
        return f"{exact(computed)} bytes"
    if isinstance(computed, Fraction) and (unit in ("x", "%") or computed.denominator != 1):
        return f"{decimal(computed)}{' %' if unit == '%' else unit if unit == 'x' else ''}"
    return exact(int(computed))


def decimal(value: Fraction) -> str:
    """A ratio or a mean to five digits, cut rather than rounded, so that it never shows a bound it does not reach."""
    whole = abs(value).__floor__()
    places = max(2, 5 - len(str(whole))) if whole else 5
    digits = (abs(value) * 10**places).__floor__()
    text = f"{digits // 10**places:,}.{digits % 10**places:0{places}}".rstrip("0").rstrip(".")
    return f"-{text}" if value < 0 else text


def _finding(verdict: Verdict) -> Diagnostic:
    """Why a verdict is `failed`, at the place of the claimed value."""
    claim, computed = verdict.claim, shown(verdict.computed, verdict.unit)
    notes = []
    if verdict.unit == BYTES:
        notes.append(f"that is {bytes_decimal(verdict.computed)}, or {bytes_binary(verdict.computed)}")
    if claim.source:
        notes.append(f"source: {claim.source}")
    if claim.erratum:
        message = f"{what(claim)} is called an erratum and is right: {claim.figure.text} is met by {computed}"
        notes.append(f"said to be wrong because {claim.erratum}")
        return Diagnostic("erratum-true", message, claim.place, computed, tuple(notes), "remove `erratum`")
    message = f"{what(claim)} is {computed}: {claim.figure.text} is claimed"
    span = admitted(claim)
    if span:
        notes.insert(0, f"{claim.figure.text} is met by {span}")
    notes.append(f"{claim.quantity.name}: {claim.quantity.doc}")
    return Diagnostic("claim-failed", message, claim.place, computed, tuple(notes))


def admitted(claim: Claim) -> str:
    """The range of numbers that meets a claim which is not exact; empty for others."""
    bounds = claim.figure.bounds
    if len(bounds) != 2 or claim.figure.exact:
        return ""
    low, high = (decimal(bound.limit) if bound.limit.denominator != 1 else exact(int(bound.limit)) for bound in bounds)
    return f"{low} {'to' if bounds[1].relation == '<=' else 'up to, not including,'} {high}"
