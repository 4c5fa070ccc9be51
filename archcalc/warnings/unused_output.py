"""Layers that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.analysis.totals import Analysis
from archcalc.warnings.registry import Found, about_network, at


@about_network
def unused_output(analysis: Analysis) -> Iterator[Found]:
    """No layer reads what this one computes, and it is not an output of the network: it costs and does nothing. It
    comes about when the step after it takes another input with `from`.

    Name the layer with `as` and read it, make it an output of its own with `head`, or remove it.
    """
    used = {index for row in analysis.layers for index in row.node.inputs}
    used.update(analysis.network.outputs.values())
    for row in analysis.layers:
        if row.node.index not in used:
            message = f"nothing reads the output of `{row.name}`"
            yield at(analysis, row, None, message)
