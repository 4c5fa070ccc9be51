"""A long drawing in columns, as text in a newspaper: read down, then on at the top of the next."""

from __future__ import annotations

import math
from bisect import bisect_right

from archcalc.pictures.layered import Layout
from archcalc.records import Record

#: Pixels between columns, in which an edge leads from the bottom of one to the top of the next.
GUTTER = 44.0
#: A page is so many times as wide as high, or as high as wide.
_PAGE = 1.35


class Columns(Record):
    """For each row its column, and for each column how far its rows are moved."""

    column_of: list[int]
    dx: list[float]
    dy: list[float]
    width: float
    height: float
    lefts: tuple[float, ...] = ()

    def gutter(self, column: int) -> float:
        """Where the edge into a column runs, in the coordinates of its rows."""
        return self.lefts[column] - GUTTER / 2


class _Span(Record):
    first: int
    last: int


def in_columns(plan: Layout) -> Columns:
    """Cut a layout where one edge alone leads on, into the columns that fit a page best."""
    cuts = _cuts(plan)
    best, score = [_Span(0, len(plan.rows) - 1)], math.inf
    ideal = round(math.sqrt(_PAGE * plan.height / (plan.right - plan.left + GUTTER)))
    for count in sorted({1, *range(max(1, ideal - 3), min(len(cuts) + 1, ideal + 3) + 1)}):
        spans = _divided(plan, cuts, count)
        width = sum(_width(plan, span) for span in spans) + GUTTER * (len(spans) - 1)
        heights = [_height(plan, span) for span in spans]
        height = max(heights)
        empty = 1 - sum(heights) / (len(heights) * height)
        found = abs(math.log(width / height / _PAGE)) + empty if len(spans) > 1 else _alone(width, height)
        if found < score:
            best, score = spans, found
    return _moved(plan, best)


def _alone(width: float, height: float) -> float:
    """One column reads best, so it may be as high as a page is long, and a small drawing needs no second."""
    return 0.0 if height <= max(width * 2.2, 700) else abs(math.log(width / height / _PAGE))


def _cuts(plan: Layout) -> list[int]:
    """The rows after which one edge leads on, and nothing runs at the side."""
    links = [0] * len(plan.rows)
    for link in plan.links:
        links[plan.row_of[link.source]] += 1
    busy = [0] * (len(plan.rows) + 1)
    for lane in plan.lanes:
        busy[plan.row_of[lane.source]] += 1
        busy[max(plan.row_of[target] for target, _ in lane.targets)] -= 1
    cuts, running = [], 0
    for row in range(len(plan.rows) - 1):
        running += busy[row]
        if links[row] == 1 and not running:
            cuts.append(row)
    return cuts


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


def _sides(plan: Layout, span: _Span) -> tuple[float, float]:
    """The left and the right end of a column's rows."""
    elements = [e for row in plan.rows[span.first : span.last + 1] for e in row]
    half = [plan.nodes[e].width / 2 if e < len(plan.nodes) else 6.0 for e in elements]
    return (
        min(plan.x[e] - h for e, h in zip(elements, half, strict=True)),
        max(plan.x[e] + h for e, h in zip(elements, half, strict=True)),
    )


def _width(plan: Layout, span: _Span) -> float:
    left, right = _sides(plan, span)
    return right - left


def _moved(plan: Layout, spans: list[_Span]) -> Columns:
    column_of = []
    dx, dy, lefts = [], [], []
    at = 0.0
    lanes = max((lane.x for lane in plan.lanes), default=0.0) + 6 if plan.lanes else 0.0
    high = max(_height(plan, span) for span in spans)
    edge = 14.0 if len(spans) > 1 else 0.0
    for number, span in enumerate(spans):
        left, right = _sides(plan, span)
        column_of += [number] * (span.last - span.first + 1)
        dx.append(at - left)
        dy.append(edge - plan.tops[span.first])
        lefts.append(left)
        at += right - left + GUTTER
    return Columns(column_of, dx, dy, at - GUTTER + lanes, high + 2 * edge, tuple(lefts))
