"""Operations that nobody knows."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.analysis.totals import Analysis
from archcalc.warnings.registry import Found, about_network, at


@about_network
def left_out(analysis: Analysis) -> Iterator[Found]:
    """The spec was imported with `--partial`, and a layer stands for an operation that is not known. Totals leave out
    what it computes and what it saves for backward.

    Replace the layer with those that the operation consists of.
    """
    for row in analysis.unknown:
        yield at(analysis, row, None, f"`{row.name}` is not known: totals leave out what it computes and saves")
