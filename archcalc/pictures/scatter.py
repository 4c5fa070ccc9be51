"""A chart of points: two figures across and up, a third as the size of circles, with names that do not overlap."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

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


class Circle(Record):
    """A point where it is drawn."""

    point: Point
    x: float
    y: float
    radius: float

    @property
    def place(self) -> Place:
        """The square around it."""
        return Place(self.x - self.radius, self.y - self.radius, self.x + self.radius, self.y + self.radius)


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


def circles(points: Sequence[Point], across: Axis, up: Axis, largest: float = _LARGEST) -> list[str]:
    """The points and their names: the large ones behind, names where there is room."""
    most = max((point.size for point in points if point.size is not None), default=0)
    placed = [Circle(point, across.at(point.x), up.at(point.y), _radius(point.size, most, largest)) for point in points]
    placed.sort(key=lambda circle: (-circle.radius, circle.x, circle.y, circle.point.name))
    made = [
        svg.circle(each.x, each.y, each.radius, f"box {each.point.colour} see", each.point.note or each.point.name)
        for each in placed
    ]
    left, right = sorted((across.start, across.end))
    top, low = sorted((up.start, up.end))
    return made + names(placed, Place(left, top, right, low))


def _radius(size: float | None, most: float, largest: float) -> float:
    """The area is in proportion to the size."""
    if size is None or not most:
        return _PLAIN
    return max(_SMALLEST, largest * math.sqrt(size / most))


def names(placed: Sequence[Circle], page: Place) -> list[str]:
    """The names beside their points, farther off with a line to them, or left out where there is no room."""
    taken: list[Place] = [
        Place(c.x - min(c.radius, 6), c.y - min(c.radius, 6), c.x + min(c.radius, 6), c.y + 6) for c in placed
    ]
    made = []
    for circle in sorted(placed, key=lambda c: (c.x, c.y)):
        if not circle.point.name:
            continue
        wide = width(circle.point.name, _TEXT)
        for reach in (0.0, 10.0, 22.0, 36.0, 52.0):
            found = _free(circle, wide, reach, taken, page)
            if found is not None:
                break
        else:
            continue
        taken.append(found)
        if reach > 0:
            made.append(svg.line(circle.x, circle.y, *_nearest(circle, found), "grid leader"))
        made.append(svg.text(found.left, found.bottom - 3, circle.point.name, "small"))
    return made


def _free(circle: Circle, wide: float, reach: float, taken: list[Place], page: Place) -> Place | None:
    """A place for a name at a distance from its circle, the first of those around it that is free."""
    high = 13.0
    off = circle.radius + 3 + reach
    for turn in (0, 4, 2, 6, 1, 7, 3, 5):
        angle = turn * math.pi / 4
        dx, dy = math.cos(angle), -math.sin(angle)
        middle = circle.x + dx * (off + wide / 2), circle.y + dy * (off + high / 2)
        place = Place(middle[0] - wide / 2, middle[1] - high / 2, middle[0] + wide / 2, middle[1] + high / 2)
        inside = place.left >= page.left and place.right <= page.right
        if inside and page.top <= place.top and place.bottom <= page.bottom and not any(place.meets(o) for o in taken):
            return place
    return None


def _nearest(circle: Circle, place: Place) -> tuple[float, float]:
    """The point of a place that is nearest to the middle of a circle."""
    return max(place.left, min(place.right, circle.x)), max(place.top, min(place.bottom, circle.y))


def _sizes(points: Sequence[Point], size: Figure) -> list[str]:
    """What the sizes of circles mean: a round one and a tenth of it, at the right above the chart."""
    most = max((point.size for point in points if point.size is not None), default=0)
    if not most:
        return []
    power = 10.0 ** math.floor(math.log10(most))
    largest = max(factor * power for factor in (1, 2, 5) if factor * power <= most)
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
