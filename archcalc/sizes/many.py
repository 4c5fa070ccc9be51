"""Sizes of many variants at once that are told apart: an array of which nothing is decided that differs within it.

Where the order of steps follows from sizes, as in a pass through a network, an answer has to be the same for all
variants, or they take different ways. So a comparison of these is one truth value, or Undecided; and they can be looked
up, as numbers can. A plain array stands for variants whose differences do not matter: a comparison of it is an array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archcalc.sizes.symbols import Undecided


class Many:
    """An array of integers, of a machine's or of Python's, that is one size."""

    __slots__ = ("_hash", "values")

    def __init__(self, values: Any) -> None:
        self.values = values
        self._hash: int | None = None

    def __repr__(self) -> str:
        return repr(self.values)

    # Equal are those that hold the same values: it serves to recognise a computation. Whether the sizes that they stand
    # for are equal, `kinds.agree` says.

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Many):
            return False
        mine, its = self.values, other.values
        return mine.shape == its.shape and mine.dtype == its.dtype and bool((mine == its).all())

    def __hash__(self) -> int:
        if self._hash is None:
            values = self.values
            held = tuple(values.flat) if values.dtype.kind == "O" else values.tobytes()
            self._hash = hash((values.shape, held))
        return self._hash

    def __add__(self, other: Any) -> Many:
        return Many(self.values + plain(other))

    def __radd__(self, other: Any) -> Many:
        return Many(other + self.values)

    def __sub__(self, other: Any) -> Many:
        return Many(self.values - plain(other))

    def __rsub__(self, other: Any) -> Many:
        return Many(other - self.values)

    def __neg__(self) -> Many:
        return Many(-self.values)

    def __mul__(self, other: Any) -> Many:
        return Many(self.values * plain(other))

    def __rmul__(self, other: Any) -> Many:
        return Many(other * self.values)

    def __pow__(self, power: int) -> Many:
        return Many(self.values**power)

    def __floordiv__(self, other: Any) -> Many:
        return Many(self.values // plain(other))

    def __rfloordiv__(self, other: Any) -> Many:
        return Many(other // self.values)

    def __mod__(self, other: Any) -> Many:
        return Many(self.values % plain(other))

    def __rmod__(self, other: Any) -> Many:
        return Many(other % self.values)

    def __bool__(self) -> bool:
        return decided(self.values != 0)

    def __lt__(self, other: Any) -> bool:
        return decided(self.values < plain(other))

    def __le__(self, other: Any) -> bool:
        return decided(self.values <= plain(other))

    def __gt__(self, other: Any) -> bool:
        return decided(self.values > plain(other))

    def __ge__(self, other: Any) -> bool:
        return decided(self.values >= plain(other))


def plain(value: Any) -> Any:
    """The array of a size of this kind; any other size as it is."""
    return value.values if isinstance(value, Many) else value


def decided(verdict: Any) -> bool:
    """An array of truth values that are all the same, as that one. Undecided if they differ."""
    if verdict.all():
        return True
    if verdict.any():
        raise Undecided
    return False


def extreme(which: Callable[[Any, Any], Any], left: Any, right: Any) -> Many:
    """The smaller or the larger of two sizes, variant by variant, by NumPy's function for it."""
    return Many(which(plain(left), plain(right)))


def agree(left: Any, right: Any) -> bool:
    """Whether two sizes are equal. Undecided if some variants are and some are not."""
    verdict = plain(left) == plain(right)
    return verdict if isinstance(verdict, bool) else decided(verdict)
