"""Biases that a batch normalisation takes away again."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.warnings.registry import Found, about_network, at


@about_network
def bias_before_batch_norm(analysis: Analysis) -> Iterator[Found]:
    """The batch normalisation behind this layer subtracts the mean of each channel, and with it any bias: the bias is
    learned, stored and added for nothing.

    Write `bias: false`, unless the published network has the bias and its parameters are to be counted as they are.
    """
    readers: dict[int, list[AnalysedLayer]] = {}
    for row in analysis.layers:
        for index in row.node.inputs:
            readers.setdefault(index, []).append(row)
    for row in analysis.layers:
        behind = readers.get(row.node.index, [])
        biases = sum(tensor.elements for tensor in row.outcome.params if tensor.name == "bias")
        normalised = len(behind) == 1 and behind[0].layer == "batch_norm"
        if normalised and biases and row.has_weights and "bias" in row.node.layer.attributes:
            message = f"the bias is lost in the batch normalisation behind it: {biases:,} parameters do nothing"
            yield at(analysis, row, "bias", message)
