"""A check as JUnit XML: a test suite for each spec, and in it a test case for the spec itself, for each claim and each
budget, and for its growth where that is limited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archcalc.claims.verdict import UNCHECKED, Verdict, what
from archcalc.commands.check.run import Checked, SpecCheck
from archcalc.diagnostics.junit import Case, Suite, document
from archcalc.output.layout import Report

ENDINGS = (".xml",)


def render(report: Report) -> list[str]:
    """The document. Errors of neither a claim nor a budget nor of growth are failures of the case `consistent`; where
    the network cannot be analysed, the others are skipped."""
    checked: Checked = report.answer
    return [document(list(map(_suite, checked.specs)))]


def _suite(each: SpecCheck) -> Suite:
    errors = [finding for finding in each.others if finding.severity == "error"]
    warnings = [finding for finding in each.others if finding.severity == "warning"]
    cases = [Case("consistent", errors), *_cases("", each.verdicts), *_cases("budget ", each.budgets)]
    if each.growth is not None:
        cases.append(Case("growth", each.growth))
    return Suite(each.target.name, cases, warnings)


def _cases(kind: str, verdicts: Iterable[Verdict]) -> Iterator[Case]:
    """A case for each verdict, its name numbered where several sources claim the same."""
    names: dict[str, int] = {}
    for verdict in verdicts:
        name = f"{kind}{what(verdict.claim)}: {verdict.claim.figure.text}"
        names[name] = names.get(name, 0) + 1
        number = f" ({names[name]})" if names[name] > 1 else ""
        found = [] if verdict.finding is None else [verdict.finding]
        yield Case(f"{name}{number}", found, skipped=verdict.verdict == UNCHECKED)
