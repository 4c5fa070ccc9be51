"""Which combinations of a sweep are wanted: those that keep bounds, the first of an order, the Pareto front."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy

from archcalc.claims.bounds import Limit, read_limits
from archcalc.claims.figure import Bound
from archcalc.commands.sweep.evaluate import Array
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.records import Record


class Piece(Record):
    """Combinations of a sweep, in order: `columns` holds the valid ones, parameters first and then quantities.

    `visited` counts the valid and the invalid ones, `reasons` the invalid ones by the rule they broke first.
    """

    columns: dict[str, Array]
    visited: int
    reasons: Counter[str]


class Order(Record):
    """A column, and whether more of it comes first (or is better)."""

    column: str
    descending: bool


class Choice(Record):
    """What to keep of a sweep."""

    limits: tuple[Limit, ...]
    sort: Order | None
    top: int | None
    pareto: tuple[Order, ...]

    @property
    def columns(self) -> list[str]:
        """The columns that the choice is made by."""
        orders = [order.column for order in (*((self.sort,) if self.sort else ()), *self.pareto)]
        return [limit.quantity for limit in self.limits] + orders

    @property
    def narrows(self) -> bool:
        """Whether a combination can be left out for the sake of others."""
        return bool(self.pareto) or self.top is not None

    def gathered(self, pieces: Iterable[Piece], empty: Mapping[str, Array]) -> Piece:
        """One piece, of the pieces of a part of a sweep: what of them can be among the chosen ones."""
        held = [_where(self.limits, piece.columns) for piece in pieces]
        columns = _joined([dict(empty), *held])
        return Piece(
            self._reduced(columns) if self.narrows else columns,
            sum(piece.visited for piece in pieces),
            sum((piece.reasons for piece in pieces), Counter()),
        )

    def apply(self, pieces: Iterator[Piece], empty: Mapping[str, Array]) -> Iterator[Piece]:
        """The pieces with only what is kept. With an order or a front there is one piece; without, one for each."""
        kept: Iterator[Piece] = (piece._replace(columns=_where(self.limits, piece.columns)) for piece in pieces)
        if self.sort is not None or self.pareto or self.top is not None:
            kept = iter([self._all(kept, empty)])
        nothing = True
        for piece in kept:
            nothing = False
            yield piece
        if nothing:
            yield Piece(dict(empty), 0, Counter())

    def _all(self, pieces: Iterator[Piece], empty: Mapping[str, Array]) -> Piece:
        held: list[dict[str, Array]] = [dict(empty)]
        waiting = 0
        for piece in pieces:
            held.append(piece.columns)
            waiting += len(next(iter(piece.columns.values())))
            if self.sort is None and not self.pareto and self.top is not None and waiting >= self.top:
                break  # the first are found: nothing that follows can be among them
            # All of a sorted sweep has to be held; of a short list or a front only what can still be in it.
            if self.narrows and waiting > 1 << 16:
                held, waiting = [self._reduced(_joined(held))], 0
        return Piece(self._reduced(_joined(held)), 0, Counter())

    def _reduced(self, columns: dict[str, Array]) -> dict[str, Array]:
        if self.pareto:
            front = undominated([_key(columns, order) for order in self.pareto])
            columns = {name: column[front] for name, column in columns.items()}
        if self.sort is not None:
            ranks = numpy.argsort(_key(columns, self.sort), kind="stable")
            columns = {name: column[ranks] for name, column in columns.items()}
        return columns if self.top is None else {name: column[: self.top] for name, column in columns.items()}


def _joined(held: Sequence[dict[str, Array]]) -> dict[str, Array]:
    return {name: numpy.concatenate([each[name] for each in held]) for name in held[0]}


def choice(
    *, where: str | None = None, sort: str | None = None, top: int | None = None, pareto: Sequence[str] = ()
) -> Choice:
    """What to keep, from its parts as they are written; UsageError for one that cannot be read."""
    if top is not None and top < 1:
        raise UsageError(f"the top {top} is nothing: keep at least 1")
    limits = tuple(read_limits(where)) if where is not None else ()
    return Choice(limits, None if sort is None else _order(sort), top, tuple(map(_order, pareto)))


def _order(text: str) -> Order:
    name = text.strip()
    return Order(name.removeprefix("-"), name.startswith("-"))


def _key(columns: Mapping[str, Array], order: Order) -> Array:
    column = columns[order.column]
    if column.dtype == object and any(isinstance(value, str) for value in column):
        raise UsageError(f"{order.column} has no order: it is not a number")
    if column.dtype == object and any(value is None for value in column):
        raise UsageError(f'{order.column} has no value in some rows: --where "{order.column} >= 0" keeps the others')
    column = column.astype(numpy.int64) if column.dtype == numpy.bool_ else column
    return -column if order.descending else column


def _where(limits: tuple[Limit, ...], columns: dict[str, Array]) -> dict[str, Array]:
    for limit in limits:
        column = columns[limit.quantity]
        if column.dtype == object and any(isinstance(value, str) for value in column):
            raise UsageError(f"{limit.quantity} has no bounds: it is not a number")
        kept = numpy.ones(len(column), dtype=bool)
        for bound in limit.bounds:
            kept &= _keeps(column, bound.relation, bound.limit)
        columns = {name: each[kept] for name, each in columns.items()}
    return columns


def _keeps(column: Array, relation: str, limit: Any) -> Any:
    """Which entries keep a bound. On whole numbers a bound is a whole number too, so that nothing is rounded."""
    if column.dtype.kind in "iub":
        if relation in ("<=", ">"):
            whole = limit.__floor__()
            return column <= whole if relation == "<=" else column > whole
        whole = limit.__ceil__()
        return column < whole if relation == "<" else column >= whole
    bound = Bound(relation, limit)
    return numpy.array([bound.admits(value) for value in column.tolist()], dtype=bool)


def undominated(keys: Sequence[Array]) -> Array:
    """The positions, in order, of the Pareto front: no other is at most as large in every key and less in one."""
    order = numpy.arange(len(keys[0]))
    for key in reversed(keys):
        order = order[numpy.argsort(key[order], kind="stable")]
    kept: list[Array] = []
    while len(order):  # in this order nothing is bettered by what comes after it
        first = order[0]
        same = numpy.logical_and.reduce([key[order] == key[first] for key in keys])
        kept.append(order[same])
        no_better = numpy.logical_and.reduce([key[order] >= key[first] for key in keys])
        order = order[~no_better]
    return numpy.sort(numpy.concatenate(kept)) if kept else order
