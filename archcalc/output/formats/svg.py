"""The picture of a report as SVG: text is text, and the colours follow the reader's scheme, light or dark."""

from __future__ import annotations

from archcalc.output.layout import Report, drawing

ENDINGS = (".svg",)


def render(report: Report) -> list[str]:
    """The picture. UsageError for a report that has none."""
    from archcalc.pictures import svg

    return [svg.document(drawing(report))]
