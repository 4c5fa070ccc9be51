"""Sizes: the numbers that rules compute with, whatever kind they are.

A size is an int (one architecture), an integer array (a sweep over many; `Many` where they need the same order of
steps), a symbolic expression (a closed formula) or a traced int (one that remembers how it was made). Rules are written
once for all of them: they use `+ - *`, `//` by something positive, and the helpers of this file. Annotations say `int`,
since that is the arithmetic the rules may rely on. This is the one file that asks what kind of size it has; everything
else passes sizes on. A range stands in for an array, to bound beforehand what the array's computation can give.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from archcalc.sizes import many, traced
from archcalc.sizes.many import Many
from archcalc.sizes.ranges import Range, largest, least, same
from archcalc.sizes.symbols import Expression, extreme
from archcalc.sizes.traced import Traced

Size: TypeAlias = int

#: No size that a spec states may be larger: beyond it lie typing errors and attacks, not networks.
LARGEST = 10**15


def is_concrete(value: object) -> bool:
    """Whether the value is one whole number, and not an array or a symbol."""
    return type(value) is int or type(value) is Traced


def is_many(value: object) -> bool:
    """Whether the value is a size that stands for several numbers: an array, a symbol or a range."""
    return not is_concrete(value) and is_size(value)


def is_array(value: object) -> bool:
    """Whether the value is an array of integers, of a machine's or of Python's (NumPy is not imported to find out)."""
    if isinstance(value, Many):
        return True
    return hasattr(value, "dtype") and getattr(value.dtype, "kind", "") in "iuO"


def is_size(value: object) -> bool:
    """Whether the value is a size of any kind."""
    return is_concrete(value) or isinstance(value, (Expression, Range)) or is_array(value)


#: Up to so many bytes an array is recognised by what is in it, beyond that as the object that it is.
_RECOGNISED_BYTES = 1 << 16


def identity(value: Any) -> Any:
    """What can be hashed and is equal only for the same sizes: for sizes themselves and for tuples of them.

    An array that is as large as a whole sweep is its own identity, which is right while the array is kept.
    """
    if isinstance(value, tuple):
        return tuple(map(identity, value))
    if isinstance(value, Many) or not is_array(value):
        return value
    if value.nbytes > _RECOGNISED_BYTES:
        return ("array", id(value))
    return (value.shape, tuple(value.flat) if value.dtype.kind == "O" else value.tobytes())


def settled(value: Any) -> Any:
    """A value from outside as this file's kinds have it: NumPy's narrow integers would wrap, and its scalars be taken
    for arrays. OverflowError for a number beyond `LARGEST`."""
    if is_array(value):
        value = int(value) if value.ndim == 0 else value.astype("int64")
    if type(value) is int and abs(value) > LARGEST:
        raise OverflowError(f"{value} is too large: sizes go up to {LARGEST:,}")
    return value


def magnitude(value: Any) -> int:
    """The largest that a size of several numbers can be, its sign aside; 0 for symbols, which have no size yet."""
    if isinstance(value, Range):
        return max(-value.low, value.high)
    value = many.plain(value)
    if is_array(value) and value.size and value.dtype.kind == "O":
        return int(abs(value).max())
    return 0


def product(sizes: Iterable[Size]) -> Size:
    """The product of the sizes; 1 for none."""
    result = 1
    for size in sizes:
        result = result * size
    return traced.grouped(result) if isinstance(result, Traced) else result


def plus(left: Size, right: Size) -> Size:
    """The sum of two sizes. Adding 0 makes no new size: in a sweep that would be an array as long as the sweep."""
    if type(right) is int and right == 0:
        return left
    return right if type(left) is int and left == 0 else left + right


def times(count: int, size: Size) -> Size:
    """So many times a size, which once is the size itself."""
    return size if count == 1 else count * size


def total(sizes: Iterable[Size]) -> Size:
    """The sum of the sizes; 0 for none."""
    result = 0
    for size in sizes:
        # The sums of one network are plain numbers, of which there are many: they need no asking.
        result = result + size if type(size) is int and type(result) is int else plus(result, size)
    return result


def ceil_div(size: Size, divisor: Size) -> Size:
    """`size / divisor`, rounded up."""
    return (size + divisor - 1) // divisor


def minimum(left: Size, right: Size) -> Size:
    """The smaller of the two, element by element for arrays."""
    return _extreme(left, right, "min")  # type: ignore[no-any-return]


def maximum(left: Size, right: Size) -> Size:
    """The larger of the two, element by element for arrays."""
    return _extreme(left, right, "max")  # type: ignore[no-any-return]


def greatest(sizes: Iterable[Size]) -> Size:
    """The largest of some sizes, none of which is negative; 0 for none."""
    result = 0
    for size in sizes:
        if type(size) is not int or type(result) is not int:
            result = maximum(result, size)
        elif size > result:  # as in `total`: those of one network are plain numbers
            result = size
    return result


def _extreme(left: Any, right: Any, which: str) -> Any:
    if type(left) is int and type(right) is int:
        return min(left, right) if which == "min" else max(left, right)
    if isinstance(left, Traced) or isinstance(right, Traced):
        return traced.extreme(which, left, right)
    if isinstance(left, Expression) or isinstance(right, Expression):
        return extreme(which, left, right)
    if isinstance(left, Range) or isinstance(right, Range):
        return least(left, right) if which == "min" else largest(left, right)
    import numpy

    found = numpy.minimum if which == "min" else numpy.maximum
    if isinstance(left, Many) or isinstance(right, Many):
        return many.extreme(found, left, right)
    return found(left, right)


def equals(left: Iterable[Size], right: Iterable[Size]) -> Size:
    """1 where the two are equal size by size, 0 elsewhere."""
    return 1 - minimum(total(maximum(a - b, b - a) for a, b in zip(left, right, strict=True)), 1)


def agree(left: Any, right: Any) -> bool | None:
    """Whether two sizes are equal: True for all values in question, False for none of them, None for some. Undecided
    for some of those that need the same order of steps."""
    if left is right:
        return True
    if type(left) is int and type(right) is int:
        return left == right
    if isinstance(left, Range) or isinstance(right, Range):
        return same(left, right)
    if isinstance(left, Expression) or isinstance(right, Expression):
        difference = left - right
        return difference == 0 or (None if difference.constant is None else False)
    if isinstance(left, Many) or isinstance(right, Many):
        return many.agree(left, right)
    equal_there = left == right
    if isinstance(equal_there, bool):
        return equal_there
    return bool(equal_there.all()) or (None if equal_there.any() else False)


def certainly_equal(left: Any, right: Any) -> bool:
    """Whether the two are equal whatever the symbols are, and everywhere in an array."""
    return agree(left, right) is True


def undecided(pairs: Iterable[tuple[Size, Size]]) -> tuple[tuple[Size, Size], ...]:
    """The pairs that are equal for some of the values in question and not for others; none of plain numbers are."""
    return tuple(pair for pair in pairs if agree(*pair) is None)
