"""A check as JUnit XML: a test suite for each spec, a test case for each claim, and one for the spec itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from archcalc.claims.verdict import FAILED, Verdict, shown, what
from archcalc.commands.check.run import SpecCheck
from archcalc.diagnostics.diagnostic import Diagnostic
from archcalc.diagnostics.diagnostic import render as render_text

#: XML 1.0 has no way to write these, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(checks: Sequence[SpecCheck]) -> str:
    """The XML document. A claim that fails is a failure of its test case, any other error one of the spec's."""
    suites = [_suite(each) for each in checks]
    tests, failures = sum(suite[0] for suite in suites), sum(suite[1] for suite in suites)
    head = f'<testsuites name="archcalc check" tests="{tests}" failures="{failures}" errors="0" time="0">'
    body = "\n".join(suite[2] for suite in suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}\n{body}\n</testsuites>\n'


def _suite(each: SpecCheck) -> tuple[int, int, str]:
    """How many tests, how many failures, and the element."""
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
        cases.append(_case(each, _name(verdict, names), _failure(found, verdict)))
    others = [finding for found in by_place.values() for finding in found]
    cases.insert(0, _case(each, "consistent", _failure(others, None)))
    failures = sum("<failure" in case for case in cases)
    warnings = "\n\n".join(render_text(finding) for finding in each.findings if finding.severity == "warning")
    said = f"\n    <system-out>{_text(warnings)}</system-out>" if warnings else ""
    head = f'  <testsuite name={_attribute(each.target.name)} tests="{len(cases)}" failures="{failures}"'
    body = "\n".join(cases)
    return len(cases), failures, f'{head} errors="0" skipped="0" time="0">\n{body}{said}\n  </testsuite>'


def _name(verdict: Verdict, names: dict[str, int]) -> str:
    """What is claimed, numbered where several sources claim the same."""
    name = f"{what(verdict.claim)}: {verdict.claim.figure.text}"
    names[name] = names.get(name, 0) + 1
    return name if names[name] == 1 else f"{name} ({names[name]})"


def _case(each: SpecCheck, name: str, failure: str) -> str:
    where = f"classname={_attribute(each.target.name)} file={_attribute(each.target.shown)}"
    head = f'    <testcase name={_attribute(name)} {where} time="0"'
    return f"{head}>\n{failure}\n    </testcase>" if failure else f"{head}/>"


def _failure(found: list[Diagnostic], verdict: Verdict | None) -> str:
    if not found and (verdict is None or verdict.verdict != FAILED):
        return ""
    message = found[0].message if found else f"computed {shown(verdict.computed, verdict.unit)}" if verdict else ""
    kind = found[0].rule if found else "claim-failed"
    text = "\n\n".join(map(render_text, found))
    return f"      <failure message={_attribute(message)} type={_attribute(kind)}>{_text(text)}</failure>"


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))
