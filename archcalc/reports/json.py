"""A report's data as JSON. Keys are stable: a change of meaning raises `schema_version`."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from archcalc.reports.layout import Report

SCHEMA_VERSION = 1


def render(report: Report) -> str:
    """The report's object, `schema_version` first."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **report.data}, indent=2, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    """Exact fractions as the nearest decimal; everything else as its text."""
    return float(value) if isinstance(value, Fraction) else str(value)
