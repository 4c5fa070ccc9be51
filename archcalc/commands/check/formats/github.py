"""Annotations for GitHub, which shows those of all findings in the log, and ten errors and ten warnings of a step
beside the lines of a pull request."""

from __future__ import annotations

from archcalc.commands.check.run import Checked
from archcalc.commands.check.tables import changes_text, summary
from archcalc.diagnostics.github import annotation, no_command
from archcalc.output.layout import Report

ENDINGS = ()


def render(report: Report) -> list[str]:
    """One annotation for each finding, what changed since a baseline, and the counts."""
    checked: Checked = report.answer
    lines = [annotation(finding) for finding in checked.findings]
    return ["\n".join([*lines, *map(no_command, changes_text(checked)), summary(checked)]), "\n"]
