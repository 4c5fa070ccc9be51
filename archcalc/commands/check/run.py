"""The check itself: each spec read, analysed, its claims judged and its oddities found; one record for each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.claims.judge import judge, judge_listed
from archcalc.claims.library import Library
from archcalc.claims.listed import is_list, listed
from archcalc.claims.read import Claim, Fact, claims, facts
from archcalc.claims.verdict import ERRATUM, UNCHECKED, VERDICTS, Verdict
from archcalc.commands.check.targets import Target
from archcalc.counting.count import Profile
from archcalc.diagnostics.diagnostic import Diagnostic, Place, Source, SpecError
from archcalc.exchange import is_model, read_model
from archcalc.language.document import Document
from archcalc.language.read import read_document
from archcalc.language.source import read_stdin, read_text
from archcalc.quantities.counting import counted_by
from archcalc.quantities.registry import Part, quantities
from archcalc.records import Record
from archcalc.warnings.registry import warnings

#: The quantities by which a spec is held against an older state of itself.
FIGURES = ("params", "macs", "flops", "activation_bytes", "depth")


class SpecCheck(Record):
    """What was found about one spec, or one list of figures, which is no spec itself (`is_list`); of a file without a
    network, or with one that cannot be analysed, only what is wrong with it."""

    target: Target
    source: Source
    architecture: str
    #: On what the spec claims.
    verdicts: Sequence[Verdict] = ()
    #: On what the project claims of all its specs.
    budgets: Sequence[Verdict] = ()
    facts: Sequence[Fact] = ()
    #: What is wrong or suspicious beside claims and budgets.
    others: Sequence[Diagnostic] = ()
    #: What grew by more than is allowed; None where it is not held against a baseline.
    growth: Sequence[Diagnostic] | None = None
    #: What a later check can be held against.
    figures: Mapping[str, Any] = {}
    is_list: bool = False

    @property
    def findings(self) -> list[Diagnostic]:
        """Every finding: what the spec says by its place, then the budgets that it exceeds and what grew."""
        return [*_in_order(self.others, self.verdicts), *_why_failed(self.budgets), *(self.growth or ())]

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
        return [finding for _, finding in each_once(self.specs)]


def check(
    targets: Iterable[Target],
    *,
    strict: bool = False,
    counting: Profile | None = None,
    budget: Sequence[Claim] = (),
    ignore: Collection[str] = (),
    watch: Callable[[int], None] | None = None,
) -> list[SpecCheck]:
    """Check every target; `strict` makes warnings errors. UsageError for a file that cannot be read.

    With a counting profile, claims of `macs` (or of `flops`, if that is its unit) are of what it counts, and so are
    budgets. A budget is claimed of every network; warnings of the names in `ignore` are left out. `watch` is told
    after each spec how many are done.
    """
    library = Library()
    checks: list[SpecCheck] = []
    for target in targets:
        checks.append(_left(_checked(target, library, counting, budget), ignore))
        if watch is not None:
            watch(len(checks))
    return [_strict(each) for each in checks] if strict else checks


def each_once(checks: Iterable[SpecCheck]) -> Iterator[tuple[SpecCheck, Diagnostic]]:
    """Every finding with the spec that it is about. What is wrong with a budget itself is so for many specs, and stands
    once, with their number."""
    budgets: dict[tuple[str, Place | None], list[str]] = {}
    for each in checks:
        for finding in _why_failed(each.budgets):
            if finding.rule != "over-budget":
                budgets.setdefault((finding.rule, finding.place), []).append(each.target.name)
    for each in checks:
        for finding in each.findings:
            others = budgets.get((finding.rule, finding.place), [])
            if others and others[0] != each.target.name:
                continue
            if len(others) > 1:
                more = f"the same for {len(others) - 1:,} other spec{'s' * (len(others) > 2)}"
                finding = finding._replace(notes=(*finding.notes, more))
            yield each, finding


def counts(checks: Sequence[SpecCheck]) -> dict[str, int]:
    """How many specs, lists of figures, claims and budgets there are, how they fared, and how many findings of each
    severity."""
    of_budgets = [f"budgets_{verdict}" for verdict in VERDICTS if verdict != ERRATUM]
    made = dict.fromkeys(("specs", "lists", "claims", *VERDICTS, "budgets", *of_budgets, "errors", "warnings"), 0)
    for each in checks:
        made["lists" if each.is_list else "specs"] += 1
        made["claims"] += len(each.verdicts)
        made["budgets"] += len(each.budgets)
        for verdict in each.verdicts:
            made[verdict.verdict] += 1
        for verdict in each.budgets:
            made[f"budgets_{verdict.verdict}"] += 1
    for _, finding in each_once(checks):
        made[f"{finding.severity}s"] += 1
    return made


def _left(found: SpecCheck, ignore: Collection[str]) -> SpecCheck:
    return found._replace(others=[f for f in found.others if f.severity != "warning" or f.rule not in ignore])


def _strict(found: SpecCheck) -> SpecCheck:
    return found._replace(others=[finding._replace(severity="error") for finding in found.others])


def _checked(target: Target, library: Library, counting: Profile | None, budget: Sequence[Claim]) -> SpecCheck:
    source, lists = Source(target.shown, ""), False
    try:
        source = _source(target)
        lists = not is_model(target.path) and is_list(source.text)
        if lists:
            return _checked_list(target, source, library, counting)
        document = read_document(source, target.path)
    except SpecError as error:
        return SpecCheck(target, source, target.name, others=error.diagnostics, is_list=lists)
    found = judged(document, library, counting, budget)
    return SpecCheck(
        target,
        source,
        document.architecture or target.name,
        found.verdicts,
        found.budgets,
        found.facts,
        found.others,
        figures={} if found.analysis is None else figures(found.analysis),
    )


def _checked_list(target: Target, source: Source, library: Library, counting: Profile | None) -> SpecCheck:
    """What was found about a list of figures; SpecError for one that cannot be read at all."""
    stated, malformed = listed(source)
    folder = target.path.resolve().parent
    verdicts = judge_listed([_counted(claim, counting) for claim in stated], folder, library)
    return SpecCheck(target, source, target.name, verdicts, others=malformed, is_list=True)


class Judged(Record):
    """What was found about a document that could be read; without an analysis nothing that is claimed is checked."""

    analysis: Analysis | None
    verdicts: Sequence[Verdict]
    budgets: Sequence[Verdict]
    facts: Sequence[Fact]
    others: Sequence[Diagnostic]

    @property
    def findings(self) -> list[Diagnostic]:
        """Every finding, by its place."""
        return _in_order(self.others, self.verdicts)


def judged(
    document: Document, library: Library, counting: Profile | None = None, budget: Sequence[Claim] = ()
) -> Judged:
    """Everything about a document that could be read: whether its network can be analysed, its claims and budgets
    hold, and what is suspicious."""
    stated, malformed = claims(document)
    published, wrong = facts(document)
    others = [*malformed, *wrong]
    analysis = None if _has_blocks_alone(document) else _analysis(document, library, others)

    def verdicts(claimed: Iterable[Claim]) -> list[Verdict]:
        if analysis is None:
            return [Verdict(claim, None, UNCHECKED, "") for claim in claimed]
        return judge(document, [_counted(claim, counting) for claim in claimed], library)

    budgets = [] if _has_blocks_alone(document) else verdicts(budget)
    others += warnings(document, analysis)
    return Judged(analysis, verdicts(stated), [_of_spec(each, document) for each in budgets], published, others)


def _has_blocks_alone(document: Document) -> bool:
    return not document.steps and not document.inputs and bool(document.blocks) and document.expect is None


def _of_spec(verdict: Verdict, document: Document) -> Verdict:
    """The verdict on a budget, whose finding stands where the budget does, and names the spec that exceeds it."""
    finding = verdict.finding
    if finding is None:
        return verdict
    finding = finding._replace(message=f"{document.source.name}: {finding.message}")
    failed = verdict.computed is not None  # the other findings say why there is nothing to compare
    return verdict._replace(finding=finding._replace(rule="over-budget") if failed else finding)


def _in_order(others: Iterable[Diagnostic], verdicts: Iterable[Verdict]) -> list[Diagnostic]:
    """What is wrong with a spec and why its claims fail, by the place; a finding that several claims share once."""
    return sorted(dict.fromkeys([*others, *_why_failed(verdicts)]), key=Diagnostic.order)


def _why_failed(verdicts: Iterable[Verdict]) -> Iterator[Diagnostic]:
    return (verdict.finding for verdict in verdicts if verdict.finding is not None)


def _source(target: Target) -> Source:
    """The text of a spec, or of the spec that a model file is."""
    if target.is_stdin:
        return read_stdin()
    if is_model(target.path):
        return read_model(target.path, target.shown)
    return read_text(target.path, name=target.shown)


def _counted(claim: Claim, counting: Profile | None) -> Claim:
    """The claim, of the quantity that its own stands for where operations are counted by a profile."""
    return claim._replace(quantity=quantities()[counted_by(claim.quantity.name, counting)])


def _analysis(document: Document, library: Library, findings: list[Diagnostic]) -> Analysis | None:
    """The analysis of a spec as it stands; None where it cannot be analysed, which is then a finding."""
    try:
        return library.analysis(document, {})
    except SpecError as error:
        findings += error.diagnostics
        return None


def figures(analysis: Analysis) -> dict[str, Any]:
    """The figures that a later check can be held against."""
    return {name: quantities()[name].measure(Part(analysis)) for name in FIGURES}
