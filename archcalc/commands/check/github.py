"""Findings as GitHub's workflow commands, which it shows beside the lines of a pull request.

Only ten errors and ten warnings of a step are shown there, so the findings follow as plain text.
"""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.commands.check.baseline import Change
from archcalc.commands.check.run import SpecCheck
from archcalc.commands.check.tables import changes_text, findings_text, summary
from archcalc.diagnostics.diagnostic import Diagnostic


def render(checks: Sequence[SpecCheck], changes: Sequence[Change] | None) -> str:
    """One annotation for each finding, the findings as text, what changed since a baseline, and the counts."""
    lines = [annotation(finding) for each in checks for finding in each.findings]
    text = [line for line in (findings_text(checks), *changes_text(changes)) if line]
    return "\n".join([*lines, *map(_harmless, text), summary(checks)]) + "\n"


def annotation(finding: Diagnostic) -> str:
    """`::error title=...,file=...,line=...,col=...,endLine=...,endColumn=...::message`."""
    properties = {"title": f"archcalc {finding.rule}"}
    if finding.place is not None:
        source = finding.place.source
        line, column = source.line_and_column(finding.place.start)
        end_line, end_column = source.line_and_column(max(finding.place.end - 1, finding.place.start))
        properties |= {"file": source.name, "line": str(line), "endLine": str(end_line)}
        if line == end_line:  # columns are shown on one line only
            properties |= {"col": str(column), "endColumn": str(end_column)}
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = "\n".join([finding.message, *finding.notes, *([f"help: {finding.help}"] if finding.help else [])])
    return f"::{finding.severity} {said}::{_message(message)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _harmless(text: str) -> str:
    """Text none of whose lines is a workflow command, whatever a spec holds."""
    return "\n".join(line.replace("::", ": :") if line.lstrip().startswith("::") else line for line in text.split("\n"))
