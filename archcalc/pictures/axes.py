"""Axes of a chart: from values to pixels, on a linear or a logarithmic scale, with round ticks."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import groupby

from archcalc.pictures import svg
from archcalc.pictures.text import unnumbered, width
from archcalc.records import Record
from archcalc.units import BYTES, SECONDS, Unit, bytes_decimal, short, time

#: Values over more than this ratio stand on a logarithmic scale.
_WIDE = 8
#: How far an axis leads on beyond its values, as a share of their range: the largest circles stay within a chart.
_MARGIN = 0.1
#: Values that are no further apart, as a share of them, are the same on an axis.
_ROUNDING = 1e-9


class Axis(Record):
    """A scale from `low` to `high`, drawn from pixel `start` to pixel `end`."""

    low: float
    high: float
    logarithmic: bool
    start: float
    end: float
    title: str
    write: Callable[[float], str]

    def at(self, value: float) -> float:
        """The pixel of a value."""
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values along the scale: 1, 2 and 5 of a power of ten, as many as are easy to read."""
        found = _powers(self.low, self.high) if self.logarithmic else _steps(self.low, self.high)
        return [tick for tick in found if self.low * (1 - 1e-9) <= tick <= self.high * (1 + 1e-9)]


def axis(values: Sequence[float], start: float, end: float, title: str, write: Callable[[float], str]) -> Axis:
    """The axis that shows some values, with a margin: logarithmic where they differ by much and are above 0."""
    low, high = min(values), max(values)
    if low > 0 and high / low > _WIDE:
        margin = (high / low) ** _MARGIN
        return Axis(low / margin, high * margin, True, start, end, title, write)
    spread = high - low if high - low > _ROUNDING * max(abs(low), abs(high)) else 0.0
    margin = _MARGIN * spread or abs(high) / 2 or 1.0
    least = 0.0 if 0 <= low - margin < 0.4 * high or low - margin < 0 <= low else low - margin
    return Axis(least, high + margin, False, start, end, title, write)


def from_zero(high: float, start: float, end: float, title: str, write: Callable[[float], str]) -> Axis:
    """A linear axis from 0 to a little above a value."""
    return Axis(0.0, high * 1.08 or 1.0, False, start, end, title, write)


def _powers(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    within = [10.0**power for power in decades if low <= 10.0**power <= high]
    steps = (1, 2, 5) if len(within) <= 3 else (1,)
    every = max(1, math.ceil(len(decades) / 9)) if steps == (1,) else 1
    return [step * 10.0**power for power in decades if power % every == 0 for step in steps]


def _steps(low: float, high: float) -> list[float]:
    rough = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]


# --- how values are written at ticks


def of_unit(unit: Unit) -> Callable[[float], str]:
    """How values in a unit are written."""
    return as_bytes if unit is BYTES else as_seconds if unit is SECONDS else as_count


def as_seconds(value: float) -> str:
    """1.5 ms."""
    return _trimmed(time(Fraction(value)))


def as_bytes(value: float) -> str:
    """12 GB."""
    return _trimmed(bytes_decimal(round(value)))


def as_count(value: float) -> str:
    """25 M; below 1,000 with up to three digits."""
    return _trimmed(short(round(value))) if value >= 1000 else f"{value:.3g}"


def as_percent(value: float) -> str:
    """7.5%."""
    return f"{value:.3g}%"


def as_plain(value: float) -> str:
    """2014."""
    return f"{value:.10g}"


def _trimmed(text: str) -> str:
    """Without zeros behind the point."""
    return re.sub(r"(\.\d*?)0+(?= |$)", r"\1", text).replace(". ", " ")


# --- drawing


def draw(x: Axis, y: Axis) -> list[str]:
    """The grid, the ticks with their values, and the titles: x below, y above its upper end."""
    left, right, low, high = x.start, x.end, y.start, y.end
    made = []
    for value, at in _apart(x, [width(x.write(tick), 10.5) + 10 for tick in x.ticks()]):
        made += [svg.line(at, low, at, high, "grid"), svg.text(at, low + 16, x.write(value), "small mid")]
    for value, at in _apart(y, [16.0] * len(y.ticks())):
        made += [svg.line(left, at, right, at, "grid"), svg.text(left - 7, at + 4, y.write(value), "small end")]
    made += [svg.line(left, low, right, low, "axis"), svg.line(left, low, left, high, "axis")]
    made.append(svg.text((left + right) / 2, low + 36, x.title, "mid"))
    made.append(svg.text(left, high - 10, y.title, "mid" if width(y.title, 12) < 2 * left - 8 else ""))
    return made


def stretches(found: Sequence[tuple[str, float, float]], low: float) -> list[str]:
    """Below an axis, where its stretches begin, and the names of those that have room: each is a name and where it
    begins and ends. Numbered neighbours that have none are named together."""
    made = [svg.line(start, low, start, low + 5, "axis") for _, start, _ in found]
    for base, group in groupby(found, key=lambda stretch: unnumbered(stretch[0])):
        each = list(group)
        named = each if all(map(_has_room, each)) else [(f"{base} x {len(each)}", each[0][1], each[-1][2])]
        for name, start, end in filter(_has_room, named if len(each) > 1 else each):
            made.append(svg.text((start + end) / 2, low + 17, name, "small mid"))
    return made


def _has_room(stretch: tuple[str, float, float]) -> bool:
    name, start, end = stretch
    return width(name, 10.5) + 6 <= end - start


def _apart(scale: Axis, sizes: Sequence[float]) -> Iterable[tuple[float, float]]:
    """The ticks whose texts do not touch the one before."""
    reached = -math.inf
    ticks = sorted(zip(scale.ticks(), sizes, strict=True), key=lambda tick: scale.at(tick[0]))
    for value, size in ticks:
        at = scale.at(value)
        if at - size / 2 >= reached:
            reached = at + size / 2
            yield value, at
