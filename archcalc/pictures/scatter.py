"""A chart of points: two figures across and up, a third as the size of circles, with names that do not overlap."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from archcalc.pictures import axes, svg
from archcalc.pictures.axes import Axis
from archcalc.pictures.svg import Drawing
from archcalc.pictures.text import width
from archcalc.records import Record

_WIDTH, _HEIGHT = 960.0, 600.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 78.0, 24.0, 96.0, 54.0
_LARGEST, _SMALLEST, _PLAIN = 34.0, 3.0, 5.0
_TEXT = 10.5


class Point(Record):
    """A point: its name is written beside it, `note` is shown to who points at it."""

    name: str
    x: float
    y: float
    size: float | None = None
    colour: str = "blue"
    note: str = ""


class Figure(Record):
    """What is drawn along an axis, or as a size: its title, and how its values are written."""

    title: str
    write: Callable[[float], str]


class Place(Record):
    """A rectangle that a name or a circle takes."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Place) -> bool:
        """Whether two overlap."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


class Line(Record):
    """A straight line from one point to another."""

    x1: float
    y1: float
    x2: float
    y2: float

    def meets(self, place: Place) -> bool:
        """Whether it runs through a rectangle (Liang & Barsky 1984, doi:10.1145/357332.357333)."""
        dx, dy = self.x2 - self.x1, self.y2 - self.y1
        first, last = 0.0, 1.0
        for step, room in (
            (-dx, self.x1 - place.left), (dx, place.right - self.x1),
            (-dy, self.y1 - place.top), (dy, place.bottom - self.y1),
        ):  # fmt: skip
            if step == 0:
                if room <= 0:
                    return False
            elif step < 0:
                first = max(first, room / step)
            else:
                last = min(last, room / step)
        return first < last

    def crosses(self, other: Line) -> bool:
        """Whether two lines cross: each has its ends on both sides of the other."""
        return self._parts(other) and other._parts(self)

    def along(self, other: Line) -> bool:
        """Whether it runs along another, so that the two can hardly be told apart: it begins and ends within some
        pixels of the line that the other is on."""
        dx, dy = other.x2 - other.x1, other.y2 - other.y1
        length = math.hypot(dx, dy) or 1.0
        return all(
            abs(dx * (y - other.y1) - dy * (x - other.x1)) / length < 5
            for x, y in ((self.x1, self.y1), (self.x2, self.y2))
        )

    def _parts(self, other: Line) -> bool:
        dx, dy = self.x2 - self.x1, self.y2 - self.y1
        one = dx * (other.y1 - self.y1) - dy * (other.x1 - self.x1)
        two = dx * (other.y2 - self.y1) - dy * (other.x2 - self.x1)
        return one * two < 0


class Circle(Record):
    """A point where it is drawn."""

    point: Point
    x: float
    y: float
    radius: float

    def meets(self, place: Place) -> bool:
        """Whether its disc and a rectangle overlap."""
        x, y = nearest(self.x, self.y, place)
        return math.hypot(self.x - x, self.y - y) < self.radius

    def outside(self, line: Line) -> Line:
        """The part of a line from its middle that is outside of it; the end alone of one that is not."""
        dx, dy = line.x2 - line.x1, line.y2 - line.y1
        share = min(1.0, self.radius / (math.hypot(dx, dy) or 1.0))
        return Line(line.x1 + share * dx, line.y1 + share * dy, line.x2, line.y2)

    def on(self, line: Line) -> bool:
        """Whether a line runs over its disc."""
        dx, dy = line.x2 - line.x1, line.y2 - line.y1
        along = ((self.x - line.x1) * dx + (self.y - line.y1) * dy) / (dx * dx + dy * dy or 1.0)
        along = max(0.0, min(1.0, along))
        return math.hypot(line.x1 + along * dx - self.x, line.y1 + along * dy - self.y) < self.radius


def draw(
    points: Sequence[Point], x: Figure, y: Figure, size: Figure | None, title: str, notes: Sequence[str] = ()
) -> Drawing:
    """The chart of some points, of which there is at least one."""
    bottom = _HEIGHT - _BOTTOM - 16 * len(notes)
    across = axes.axis([point.x for point in points], _LEFT, _WIDTH - _RIGHT, x.title, x.write)
    up = axes.axis([point.y for point in points], bottom, _TOP, y.title, y.write)
    body = [svg.text(16, 30, title, "heading"), *axes.draw(across, up)]
    if size is not None:
        body += _sizes(points, size)
    body += circles(points, across, up)
    body += [svg.text(16, _HEIGHT - 12 - 16 * k, note, "small") for k, note in enumerate(reversed(notes))]
    said = f"{len(points)} points: {y.title} against {x.title}"
    return Drawing(_WIDTH, _HEIGHT, title, said, "".join(body))


def circles(
    points: Sequence[Point],
    across: Axis,
    up: Axis,
    largest: float = _LARGEST,
    words: Sequence[Place] = (),
    lines: Sequence[Line] = (),
) -> list[str]:
    """The points and their names: the large ones behind, names where there is room, clear of words and lines."""
    most = max((point.size for point in points if point.size is not None), default=0)
    placed = [Circle(point, across.at(point.x), up.at(point.y), _radius(point.size, most, largest)) for point in points]
    placed.sort(key=lambda circle: (-circle.radius, circle.x, circle.y, circle.point.name))
    made = [
        svg.circle(each.x, each.y, each.radius, f"box {each.point.colour} see", each.point.note or each.point.name)
        for each in placed
    ]
    left, right = sorted((across.start, across.end))
    top, low = sorted((up.start, up.end))
    return made + names(placed, Place(left, top, right, low), words, lines)


def _radius(size: float | None, most: float, largest: float) -> float:
    """The area is in proportion to the size."""
    if size is None or not most:
        return _PLAIN
    return max(_SMALLEST, largest * math.sqrt(size / most))


def names(placed: Sequence[Circle], page: Place, words: Sequence[Place] = (), lines: Sequence[Line] = ()) -> list[str]:
    """The names of points where none covers a circle or another name, farther off with a line to their point; below the
    chart is said how many have no room."""
    named = sorted((c for c in placed if c.point.name), key=lambda c: (-c.radius, c.x, c.y))
    best: list[_Name] = []
    order = named
    for _ in range(_ATTEMPTS):
        found = _named(order, page, placed, words, lines)
        best = max(best, found, key=len)
        if not 0 < len(named) - len(best) <= _FEW:
            break
        known = {each.circle for each in found}
        order = [*(circle for circle in order if circle not in known), *(each.circle for each in found)]
    made = []
    for name in best:
        if name.line is not None:
            made.append(svg.line(*name.line, "grid leader"))
        made.append(svg.text(name.place.left, name.place.bottom - 3, name.circle.point.name, "small"))
    if missing := len(named) - len(best):
        said = f"{missing:,} {'name has' if missing == 1 else 'names have'} no room"
        made.append(svg.text(page.right, page.bottom + 36, said, "small end"))
    return made


class _Name(Record):
    """A name that has a place, and the line to its circle if it is far off."""

    circle: Circle
    place: Place
    line: Line | None


def _named(
    named: Sequence[Circle], page: Place, placed: Sequence[Circle], words: Sequence[Place], lines: Sequence[Line]
) -> list[_Name]:
    """The names that find a place, one after the other."""
    taken = list(words)
    leaders: list[Line] = []
    found = []
    for circle in named:
        free = _free(circle, page, placed, taken, [*lines, *leaders], leaders)
        if free is None:
            continue
        found.append(_Name(circle, *free))
        taken.append(free[0])
        if free[1] is not None:
            leaders.append(free[1])
    return found


def _free(
    circle: Circle,
    page: Place,
    placed: Sequence[Circle],
    words: Sequence[Place],
    lines: Sequence[Line],
    leaders: Sequence[Line],
) -> tuple[Place, Line | None] | None:
    """The nearest free place for a name, and the line to it if it is far off: if it can be, one that runs over no other
    circle, and never over many. A line may cross lines of the chart, but no `leaders`."""
    wide = width(circle.point.name, _TEXT)
    over = None
    for reach in _REACHES:
        for place in _places(circle, reach, wide):
            if place.left < page.left or place.right > page.right or place.top < page.top or place.bottom > page.bottom:
                continue
            if any(each.meets(place) for group in (placed, words, lines) for each in group):
                continue
            if not reach:
                return place, None
            line = Line(circle.x, circle.y, *nearest(circle.x, circle.y, place))
            if any(line.meets(each) for each in words) or any(line.crosses(each) for each in leaders):
                continue
            if any(line.along(each) for each in lines):
                continue
            outside = circle.outside(line)
            crossed = sum(each.on(outside) for each in placed if each is not circle)
            if not crossed:
                return place, line
            if crossed <= _MOST_CROSSED:
                over = over or (place, line)
    return over


def _places(circle: Circle, reach: float, wide: float) -> Iterator[Place]:
    """Where a name is tried at a distance from its circle."""
    high = 13.0
    off = circle.radius + 3 + reach
    for turn, shift in _AROUND:
        angle = turn * math.pi / 8
        dx, dy = math.cos(angle), -math.sin(angle)
        x, y = circle.x + dx * (off + wide / 2) + shift * wide / 2, circle.y + dy * (off + high / 2)
        yield Place(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)


#: So often names are placed, those first that had no room, where these are not many.
_ATTEMPTS = 6
_FEW = 12
#: Over so many other circles the line from a name may run.
_MOST_CROSSED = 2
#: How far from its circle a name is tried, in pixels.
_REACHES = (0.0, 10.0, 22.0, 36.0, 52.0, 70.0, 90.0, 115.0, 145.0)
#: Where a name is tried around its circle: sixteenths of a turn, and how many halves of itself it is moved aside.
_AROUND = ((0, 0.0), (8, 0.0), (4, 0.0), (12, 0.0), (2, 0.0), (14, 0.0), (6, 0.0), (10, 0.0),
           (4, 0.8), (4, -0.8), (12, 0.8), (12, -0.8), (4, 1.0), (4, -1.0), (12, 1.0), (12, -1.0),
           (1, 0.0), (15, 0.0), (7, 0.0), (9, 0.0), (3, 0.0), (13, 0.0), (5, 0.0), (11, 0.0))  # fmt: skip


def nearest(x: float, y: float, place: Place) -> tuple[float, float]:
    """The point of a place that is nearest to another point."""
    return max(place.left, min(place.right, x)), max(place.top, min(place.bottom, y))


def _sizes(points: Sequence[Point], size: Figure) -> list[str]:
    """What the sizes of circles mean: a round one and a tenth of it, at the right above the chart."""
    most = max((point.size for point in points if point.size is not None), default=0)
    if not most:
        return []
    power = 10.0 ** (math.floor(math.log10(most)) - 1)
    largest = max(factor * power for factor in (1, 2, 5, 10, 20, 50) if factor * power <= most)
    made = []
    x = _WIDTH - _RIGHT
    for value in (largest, largest / 10):
        words = size.write(value)
        radius = _radius(value, most, _LARGEST)
        x -= width(words, _TEXT)
        made.append(svg.text(x, 44, words, "small"))
        x -= 2 * radius + 6
        made.append(svg.circle(x + radius, 40, radius, "box blue see"))
        x -= 12
    made.append(svg.text(x, 44, f"{size.title}:", "small end"))
    return made
