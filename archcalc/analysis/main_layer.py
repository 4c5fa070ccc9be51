"""Which layer stands for a block: a convolution for itself, its normalisation and its activation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from archcalc.analysis.totals import AnalysedLayer, Analysis


def main_layer(analysis: Analysis, layers: Sequence[AnalysedLayer]) -> AnalysedLayer | None:
    """The layer by which papers call some: the only one, or the one in a chain that has a kernel or multiplies, where
    the volume stays the same around it, as it does in normalisation and activations; None if there is none."""
    if len(layers) == 1:
        return layers[0]
    if any(layer.node.inputs != (before.node.index,) for before, layer in pairwise(layers)):
        return None
    main = [layer for layer in layers if layer.macs or layer.kernel]
    around = (layer for layer in layers if layer not in main)
    return main[0] if len(main) == 1 and all(_keeps_volume(analysis, layer) for layer in around) else None


def _keeps_volume(analysis: Analysis, layer: AnalysedLayer) -> bool:
    return all(volume == layer.output for volume in analysis.input_volumes(layer))
