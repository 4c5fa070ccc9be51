"""The values that a parameter takes in a sweep, as a user writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from archcalc import catalogue
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.layers.attributes import shown
from archcalc.records import Record
from archcalc.sizes.kinds import LARGEST


class Axis(Record):
    """A parameter and the values it takes, in order: ints, exact fractions, booleans, words or tuples."""

    name: str
    values: Sequence[Any]

    @property
    def whole(self) -> bool:
        """Whether every value is a whole number, so that an array can hold them."""
        return isinstance(self.values, range) or all(type(value) is int for value in self.values)

    @property
    def ends(self) -> tuple[int, int]:
        """The least and the largest of whole values."""
        values = self.values
        ends = (values[0], values[-1]) if isinstance(values, range) else values
        return min(ends), max(ends)


def axis(name: str, values: Iterable[Any] | Any) -> Axis:
    """The axis of a parameter from Python values: whole numbers, decimals, booleans, words, tuples, or one of these.

    UsageError if there are none, or one of them cannot be a parameter's value.
    """
    if isinstance(values, range):
        made: Sequence[Any] = values
    elif isinstance(values, (str, bool, int, float, Fraction)):
        made = (_value(name, values),)
    else:
        made = tuple(_value(name, value) for value in values)
    if not made:
        raise UsageError(f"{name} has no values to sweep over")
    if isinstance(made, range) and max(abs(made[0]), abs(made[-1])) > LARGEST:
        raise UsageError(f"{name} goes up to {max(made[0], made[-1]):,}: no size is that large")
    return Axis(name, made)


def _value(name: str, value: Any) -> Any:
    if getattr(value, "ndim", 0):
        raise UsageError(f"the values of {name} are an array of more than one axis: give them as a list")
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float):
        value = Fraction(str(value)) if value == value and abs(value) != float("inf") else None
    if isinstance(value, Fraction) and value.denominator == 1:
        value = value.numerator
    if isinstance(value, (list, tuple)):
        return tuple(_value(name, each) for each in value)
    if isinstance(value, (bool, str, Fraction)) or (type(value) is int and abs(value) <= LARGEST):
        return value
    raise UsageError(f"{shown(value)} is not a value for {name}")


def read(text: str) -> Axis:
    """`width=16:512:16` (the end is included), `image=[128, 160, 192]` or `width=64` as an axis.

    UsageError if it is none of these.
    """
    name, written = catalogue.setting(text)
    if ".." in written:
        raise UsageError(f"`{written}` is not a range for {name}: write first:last or first:last:step")
    if ":" not in written:
        value = catalogue.value(name, written)
        return axis(name, value if isinstance(value, tuple) else (value,))
    parts = [catalogue.value(name, part) for part in written.split(":")]
    if not 2 <= len(parts) <= 3 or not all(type(p) is int or isinstance(p, Fraction) for p in parts):
        raise UsageError(f"`{written}` is not a range for {name}: write first:last or first:last:step")
    first, last, step = (*parts, 1)[:3]
    if step <= 0 or last < first:
        raise UsageError(f"`{written}` is an empty range for {name}: it goes from the first to the last, upwards")
    if all(type(part) is int for part in (first, last, step)):
        return axis(name, range(first, last + 1, step))
    count = int((last - first) // step) + 1
    if count > 100_000:
        raise UsageError(f"{name} has {count:,} values that are not whole: 100,000 is the most")
    return axis(name, [first + step * i for i in range(count)])
