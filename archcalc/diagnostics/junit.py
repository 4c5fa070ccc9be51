"""JUnit XML, as Jenkins, GitLab and others read test results.

Source: the schema of Jenkins' xUnit plugin, junit-10.xsd; of its attributes those that other readers know too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from archcalc.diagnostics.diagnostic import Diagnostic
from archcalc.diagnostics.text import render_all
from archcalc.harmless import harmless, harmless_lines
from archcalc.records import Record

#: XML 1.0 has no way to write these, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(Record):
    """A test case: it failed if there are findings."""

    name: str
    findings: Sequence[Diagnostic]
    skipped: bool = False


class Suite(Record):
    """A test suite, with what it says beside its results."""

    name: str
    cases: Sequence[Case]
    warnings: Sequence[Diagnostic]

    @property
    def failures(self) -> int:
        """How many of its cases failed."""
        return sum(bool(case.findings) for case in self.cases)

    @property
    def skipped(self) -> int:
        """How many of its cases were not run."""
        return sum(case.skipped for case in self.cases)


def document(suites: Sequence[Suite]) -> str:
    """The XML document."""
    tests, failures = sum(len(suite.cases) for suite in suites), sum(suite.failures for suite in suites)
    head = f'<testsuites name="archcalc check" tests="{tests}" failures="{failures}" errors="0" time="0">'
    body = "\n".join(map(_suite, suites))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}\n{body}\n</testsuites>\n'


def _suite(suite: Suite) -> str:
    cases = "\n".join(_case(suite, case) for case in suite.cases)
    warnings = render_all(suite.warnings)
    said = f"\n    <system-out>{_text(warnings)}</system-out>" if warnings else ""
    head = f'  <testsuite name={_attribute(suite.name)} tests="{len(suite.cases)}" failures="{suite.failures}"'
    return f'{head} errors="0" skipped="{suite.skipped}" time="0">\n{cases}{said}\n  </testsuite>'


def _case(suite: Suite, case: Case) -> str:
    head = f'    <testcase name={_attribute(case.name)} classname={_attribute(suite.name)} time="0"'
    if case.skipped:
        return f"{head}><skipped/></testcase>"
    return f"{head}>\n{_failure(case.findings)}\n    </testcase>" if case.findings else f"{head}/>"


def _failure(found: Sequence[Diagnostic]) -> str:
    head = f"      <failure message={_attribute(found[0].message)} type={_attribute(found[0].rule)}"
    return f"{head}>{_text(render_all(found))}</failure>"


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", harmless_lines(text)))


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", harmless(text)))
