"""A check as JUnit XML: a test suite for each spec, a test case for each claim, and one for the spec itself."""

from __future__ import annotations

from archcalc.claims.verdict import FAILED, Verdict, shown, what
from archcalc.commands.check.run import Checked, SpecCheck
from archcalc.diagnostics.diagnostic import Diagnostic
from archcalc.diagnostics.junit import Case, Suite, document
from archcalc.output.layout import Report

ENDINGS = (".xml",)


def render(report: Report) -> list[str]:
    """The document. A claim that fails is a failure of its test case, any other error one of the spec's."""
    checked: Checked = report.answer
    return [document(list(map(_suite, checked.specs)))]


def _suite(each: SpecCheck) -> Suite:
    by_place: dict[object, list[Diagnostic]] = {}
    for finding in each.findings:
        if finding.severity == "error":
            by_place.setdefault(finding.place, []).append(finding)
    cases = []
    names: dict[str, int] = {}
    for verdict in each.verdicts:
        found = by_place.pop(verdict.claim.place, []) if verdict.verdict == FAILED else []
        if verdict.verdict == FAILED and verdict.claim.layer_place in by_place:
            found += by_place[verdict.claim.layer_place]
        cases.append(Case(_name(verdict, names), found or _failure(verdict)))
    others = [finding for found in by_place.values() for finding in found]
    warnings = [finding for finding in each.findings if finding.severity == "warning"]
    return Suite(each.target.name, [Case("consistent", others), *cases], warnings)


def _name(verdict: Verdict, names: dict[str, int]) -> str:
    """What is claimed, numbered where several sources claim the same."""
    name = f"{what(verdict.claim)}: {verdict.claim.figure.text}"
    names[name] = names.get(name, 0) + 1
    return name if names[name] == 1 else f"{name} ({names[name]})"


def _failure(verdict: Verdict) -> list[Diagnostic]:
    """A claim that failed where another finding stands for it already: what was computed."""
    if verdict.verdict != FAILED:
        return []
    message = f"computed {shown(verdict.computed, verdict.unit)}"
    return [Diagnostic("claim-failed", message, verdict.claim.place)]
