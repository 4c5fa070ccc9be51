"""Padding as wide as the window."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.analysis.totals import Analysis
from archcalc.warnings.registry import Found, about_network, at


@about_network
def window_sees_only_padding(analysis: Analysis) -> Iterator[Found]:
    """The padding is at least as wide as the window, so that the first outputs are computed from zeros alone. It is
    most often a padding that was kept when the kernel became smaller.

    Make the padding smaller than the kernel: (kernel - 1) // 2 on each side keeps the size.
    """
    for row in analysis.layers:
        if row.node.layer.family != "conv" or row.outcome.windows is None:
            continue
        for window in row.outcome.windows:
            if window.scale == 1 and window.last < 0:
                extent = window.last - window.first + 1
                message = f"{-window.first} positions of padding before a window of {extent}: the first sees only zeros"
                yield at(analysis, row, "padding", message)
                break
