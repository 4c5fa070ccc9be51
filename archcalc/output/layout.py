"""What a report is, before it has a format: facts, tables and notes for people, one object for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple


class Column(NamedTuple):
    """A column of a table.

    `show` makes the text of a cell; CSV and JSON take the value itself. On a narrow terminal the columns with the
    highest `rank` are left out first; rank 0 always stays. A column of words (`wraps`) becomes narrower before any
    is left out, down to `NARROWEST`.
    """

    key: str
    title: str
    show: Callable[[Any], str] = str
    right: bool = True
    rank: int = 0
    wraps: bool = False


#: How narrow a column of words may become.
NARROWEST = 24


class Table(NamedTuple):
    """A table: `rows` hold one value for each column; `footer` is a last row, or None.

    The rows of a long table can be an iterator, whose items are made as they are read, once.
    """

    columns: tuple[Column, ...]
    rows: Iterable[tuple[Any, ...]]
    footer: tuple[Any, ...] | None = None
    title: str = ""

    def without(self, index: int) -> Table:
        """The table without the column at an index."""

        def short(row: tuple[Any, ...]) -> tuple[Any, ...]:
            return row[:index] + row[index + 1 :]

        footer = None if self.footer is None else short(self.footer)
        return Table(short(self.columns), [short(row) for row in self.rows], footer, self.title)


class Report(NamedTuple):
    """A result: a heading, facts as label and text, tables, notes, and `data`, the JSON object with stable keys.

    A long list in `data` can be an iterator, whose items are made as they are written.
    """

    heading: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    data: Mapping[str, Any]


def texts(table: Table) -> list[list[str]]:
    """The table column by column, as text: title first, then the rows, then the footer if there is one.

    A value of None is an empty cell.
    """
    rows = list(table.rows) if table.footer is None else [*table.rows, table.footer]
    columns = zip(*rows, strict=True) if rows else [()] * len(table.columns)
    return [
        [column.title, *("" if value is None else column.show(value) for value in values)]
        for column, values in zip(table.columns, columns, strict=True)
    ]
