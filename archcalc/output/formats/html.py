"""A report as one page of HTML that opens from a disk and asks for nothing: pictures, tables that sort and fold."""

from __future__ import annotations

from contextlib import suppress

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.output.layout import Report

ENDINGS = (".html", ".htm")


def render(report: Report) -> list[str]:
    """The page: with the sections that the report brings, or else its picture, if it has one, and its tables."""
    from archcalc.pictures import page

    title = ""
    if report.sections is not None:
        sections = list(report.sections())
    else:
        drawing = None
        with suppress(UsageError):  # a page without a picture is still a page
            drawing = report.picture() if report.picture is not None else None
        sections = page.of_report(report, drawing)
        title = drawing.title if drawing is not None else sections[0].title if len(sections) == 1 else ""
    title = report.heading or title or "archcalc"
    return [page.document(report, sections, title)]
