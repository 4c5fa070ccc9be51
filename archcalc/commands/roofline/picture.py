"""The layers of a network under the roofs of a card, as large as their share of the time."""

from __future__ import annotations

from typing import Any

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.pictures import roofline
from archcalc.pictures.network import COLOURS
from archcalc.pictures.scatter import Point
from archcalc.pictures.svg import Drawing
from archcalc.quantities.registry import Part, quantities
from archcalc.units import time

#: So many layers are named, those that take the longest.
_NAMED = 12


def draw(network: Part) -> Drawing:
    """A point for each layer that computes, where the roof is over its intensity: it cannot be faster. UsageError
    without a card."""
    card = network.setup.card
    if card is None or card.flops is None:
        raise UsageError("the picture shows the roofs of a card: name it with --gpu")
    layers = [(row, _figures(Part(network.analysis, [row], network.setup))) for row in network.layers]
    layers = [(row, found) for row, found in layers if found["flops"] and found["bytes_moved"]]
    if not layers:
        raise UsageError("no layer of this network computes anything: there is nothing to draw")
    slowest = sorted(layers, key=lambda layer: (-layer[1]["roofline_seconds"], layer[0].name))
    named = {row.name for row, _ in slowest[:_NAMED]}
    points = [
        Point(
            row.name if row.name in named else "",
            float(found["flops"] / found["bytes_moved"]),
            float(found["flops"] / found["roofline_seconds"]),
            float(found["roofline_seconds"]),
            COLOURS.get(row.node.layer.family, "grey"),
            f"{row.name}: at least {time(found['roofline_seconds'])}",
        )
        for row, found in layers
    ]
    title = f"{network.analysis.architecture} on {card.name}, batch {network.setup.batch:,}"
    note = "a circle for each layer, as large as the least time that it takes; float32, each layer by itself"
    return roofline.draw(points, float(card.flops), float(card.bandwidth), card.name, title, note)


def _figures(part: Part) -> dict[str, Any]:
    return {name: quantities()[name].measure(part) for name in ("flops", "bytes_moved", "roofline_seconds")}
