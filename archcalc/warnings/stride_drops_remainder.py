"""Windows that stop short of the end of their input."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.analysis.totals import Analysis
from archcalc.warnings.registry import Found, about_network, at


@about_network
def stride_drops_remainder(analysis: Analysis) -> Iterator[Found]:
    """The stride does not divide what is left after the first window, so that the last positions of the input are
    never looked at: 224 pixels, 11x11, stride 4 and no padding see 223 of them. Padding that goes unseen is no loss,
    and a stride larger than the window skips positions on purpose; neither is reported.

    Change the input size or the padding so that (size - window + padding) is a multiple of the stride, or round up
    with `ceil_mode: true` in a pooling.
    """
    for row in analysis.layers:
        if "stride" not in row.node.layer.attributes or not row.outcome.windows:
            continue
        before = analysis.input_volumes(row)[0]
        for size, window, count in zip(before.space, row.outcome.windows, row.output.space, strict=True):
            seen = (count - 1) * window.stride + window.last + 1
            extent = window.last - window.first + 1
            if window.scale == 1 and window.stride <= extent and seen < size:
                message = (
                    f"the stride drops the last {size - seen} of {size} positions: "
                    f"{count} windows of {extent} at stride {window.stride} see {seen}"
                )
                yield at(analysis, row, "stride", message)
                break
