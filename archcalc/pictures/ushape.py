"""A network that narrows and widens again, as a U: level by level, each value that is kept beside where it is read.

On the left all leads down, on the right all leads up, and what is kept of a level runs straight across, through the
boxes (crops) that change it. A block on the right is entered at its top all the same, as everywhere else.
Source of the shape: Ronneberger, Fischer & Brox 2015, arXiv:1505.04597, figure 1.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from archcalc.pictures.layered import Edge, Node
from archcalc.records import Record

_GAP = 20.0
#: Around blocks, where edges turn.
_WIDE_GAP = 34.0
_CHANNEL = 24.0
_OUT = 12.0
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
    """Where everything is: the middle of each element and its top, and each edge as corners."""

    x: dict[int, float]
    top: dict[int, float]
    edges: list[list[tuple[float, float]]]
    width: float
    height: float


def u_shape(
    nodes: Sequence[Node], edges: Sequence[Edge], positions: Sequence[int], boxes: Collection[int]
) -> UShape | None:
    """The shape, if the network has it: values of ever fewer positions are kept and read in the opposite order.

    The ports of `boxes` are moved: the main path enters them in the middle of their top or bottom, what is kept at
    their left side.
    """
    path = _longest(len(nodes), edges)
    place = {element: k for k, element in enumerate(path)}
    skips = _skips(len(nodes), edges, place)
    if skips is None or len(skips) < 2:
        return None
    kept = [positions[path[skip.source]] for skip in skips]
    nested = all(a.source < b.source and a.target > b.target for a, b in pairwise(skips))
    if not nested or skips[-1].source >= skips[-1].target or any(a <= b for a, b in pairwise(kept)):
        return None
    levels, bottom = _levels(path, skips, positions)
    changed = all(skip.through is None or skip.through in boxes for skip in skips)
    return _Plan(nodes, edges, path, boxes).drawn(skips, levels, bottom) if bottom and changed else None


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


class _Plan:
    """The places of a U while it is drawn."""

    def __init__(self, nodes: Sequence[Node], edges: Sequence[Edge], path: list[int], boxes: Collection[int]) -> None:
        self.nodes = nodes
        self.edges = edges
        self.path = path
        self.boxes = boxes
        self.x: dict[int, float] = {}
        self.top: dict[int, float] = {}

    def drawn(self, skips: list[Skip], levels: list[Level], bottom: list[int]) -> UShape:
        """The whole: the levels, what is below them, and the edges."""
        falling = [element for level in levels for element in level.down]
        rising = [element for level in reversed(levels) for element in level.up]
        left, right = (max(self.nodes[e].width for e in arm) for arm in (falling, rising))
        across = all(element in self.boxes for element in bottom) and len(bottom) > 1
        through = max((self.nodes[skip.through].width for skip in skips if skip.through is not None), default=0.0)
        channel = max(through + 2 * _CHANNEL, self.channel(bottom, left, right, across))
        self.x.update(dict.fromkeys(falling, left / 2))
        self.x.update(dict.fromkeys(rising, left + channel + right / 2))
        low = self.stack(skips, levels)
        if across:
            self.row(bottom, left / 2, left + channel + right / 2, low)
        else:
            self.column(bottom, left + channel / 2, low)
        lines, lane = self.main(falling, bottom, rising, across)
        for skip in skips:
            lines += self.skip(skip, left + channel / 2)
        high = min(self.top.values())
        for element in self.top:
            self.top[element] += _OUT - high
        moved = [[(x, y + _OUT - high) for x, y in points] for points in lines]
        base = max(self.top[e] + self.nodes[e].height for e in self.top)
        return UShape(self.x, self.top, moved, max(left + channel + right, lane + _LANE), base + _OUT)

    def channel(self, bottom: list[int], left: float, right: float, across: bool) -> float:
        """How much room what is at the bottom takes between the arms."""
        widths = [self.nodes[element].width for element in bottom]
        if across:
            return sum(widths) - (widths[0] + widths[-1] + left + right) / 2 + _GAP * (len(bottom) - 1)
        return max(widths) + 2 * _LANE - min(left, right)

    # --- places

    def above(self, arm: list[int], at: int, anchor: float) -> float:
        """How far an arm of a level, from its top down, reaches above a point of one of its elements."""
        return anchor + sum(self.nodes[e].height + self.gap(e, arm[k + 1]) for k, e in enumerate(arm[:at]))

    def gap(self, upper: int, lower: int) -> float:
        """Between two elements of an arm: more where one is a block, round which edges lead."""
        return _GAP if upper in self.boxes and lower in self.boxes else _WIDE_GAP

    def leaves(self, element: int) -> float:
        """Where what is kept leaves an element, from its top: a box at its side, a block below it."""
        height = self.nodes[element].height
        return height / 2 if element in self.boxes else height + _OUT

    def enters(self, element: int) -> float:
        """Where what is kept comes to an element, from its top: to a box at its side, to a block from above."""
        return self.nodes[element].height / 2 if element in self.boxes else -_OUT

    def stack(self, skips: list[Skip], levels: list[Level]) -> float:
        """The tops in both arms, so that all that is kept runs straight across; where the lowest level ends."""
        line = 0.0
        before: tuple[int, int] | None = None
        lows: list[float] = []
        for skip, level in zip(skips, levels, strict=True):
            source, target = self.path[skip.source], self.path[skip.target]
            arms = (level.down, self.leaves(source)), (level.up[::-1], self.enters(target))
            places = len(level.down) - 1, level.up[::-1].index(target)
            reach = [self.above(arm, at, anchor) for (arm, anchor), at in zip(arms, places, strict=True)]
            if before is not None:
                gaps = [self.gap(end, arm[0]) for end, (arm, _) in zip(before, arms, strict=True)]
                line += max(low + gap + high for low, gap, high in zip(lows, gaps, reach, strict=True))
            lows = []
            for (arm, _), high in zip(arms, reach, strict=True):
                y = line - high
                for k, element in enumerate(arm):
                    self.top[element] = y
                    y += self.nodes[element].height + (self.gap(element, arm[k + 1]) if k + 1 < len(arm) else 0)
                lows.append(y - line)
            before = level.down[-1], level.up[0]
        return line + max(lows)

    def row(self, bottom: list[int], first: float, last: float, low: float) -> None:
        """The boxes at the bottom beside each other, from below the one arm to below the other."""
        widths = [self.nodes[element].width for element in bottom]
        free = last - first - sum(widths) + (widths[0] + widths[-1]) / 2
        high = max(self.nodes[element].height for element in bottom)
        at = first - widths[0] / 2
        for element, wide in zip(bottom, widths, strict=True):
            self.x[element] = at + wide / 2
            self.top[element] = low + _WIDE_GAP + (high - self.nodes[element].height) / 2
            at += wide + free / (len(bottom) - 1)

    def column(self, bottom: list[int], middle: float, low: float) -> None:
        """What is at the bottom below each other."""
        y = low + _WIDE_GAP
        for element in bottom:
            self.x[element], self.top[element] = middle, y
            y += self.nodes[element].height + _WIDE_GAP

    # --- edges

    def main(
        self, falling: list[int], bottom: list[int], rising: list[int], across: bool
    ) -> tuple[list[list[tuple[float, float]]], float]:
        """The edges of the main path, and how far to the right they run."""
        of = {(edge.source, edge.target): edge for edge in self.edges}
        lines = []
        down = [*falling, *bottom[: 1 if across else None]]
        lines += [self.falls(of[pair]) for pair in pairwise(down)]
        if across:
            lines += [self.aside(*pair) for pair in pairwise(bottom)]
        farthest = 0.0
        for k, pair in enumerate(pairwise([bottom[-1], *rising])):
            lane = max(self.x[e] + self.nodes[e].width / 2 for e in pair) + _LANE * (1 + k % 2)
            lines.append(self.rises(of[pair], lane, across or k > 0))
            if len(lines[-1]) > 2:
                farthest = max(farthest, *(x for x, _ in lines[-1]))
        return lines, farthest

    def falls(self, edge: Edge) -> list[tuple[float, float]]:
        """An edge of the main path down to what is below."""
        start, end = self.x[edge.source] + edge.leaves, self.x[edge.target]
        end += 0.0 if edge.target in self.boxes else edge.arrives
        low, high = self.top[edge.source] + self.nodes[edge.source].height, self.top[edge.target]
        if abs(start - end) < 0.6:
            return [(end, low), (end, high)]
        turn = high - (_OUT if high - low > 2 * _OUT else (high - low) / 2)
        return [(start, low), (start, turn), (end, turn), (end, high)]

    def aside(self, source: int, target: int) -> list[tuple[float, float]]:
        """An edge of the main path to the box at the right."""
        y = self.top[source] + self.nodes[source].height / 2
        return [(self.x[source] + self.nodes[source].width / 2, y), (self.x[target] - self.nodes[target].width / 2, y)]

    def rises(self, edge: Edge, lane: float, in_arm: bool) -> list[tuple[float, float]]:
        """An edge of the main path up to what is above: straight between boxes, round a block in a lane. From the
        column at the bottom (`in_arm` unset) it leaves below."""
        source, target = edge.source, edge.target
        low, high = self.top[source], self.top[target] + self.nodes[target].height
        if in_arm and source in self.boxes:
            points = [(self.x[source] + edge.leaves, low)]
            beside = low - _OUT
        else:
            points = [(self.x[source] + edge.leaves, low + self.nodes[source].height)]
            beside = points[0][1] + _OUT
        end = self.x[target]
        if target not in self.boxes:
            above = self.top[target] - _OUT - 7
            end += edge.arrives
            points += [(points[0][0], beside), (lane, beside), (lane, above), (end, above), (end, self.top[target])]
        elif in_arm and source in self.boxes and abs(points[0][0] - end) < 0.6:
            points.append((end, high))
        elif in_arm and source in self.boxes:
            half = (low + high) / 2
            points += [(points[0][0], half), (end, half), (end, high)]
        elif not in_arm:
            points += [(points[0][0], beside), (end, beside), (end, high)]
        else:
            points += [(points[0][0], beside), (lane, beside), (lane, high + _OUT), (end, high + _OUT), (end, high)]
        return points

    def skip(self, skip: Skip, middle: float) -> list[list[tuple[float, float]]]:
        """The edges of what is kept: straight across, through the box that changes it."""
        first, last = skip.edges[0], skip.edges[-1]
        source, target = first.source, last.target
        y = self.top[source] + self.leaves(source)
        if source in self.boxes:
            begin = [(self.x[source] + self.nodes[source].width / 2, y)]
        else:
            begin = [(self.x[source] + first.leaves, y - _OUT), (self.x[source] + first.leaves, y)]
        if target in self.boxes:
            end = [(self.x[target] - self.nodes[target].width / 2, y)]
        else:
            end = [(self.x[target] + last.arrives, y), (self.x[target] + last.arrives, y + _OUT)]
        if skip.through is None:
            return [begin + end]
        box = self.nodes[skip.through]
        self.x[skip.through], self.top[skip.through] = middle, y - box.height / 2
        return [[*begin, (middle - box.width / 2, y)], [(middle + box.width / 2, y), *end]]
