"""A report as text: on a terminal with rich, fitted to its width; in a pipe or a file plain, at its natural width."""

from __future__ import annotations

import os
import shutil
from typing import IO, Any

from archcalc.reports.layout import NARROWEST, Column, Report, Table, texts

SUFFIX = ".txt"

_GAP = 2


def render(report: Report) -> list[str]:
    """The report as plain text at its natural width, or fitted to COLUMNS where that is set; numbers are never cut."""
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isascii() and columns.isdigit() and int(columns) > 0 else None
    lines = [report.heading] if report.heading else []
    lines += _facts(report)
    left_out: list[str] = []
    for table in report.tables:
        fitted, out = _fit(table, width)
        left_out += out
        lines += [""] * bool(lines)
        lines += _plain_table(fitted)
    notes = [*report.notes, *_left_out(left_out)]
    return [f"{line}\n" for line in [*lines, *([""] if notes and lines else []), *notes]]


def write_to_terminal(report: Report, stream: IO[str]) -> None:
    """Write the report to a terminal: fitted to its width, coloured unless NO_COLOR is set."""
    from rich.console import Console
    from rich.text import Text

    size = shutil.get_terminal_size()
    console = Console(
        file=stream, highlight=False, emoji=False, markup=False, width=max(20, size.columns), height=size.lines
    )
    if report.heading:
        console.print(Text(report.heading, style="bold"))
    if report.facts:
        console.print(_rich_facts(report))
    left_out: list[str] = []
    for table in report.tables:
        fitted, out = _fit(table, console.width, wrapping=True)
        left_out += out
        console.print()
        # Wider than the terminal, the lines wrap; cut they are never.
        console.print(
            _rich_table(fitted, stream), width=max(console.width, _least_width(fitted, wrapping=True)), crop=False
        )
    notes = [*report.notes, *_left_out(left_out)]
    if notes:
        console.print()
    for note in notes:
        console.print(Text(note, style="dim"))


def _fit(table: Table, width: int | None, *, wrapping: bool = False) -> tuple[Table, list[str]]:
    """The table with as many columns as the width has room for, and the titles of those left out.

    `wrapping` says that columns of words can be made narrower.
    """
    table = table._replace(rows=list(table.rows))
    left_out: list[str] = []
    while width is not None and _least_width(table, wrapping=wrapping) > width:
        last = max(range(len(table.columns)), key=lambda i: (table.columns[i].rank, i))
        if table.columns[last].rank == 0:
            break
        left_out.append(table.columns[last].title)
        table = table.without(last)
    return table, left_out


def _least_width(table: Table, *, wrapping: bool) -> int:
    """How much room a table needs; if it wraps, with its columns of words as narrow as they become."""
    widths = (
        min(width, NARROWEST) if wrapping and column.wraps else width
        for column, width in zip(table.columns, (max(map(len, cells)) for cells in texts(table)), strict=True)
    )
    return sum(widths) + _GAP * (len(table.columns) - 1)


def _plain_table(table: Table) -> list[str]:
    padded = []
    for column, cells in zip(table.columns, texts(table), strict=True):
        width = max(map(len, cells))
        padded.append([cell.rjust(width) if column.right else cell.ljust(width) for cell in cells])
    lines = [(" " * _GAP).join(row).rstrip() for row in zip(*padded, strict=True)]
    rule = "-" * max(map(len, lines))
    lines.insert(1, rule)
    if table.footer is not None:
        lines.insert(len(lines) - 1, rule)
    return [table.title, *lines] if table.title else lines


def _facts(report: Report) -> list[str]:
    width = max((len(label) for label, _ in report.facts), default=0)
    return [f"{label.ljust(width)}  {text}".rstrip() for label, text in report.facts]


def _left_out(titles: list[str]) -> list[str]:
    if not titles:
        return []
    return [f"columns left out to fit the width: {', '.join(dict.fromkeys(titles))}"]


def _rich_facts(report: Report) -> Any:
    from rich.table import Table as RichTable

    grid = RichTable.grid(padding=(0, _GAP, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in report.facts:
        grid.add_row(label, text)
    return grid


def _rich_table(table: Table, stream: IO[str]) -> Any:
    from rich import box
    from rich.table import Table as RichTable

    unicode = "utf" in (getattr(stream, "encoding", None) or "").lower()
    made = RichTable(
        title=table.title or None,
        title_justify="left",
        box=box.SIMPLE_HEAD if unicode else box.ASCII2,
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
        show_footer=table.footer is not None,
        safe_box=True,
    )
    columns = texts(table)
    end = -1 if table.footer is not None else None
    # Where there is a column of words, it is the one that gives way.
    words = any(column.wraps for column in table.columns)
    for column, cells in zip(table.columns, columns, strict=True):
        made.add_column(
            column.title,
            footer=cells[-1] if table.footer is not None else "",
            justify="right" if column.right else "left",
            style=_style(column),
            overflow="fold",
            no_wrap=column.right or (words and not column.wraps),
        )
    for row in zip(*(cells[1:end] for cells in columns), strict=True):
        made.add_row(*row)
    return made


def _style(column: Column) -> str:
    return "" if column.right else "cyan" if column.rank == 0 else "dim"
