"""Where an architecture has its memory, its parameters and its operations: bars along its layers."""

from __future__ import annotations

from itertools import groupby

from archcalc.analysis.totals import AnalysedLayer
from archcalc.pictures import distribution
from archcalc.pictures.distribution import Panel, Stage
from archcalc.pictures.svg import Drawing
from archcalc.quantities.registry import Part, summing

#: The figures, each with its colour.
_FIGURES = {"activation_bytes_without_input": "green", "params": "violet", "macs": "blue"}


def draw(network: Part) -> Drawing | None:
    """The figures of the layers that have any, in their order; None where no layer has."""
    measured = {name: [_amount(network, layer, name) for layer in network.analysis.layers] for name in _FIGURES}
    kept = [k for k in range(len(network.analysis.layers)) if any(values[k] for values in measured.values())]
    if not kept:
        return None
    panels = []
    for name, colour in _FIGURES.items():
        quantity = summing(name)
        panels.append(Panel(quantity.title, colour, [measured[name][k] for k in kept], quantity.unit.short))
    outermost = [network.analysis.layers[k].name.partition("/")[0] for k in kept]
    stages, first = [], 0
    for name, group in groupby(outermost):
        count = len(list(group))
        stages.append(Stage(name, first, count))
        first += count
    title = f"{network.analysis.architecture}: distribution over its layers"
    return distribution.draw(panels, stages, title)


def _amount(network: Part, layer: AnalysedLayer, name: str) -> int:
    amount = summing(name).amount
    assert amount is not None
    return int(amount(network, layer))
