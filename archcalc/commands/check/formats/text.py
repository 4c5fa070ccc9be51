"""A check as text: what failed or warns, and one line of counts; the claims too if they were asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from archcalc.commands.check.fix import fixable
from archcalc.commands.check.run import Checked
from archcalc.commands.check.tables import NOTE, changes_text, claims, findings_text, summary
from archcalc.diagnostics.text import Paint, unpainted, wrapped
from archcalc.output.formats import text
from archcalc.output.layout import Report
from archcalc.output.terminal import asked_width, painting, width

ENDINGS = (".txt",)


def render(report: Report) -> Iterator[str]:
    """Plain text."""
    if (shown := _claims(report)).tables:
        yield from text.render(shown)
        yield "\n"
    yield _closing(report, unpainted, asked_width())


def on_terminal(report: Report, stream: IO[str]) -> None:
    """The same on a terminal, with colours."""
    if (shown := _claims(report)).tables:
        text.on_terminal(shown, stream)
        stream.write("\n")
    stream.write(_closing(report, painting(stream), width(stream)))


def _claims(report: Report) -> Report:
    """The claims, if they were asked for, with what is said of them; the findings follow with their lines."""
    notes = tuple(note for note in report.notes if note == NOTE)
    return report._replace(tables=claims(report.answer) if report.tables else (), notes=notes)


def _closing(report: Report, paint: Paint, columns: int | None) -> str:
    checked: Checked = report.answer
    changes = "\n".join(line for change in changes_text(checked) for line in wrapped(change, columns, "  "))
    count = fixable(checked.specs)
    fixes = f"\n{count:,} figure{'s' * (count != 1)} fixable with --fix" if count else ""
    paragraphs = (findings_text(checked, paint, columns), changes, summary(checked, paint) + fixes)
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
