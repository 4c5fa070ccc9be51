"""Which combinations a sweep visits, in which order, and in what pieces.

Combinations are numbered: the last axis varies fastest. A shard is a contiguous stretch of the numbers, so shards are
disjoint and together they are the sweep. A grid is visited in boxes, whose axes stay short arrays while only their
products become long; a zipped or sampled sweep in runs of points.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, TypeAlias

from archcalc.commands.sweep.values import Axis
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.records import Record

#: Combinations in one piece: their arrays stay in the processor's cache, and memory stays bounded.
CHUNK = 1 << 17

#: A range can have so many numbers, and an array of them 64 bits for each.
_LONGEST = (1 << 62) - 1

#: One slice for each axis: a part of a grid.
Box: TypeAlias = tuple[slice, ...]


class Plan(Record):
    """The combinations of a sweep: `picks` are the numbers of those visited, one axis number each if `zipped`."""

    axes: tuple[Axis, ...]
    zipped: bool
    picks: Sequence[int]

    @property
    def is_grid(self) -> bool:
        """Whether the picks are a stretch of all combinations."""
        return isinstance(self.picks, range) and not self.zipped

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return tuple(len(axis.values) for axis in self.axes)


def plan(
    axes: Sequence[Axis],
    *,
    zipped: bool = False,
    sample: int | None = None,
    seed: int = 0,
    shard: tuple[int, int] = (1, 1),
) -> Plan:
    """All combinations of the axes, or value with value where `zipped`, or `sample` of them drawn without repetition.

    `shard` is (i, n), the i-th of n parts counted from 1. UsageError if the axes do not fit together.
    """
    names = [axis.name for axis in axes]
    if not names:
        raise UsageError("a sweep needs at least one parameter to go over")
    if len(set(names)) < len(names):
        raise UsageError(f"{next(n for n in names if names.count(n) > 1)} is swept over twice")
    lengths = [len(axis.values) for axis in axes]
    if zipped and len(set(lengths)) > 1:
        told = ", ".join(f"{axis.name} has {length:,}" for axis, length in zip(axes, lengths, strict=True))
        raise UsageError(f"zipped parameters need equally many values: {told}")
    count = lengths[0] if zipped else prod(lengths)
    if sample is not None and sample < 1:
        raise UsageError(f"a sample of {sample:,} combinations is not one: draw at least 1")
    if count <= _LONGEST:
        picks: Sequence[int] = range(count)
        picks = picks if sample is None else sorted(random.Random(seed).sample(picks, min(sample, count)))
    elif sample is None:
        raise UsageError(
            f"the sweep has {count:,} combinations, and no machine visits so many: draw some with --sample"
        )
    else:
        picks = _drawn(count, sample, random.Random(seed))
    part, parts = shard
    if not 1 <= part <= parts:
        raise UsageError(f"shard {part}/{parts} does not exist: shards are counted from 1 to {parts}")
    return Plan(tuple(axes), zipped, picks[len(picks) * (part - 1) // parts : len(picks) * part // parts])


def _drawn(count: int, sample: int, source: random.Random) -> list[int]:
    """So many numbers below a count that no range has, each once, in order."""
    drawn: set[int] = set()
    while len(drawn) < sample:
        drawn.add(source.randrange(count))
    return sorted(drawn)


def boxes(shape: tuple[int, ...], start: int, stop: int, limit: int, single: int = 0) -> Iterator[Box]:
    """The combinations numbered `start` to `stop` (excluded) as boxes of at most `limit` combinations, in order.

    The first `single` axes have one value in each box.
    """
    if start >= stop:
        return
    if not shape:
        yield ()
        return
    inner = prod(shape[1:])
    row, offset = divmod(start, inner)
    last, rest = divmod(stop, inner)
    if row == last or offset:
        end = rest if row == last else inner
        yield from _rows(shape, row, offset, end, limit, single)
        row += 1
    if single or inner > limit:
        for each in range(row, last):
            yield from _rows(shape, each, 0, inner, limit, single)
    else:
        step = max(1, limit // inner)
        whole = tuple(slice(0, length) for length in shape[1:])
        for each in range(row, last, step):
            yield (slice(each, min(each + step, last)), *whole)
    if rest and row <= last:
        yield from _rows(shape, last, 0, rest, limit, single)


def _rows(shape: tuple[int, ...], row: int, start: int, stop: int, limit: int, single: int) -> Iterator[Box]:
    """The boxes within one row of the first axis."""
    for box in boxes(shape[1:], start, stop, limit, max(0, single - 1)):
        yield (slice(row, row + 1), *box)


def positions(made: Plan, picks: Sequence[int]) -> list[Any]:
    """For some combinations, by their numbers, an array of positions on each axis."""
    import numpy

    # Of a space that is too large for 64 bits the numbers are Python's own.
    numbers = numpy.array(picks, dtype=numpy.int64 if made.zipped or prod(made.shape) <= _LONGEST else object)
    if made.zipped:
        return [numbers] * len(made.axes)
    found = []
    for length in reversed(made.shape):
        found.append((numbers % length).astype(numpy.int64))
        numbers = numbers // length
    return found[::-1]
