"""Annotations for GitHub, which shows only ten errors and ten warnings of a step: the findings follow as text."""

from __future__ import annotations

from archcalc.commands.check.run import Checked
from archcalc.commands.check.tables import changes_text, findings_text, summary
from archcalc.diagnostics.github import annotation, no_command
from archcalc.output.layout import Report

ENDINGS = ()


def render(report: Report) -> list[str]:
    """One annotation for each finding, the findings as text, what changed since a baseline, and the counts."""
    checked: Checked = report.answer
    lines = [annotation(finding) for finding in checked.findings]
    text = [line for line in (findings_text(checked), *changes_text(checked)) if line]
    return ["\n".join([*lines, *map(no_command, text), summary(checked)]), "\n"]
