"""The network that was found, as a flat spec."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.api import Architecture
from archcalc.output.layout import Report

ENDINGS = (".yaml", ".yml")


def render(report: Report) -> Iterator[str]:
    """The spec, line by line."""
    from archcalc.language.write import resolve

    found: Architecture = report.answer
    return resolve(found.expand())
