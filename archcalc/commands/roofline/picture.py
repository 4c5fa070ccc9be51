"""The layers of a network under the roofs of a card, as large as their share of the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archcalc.analysis.totals import AnalysedLayer
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.pictures import roofline
from archcalc.pictures.network import COLOURS
from archcalc.pictures.scatter import Point
from archcalc.pictures.svg import Drawing
from archcalc.quantities.registry import Part, quantities
from archcalc.units import time

#: So many layers are named, those that take the longest.
_NAMED = 8
#: So many of those that are alike are listed where one points at them.
_LISTED = 20


def draw(network: Part) -> Drawing:
    """A point for each layer that computes, one for all that are alike, where the roof is over its intensity: it cannot
    be faster. UsageError without a card."""
    card = network.setup.card
    if card is None or card.flops is None:
        raise UsageError("the picture shows the roofs of a card: name it with --gpu")
    layers = [(row, _figures(Part(network.analysis, [row], network.setup))) for row in network.layers]
    layers = [(row, found) for row, found in layers if found["flops"] and found["bytes_moved"]]
    if not layers:
        raise UsageError("no layer of this network computes anything: there is nothing to draw")
    alike: dict[tuple[Any, ...], list[AnalysedLayer]] = {}
    for row, found in layers:
        alike.setdefault((row.node.layer.family, *found.values()), []).append(row)
    slowest = sorted(alike, key=lambda key: (-key[-1], alike[key][0].name))
    points = [_point(alike[key], *key[1:], named=key in slowest[:_NAMED]) for key in alike]
    title = f"{network.analysis.architecture} on {card.name}, batch {network.setup.batch:,}"
    note = "a circle for each layer, as large as the least time that it takes; float32, each layer by itself"
    return roofline.draw(points, float(card.flops), float(card.bandwidth), card.name, title, note)


def _point(rows: Sequence[AnalysedLayer], flops: Any, moved: Any, seconds: Any, *, named: bool) -> Point:
    """The point of layers that are alike."""
    first = rows[0]
    name = first.name if len(rows) == 1 else f"{first.name} and {len(rows) - 1} alike"
    said = f"{', '.join(row.name for row in rows[:_LISTED])}{', …' if len(rows) > _LISTED else ''}"
    return Point(
        name if named else "",
        float(flops / moved),
        float(flops / seconds),
        float(seconds),
        COLOURS.get(first.node.layer.family, "grey"),
        f"{said}: at least {time(seconds)}{' each' if len(rows) > 1 else ''}",
    )


def _figures(part: Part) -> dict[str, Any]:
    return {name: quantities()[name].measure(part) for name in ("flops", "bytes_moved", "roofline_seconds")}
