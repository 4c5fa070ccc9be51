"""What a report is, before it has a format: figures, facts, tables and notes for people, one object for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.exact import is_fraction
from archcalc.harmless import harmless
from archcalc.records import Record

if TYPE_CHECKING:
    from archcalc.diagnostics.text import Role
    from archcalc.pictures.page import Section
    from archcalc.pictures.svg import Drawing


class Column(Record):
    """A column of a table.

    `show` makes the text of a cell; CSV and JSON take the value itself. On a narrow terminal the columns with the
    highest `rank` are left out first; rank 0 always stays. A column whose cells can be broken into lines (`breaks`)
    becomes narrower before any is left out.
    """

    key: str
    title: str
    show: Callable[[Any], str] = str
    right: bool = True
    rank: int = 0
    #: After which signs a cell that is too wide is broken into lines: a space, the slash of a path; empty for none.
    breaks: str = ""
    #: Whether the cells are paths: on a screen, one is written below the one above it, without what both begin with.
    nests: bool = False
    #: What a value is, for the colour of its cell on a terminal; None where the column has one colour.
    role: Callable[[Any], Role | None] | None = None
    #: A shorter text of a cell, where the table is wider than the screen.
    short: Callable[[Any], str] | None = None
    #: The text of a cell whose value is None.
    absent: str = ""
    #: What to say below the table where the column is shown.
    note: str = ""


class Table(Record):
    """A table: `rows` hold one value for each column; `footer` is a last row, or None.

    The rows of a long table can be an iterator, whose items are made as they are read, once.
    """

    columns: tuple[Column, ...]
    rows: Iterable[tuple[Any, ...]]
    footer: tuple[Any, ...] | None = None
    title: str = ""
    #: So many rows people read; formats of rows take any number. None: as many as there are.
    most: int | None = None
    #: How the table becomes shorter, in words.
    shorter: str = "write it as csv, jsonl or parquet"
    #: How columns that a screen has no room for are shown, in words.
    whole: str = "--format markdown shows all"
    #: The rows as NumPy arrays by the key of their column, at least one piece of them, where they are made so. Whoever
    #: reads the table takes either.
    pieces: Iterable[Mapping[str, Any]] | None = None

    def without(self, index: int) -> Table:
        """The table without the column at an index."""

        def short(row: tuple[Any, ...]) -> tuple[Any, ...]:
            return row[:index] + row[index + 1 :]

        footer = None if self.footer is None else short(self.footer)
        return self._replace(columns=short(self.columns), rows=[short(row) for row in self.rows], footer=footer)


class Report(Record):
    """A result: a heading, figures and facts as label and text, tables, notes, and `data`, the JSON object with stable
    keys.

    Figures are short, and stand in two columns where a screen has room; facts are sentences, a line each. Both can be
    iterators, whose items are made as they are read, once.

    A long list in `data` can be an iterator, whose items are made as they are written.
    """

    heading: str
    facts: Iterable[tuple[str, str]]
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    data: Mapping[str, Any]
    #: The table that formats of rows (CSV, JSON lines, Parquet) take, where it is not the only one.
    rows: Table | None = None
    #: What the report is about, for formats of a command's own.
    answer: Any = None
    #: Draws the report, for formats that are pictures; None where there is nothing to draw.
    picture: Callable[[], Drawing] | None = None
    #: What a page shows below the facts, instead of the picture and the tables.
    sections: Callable[[], Iterable[Section]] | None = None
    figures: Iterable[tuple[str, str]] = ()


def notes(report: Report, tables: Iterable[Table]) -> list[str]:
    """What stands below the tables: of the report, and of the columns that are shown, each once."""
    of_columns = (harmless(column.note) for table in tables for column in table.columns if column.note)
    return list(dict.fromkeys([*report.notes, *of_columns]))


def drawing(report: Report) -> Drawing:
    """The picture of a report. UsageError where there is none."""
    if report.picture is None:
        raise UsageError("this result has no picture: use text, markdown or json")
    return report.picture()


def row_table(report: Report) -> Table:
    """The one table that a format of rows takes. UsageError where there is none, or none that is meant."""
    if report.rows is not None:
        return report.rows
    if len(report.tables) != 1:
        what = f"{len(report.tables)} tables and not one" if report.tables else "no table"
        raise UsageError(f"this result has {what}, and the format takes rows: use text, markdown or json")
    return report.tables[0]


def plain_value(value: Any) -> Any:
    """A value of a row as a number, a truth value, None or text: fractions as the nearest decimal, sizes as 7x7."""
    if type(value) in _AS_IT_IS:
        return value
    if is_fraction(value):
        return value.numerator if value.denominator == 1 else float(value)
    return harmless("x".join(map(str, value)) if type(value) is tuple else str(value))


_AS_IT_IS = frozenset((int, float, bool, type(None)))


def readable(report: Report) -> Report:
    """The report as people read it: no text of it, cells aside, can steer what shows it."""
    return report._replace(
        heading=harmless(report.heading),
        facts=tuple((harmless(label), harmless(text)) for label, text in report.facts),
        figures=tuple((harmless(label), harmless(text)) for label, text in report.figures),
        tables=tuple(table._replace(title=harmless(table.title)) for table in report.tables),
        notes=tuple(map(harmless, report.notes)),
    )


def texts(table: Table) -> list[list[str]]:
    """The table column by column, as text: title first, then the rows, then the footer if there is one, whose None is
    an empty cell.

    UsageError for a table that is too long to be read.
    """
    rows = list(readable_rows(table))
    columns = zip(*rows, strict=True) if rows else [()] * len(table.columns)
    return [
        [column.title, *(_cell(column, value, column.absent) for value in values), *_footer(table, index)]
        for index, (column, values) in enumerate(zip(table.columns, columns, strict=True))
    ]


def _footer(table: Table, index: int) -> list[str]:
    return [] if table.footer is None else [_cell(table.columns[index], table.footer[index], "")]


def _cell(column: Column, value: Any, absent: str) -> str:
    return absent if value is None else harmless(column.show(value))


def readable_rows(table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows of a table for people. UsageError for more than they read."""
    for number, row in enumerate(table.rows):
        if table.most is not None and number == table.most:
            raise UsageError(f"the table has more than {number:,} rows: {table.shorter}")
        yield row
