"""Activations that change nothing."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.analysis.totals import Analysis
from archcalc.language.network import INPUT_INDEX, is_input
from archcalc.warnings.registry import Found, about_network, at

#: f(f(x)) = f(x).
_IDEMPOTENT = ("relu", "relu6")


@about_network
def repeated_activation(analysis: Analysis) -> Iterator[Found]:
    """The same activation stands twice in a row, and the second changes nothing: a rectified value is not negative.

    Remove one of the two; if a block ends in an activation, the step behind it needs none.
    """
    for row in analysis.layers:
        index = row.node.inputs[0] if row.node.inputs else INPUT_INDEX
        if row.layer in _IDEMPOTENT and not is_input(index) and analysis.layers[index].layer == row.layer:
            message = f"{row.layer} follows {row.layer} and changes nothing"
            yield at(analysis, row, None, message)
