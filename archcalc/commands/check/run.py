"""The check itself: each spec read, analysed, its claims judged and its oddities found; one record for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.claims.judge import judge
from archcalc.claims.library import Library
from archcalc.claims.read import Claim, Fact, claims, facts
from archcalc.claims.verdict import ERRATUM, FAILED, MET, Verdict
from archcalc.commands.check.targets import Target
from archcalc.counting.count import Profile
from archcalc.diagnostics.diagnostic import Diagnostic, Place, Source, SpecError
from archcalc.exchange import is_model, read_model
from archcalc.language.document import Document
from archcalc.language.read import read_document
from archcalc.language.source import read_text
from archcalc.quantities.counting import counted_by
from archcalc.quantities.registry import Part, quantities
from archcalc.records import Record
from archcalc.warnings.registry import warnings

#: The quantities by which a spec is held against an older state of itself.
FIGURES = ("params", "macs", "flops", "activation_bytes", "depth")


class SpecCheck(Record):
    """What was found about one spec. `figures` is empty where the network cannot be analysed or the file has none."""

    target: Target
    source: Source
    architecture: str
    verdicts: list[Verdict]
    facts: list[Fact]
    findings: list[Diagnostic]
    figures: dict[str, Any]

    @property
    def passed(self) -> bool:
        """Whether nothing in it is an error."""
        return all(finding.severity != "error" for finding in self.findings)


class Change(Record):
    """A figure of a spec that is not what it was; `before` or `after` is None where the spec or figure is missing."""

    spec: str
    quantity: str
    before: Any
    after: Any

    @property
    def growth(self) -> Fraction | None:
        """The change as a share of what it was: 1/100 for one percent more. None where there is nothing to divide."""
        if not self.before or self.after is None:
            return None
        return Fraction(self.after - self.before) / Fraction(self.before)


class Checked(Record):
    """A check from one end to the other; `changes` are those since a baseline, None without one."""

    specs: Sequence[SpecCheck]
    changes: Sequence[Change] | None = None

    @property
    def findings(self) -> list[Diagnostic]:
        """Every finding, spec by spec."""
        return [finding for each in self.specs for finding in each.findings]


def check(
    targets: Iterable[Target],
    *,
    strict: bool = False,
    counting: Profile | None = None,
    budget: Sequence[Claim] = (),
    ignore: Collection[str] = (),
) -> list[SpecCheck]:
    """Check every target; `strict` makes warnings errors. UsageError for a file that cannot be read.

    With a counting profile, claims of `macs` (or of `flops`, if that is its unit) are of what it counts. A budget is
    claimed of every network; warnings of the names in `ignore` are left out.
    """
    library = Library()
    checks = [_left(_checked(target, library, counting, budget), ignore) for target in targets]
    return [_strict(each) for each in checks] if strict else checks


def counts(checks: Iterable[SpecCheck]) -> dict[str, int]:
    """How many specs and claims there are, how the claims fared, and how many findings of each severity."""
    made = dict.fromkeys(("specs", "claims", MET, FAILED, ERRATUM, "errors", "warnings"), 0)
    for each in checks:
        made["specs"] += 1
        made["claims"] += len(each.verdicts)
        for verdict in each.verdicts:
            made[verdict.verdict] += 1
        for finding in each.findings:
            made[f"{finding.severity}s"] += 1
    return made


def _left(found: SpecCheck, ignore: Collection[str]) -> SpecCheck:
    return found._replace(findings=[f for f in found.findings if f.severity != "warning" or f.rule not in ignore])


def _strict(found: SpecCheck) -> SpecCheck:
    return found._replace(findings=[finding._replace(severity="error") for finding in found.findings])


def _checked(target: Target, library: Library, counting: Profile | None, budget: Sequence[Claim]) -> SpecCheck:
    findings: list[Diagnostic] = []
    made = SpecCheck(target, Source(target.shown, ""), target.name, [], [], findings, {})
    try:
        made = made._replace(source=_source(target))
        document = read_document(made.source, target.path)
    except SpecError as error:
        findings += error.diagnostics
        return made
    found = judged(document, library, counting)
    return made._replace(
        architecture=document.architecture or target.name,
        verdicts=found.verdicts,
        facts=found.facts,
        findings=[*found.findings, *_over_budget(document, found.analysis, budget, library)],
        figures={} if found.analysis is None else figures(found.analysis),
    )


def _over_budget(
    document: Document, analysis: Analysis | None, budget: Sequence[Claim], library: Library
) -> Iterator[Diagnostic]:
    """A finding at the head of the spec for every bound that its network is beyond."""
    for claim in budget if analysis is not None else ():
        for finding in judge(document, [claim], library)[1]:
            notes = (f"the budget stands at {claim.place}", *finding.notes)
            yield finding._replace(rule="over-budget", place=Place(document.source, 0, 0), notes=notes)


class Judged(Record):
    """What was found about a document that could be read; without an analysis there are no verdicts."""

    analysis: Analysis | None
    verdicts: list[Verdict]
    facts: list[Fact]
    findings: list[Diagnostic]


def judged(document: Document, library: Library, counting: Profile | None = None) -> Judged:
    """Everything about a document that could be read: whether its network can be analysed, its claims hold, and what
    is suspicious."""
    stated, malformed = claims(document)
    published, wrong = facts(document)
    findings = [*malformed, *wrong]
    analysis = _analysis(document, library, findings)
    verdicts: list[Verdict] = []
    if analysis is not None:
        verdicts, failed = judge(document, [_counted(claim, counting) for claim in stated], library)
        findings += failed
    findings += warnings(document, analysis)
    return Judged(analysis, verdicts, published, sorted(findings, key=Diagnostic.order))


def _source(target: Target) -> Source:
    """The text of a spec, or of the spec that a model file is."""
    if is_model(target.path):
        return read_model(target.path, target.shown)
    return read_text(target.path, name=target.shown)


def _counted(claim: Claim, counting: Profile | None) -> Claim:
    """The claim, of the quantity that its own stands for where operations are counted by a profile."""
    return claim._replace(quantity=quantities()[counted_by(claim.quantity.name, counting)])


def _analysis(document: Document, library: Library, findings: list[Diagnostic]) -> Analysis | None:
    """The analysis of a spec as it stands; None for a file of blocks, and where it cannot be analysed."""
    if not document.steps and not document.inputs and document.blocks and document.expect is None:
        return None
    try:
        return library.analysis(document, {})
    except SpecError as error:
        findings += error.diagnostics
        return None


def figures(analysis: Analysis) -> dict[str, Any]:
    """The figures that a later check can be held against."""
    return {name: quantities()[name].measure(Part(analysis)) for name in FIGURES}
