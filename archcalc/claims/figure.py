"""The value of a claim as a spec writes it: a number to the precision it is written with, a bound, or a volume.

138_357_544   exactly that            12x    a ratio, from 11.5 to 12.5
138M          137.5 to 138.5 million  7.3%   a share or an error rate
35K, 159Ki    thousands, 1024s        <= 5M  a bound; also <, >=, > (quoted, as YAML keeps > for itself)
~100 MB       within 20 %             55x55x96, 4096   volumes, channels last
58.1 MiB      bytes                   27 * channels**2   arithmetic over the spec's parameters, exactly
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from archcalc.language.expression import Compiled, ExpressionError, compile_expression
from archcalc.records import Record
from archcalc.sizes.kinds import LARGEST
from archcalc.sizes.volume import Volume
from archcalc.units import LEAST_BOUND, SUFFIXES, suffix, unit_forgotten

#: `~` stands for an order of magnitude: a fifth more or less.
ROUGHLY = Fraction(1, 5)

#: Units that are not suffixes of a number or of bytes.
_RELATIVE = {"x": (1, "x"), "%": (1, "%")}

_NUMBER = re.compile(r"(\d[\d_]*)(?:\.(\d+))?\s*([A-Za-z%]*)\Z", re.ASCII)
_VOLUME = re.compile(r"\d+(?:x\d+)+\Z", re.ASCII)
_BOUND = re.compile(r"(<=|>=|<|>)\s*")

HELP = "write it as 138_357_544, 138M, 58.1 MiB, 7.3%, 12x, ~100 MB, <= 5M or 55x55x96"


class FigureError(Exception):
    """A value that is none; the message stands on its own."""


class Bound(Record):
    """One side of what a figure admits: `relation` is <, <=, > or >=."""

    relation: str
    limit: Fraction

    def admits(self, value: Fraction | None) -> bool:
        """Whether the value is on the right side; a figure without a value is on none."""
        if value is None:
            return False
        if self.relation == "<=":
            return value <= self.limit
        if self.relation == "<":
            return value < self.limit
        return value >= self.limit if self.relation == ">=" else value > self.limit


class Figure(Record):
    """What a claim says: `bounds` a number must keep, or a `volume`, or an `expression` to be equal to.

    `unit` is "" for a plain number, "bytes", "x" for a ratio, "%" for a share. `step` is one unit of the last digit of
    a number that is neither a bound nor an order of magnitude.
    """

    text: str
    unit: str = ""
    value: Fraction | None = None
    step: Fraction | None = None
    bounds: tuple[Bound, ...] = ()
    volume: tuple[int, ...] | None = None
    expression: Compiled | None = None

    @property
    def exact(self) -> bool:
        """Whether one number alone meets it."""
        return len(self.bounds) == 2 and self.bounds[0].limit == self.bounds[1].limit

    @property
    def billions(self) -> str | None:
        """What to write instead of bytes, if `B` can have been meant for billions, as in the name of a model."""
        plain = re.sub(r"(?<=\d) ?[Bb]$", "G", self.text)
        return f"B is bytes; for billions write {plain}" if self.unit == "bytes" and plain != self.text else None

    @property
    def forgotten(self) -> str | None:
        """What to write instead, if it is about bytes, and an upper bound so low that its unit was forgotten."""
        above = any(bound.relation in ("<", "<=") for bound in self.bounds)
        if self.value is None or self.unit or self.exact or not above:
            return None
        return unit_forgotten(self.text.lstrip("<>=~ "), self.value, LEAST_BOUND)


def read(text: str) -> Figure:
    """The figure that a text states; FigureError if it states none."""
    text = " ".join(text.split())
    if not text:
        raise FigureError("a value is missing here")
    if len(text) > 200:
        raise FigureError("a value of more than 200 characters is not a figure")
    if _VOLUME.match(text):
        return Figure(text, volume=tuple(map(_size, text.split("x"))))
    relation = _BOUND.match(text)
    roughly = text.startswith("~")
    rest = text[relation.end() :] if relation else text[1:].lstrip() if roughly else text
    match = _NUMBER.match(rest)
    scale = None if match is None else _RELATIVE.get(match.group(3)) or suffix(match.group(3))
    if match is None or scale is None:
        return _other(text, match)
    value, step, unit = _number(match, *scale)
    if relation:
        return Figure(text, unit, value, bounds=(Bound(relation.group(1), value),))
    if roughly:
        around = (Bound(">=", value * (1 - ROUGHLY)), Bound("<=", value * (1 + ROUGHLY)))
        return Figure(text, unit, value, bounds=around)
    if step == 1 and unit in ("", "bytes") and match.group(3) in ("", "B"):
        return Figure(text, unit, value, step, (Bound(">=", value), Bound("<=", value)))
    return Figure(text, unit, value, step, (Bound(">=", value - step / 2), Bound("<=", value + step / 2)))


def _size(text: str) -> int:
    if len(text) > 16:
        raise FigureError("a size of more than 16 digits is not a size of a network")
    return int(text)


def _number(match: re.Match[str], scale: int, unit: str) -> tuple[Fraction, Fraction, str]:
    """Value, unit of the last digit, and unit of measure."""
    whole, decimals = match.group(1).replace("_", ""), match.group(2) or ""
    value = Fraction(int(whole + decimals) * scale, 10 ** len(decimals))
    if value > 1000 * LARGEST:
        raise FigureError("the value is larger than any network's")
    return value, Fraction(scale, 10 ** len(decimals)), unit


def _other(text: str, number: re.Match[str] | None) -> Figure:
    if number is not None:
        known = ", ".join((*SUFFIXES, *_RELATIVE))
        raise FigureError(f"`{text}` has no unit of ours: the units are {known}")
    try:
        return Figure(text, expression=compile_expression(text))
    except ExpressionError:
        raise FigureError(f"`{text}` is not a figure") from None


def truncated(figure: Figure) -> Figure:
    """The figure of a source that cuts digits off instead of rounding: from the value up to one unit more."""
    if figure.value is None or figure.step is None:
        raise FigureError("only a number can be truncated")
    return figure._replace(bounds=(Bound(">=", figure.value), Bound("<", figure.value + figure.step)))


def within(figure: Figure, tolerance: Figure) -> Figure:
    """The figure with a stated tolerance: a share of it (`2 %`), or an amount in its own unit."""
    if figure.value is None or figure.step is None or tolerance.value is None:
        raise FigureError("only a number can have a tolerance")
    by_share = tolerance.unit == "%" and figure.unit != "%"
    if not by_share and tolerance.unit != figure.unit:
        raise FigureError("a tolerance is a share (2 %) or has the unit of the value")
    margin = figure.value * tolerance.value / 100 if by_share else tolerance.value
    return figure._replace(bounds=(Bound(">=", figure.value - margin), Bound("<=", figure.value + margin)))


def admits(figure: Figure, value: Fraction, parameters: Mapping[str, Any]) -> bool:
    """Whether a computed number meets the figure; FigureError if its expression has no number for a value."""
    if figure.expression is not None:
        return value == evaluated(figure, parameters)
    return all(bound.admits(value) for bound in figure.bounds)


def evaluated(figure: Figure, parameters: Mapping[str, Any]) -> Fraction:
    """The number that the expression of a figure gives for the spec's parameters."""
    assert figure.expression is not None
    try:
        found = figure.expression.evaluate(parameters)
    except ExpressionError as error:
        raise FigureError(error.message) from None
    if isinstance(found, Fraction) or type(found) is int:
        return Fraction(found)
    raise FigureError(f"`{figure.text}` is not a number")


def is_volume(figure: Figure, volume: Volume) -> bool:
    """Whether a computed volume is the one claimed, channels last. A vector is written `4096` or `1x1x4096`."""
    if figure.volume is not None:
        claimed = figure.volume
    elif figure.exact and figure.unit == "":
        claimed = (int(figure.value or 0),)
    else:
        return False
    return _without_ones(claimed) == _without_ones((*volume.space, volume.channels))


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A map of one position is a vector."""
    return shape[-1:] if all(size == 1 for size in shape[:-1]) else shape
