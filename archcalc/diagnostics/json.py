"""A finding as an object of JSON."""

from __future__ import annotations

from typing import Any

from archcalc.diagnostics.diagnostic import Diagnostic


def data(finding: Diagnostic) -> dict[str, Any]:
    """The finding, its place as lines and columns counted from 1, the end excluded; none for a file as a whole."""
    place = finding.place
    made: dict[str, Any] = {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "notes": list(finding.remarks),
        "help": finding.help,
        "file": None,
        "line": None,
        "column": None,
        "end_line": None,
        "end_column": None,
    }
    if place is not None:
        made["file"] = place.source.name
    if place is not None and not place.is_file:
        line, column = place.source.line_and_column(place.start)
        end_line, end_column = place.source.line_and_column(max(place.end, place.start))
        made |= {"line": line, "column": column}
        made |= {"end_line": end_line, "end_column": end_column}
    return made
