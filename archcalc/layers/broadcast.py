"""How volumes that differ in size meet: one is repeated along the axes in which the other is larger."""

from collections.abc import Iterator

from archcalc.sizes.conditions import Condition, equal
from archcalc.sizes.kinds import Size, is_concrete
from archcalc.sizes.volume import Volume


def broadcast(xs: tuple[Volume, ...]) -> tuple[Volume, tuple[Condition, ...]]:
    """The volume that all of them are repeated to, and what must hold for it.

    Channels meet channels, and spatial axes are aligned from the last: a vector is repeated at every position. An
    axis of size 1, or one that is lacking, is repeated; all others must agree. Source: NumPy's broadcasting rule.
    """
    output, conditions = xs[0], []
    for x in xs[1:]:
        output, found = _pair(output, x)
        conditions += found
    return output, tuple(conditions)


def _pair(left: Volume, right: Volume) -> tuple[Volume, list[Condition]]:
    rank = max(left.rank, right.rank)
    message = "the branches must have the same number of channels, or one of them 1"
    sizes: list[Size] = []
    conditions = []
    for a, b in zip(_aligned(left, rank), _aligned(right, rank), strict=True):
        if _is_one(a):
            sizes.append(b)
        else:
            sizes.append(a)
            if not _is_one(b):
                conditions.append(equal("branches-agree", b, a, message))
        message = "the branches must agree in every spatial axis, or have 1 there"
    return Volume(sizes[0], tuple(sizes[1:])), conditions


def _aligned(x: Volume, rank: int) -> tuple[Size, ...]:
    return (x.channels, *(1,) * (rank - x.rank), *x.space)


def _is_one(size: Size) -> bool:
    return is_concrete(size) and size == 1


def operands(xs: tuple[Volume, ...], name: str) -> Iterator[Condition]:
    """An operation on two streams has two of them."""
    yield equal("bad-branches", len(xs), 2, f"{name} takes two branches")
