"""The rows of a report as CSV: a header line of stable keys, exact values, no footer.

A fraction is the nearest decimal, since a spreadsheet takes 13/4 for a date; sizes along several axes are 7x7.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice

from archcalc.output.layout import Report, plain_value, row_table

ENDINGS = (".csv",)

#: So many rows are one piece of the file.
_ROWS = 1000


def render(report: Report) -> Iterator[str]:
    """The header and the rows; a value of None is an empty cell. UsageError where there is no table."""
    table = row_table(report)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.key for column in table.columns])
    rows = iter(table.rows)
    while True:
        yield out.getvalue()
        out.seek(0)
        out.truncate()
        some = list(islice(rows, _ROWS))
        if not some:
            return
        writer.writerows(map(plain_value, row) for row in some)
