"""A line of the report: one layer or several, and the layer that stands for them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.quantities.registry import Part, Quantity
from archcalc.records import Record
from archcalc.sizes.kinds import total


class Row(Record):
    """One line of the report: a layer, or several that a fold has put together."""

    name: str
    layers: Sequence[AnalysedLayer]

    @property
    def last(self) -> AnalysedLayer:
        """The layer that gives the row its output."""
        return self.layers[-1]

    @property
    def one(self) -> AnalysedLayer | None:
        """The layer, if the row is only one."""
        return self.layers[0] if len(self.layers) == 1 else None

    def measure(self, quantity: Quantity, network: Part) -> Any:
        """A quantity of the row, in the setup in which the network is asked."""
        if quantity.amount is None:
            return quantity.measure(Part(network.analysis, self.layers, network.setup))
        if len(self.layers) == 1:
            return quantity.amount(network, self.layers[0])
        return total(quantity.amount(network, layer) for layer in self.layers)


def main_layer(analysis: Analysis, row: Row) -> AnalysedLayer | None:
    """The layer that papers call a row by: its only one, or the one in a chain that has a kernel or multiplies, where
    the volume stays the same around it, as it does in normalisation and activations; None if there is none."""
    layers = row.layers
    if len(layers) == 1:
        return layers[0]
    if any(layer.node.inputs != (before.node.index,) for before, layer in pairwise(layers)):
        return None
    main = [layer for layer in layers if layer.macs or layer.kernel]
    around = (layer for layer in layers if layer not in main)
    return main[0] if len(main) == 1 and all(_keeps_volume(analysis, layer) for layer in around) else None


def _keeps_volume(analysis: Analysis, layer: AnalysedLayer) -> bool:
    return all(volume == layer.output for volume in analysis.input_volumes(layer))
