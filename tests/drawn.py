"""What is in a drawing: boxes, frames, texts and edges, with their places, read from its SVG."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree

from archcalc.pictures import svg, text
from archcalc.pictures.svg import Drawing

_SVG = "{http://www.w3.org/2000/svg}"
_SIZES = {"heading": 15.0, "small": 10.5}


class Area(NamedTuple):
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other: Area, slack: float = 0.1) -> bool:
        return (
            self.left - slack <= other.left
            and self.top - slack <= other.top
            and other.right <= self.right + slack
            and other.bottom <= self.bottom + slack
        )

    def meets(self, other: Area) -> bool:
        """Whether two rectangles have more than a line in common."""
        return (
            min(self.right, other.right) - max(self.left, other.left) > 0.2
            and min(self.bottom, other.bottom) - max(self.top, other.top) > 0.2
        )

    def cuts(self, other: Area) -> bool:
        """Whether two rectangles overlap and neither holds the other."""
        return self.meets(other) and not self.holds(other) and not other.holds(self)


class Words(NamedTuple):
    """A line of text, and where it is: its width is estimated."""

    said: str
    area: Area


class Drawn(NamedTuple):
    """A drawing taken apart. Each box and frame comes with the texts in it."""

    page: Area
    boxes: list[tuple[Area, list[Words]]]
    frames: list[tuple[Area, list[Words]]]
    words: list[Words]
    edges: list[list[tuple[float, float]]]


def drawn(drawing: Drawing) -> Drawn:
    """A drawing as its file shows it."""
    root = ElementTree.fromstring(svg.document(drawing))
    page = Area(0, 0, float(root.get("width", "")), float(root.get("height", "")))
    boxes = [_owned(group) for group in root.iter(f"{_SVG}g") if group.get("class") == "node"]
    frames = [_owned(group) for group in root.iter(f"{_SVG}g") if group.get("class") == "block"]
    words = [_words(element) for element in root.iter(f"{_SVG}text")]
    edges = [list(points(path.get("d", ""))) for path in root.iter(f"{_SVG}path") if path.get("class") == "edge"]
    return Drawn(page, boxes, frames, words, edges)


def _owned(group: ElementTree.Element) -> tuple[Area, list[Words]]:
    rects = group.findall(f"{_SVG}rect")
    return _area(rects[-1]), [_words(element) for element in group.findall(f"{_SVG}text")]


def _area(rect: ElementTree.Element) -> Area:
    x, y, width, height = (float(rect.get(name, "")) for name in ("x", "y", "width", "height"))
    return Area(x, y, x + width, y + height)


def _words(element: ElementTree.Element) -> Words:
    classes = element.get("class", "").split()
    size = next((_SIZES[name] for name in classes if name in _SIZES), 12.0)
    said = element.text or ""
    wide = text.width(said, size, bold="bold" in classes or "heading" in classes)
    x, y = float(element.get("x", "")), float(element.get("y", ""))
    left = x - (wide / 2 if "mid" in classes else wide if "end" in classes else 0)
    return Words(said, Area(left, y - 0.8 * size, left + wide, y + 0.2 * size))


def points(commands: str) -> Iterator[tuple[float, float]]:
    """Points along a path, at most four pixels from each other where it is straight."""
    x = y = 0.0
    for letter, rest in re.findall(r"([MLHVCq])([^MLHVCq]*)", commands):
        n = [float(value) for value in re.findall(r"-?[\d.]+", rest)]
        if letter == "M":
            x, y = n
            yield x, y
            continue
        if letter == "C":
            ends, bends = (n[4], n[5]), [(n[0], n[1]), (n[2], n[3])]
        elif letter == "q":
            ends, bends = (x + n[2], y + n[3]), [(x + n[0], y + n[1])]
        else:
            ends, bends = {"L": (n[0], n[-1]), "H": (n[0], y), "V": (x, n[0])}[letter], []
        steps = 24 if bends else max(1, int((abs(ends[0] - x) + abs(ends[1] - y)) / 4))
        curve = [(x, y), *bends, ends]
        for step in range(1, steps + 1):
            yield _at(curve, step / steps)
        x, y = ends


def _at(curve: list[tuple[float, float]], t: float) -> tuple[float, float]:
    """A point of a Bézier curve, by de Casteljau."""
    while len(curve) > 1:
        curve = [(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])) for a, b in pairwise(curve)]
    return curve[0]


def faults(drawing: Drawing) -> list[str]:
    """What makes a drawing unreadable: boxes on boxes, frames across each other or across boxes, edges through boxes,
    text outside its box or the page."""
    it = drawn(drawing)
    found = []
    areas = sorted(area for area, _ in it.boxes)
    for i, area in enumerate(areas):
        for other in areas[i + 1 :]:
            if other.left > area.right:
                break
            if area.meets(other):
                found.append(f"boxes overlap: {area} and {other}")
    frames = [area for area, _ in it.frames]
    for i, frame in enumerate(frames):
        found += [f"a frame across a box: {frame} and {area}" for area in areas if frame.cuts(area)]
        found += [f"frames across each other: {frame} and {area}" for area in frames[i + 1 :] if frame.cuts(area)]
    for area, words in (*it.boxes, *it.frames):
        found += [f"text outside its box: {each.said!r}" for each in words if not area.holds(each.area)]
    found += [f"text outside the page: {each.said!r}" for each in it.words if not it.page.holds(each.area)]
    found += [f"a box outside the page: {area}" for area, _ in (*it.boxes, *it.frames) if not it.page.holds(area)]
    grid: dict[tuple[int, int], list[Area]] = {}
    for area in areas:
        for column in range(int(area.left // 64), int(area.right // 64) + 1):
            for row in range(int(area.top // 64), int(area.bottom // 64) + 1):
                grid.setdefault((column, row), []).append(area)
    for edge in it.edges:
        for x, y in edge:
            for area in grid.get((int(x // 64), int(y // 64)), ()):
                if area.left + 0.5 < x < area.right - 0.5 and area.top + 0.5 < y < area.bottom - 0.5:
                    found.append(f"an edge through a box: {area} at {x:.0f}, {y:.0f}")
    titles = [each.area for _, words in it.frames for each in words]
    for edge in it.edges:
        for x, y in edge:
            found += [
                f"an edge through a title: {area}"
                for area in titles
                if area.left < x < area.right and area.top < y < area.bottom
            ]
    return list(dict.fromkeys(found))
