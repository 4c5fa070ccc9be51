"""Claims held against what the network really has: met, failed, or an erratum that is as wrong as it is said to be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import takewhile
from typing import Any, TypeVar

from archcalc import catalogue
from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.claims import figure as figures
from archcalc.claims.figure import FigureError
from archcalc.claims.library import Library
from archcalc.claims.read import Claim, Other, Setting, unknown_parameters
from archcalc.claims.verdict import ERRATUM, FAILED, MET, Verdict, finding
from archcalc.diagnostics.diagnostic import Diagnostic, Place, SpecError, UsageError, did_you_mean
from archcalc.language.document import Document
from archcalc.language.findings import ENOUGH, MAX_FINDINGS
from archcalc.language.paths import NoSuchPath
from archcalc.memory.setup import WORDS, Setup, stated
from archcalc.quantities.registry import Part, select
from archcalc.records import Record
from archcalc.sizes.volume import Volume

_Made = TypeVar("_Made")


class Subject(Record):
    """What claims are about: a document with parameters set, and the folder that the names of other specs start in."""

    document: Document
    settings: dict[str, Any]
    directory: str | os.PathLike[str]


class _Unanswered(Exception):
    """A claim that cannot be computed at all."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


def judge(document: Document, claims: Iterable[Claim], library: Library) -> list[Verdict]:
    """The verdict on every claim of a document that can be analysed."""
    subject = Subject(document, {}, document.directory)
    return [_judged(claim, lambda claim: _verdict(subject, claim, library)) for claim in claims]


def judge_listed(claims: list[Claim], directory: str | os.PathLike[str], library: Library) -> list[Verdict]:
    """The verdict on every claim of a list of figures that lies in this folder, each about the network it names.

    The claims of one network are judged together. Where more networks cannot be read than anyone reads of, the rest of
    the list is left.
    """
    first: dict[str, int] = {}
    for number, claim in enumerate(claims):
        first.setdefault(claim.spec, number)
    unread: set[str] = set()

    def verdict(claim: Claim) -> Verdict:
        try:
            subject = _named(claim, directory, library)
        except _Unanswered:
            unread.add(claim.spec)
            raise
        for problem in unknown_parameters(claim.figure, [p.name for p in subject.document.parameters], claim.place):
            raise _Unanswered(problem)
        return _verdict(subject, claim, library)

    by_network = sorted(claims, key=lambda claim: first[claim.spec])
    judged = [_judged(claim, verdict) for claim in takewhile(lambda _: len(unread) < MAX_FINDINGS, by_network)]
    if len(judged) < len(claims) and (last := judged[-1].finding) is not None:
        judged[-1] = judged[-1]._replace(finding=last._replace(notes=(*last.notes, ENOUGH)))
    return sorted(judged, key=lambda verdict: verdict.claim.place.start)


def _named(claim: Claim, directory: str | os.PathLike[str], library: Library) -> Subject:
    """The network that a list of figures names."""
    place, failed = claim.spec_place or claim.place, f"{claim.spec[:80]} cannot be read"
    document, settings = _tried(lambda: library.document(claim.spec, directory), failed, place)
    return Subject(document, settings, directory)


def _judged(claim: Claim, judged: Callable[[Claim], Verdict]) -> Verdict:
    try:
        verdict = judged(claim)
    except _Unanswered as unanswered:
        return Verdict(claim, None, FAILED, "", unanswered.diagnostic)
    return verdict._replace(finding=finding(verdict)) if verdict.verdict == FAILED else verdict


def _verdict(subject: Subject, claim: Claim, library: Library) -> Verdict:
    analysis = _analysis(subject, claim, library)
    computed, unit = _computed(claim, analysis, subject, library)
    try:
        holds = _holds(claim, computed, analysis)
    except FigureError as error:
        raise _Unanswered(Diagnostic("bad-claim", str(error), claim.place)) from None
    if (left := _left_open(claim, computed, analysis)) is not None:
        raise left
    if claim.erratum:
        return Verdict(claim, computed, FAILED if holds else ERRATUM, unit)
    return Verdict(claim, computed, MET if holds else FAILED, unit)


def _analysis(subject: Subject, claim: Claim, library: Library) -> Analysis:
    """The network that the claim is about, with the spec's parameters set as its `with` says."""
    settings = dict(subject.settings)
    own = _of_spec(subject.document, claim)
    for setting in own:
        if problem := _unknown_setting(subject.document, setting):
            raise _Unanswered(problem)
        if setting.name in subject.settings:
            message = f"{setting.name} is set twice: by `with` and by the name of the spec"
            raise _Unanswered(Diagnostic("bad-claim", message, setting.place))
        try:
            settings[setting.name] = catalogue.value(setting.name, setting.value)
        except UsageError as error:
            raise _Unanswered(Diagnostic("bad-claim", str(error), setting.place)) from None
    failed = "the network cannot be analysed with these settings" if settings else "the network cannot be analysed"
    place = own[0].place if own else claim.spec_place or claim.place
    return _tried(lambda: library.analysis(subject.document, settings), failed, place)


def _unknown_setting(document: Document, setting: Setting) -> Diagnostic | None:
    """That `with` sets neither a parameter of the spec nor a word of the setup."""
    known = [parameter.name for parameter in document.parameters]
    if setting.name in known:
        return None
    hint = did_you_mean(setting.name, [*known, *WORDS]) or (f"it has {', '.join(known)}" if known else "it has none")
    message = f"{document.architecture or document.source.name} has no parameter `{setting.name[:80]}`"
    return Diagnostic("bad-claim", message, setting.place, help=hint)


def _of_spec(document: Document, claim: Claim) -> list[Setting]:
    """What `with` sets of the spec; a parameter of the spec comes before a word of the setup."""
    known = {parameter.name for parameter in document.parameters}
    return [setting for setting in claim.settings if setting.name in known or setting.name not in WORDS]


def _setup(claim: Claim, analysis: Analysis) -> Setup:
    """How the network is run for the claim."""
    own = _of_spec(analysis.network.document, claim)
    words = {setting.name: setting for setting in claim.settings if setting not in own}
    if not words:
        return Setup()
    try:
        return stated(analysis.network, {name: setting.value for name, setting in words.items()})
    except UsageError as error:
        raise _Unanswered(Diagnostic("bad-claim", str(error), next(iter(words.values())).place)) from None


def _tried(make: Callable[[], _Made], failed: str, place: Place) -> _Made:
    try:
        return make()
    except UsageError as error:
        raise _Unanswered(Diagnostic("bad-claim", str(error), place)) from None
    except SpecError as error:
        first = error.diagnostics[0]
        notes = (f"{first.message}, at {first.place}" if first.place else first.message, *first.notes)
        raise _Unanswered(Diagnostic("bad-claim", failed, place, notes=notes)) from None


def _computed(claim: Claim, analysis: Analysis, subject: Subject, library: Library) -> tuple[Any, str]:
    """What the network has, and in which unit: a quantity's own, or that of a ratio or share of it."""
    known = claim.quantity
    mine = _measured(claim, _part(claim, analysis))
    if mine is None:
        message = f"{known.name} has no value here"
        raise _Unanswered(Diagnostic("claim-failed", message, claim.place, notes=(known.doc,)))
    if known.unit.name in ("volume", "extent"):
        return mine, known.unit.name
    share = claim.figure.unit == "%"
    if claim.other is None:
        if not share:
            return mine, known.unit.name
        return _ratio(mine, _measured(claim, Part(analysis, setup=_setup(claim, analysis))), claim) * 100, "%"
    theirs = _theirs(claim, claim.other, subject, library)
    ratio = _ratio(mine, theirs, claim) if claim.other.relation == "over" else _ratio(theirs, mine, claim)
    return (ratio * 100, "%") if share else (ratio, "x")


def _left_open(claim: Claim, computed: Any, analysis: Analysis) -> _Unanswered | None:
    """Why a claim is not decided by what was computed, where an operation of the network is not known."""
    known, relative = claim.quantity, claim.other is not None or claim.figure.unit == "%"
    unknown = analysis.unknown if relative else _part(claim, analysis).unknown
    if known.bound == "exact" or not unknown:
        return None
    if known.bound != "none" and not relative:
        outside = ("<", "<=") if known.bound == "at least" else (">", ">=")
        bounds = claim.figure.bounds
        beyond = any(bound.relation in outside and not bound.admits(Fraction(computed)) for bound in bounds)
        if beyond or all(bound.relation not in outside for bound in bounds):
            return None
    return _unknown(claim, unknown[0])


def _unknown(claim: Claim, row: AnalysedLayer) -> _Unanswered:
    message = f"{claim.quantity.name} cannot be checked: `{row.name}` is an unknown operation"
    return _Unanswered(Diagnostic("claim-failed", message, claim.place, notes=(claim.quantity.doc,)))


def _theirs(claim: Claim, other: Other, subject: Subject, library: Library) -> Any:
    failed = f"{other.spec} cannot be analysed"
    analysis = _tried(lambda: library.named(other.spec, subject.directory), failed, other.place)
    if claim.quantity.bound != "exact" and analysis.unknown:
        raise _unknown(claim, analysis.unknown[0])
    return _measured(claim, _part(claim, analysis))


def _measured(claim: Claim, part: Part) -> Any:
    try:
        return claim.quantity.measure(part)
    except UsageError as error:
        raise _Unanswered(Diagnostic("bad-claim", str(error), claim.place)) from None


def _ratio(dividend: Any, divisor: Any, claim: Claim) -> Fraction:
    if not divisor:
        message = f"{claim.quantity.name} has no ratio: it would be divided by 0"
        raise _Unanswered(Diagnostic("claim-failed", message, claim.place))
    return Fraction(dividend) / Fraction(divisor)


def _part(claim: Claim, analysis: Analysis) -> Part:
    setup = _setup(claim, analysis)
    if claim.layer is None:
        return Part(analysis, setup=setup)
    try:
        return select(analysis, claim.layer, setup)
    except NoSuchPath as error:
        message = f"{analysis.architecture}: {error.message}"
        raise _Unanswered(Diagnostic("unknown-claimed-layer", message, claim.layer_place, help=error.help)) from None


def _holds(claim: Claim, computed: Any, analysis: Analysis) -> bool:
    if isinstance(computed, Volume):
        return figures.is_volume(claim.figure, computed)
    sizes = computed if isinstance(computed, tuple) else (computed,)
    if claim.figure.volume is not None:
        return claim.figure.volume == sizes
    return all(figures.admits(claim.figure, Fraction(size), analysis.network.parameters) for size in sizes)
