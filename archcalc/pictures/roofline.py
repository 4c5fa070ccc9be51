"""A roofline: what a device can do with each byte that it moves, and the layers of a network under it.

Source: Williams, Waterman & Patterson 2009, CACM 52(4), figure 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.pictures import axes, svg
from archcalc.pictures.axes import Axis
from archcalc.pictures.scatter import Line, Place, Point, circles
from archcalc.pictures.svg import Drawing
from archcalc.pictures.text import width

_WIDTH, _HEIGHT = 960.0, 560.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 92.0, 24.0, 96.0, 72.0

#: The radius of the layer that takes the longest.
_LARGEST = 13.0


def draw(points: Sequence[Point], flops: float, bandwidth: float, device: str, title: str, note: str) -> Drawing:
    """The roofs of a device (FLOP/s and bytes/s), and points at FLOPs per byte and FLOP/s."""
    ridge = flops / bandwidth
    across = _logarithmic([*(point.x for point in points), ridge / 4, ridge * 4], _LEFT, _WIDTH - _RIGHT)
    across = across._replace(title="FLOPs per byte moved", write=axes.as_count)
    heights = [*(point.y for point in points), flops]
    up = _logarithmic(heights, _HEIGHT - _BOTTOM, _TOP)._replace(title="FLOP/s that can be reached", write=_rate)
    body = [svg.text(16, 30, title, "heading"), svg.text(16, 50, note, "small"), *axes.draw(across, up)]
    start = max(across.low, up.low / bandwidth)
    corner = across.at(ridge), up.at(flops)
    roofs = [
        Line(across.at(start), up.at(start * bandwidth), *corner),
        Line(*corner, across.end, corner[1]),
    ]
    body += [svg.line(*roof, "mark") for roof in roofs]
    words = f"{device}: {_rate(flops)}, compute"
    left = across.end - width(words, 12)
    taken = [Place(left, corner[1] - 32, across.end, corner[1] - 14)]
    body.append(svg.text(left, corner[1] - 18, words, "marked"))
    rising = f"{axes.as_bytes(bandwidth)}/s, bandwidth"
    middle = (start * ridge) ** 0.5
    x, y = across.at(middle), up.at(middle * bandwidth)
    body.append(svg.text(x - 10, y - 8, rising, "marked end"))
    taken.append(Place(x - 10 - width(rising, 12), y - 22, x - 10, y - 4))
    body += circles(points, across, up, _LARGEST, taken, roofs)
    return Drawing(_WIDTH, _HEIGHT, title, f"{len(points)} layers under the roofs of {device}", "".join(body))


def _logarithmic(values: Sequence[float], start: float, end: float) -> Axis:
    low, high = min(values), max(values)
    return Axis(low / 1.5, high * 3, True, start, end, "", axes.as_count)


def _rate(value: float) -> str:
    written = axes.as_count(value)
    return f"{written}FLOP/s" if written[-1].isalpha() else f"{written} FLOP/s"
