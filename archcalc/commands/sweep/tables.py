"""A sweep's columns as a report, whose rows come piece by piece; and why combinations are not valid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from archcalc.output.layout import Column, Report, Table
from archcalc.units import exact

#: A table for people has at most so many lines.
MOST_ROWS = 1000


def rows(columns: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of some columns of NumPy arrays, as Python's own values."""
    return zip(*(column.tolist() for column in columns.values()), strict=True)


def table(architecture: str, names: Sequence[str], pieces: Iterable[Mapping[str, Any]]) -> Report:
    """The combinations as a table, whose rows are made as they are read; people read no more than `MOST_ROWS`."""
    pieces = iter(pieces)
    found = (row for columns in pieces for row in rows(columns))
    shorter = "choose with --where, --top or --pareto, or write them with --format csv"
    made = Table(
        tuple(Column(name, name, _shown) for name in names),
        found,
        most=MOST_ROWS,
        shorter=shorter,
        whole="use --columns",
        pieces=pieces,
    )
    # Whoever writes the report reads either the table or the object: both take from the one sweep.
    data = {"architecture": architecture, "rows": (dict(zip(names, row, strict=True)) for row in found)}
    return Report("", (), (made,), (), data)


def _shown(value: Any) -> str:
    if type(value) is int or (isinstance(value, Fraction) and value.denominator == 1):
        return exact(int(value))
    return f"{float(value):.10g}" if isinstance(value, (float, Fraction)) else str(value)


def reasons(architecture: str, visited: int, counted: Mapping[str, int]) -> Report:
    """How many combinations are not valid, by the rule that they broke first."""
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    split = [(number, *reason.split(": ", 1)) for reason, number in ordered]
    columns = (
        Column("combinations", "combinations", exact),
        Column("rule", "rule", right=False),
        Column("message", "what it says", right=False),
    )
    invalid = sum(counted.values())
    facts = (
        ("combinations", exact(visited)),
        ("valid", exact(visited - invalid)),
        ("not valid", exact(invalid)),
    )
    data = {
        "architecture": architecture,
        "visited": visited,
        "valid": visited - invalid,
        "reasons": [{"combinations": number, "rule": rule, "message": text} for number, rule, text in split],
    }
    table = Table(columns, split)
    return Report("", facts, (table,) if split else (), (), data, table)
