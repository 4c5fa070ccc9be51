"""A report's tables as CSV: a header line of stable keys, exact values, no footer.

A fraction is the nearest decimal, since a spreadsheet takes 13/4 for a date; sizes along several axes are 7x7.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from fractions import Fraction

from archcalc.output.layout import Report

SUFFIX = ".csv"


def render(report: Report) -> Iterator[str]:
    """The tables one after the other, an empty line between them; a value of None is an empty cell."""
    for number, table in enumerate(report.tables):
        if number:
            yield "\n"
        yield _line(column.key for column in table.columns)
        for row in table.rows:
            yield _line(row)


def _line(values: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(map(_cell, values))
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    return "x".join(map(str, value)) if type(value) is tuple else value
