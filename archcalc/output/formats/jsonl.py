"""The rows of a report as JSON lines: an object for each, its keys those of the columns."""

from __future__ import annotations

import json
from collections.abc import Iterator

from archcalc.output.layout import Report, plain_value, row_table

ENDINGS = (".jsonl", ".ndjson")


def render(report: Report) -> Iterator[str]:
    """A line for each row. UsageError where there is no table."""
    table = row_table(report)
    keys = [column.key for column in table.columns]
    for row in table.rows:
        yield json.dumps(dict(zip(keys, map(plain_value, row), strict=True))) + "\n"
