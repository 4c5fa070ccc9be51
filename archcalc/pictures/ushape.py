"""A network that narrows and widens again, as a U: level by level, each value that is kept beside where it is read.

On the left the levels lead down, on the right they lead up; within a level all flows down, as everywhere else. What is
kept of a level runs through the middle, through the boxes (crops) that change it.
Source of the shape: Ronneberger, Fischer & Brox 2015, arXiv:1505.04597, figure 1.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from archcalc.pictures.layered import Edge, Node
from archcalc.records import Record

_GAP = 28.0
_LEVEL_GAP = 46.0
_CHANNEL = 26.0
_OUT = 12.0
_INDENT = 44.0
_LANE = 12.0


class Skip(Record):
    """A value that is kept: where it comes from and where it is read, by their places on the main path, the boxes'
    numbers that change it on its way, and the edges of its way."""

    source: int
    target: int
    through: int | None
    edges: tuple[Edge, ...]


class Level(Record):
    """The elements of a level: on its way down, and on its way up."""

    down: list[int]
    up: list[int]


class UShape(Record):
    """Where everything is: the middle of each element and its top, and each edge as corners, down or up."""

    x: dict[int, float]
    top: dict[int, float]
    edges: list[list[tuple[float, float]]]
    width: float
    height: float


def u_shape(
    nodes: Sequence[Node], edges: Sequence[Edge], positions: Sequence[int], boxes: Collection[int]
) -> UShape | None:
    """The shape, if the network has it: values of ever fewer positions are kept and read in the opposite order.

    The ports of `boxes` may be moved: the main path enters them in their middle, what is kept at the left of that.
    """
    path = _longest(len(nodes), edges)
    place = {element: k for k, element in enumerate(path)}
    main = set(pairwise(path))
    edges = [_centred(edge, (edge.source, edge.target) in main) if edge.target in boxes else edge for edge in edges]
    skips = _skips(len(nodes), edges, place)
    if skips is None or len(skips) < 2:
        return None
    kept = [positions[path[skip.source]] for skip in skips]
    nested = all(a.source < b.source and a.target > b.target for a, b in pairwise(skips))
    if not nested or skips[-1].source >= skips[-1].target or any(a <= b for a, b in pairwise(kept)):
        return None
    levels, bottom = _levels(path, skips, positions)
    return _drawn(nodes, edges, path, skips, levels, bottom) if bottom else None


def _centred(edge: Edge, main: bool) -> Edge:
    return edge._replace(arrives=0.0 if main else -16.0)


def _longest(count: int, edges: Sequence[Edge]) -> list[int]:
    """The longest path: elements are numbered so that edges lead to higher numbers."""
    length, before = [0] * count, [-1] * count
    for edge in sorted(edges, key=lambda e: e.target):
        if length[edge.source] + 1 > length[edge.target]:
            length[edge.target], before[edge.target] = length[edge.source] + 1, edge.source
    at = max(range(count), key=lambda k: length[k])
    path = []
    while at >= 0:
        path.append(at)
        at = before[at]
    return path[::-1]


def _skips(count: int, edges: Sequence[Edge], place: dict[int, int]) -> list[Skip] | None:
    """What is kept beside the main path; None where something else leaves it."""
    found, entering, leaving = [], {}, {}
    for edge in edges:
        if edge.source in place and edge.target in place:
            if place[edge.target] != place[edge.source] + 1:
                found.append(Skip(place[edge.source], place[edge.target], None, (edge,)))
        elif edge.source in place and edge.target not in entering:
            entering[edge.target] = edge
        elif edge.target in place and edge.source not in leaving:
            leaving[edge.source] = edge
        else:
            return None
    for element in set(range(count)) - set(place):
        if element not in entering or element not in leaving:
            return None
        ends = entering[element], leaving[element]
        found.append(Skip(place[ends[0].source], place[ends[1].target], element, ends))
    return sorted(found, key=lambda skip: (skip.source, -skip.target))


def _levels(path: list[int], skips: list[Skip], positions: Sequence[int]) -> tuple[list[Level], list[int]]:
    """The elements by level, the outermost first, and those at the bottom. A level begins on its way up where its
    number of positions is reached."""
    starts = []
    for k, skip in enumerate(skips):
        low = skips[k + 1].target if k + 1 < len(skips) else skip.source
        wider = (at for at in range(low + 1, skip.target) if positions[path[at]] > positions[path[at - 1]])
        starts.append(next(wider, skip.target))
    levels = []
    for k, skip in enumerate(skips):
        first = skips[k - 1].source + 1 if k else 0
        end = starts[k - 1] if k else len(path)
        levels.append(Level(path[first : skip.source + 1], path[starts[k] : end]))
    return levels, path[skips[-1].source + 1 : starts[-1]]


def _drawn(
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    path: list[int],
    skips: list[Skip],
    levels: list[Level],
    bottom: list[int],
) -> UShape:
    left = max(nodes[e].width for level in levels for e in level.down)
    right = max(nodes[e].width for level in levels for e in level.up)
    inner = max((nodes[skip.through].width for skip in skips if skip.through is not None), default=0.0)
    channel = max(inner + 2 * _CHANNEL, 2 * _CHANNEL + 30, max(nodes[e].width for e in bottom) - (left + right) / 2)
    deep = len(levels) - 1
    middle = left + _INDENT * deep + channel / 2
    x: dict[int, float] = {}
    top: dict[int, float] = {}
    y = _OUT
    for k, level in enumerate(levels):
        aside = channel / 2 + _INDENT * (deep - k)
        down = _stack(nodes, level.down, middle - aside - left / 2, y, x, top)
        y = max(down, _stack(nodes, level.up, middle + aside + right / 2, y, x, top)) + _LEVEL_GAP
    y = _stack(nodes, bottom, middle, y, x, top)
    # What leads up runs beside the levels that it leads from and to, in turn nearer and farther.
    rising = [*(level.up for level in levels), bottom]
    lanes = {
        (low[-1], high[0]): max(x[e] + nodes[e].width / 2 for e in (*low, *high)) + _LANE * (1 + k % 2)
        for k, (high, low) in enumerate(pairwise(rising))
    }
    beside = {edge for skip in skips for edge in skip.edges}
    lines: list[list[tuple[float, float]]] = []
    for edge in edges:
        if edge in beside:
            continue
        starts, ends = x[edge.source] + edge.leaves, x[edge.target] + edge.arrives
        low, high = top[edge.source] + nodes[edge.source].height, top[edge.target]
        if lane := lanes.get((edge.source, edge.target)):
            corners = [(starts, low), (starts, low + _OUT), (lane, low + _OUT), (lane, high - _OUT)]
            lines.append([*corners, (ends, high - _OUT), (ends, high)])
        elif abs(starts - ends) < 0.6:
            lines.append([(ends, low), (ends, high)])
        else:
            half = high - _LEVEL_GAP / 2 if high - low > _LEVEL_GAP else (low + high) / 2
            lines.append([(starts, low), (starts, half), (ends, half), (ends, high)])
    for skip in skips:
        first, last = skip.edges[0], skip.edges[-1]
        out = x[first.source] + first.leaves, top[first.source] + nodes[first.source].height
        into = x[last.target] + last.arrives, top[last.target]
        below, above = out[1] + _OUT, into[1] - _OUT
        if skip.through is None:
            lines.append([out, (out[0], below), (middle, below), (middle, above), (into[0], above), into])
            continue
        box = nodes[skip.through]
        x[skip.through] = middle
        top[skip.through] = (below + above) / 2 - box.height / 2
        if abs(below - above) < box.height + 2 * _OUT:  # too near each other for the box between them
            top[skip.through] = below - box.height / 2
            lines.append([out, (out[0], below), (middle - box.width / 2, below)])
            lines.append([(middle + box.width / 2, below), (middle + box.width / 2 + 12, below)])
            side = middle + box.width / 2 + 12
            lines[-1] += [(side, above), (into[0], above), into]
            continue
        first_end, second = (top[skip.through] + box.height, top[skip.through])
        if below < above:
            first_end, second = second, first_end
        lines.append([out, (out[0], below), (middle, below), (middle, first_end)])
        lines.append([(middle, second), (middle, above), (into[0], above), into])
    rightmost = max([*lanes.values(), middle + channel / 2 + _INDENT * deep + right])
    return UShape(x, top, lines, rightmost + _LANE, y + _OUT)


def _stack(
    nodes: Sequence[Node], elements: list[int], at: float, y: float, x: dict[int, float], top: dict[int, float]
) -> float:
    """Put elements below each other; returns where the last ends."""
    end = y
    for element in elements:
        x[element], top[element] = at, y
        end = y + nodes[element].height
        y = end + _GAP
    return end
