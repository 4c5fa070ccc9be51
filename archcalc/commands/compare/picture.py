"""Architectures in a chart: an error against operations with circles of parameters, or any other two or three figures.

The first to draw it so: Canziani, Paszke & Culurciello 2016, arXiv:1605.07678, figure 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from archcalc.claims.facts import FACTS
from archcalc.commands.compare.answer import Compared, Opened, compare, published
from archcalc.commands.compare.tables import title
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.pictures import axes, scatter
from archcalc.pictures.scatter import Figure, Point
from archcalc.pictures.svg import Drawing
from archcalc.quantities.registry import quantities
from archcalc.sizes.volume import Volume


def default_axes(specs: Sequence[Opened]) -> list[str]:
    """MACs, the first kind of error that is published of any of the networks, and parameters; where none is
    published, activations stand in its place."""
    known = published(specs)
    errors = (name for name, fact in FACTS.items() if fact.unit == "%" and name in known)
    return ["macs", next(errors, "activation_bytes"), "params"]


def draw(specs: Sequence[Opened], names: Sequence[str], words: Mapping[str, str] | None = None) -> Drawing:
    """A circle for each network that has the figures, under the setup that words state. UsageError for other than two
    or three figures, or if no network has them."""
    if not 2 <= len(names) <= 3:
        raise UsageError(f"a chart shows two figures, or three with the size of circles: {len(names)} are named")
    rows = compare(specs, names, words=words)
    points = []
    left_out = []
    for row in rows:
        values = [_number(row.values[name].value) for name in names]
        if any(value is None for value in values):
            left_out.append(row.spec)
        else:
            points.append(_point(row, names, [float(value) for value in values]))
    if not points:
        raise UsageError(f"none of these networks has {' and '.join(names)}: choose others with --axes")
    x, y, *size = (Figure(title(name), _writes(name)) for name in names)
    notes = [f"without a figure, and not in the chart: {', '.join(left_out)}"] if left_out else []
    heading = f"{y.title} against {x.title}" + (f", circles: {size[0].title}" if size else "")
    return scatter.draw(points, x, y, size[0] if size else None, heading, [_short(note) for note in notes])


def _short(note: str) -> str:
    return note if len(note) <= 150 else f"{note[:149]}…"


def _point(row: Compared, names: Sequence[str], values: Sequence[float]) -> Point:
    said = ", ".join(f"{title(name)} {_writes(name)(value)}" for name, value in zip(names, values, strict=True))
    return Point(row.spec, values[0], values[1], values[2] if len(values) > 2 else None, "blue", f"{row.spec}: {said}")


def _number(value: Any) -> Any:
    """A value as a number: of one with a size for each axis, the largest. None for what is none."""
    if isinstance(value, Volume):
        return None
    if isinstance(value, tuple) and value:
        value = max(value)
    return value if isinstance(value, int | Fraction | float) else None


def _writes(name: str) -> Any:
    if name in FACTS:
        return axes.as_percent if FACTS[name].unit == "%" else axes.as_plain
    return axes.of_unit(quantities()[name].unit)
