"""A report's tables as CSV: a header line of stable keys, exact values, no footer."""

from __future__ import annotations

import csv
import io

from archcalc.reports.layout import Report


def render(report: Report) -> str:
    """The tables one after the other, an empty line between them; a value of None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for number, table in enumerate(report.tables):
        if number:
            out.write("\n")
        writer.writerow(column.key for column in table.columns)
        writer.writerows(table.rows)
    return out.getvalue()
