"""Combinations visited in order, in whatever way is fastest: sizes as arrays, architectures together, or one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy

from archcalc.commands.sweep.choose import Piece
from archcalc.commands.sweep.evaluate import Array, Block, Evaluator
from archcalc.commands.sweep.plan import CHUNK, Plan, boxes, positions
from archcalc.commands.sweep.space import Inseparable, Space
from archcalc.commands.sweep.values import Axis
from archcalc.layers.attributes import shown

#: With more sizes than this for each structure, a structure at a time with arrays of sizes is faster.
_MOST_SIZES = 128
#: So many architectures show whether those of a space can be told apart step by step.
_TRIED = 32


class Visit:
    """The figures of a plan's combinations."""

    def __init__(self, made: Plan, evaluator: Evaluator) -> None:
        self.plan = made
        self.evaluator = evaluator

    @cached_property
    def structural(self) -> frozenset[str]:
        """The axes that decide the structure."""
        return self.evaluator.structural(self.plan.axes)

    @cached_property
    def space(self) -> Space | None:
        """The search space, where its architectures can be told apart step by step: not where sizes alone differ, or
        so many sizes for each structure that arrays of them are faster."""
        return self._together_or_why[0]

    @property
    def obstacle(self) -> str | None:
        """Why each architecture is analysed by itself, where the structure varies; None where it is not."""
        return self._together_or_why[1]

    @cached_property
    def _together_or_why(self) -> tuple[Space | None, str | None]:
        sizes = prod(len(each.values) for each in self.plan.axes if each.name not in self.structural)
        picks = self.plan.picks
        if not self.structural or not picks or (self.plan.is_grid and sizes > _MOST_SIZES):
            return None, None
        space = self.evaluator.space()
        try:
            space.figures(self.plan.axes, self._places(picks[:: max(1, len(picks) // _TRIED)][:_TRIED]))
        except Inseparable as error:
            return None, str(error)
        return space, None

    @cached_property
    def order(self) -> tuple[Axis, ...]:
        """The axes from the slowest to the fastest. In a grid the structural ones vary slowest, since each of their
        values is an expansion."""
        if not self.plan.is_grid:
            return self.plan.axes
        return tuple(sorted(self.plan.axes, key=lambda each: each.name not in self.structural))

    def _places(self, picks: Sequence[int]) -> dict[str, Array]:
        """For some combinations, by their numbers, which of its values each axis has."""
        places = positions(self.plan._replace(axes=self.order), picks)
        return dict(zip((each.name for each in self.order), places, strict=True))

    @cached_property
    def stretch(self) -> int:
        """So many combinations take about a second: what one process is given at a time, and an interrupted sweep
        loses."""
        if self.space is not None:
            return CHUNK
        if self.evaluator.one_by_one:
            return 1 << 7
        if not self.structural:
            return 1 << 20
        sizes = prod(len(each.values) for each in self.plan.axes if each.name not in self.structural)
        return min(1 << 20, (sizes if self.plan.is_grid else 1) << 8)

    def pieces(self, picks: Sequence[int]) -> Iterator[Piece]:
        """Some of the plan's combinations, one after the other in its order."""
        if self.space is not None:
            return self._together(self.space, picks)
        return self._grid(picks) if isinstance(picks, range) and not self.plan.zipped else self._points(picks)

    def _together(self, space: Space, picks: Sequence[int]) -> Iterator[Piece]:
        """Architectures of a search space in runs, each all at once."""
        for start in range(0, len(picks), CHUNK):
            places = self._places(picks[start : start + CHUNK])
            columns = {each.name: _taken(self.plan, each, places[each.name]) for each in self.plan.axes}
            try:
                figures, valid, reasons = space.figures(self.plan.axes, places)
            except Inseparable:
                yield self._run(places, columns)
                continue
            columns.update(figures)
            yield Piece({name: column[valid] for name, column in columns.items()}, len(valid), reasons)

    def _grid(self, picks: range) -> Iterator[Piece]:
        """A grid box by box."""
        structural = self.structural
        axes = self.order
        lengths = tuple(len(each.values) for each in axes)
        for box in boxes(lengths, picks.start, picks.stop, CHUNK, len(structural)):
            settings, sizes = {}, {}
            for each, part in zip(axes, box, strict=True):
                if each.name in structural:
                    settings[each.name] = each.values[part.start]
                else:
                    sizes[each.name] = numpy.array(each.values[part], dtype=numpy.int64)
            block = Block(settings, sizes, False)
            figures = self.evaluator.figures(block)
            parameters: dict[str, Array] = {name: _constant(self.plan, name, value) for name, value in settings.items()}
            parameters.update(block.arrays())
            columns = {each.name: numpy.broadcast_to(parameters[each.name], block.shape) for each in self.plan.axes}
            columns.update(figures.columns)
            yield Piece(
                {name: column[figures.valid] for name, column in columns.items()}, block.combinations, figures.reasons
            )

    def _points(self, picks: Sequence[int]) -> Iterator[Piece]:
        """Points in runs, those of a run that share the structural parameters together."""
        for start in range(0, len(picks), CHUNK):
            places = self._places(picks[start : start + CHUNK])
            columns = {each.name: _taken(self.plan, each, places[each.name]) for each in self.plan.axes}
            yield self._run(places, columns)

    def _run(self, places: dict[str, Array], columns: dict[str, Array]) -> Piece:
        structural = self.structural
        axes = {each.name: each for each in self.plan.axes}
        count = len(next(iter(columns.values())))
        valid = numpy.zeros(count, dtype=bool)
        reasons: Counter[str] = Counter()
        made: dict[str, Array] = {
            q.name: numpy.zeros(count, dtype=numpy.int64) for q in self.evaluator.query.quantities
        }
        for members in _groups([places[name] for name in sorted(structural)], count):
            settings = {name: axes[name].values[int(places[name][members[0]])] for name in structural}
            sizes = {name: column[members] for name, column in columns.items() if name not in structural}
            # Without sizes every member of the group is the same combination: one of them is enough.
            figures = self.evaluator.figures(Block(settings, sizes, True))
            valid[members] = figures.valid
            for reason, number in figures.reasons.items():
                reasons[reason] += number if sizes else len(members)
            for name, column in figures.columns.items():
                if column.dtype == object:
                    made[name] = made[name].astype(object)
                made[name][members] = column
        columns = {**columns, **made}
        return Piece({name: column[valid] for name, column in columns.items()}, count, reasons)


def _groups(keys: Sequence[Array], count: int) -> Iterator[Array]:
    """The positions of those members that agree in every key, group by group."""
    if not keys:
        yield numpy.arange(count)
        return
    _, inverse = numpy.unique(numpy.stack(keys), axis=1, return_inverse=True)
    order = numpy.argsort(inverse.reshape(-1), kind="stable")
    ends = numpy.cumsum(numpy.bincount(inverse.reshape(-1)))
    yield from numpy.split(order, ends[:-1])


def column_type(made: Plan, name: str) -> Any:
    """The type of a column: 64-bit integers, booleans, floats for decimals, and text for all else."""
    for each in made.axes:
        if each.name == name and not each.whole:
            if all(type(value) is bool for value in each.values):
                return numpy.bool_
            numbers = all(not isinstance(value, (bool, str, tuple)) for value in each.values)
            return numpy.float64 if numbers else object
    return numpy.int64


def _constant(made: Plan, name: str, value: Any) -> Array:
    dtype = column_type(made, name)
    return numpy.array(shown(value) if dtype is object else value, dtype=dtype)


def _taken(made: Plan, each: Axis, places: Array) -> Array:
    values = each.values
    if isinstance(values, range):
        return values.start + values.step * places
    dtype = column_type(made, each.name)
    held = [shown(value) for value in values] if dtype is object else list(values)
    return numpy.array(held, dtype=dtype)[places]
