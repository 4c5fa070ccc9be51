"""The figures of many combinations at once: sizes as arrays where that is safe, one by one where it is not.

Parameters that decide the structure (in `repeat` or `when`, fractions, booleans) are set to one value at a time and
the network is expanded anew; the others are arrays, one axis each. Before arrays are trusted with a block of
combinations, the analysis is run on ranges: if a number could leave 64 bits, the arrays hold Python's own integers,
exact and slower; if a divisor could be 0 or the ranges do not tell, the block is halved, down to a single combination.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import numpy

from archcalc.analysis.interpret import Interpretation, Open, interpret
from archcalc.analysis.totals import Analysis
from archcalc.commands.sweep.query import Query
from archcalc.commands.sweep.reasons import reason, reason_of
from archcalc.commands.sweep.space import Space
from archcalc.commands.sweep.values import Axis, assigned
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.language.expand import expand
from archcalc.layers.apply import Rules
from archcalc.memory.setup import stated
from archcalc.quantities.registry import Part, select
from archcalc.records import Record
from archcalc.sizes.many import Many, plain
from archcalc.sizes.ranges import Ceiling, Range
from archcalc.sizes.symbols import Undecided

Array: TypeAlias = "numpy.ndarray[Any, Any]"

#: So many combinations at a time where each step of a pass has an array of bytes.
_MOST_IN_ORDER = 1 << 12

#: So many architectures share what their layers were asked. Then it is forgotten: others may have no layer in common.
_SHARING = 256

#: The largest magnitude that an array of 64-bit integers is trusted with.
_LARGEST = 2**63 - 1


class Block(Record):
    """Combinations that share the values of all structural parameters, in `settings`.

    `sizes` has a one-dimensional array for each other parameter. They are the axes of a grid, or go together value
    by value where `zipped`.
    """

    settings: dict[str, Any]
    sizes: dict[str, Array]
    zipped: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """One length for each axis."""
        lengths = tuple(len(values) for values in self.sizes.values())
        return lengths[:1] if self.zipped else lengths

    @property
    def combinations(self) -> int:
        """How many combinations it has."""
        count = 1
        for length in self.shape:
            count *= length
        return count

    def halves(self, axis: int) -> tuple[Block, Block, int]:
        """Two blocks that are this one, split along an axis, and the number of that axis."""
        middle = self.shape[axis] // 2
        return self._part(axis, slice(None, middle)), self._part(axis, slice(middle, None)), axis

    def first(self, axis: int) -> Block:
        """The block with only the first value of an axis."""
        return self._part(axis, slice(0, 1))

    def _part(self, axis: int, part: slice) -> Block:
        cut = list(self.sizes) if self.zipped else [list(self.sizes)[axis]]
        return self._replace(sizes={name: v[part] if name in cut else v for name, v in self.sizes.items()})

    def arrays(self, dtype: Any = numpy.int64) -> dict[str, Array]:
        """The sizes, each along its own axis, so that they broadcast against each other."""
        if self.zipped:
            return {name: values.astype(dtype) for name, values in self.sizes.items()}
        axes = len(self.sizes)
        return {
            name: values.astype(dtype).reshape((1,) * i + (-1,) + (1,) * (axes - i - 1))
            for i, (name, values) in enumerate(self.sizes.items())
        }


class Figures(Record):
    """The figures of a block, in its shape: a column for each quantity, which combinations are valid, and for those
    that are not, how many broke which rule first."""

    columns: dict[str, Array]
    valid: Array
    reasons: Counter[str]


class Evaluator:
    """Analyses blocks of combinations of one spec."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self._rules, self._asked = Rules(), 0
        #: Whether some quantity is one of plain numbers.
        self.one_by_one = any(quantity.kinds == "ints" for quantity in query.quantities)
        #: Whether some quantity follows the order of steps, which then has to be the same for all that an array holds.
        self.in_order = any(quantity.kinds == "numbers" for quantity in query.quantities)

    def settings(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of the spec with a value for each axis."""
        return assigned(self.query.document, self.query.settings, chosen)

    def space(self) -> Space:
        """The search space of the spec."""
        return Space(self.query)

    def structural(self, axes: Sequence[Axis]) -> frozenset[str]:
        """The names of the axes that decide the structure: the spec does not expand while they are free."""
        found = {axis.name for axis in axes if not axis.whole}
        first = {axis.name: axis.values[0] for axis in axes}
        ranges: dict[str, Any] = {}
        for axis in axes:
            if axis.name in found:
                continue
            trial = {**ranges, axis.name: Range(*axis.ends, Ceiling())}
            try:
                expand(self.query.document, self.settings({**first, **trial}))
                ranges = trial
            except (SpecError, ZeroDivisionError, Undecided):
                found.add(axis.name)
        return frozenset(found)

    def figures(self, block: Block) -> Figures:
        """The figures of every combination of the block, exactly."""
        if block.combinations == 1:
            return self._one(block)
        if self.in_order and block.combinations > _MOST_IN_ORDER:
            return self._halved(block, max(range(len(block.shape)), key=lambda i: block.shape[i]))
        verdict = None if self.one_by_one else self._foreseen(block)
        if isinstance(verdict, str):
            return self._none(block, verdict)
        if verdict is not None:
            with suppress(Undecided):  # the order of steps is not the same for all
                return self._many(block, verdict)
        return self._halved(block, self._dividing(block))

    def _halved(self, block: Block, axis: int) -> Figures:
        first, second, axis = block.halves(axis)
        a, b = self.figures(first), self.figures(second)
        columns = {name: numpy.concatenate((a.columns[name], b.columns[name]), axis=axis) for name in a.columns}
        return Figures(columns, numpy.concatenate((a.valid, b.valid), axis=axis), a.reasons + b.reasons)

    def _dividing(self, block: Block) -> int:
        """The axis that keeps the block from being computed at once: the first without whose length it could be, or
        the longest if no single one does."""
        for axis, length in enumerate(block.shape):
            if length > 1 and not self.one_by_one and self._foreseen(block.first(axis)) is not None:
                return axis
        return max(range(len(block.shape)), key=lambda i: block.shape[i])

    def _foreseen(self, block: Block) -> Any:
        """The type of array that can hold the block's figures, None if there is none for all of them; or the reason
        why none of its combinations is valid."""
        ceiling = Ceiling()
        ranges = {name: Range(int(v.min()), int(v.max()), ceiling) for name, v in block.sizes.items()}
        try:
            network = expand(self.query.document, self.settings({**block.settings, **ranges}))
        except (SpecError, ZeroDivisionError, Undecided):
            return None
        try:
            self._measured(interpret(network))
        except (ZeroDivisionError, Undecided):
            return None
        except SpecError as error:
            return reason_of(error)
        return numpy.int64 if ceiling.reached <= _LARGEST else object

    def _measured(self, interpretation: Interpretation) -> dict[str, Any]:
        analysis = Analysis(interpretation)
        setup = stated(analysis.network, self.query.words)
        part = Part(analysis, setup=setup) if self.query.layer is None else select(analysis, self.query.layer, setup)
        return {quantity.name: quantity.measure(part) for quantity in self.query.quantities}

    def _many(self, block: Block, dtype: Any) -> Figures:
        sizes: dict[str, Any] = dict(block.arrays(dtype))
        if self.in_order:
            sizes = {name: Many(values) for name, values in sizes.items()}
        settings = self.settings({**block.settings, **sizes})
        with numpy.errstate(all="ignore"):  # what has no value is masked
            interpretation = interpret(expand(self.query.document, settings))
            measured = self._measured(interpretation)
        valid, reasons = _masked(interpretation.open, block.shape)
        columns = {name: numpy.broadcast_to(_column(value), block.shape) for name, value in measured.items()}
        return Figures(columns, valid, reasons)

    def _one(self, block: Block) -> Figures:
        sizes = {name: int(values[0]) for name, values in block.sizes.items()}
        rules = self._rules_of(block)
        try:
            network = expand(self.query.document, self.settings({**block.settings, **sizes}), rules)
            measured = self._measured(interpret(network, rules=rules))
        except SpecError as error:
            return self._none(block, reason_of(error))
        columns = {name: _column(value).reshape(block.shape) for name, value in measured.items()}
        return Figures(columns, numpy.ones(block.shape, dtype=bool), Counter())

    def _rules_of(self, block: Block) -> Rules:
        """The rules of layers for one combination: those that differ in structure alone have most layers in common."""
        if block.sizes:
            return Rules()
        if self._asked % _SHARING == 0:
            self._rules = Rules()
        self._asked += 1
        return self._rules

    def _none(self, block: Block, reason: str) -> Figures:
        nothing = numpy.zeros(block.shape, dtype=numpy.int64)
        columns = {quantity.name: nothing for quantity in self.query.quantities}
        return Figures(columns, numpy.zeros(block.shape, dtype=bool), Counter({reason: block.combinations}))


def _column(value: Any) -> Array:
    """A value as an array: 64-bit integers where they hold it, Python's own numbers otherwise."""
    value = plain(value)
    if isinstance(value, numpy.ndarray):
        fits = value.dtype == object and all(type(v) is int and abs(v) <= _LARGEST for v in value.flat)
        return value.astype(numpy.int64) if fits else value
    if type(value) is int and abs(value) <= _LARGEST:
        return numpy.array(value, dtype=numpy.int64)
    made = numpy.empty((), dtype=object)
    made[()] = value
    return made


def _masked(conditions: Sequence[Open], shape: tuple[int, ...]) -> tuple[Array, Counter[str]]:
    """Which combinations keep every condition, and how many broke which one first, in the network's order."""
    valid = numpy.ones(shape, dtype=bool)
    reasons: Counter[str] = Counter()
    before = valid.size
    for _, condition, verdict in conditions:
        valid &= verdict
        after = int(numpy.count_nonzero(valid))
        if after < before:
            reasons[reason(condition.rule, condition.message)] += before - after
            before = after
    return valid, reasons
