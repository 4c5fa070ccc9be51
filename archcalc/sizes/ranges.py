"""Ranges: all whole numbers between two bounds, and the arithmetic that bounds whatever a computation on them gives.

An analysis run on ranges bounds every number that the same analysis meets on any values within them, intermediate
ones too: `Ceiling` remembers the largest. That is how a sweep knows beforehand that its arrays cannot overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Ceiling:
    """The largest magnitude that the ranges which share it have reached."""

    __slots__ = ("reached",)

    def __init__(self) -> None:
        self.reached = 0


class Range:
    """The whole numbers from `low` to `high`, both included."""

    __slots__ = ("ceiling", "high", "low")

    def __init__(self, low: int, high: int, ceiling: Ceiling) -> None:
        self.low = low
        self.high = high
        self.ceiling = ceiling
        ceiling.reached = max(ceiling.reached, -low, high)

    def __repr__(self) -> str:
        return f"{self.low} to {self.high}"

    # Two ranges with the same bounds are the same whatever they came from; it only serves to recognise a computation.

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Range) and (self.low, self.high) == (other.low, other.high)

    def __hash__(self) -> int:
        return hash((self.low, self.high))

    def __add__(self, other: Any) -> Range:
        low, high = _ends(other)
        return Range(self.low + low, self.high + high, self.ceiling)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Range:
        low, high = _ends(other)
        return Range(self.low - high, self.high - low, self.ceiling)

    def __rsub__(self, other: Any) -> Range:
        low, high = _ends(other)
        return Range(low - self.high, high - self.low, self.ceiling)

    def __mul__(self, other: Any) -> Range:
        return _corners(self, other, lambda a, b: a * b, self.ceiling)

    __rmul__ = __mul__

    def __pow__(self, power: int) -> Range:
        ends = (self.low**power, self.high**power)
        inside = (0,) if self.low < 0 < self.high and power else ()
        return Range(min(*ends, *inside), max(ends), self.ceiling)

    def __floordiv__(self, other: Any) -> Range:
        return _quotient(self, other, self.ceiling)

    def __rfloordiv__(self, other: Any) -> Range:
        return _quotient(other, self, self.ceiling)

    def __mod__(self, other: Any) -> Range:
        return _remainder(other, self.ceiling)

    def __rmod__(self, other: Any) -> Range:
        return _remainder(self, self.ceiling)


def least(left: Any, right: Any) -> Range:
    """The range of the smaller of the two."""
    return _corners(left, right, min, _shared(left, right))


def largest(left: Any, right: Any) -> Range:
    """The range of the larger of the two."""
    return _corners(left, right, max, _shared(left, right))


def same(left: Any, right: Any) -> bool | None:
    """Whether two ranges hold the same number: True if each holds only that one, False if they have none in common,
    None if it depends on what is picked from them."""
    (low, high), (least_right, largest_right) = _ends(left), _ends(right)
    if high < least_right or largest_right < low:
        return False
    return True if low == high == least_right == largest_right else None


def _ends(value: Any) -> tuple[int, int]:
    return (value.low, value.high) if isinstance(value, Range) else (value, value)


def _shared(left: Any, right: Any) -> Ceiling:
    ceiling: Ceiling = left.ceiling if isinstance(left, Range) else right.ceiling
    return ceiling


def _corners(left: Any, right: Any, apply: Callable[[int, int], int], ceiling: Ceiling) -> Range:
    """The range of a function that rises or falls in each argument: its ends are at the corners."""
    values = [apply(a, b) for a in _ends(left) for b in _ends(right)]
    return Range(min(values), max(values), ceiling)


def _quotient(left: Any, right: Any, ceiling: Ceiling) -> Range:
    if _ends(right)[0] <= 0:
        raise ZeroDivisionError("a range can be divided by positive numbers only")
    return _corners(left, right, lambda a, b: a // b, ceiling)


def _remainder(right: Any, ceiling: Ceiling) -> Range:
    low, high = _ends(right)
    if low <= 0:
        raise ZeroDivisionError("a range can be divided by positive numbers only")
    return Range(0, high - 1, ceiling)
