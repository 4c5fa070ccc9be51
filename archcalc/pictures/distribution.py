"""Where a network has its figures: bars along its layers, a panel for each figure, one above the other.

Source: the lecture's pages on VGG-16, with most memory in the early convolutions and most parameters in the late layers
(CS231n 2017, lecture 9).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from archcalc.pictures import axes, svg
from archcalc.pictures.axes import Axis
from archcalc.pictures.svg import Drawing
from archcalc.pictures.text import shortened
from archcalc.records import Record
from archcalc.units import percent

_WIDTH, _PANEL, _GAP = 960.0, 84.0, 36.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 78.0, 24.0, 74.0, 40.0
#: More layers than this share bars, each of which is the sum of those that it stands for.
_MOST = 240


class Panel(Record):
    """A figure of every layer: its title, its colour, and how its values are written."""

    title: str
    colour: str
    values: Sequence[int]
    write: Callable[[int], str]


class Stage(Record):
    """Layers that follow each other and belong together, from one on."""

    name: str
    first: int
    layers: int


def draw(panels: Sequence[Panel], stages: Sequence[Stage], title: str) -> Drawing:
    """The panels, whose values are of the same layers, above the names of the stages."""
    count = len(panels[0].values)
    across = Axis(0, count, False, _LEFT, _WIDTH - _RIGHT, "", axes.as_plain)
    body = [svg.text(16, 28, title, "heading")]
    for number, panel in enumerate(panels):
        body += _panel(panel, stages, across, _TOP + number * (_PANEL + _GAP))
    bottom = _TOP + len(panels) * (_PANEL + _GAP) - _GAP
    found = [(stage.name, across.at(stage.first), across.at(stage.first + stage.layers)) for stage in stages]
    body += axes.stretches(found, bottom)
    said = f"{', '.join(panel.title for panel in panels)} of {count:,} layers"
    return Drawing(_WIDTH, bottom + _BOTTOM, title, said, "".join(body))


def _panel(panel: Panel, stages: Sequence[Stage], across: Axis, top: float) -> list[str]:
    """A figure: its total and where most of it is, in words, and a bar for each layer, or for some together."""
    whole = sum(panel.values)
    stage, most = max(
        ((stage, sum(panel.values[stage.first : stage.first + stage.layers])) for stage in stages),
        key=lambda pair: pair[1],
    )
    share = f", {percent(most / whole)} in {stage.name}" if whole else ""
    words = shortened(f"{panel.title}: {panel.write(whole)}{share}", 12, across.end - across.start)
    made = [svg.text(_LEFT, top - 8, words)]
    bars = list(_bars(panel.values))
    highest = max((value for _, _, value in bars), default=0)
    up = axes.from_zero(highest, top + _PANEL, top, "", axes.as_plain)
    low = svg.number(top + _PANEL)
    commands = []
    for first, end, value in bars:
        if value:
            left, right = across.at(first), across.at(end)
            space = 0.15 * (right - left)
            x1, x2, y = (svg.number(each) for each in (left + space, right - space, up.at(value)))
            commands.append(f"M{x1} {low}V{y}H{x2}V{low}")
    made.append(svg.path("".join(commands), f"box {panel.colour}"))
    made.append(svg.line(_LEFT, top + _PANEL, _WIDTH - _RIGHT, top + _PANEL, "axis"))
    return [*made, svg.text(_LEFT - 7, up.at(highest) + 4, panel.write(highest), "small end")]


def _bars(values: Sequence[int]) -> list[tuple[int, int, int]]:
    """The bars: from one layer to before another, and the sum of their values."""
    count = min(len(values), _MOST)
    ends = [k * len(values) // count for k in range(count + 1)]
    return [(first, end, sum(values[first:end])) for first, end in pairwise(ends)]
