"""Findings as SARIF, for code-scanning services."""

from __future__ import annotations

from archcalc.commands.check.run import Checked
from archcalc.diagnostics.sarif import document
from archcalc.output.layout import Report

ENDINGS = (".sarif", ".sarif.json")


def render(report: Report) -> list[str]:
    """The document."""
    checked: Checked = report.answer
    return [document(checked.findings)]
