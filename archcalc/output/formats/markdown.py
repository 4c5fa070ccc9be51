"""A report as Markdown: a heading, a list of facts, tables, notes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from archcalc.output.layout import Report, Table, notes, readable, texts

ENDINGS = (".md", ".markdown")

#: What begins HTML, which pages made from Markdown would show as such.
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def render(report: Report) -> list[str]:
    """The report as GitHub-flavoured Markdown."""
    report = readable(report)
    lines = [f"# {_escaped(report.heading)}", ""] if report.heading else []
    lines += [f"- **{_escaped(label)}**: {_escaped(text)}" for label, text in (*report.figures, *report.facts)]
    for table in report.tables:
        lines += ["", *_table(table)]
    if below := notes(report, report.tables):
        lines += ["", *(f"> {_escaped(note)}" for note in below)]
    return ["\n".join(lines).strip("\n"), "\n"]


def _table(table: Table) -> list[str]:
    title, *rows = zip(*texts(table), strict=True)
    ruler = ("---:" if column.right else "---" for column in table.columns)
    heading = [f"## {_escaped(table.title)}", ""] if table.title else []
    return [*heading, _line(title), _line(ruler), *map(_line, rows)]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    return _TAG.sub(r"\\<", text.replace("\\", "\\\\").replace("|", "\\|"))
