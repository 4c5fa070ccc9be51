"""The picture of a report as PNG, on white, two dots for a pixel; it needs resvg-py."""

from __future__ import annotations

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.output.layout import Report, drawing

ENDINGS = (".png",)

_DOTS = 2
#: A picture larger than this many dots a side cannot be shown by most programs.
_MOST = 30_000


def render(report: Report) -> list[bytes]:
    """The picture. UsageError for a report that has none, without resvg-py, or for one that is too large."""
    from archcalc.pictures import svg

    made = drawing(report)
    try:
        import resvg_py
    except ImportError:
        raise UsageError("PNG needs resvg-py: pip install 'archcalc[png]'; SVG needs nothing") from None
    longest = max(made.width, made.height)
    if _DOTS * longest > _MOST:
        raise UsageError(
            f"the picture is {longest:,.0f} pixels long, too large for PNG: write SVG, or fold with --depth"
        )
    return [bytes(resvg_py.svg_to_bytes(svg_string=svg.document(made, "light"), zoom=_DOTS))]
