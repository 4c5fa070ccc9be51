"""How tensors lie in memory, as rules state it: which axes are outermost, what is a view, where a copy is needed.

Axes are counted with the batch: 0 is the batch, 1 the channels, 2 and up the positions. A framework decides by the
strides of a tensor whether an operation can work on it as it lies, or copies it first.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from archcalc.records import Record

#: How a new tensor lies: like the operation's first input, with the channels outermost or innermost within a sample,
#: `image` like an image that comes channels last (and channels first otherwise), or positions before the batch. A
#: sequence may be worked on as an image of one `row`, some only where its gradient is wanted.
Lies: TypeAlias = Literal[
    "alike", "channels first", "channels last", "image", "row", "row with gradient", "positions first"
]


class Needs(Record):
    """How an operation needs its inputs: the axes from outermost to innermost, of which the first `merged` must lie
    as one; an input that does not lie so is copied. `whole` asks for all of it without gaps, and each group of `more`
    axes must lie as one too."""

    order: tuple[int, ...]
    merged: int
    whole: bool = False
    more: tuple[tuple[int, ...], ...] = ()


def each_as_one(groups: tuple[tuple[int, ...], ...]) -> Needs | None:
    """The need that the axes of each group lie as one; None without groups."""
    return Needs(groups[0], len(groups[0]), more=groups[1:]) if groups else None


class Move(Record):
    """One step of a view: `permute` puts the axes in another order, `narrow` takes a stretch of each of the axes,
    `stride` every so-manieth place of them (`every` where that divides them), `take` one place (the axis goes), `part`
    one of the equal parts of an axis, `merge` makes one axis of several that lie as one, `divide` several of the first
    of them."""

    kind: Literal["permute", "narrow", "stride", "every", "take", "part", "merge", "divide"]
    axes: tuple[int, ...]


#: The condition of a copy that a batch of one sample does without.
ONE_SAMPLE: Literal["one sample"] = "one sample"


#: The need of modules that work on [L, N, C].
POSITIONS_FIRST = Needs((2, 0, 1), 2)


def channels_last(rank: int) -> tuple[int, ...]:
    """The order of a tensor of so many spatial axes whose channels are innermost: [N, L, C], [N, H, W, C]."""
    return (0, *range(2, rank + 2), 1)


def rows(rank: int) -> Needs:
    """A matrix product's need: every position a row, the channels in it. A vector is a row as it is."""
    return Needs(channels_last(rank), rank + 1)
