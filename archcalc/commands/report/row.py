"""A line of the report: one layer, or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archcalc.analysis.totals import AnalysedLayer
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

    def told(self, quantity: Quantity, network: Part) -> Any:
        """A quantity of the row; None of an operation that is not known, where it depends on what that computes."""
        if self.one is not None and not self.one.is_known and quantity.bound != "exact":
            return None
        return self.measure(quantity, network)

    def measure(self, quantity: Quantity, network: Part) -> Any:
        """A quantity of the row, in the setup in which the network is asked, as it adds to the totals."""
        if quantity.amount is None:
            return quantity.measure(Part(network.analysis, self.layers, network.setup))
        if len(self.layers) == 1:
            return quantity.amount(network, self.layers[0])
        return total(quantity.amount(network, layer) for layer in self.layers)
