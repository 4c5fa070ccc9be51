"""A long drawing in columns, as text in a newspaper: read down, then on at the top of the next."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping

from archcalc.pictures.layered import Layout, Link
from archcalc.records import Record

#: Pixels between columns, in which an edge leads from the bottom of one to the top of the next.
GUTTER = 44.0
#: How far below and above the rows that edge runs.
_TURN = 14.0
#: Pixels between the edges of one gutter, and how many of them may lead on.
_TRACK = 9.0
_MOST_TRACKS = 4
#: Pixels beside the outermost lane.
_LANE_MARGIN = 6.0
#: What is left for the graph on a page of A4 in whole size, with two centimetres of margin, its heading and its legend.
_PAGE_WIDTH = 640.0
_PAGE_HEIGHT = 820.0
#: How much smaller a drawing may come out for each edge fewer that leads from column to column.
_CLEARER = 1.12


class Turn(Record):
    """How an edge leads on to the next column: how far below the rows of one and above those of the other it runs, and
    where it rises, in the coordinates of the other's rows."""

    below: float
    gutter: float
    above: float


class Columns(Record):
    """For each row its column, and for each column how far its rows are moved; where they end at the right, beside what
    lanes lie, and where the gutter before them begins, are in their own coordinates. `turns` are the edges that lead
    on to the next column."""

    plan: Layout
    column_of: list[int]
    dx: list[float]
    dy: list[float]
    width: float
    height: float
    rights: list[float]
    begins: list[float]
    turns: Mapping[Link, Turn]

    def of(self, element: int) -> int:
        """The column of an element."""
        return self.column_of[self.plan.row_of[element]]

    def x(self, element: int) -> float:
        """The middle of an element."""
        return self.plan.x[element] + self.dx[self.of(element)]

    def top(self, element: int) -> float:
        """The top of an element."""
        return self.plan.top(element) + self.dy[self.of(element)]


class _Span(Record):
    first: int
    last: int


def in_one_column(plan: Layout) -> Columns:
    """A layout as it is."""
    return _moved(plan, [_Span(0, len(plan.rows) - 1)], {})


def in_columns(plan: Layout) -> Columns:
    """Cut a layout where few edges lead on, into the columns that make text largest on a page. A drawing that fits a
    page in whole size has as few columns as may be."""
    crossing = _crossing(plan)
    best, least = [_Span(0, len(plan.rows) - 1)], math.inf
    ideal = round(math.sqrt(_PAGE_WIDTH / _PAGE_HEIGHT * plan.height / (plan.right - plan.left + GUTTER)))
    for most in range(1, _MOST_TRACKS + 1):
        cuts = [row for row, links in crossing if len(links) <= most]
        for count in sorted({1, *range(max(1, ideal - 3), min(len(cuts) + 1, ideal + 3) + 1)}):
            spans = _divided(plan, cuts, count)
            size = _size(plan, spans, dict(crossing))
            reduced = max(1.0, size[0] / _PAGE_WIDTH, size[1] / _PAGE_HEIGHT) * _CLEARER ** (most - 1)
            if reduced < least:
                best, least = spans, reduced
    return _moved(plan, best, dict(crossing))


def _crossing(plan: Layout) -> list[tuple[int, list[Link]]]:
    """The rows after which few edges lead on and nothing runs at the side, with these edges from left to right. Where
    edges only enter or leave a block, it does not begin or end a column."""
    links: list[list[Link]] = [[] for _ in plan.rows]
    for link in plan.links:
        links[plan.row_of[link.source]].append(link)
    busy = [0] * (len(plan.rows) + 1)
    for lane in plan.lanes:
        busy[plan.row_of[lane.source]] += 1
        busy[max(plan.row_of[target] for target, _ in lane.targets)] -= 1
    found, running = [], 0
    for row in range(len(plan.rows) - 1):
        running += busy[row]
        bare = not (plan.heights[row] and plan.heights[row + 1])
        if len(links[row]) <= _MOST_TRACKS and not running and not bare:
            found.append((row, sorted(links[row], key=lambda link: (plan.x[link.source] + link.leaves, link.target))))
    return found


def _divided(plan: Layout, cuts: list[int], count: int) -> list[_Span]:
    """At most so many columns, the highest as low as may be: by bisection over that height."""
    ends = [plan.tops[cut] + plan.heights[cut] for cut in cuts]
    low, high = plan.height / count, plan.height + 1
    spans = _filled(plan, cuts, ends, high)
    for _ in range(20):
        middle = (low + high) / 2
        found = _filled(plan, cuts, ends, middle)
        if len(found) <= count:
            spans, high = found, middle
        else:
            low = middle
    return spans


def _filled(plan: Layout, cuts: list[int], ends: list[float], room: float) -> list[_Span]:
    """Columns that are each as full as a height lets them be; what cannot be cut may be higher."""
    spans = []
    first, at = 0, 0
    while plan.height - plan.tops[first] > room and at < len(cuts):
        at = max(at + 1, bisect_right(ends, plan.tops[first] + room))
        spans.append(_Span(first, cuts[at - 1]))
        first = cuts[at - 1] + 1
    return [*spans, _Span(first, len(plan.rows) - 1)]


def _height(plan: Layout, span: _Span) -> float:
    return plan.tops[span.last] + plan.heights[span.last] - plan.tops[span.first]


def _beside(plan: Layout, span: _Span) -> float:
    """How wide the lanes at the right of a column are."""
    lanes = (lane.x for lane in plan.lanes if span.first <= plan.row_of[lane.source] <= span.last)
    return max(lanes, default=-_LANE_MARGIN) + _LANE_MARGIN


def _sides(plan: Layout, span: _Span) -> tuple[float, float]:
    """The left and the right end of a column's rows."""
    elements = [e for row in plan.rows[span.first : span.last + 1] for e in row]
    half = [plan.nodes[e].width / 2 if e < len(plan.nodes) else 6.0 for e in elements]
    return (
        min(plan.x[e] - h for e, h in zip(elements, half, strict=True)),
        max(plan.x[e] + h for e, h in zip(elements, half, strict=True)),
    )


def _tracks(spans: list[_Span], crossing: Mapping[int, list[Link]]) -> list[int]:
    """How many edges lead on into each column; none into the first."""
    return [0, *(len(crossing[span.last]) for span in spans[:-1])]


def _gutter(tracks: int) -> float:
    return GUTTER + _TRACK * (tracks - 1) if tracks else 0.0


def _size(plan: Layout, spans: list[_Span], crossing: Mapping[int, list[Link]]) -> tuple[float, float]:
    """How wide and high columns are together."""
    tracks = _tracks(spans, crossing)
    rows = [(*_sides(plan, span), _beside(plan, span)) for span in spans]
    wide = sum(right - left + beside for left, right, beside in rows) + sum(map(_gutter, tracks))
    margin = _TURN + _TRACK * (max(tracks) - 1) if len(spans) > 1 else 0.0
    return wide, max(_height(plan, span) for span in spans) + 2 * margin


def _moved(plan: Layout, spans: list[_Span], crossing: Mapping[int, list[Link]]) -> Columns:
    tracks = _tracks(spans, crossing)
    width, height = _size(plan, spans, crossing)
    margin = (height - max(_height(plan, span) for span in spans)) / 2
    column_of = []
    dx, dy, rights, begins = [], [], [], []
    turns: dict[Link, Turn] = {}
    at = 0.0
    for number, (span, count) in enumerate(zip(spans, tracks, strict=True)):
        left, right = _sides(plan, span)
        at += _gutter(count)
        column_of += [number] * (span.last - span.first + 1)
        dx.append(at - left)
        dy.append(margin - plan.tops[span.first])
        rights.append(right)
        begins.append(left - GUTTER / 2 - _TRACK * (count - 1))
        turns.update(_turns(crossing[spans[number - 1].last], left) if number else ())
        at += right - left + _beside(plan, span)
    return Columns(plan, column_of, dx, dy, width, height, rights, begins, turns)


def _turns(links: list[Link], left: float) -> Iterator[tuple[Link, Turn]]:
    """The edges that lead on together, from left to right, to rows that begin at `left`. None crosses another that
    keeps its side: what leaves first runs lowest, rises last, and arrives below the others."""
    for k, link in enumerate(links):
        outer = len(links) - 1 - k
        yield link, Turn(_TURN + _TRACK * outer, left - GUTTER / 2 - _TRACK * k, _TURN + _TRACK * k)
