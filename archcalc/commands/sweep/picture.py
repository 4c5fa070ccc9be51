"""A sweep in a chart: all combinations, and among them the Pareto front."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from archcalc.commands.sweep.choose import Order, Piece
from archcalc.commands.sweep.run import Sweep
from archcalc.commands.sweep.tables import rows
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.layers.attributes import shown
from archcalc.pictures import axes, scatter
from archcalc.pictures.scatter import Figure, Point
from archcalc.pictures.svg import Drawing
from archcalc.quantities.registry import quantities

#: So many combinations of a large sweep are drawn beside the front, taken evenly from its rows.
_MOST = 2000


def draw(sweep: Sweep, front: Iterable[Piece], every: Sweep, pareto: Sequence[Order]) -> Drawing:
    """The combinations by the first two figures of a sweep's front, which is named and drawn in another colour.

    UsageError without a front of two figures.
    """
    if len(pareto) < 2:
        raise UsageError("a sweep's picture shows the front of two figures: name them with --pareto")
    x, y = (order.column for order in pareto[:2])
    best = _points(sweep, front, x, y, "red", named=True)
    if not best:
        raise UsageError("no combination is left to draw")
    known = {(point.x, point.y) for point in best}
    rest = [
        point for point in _points(every, every.pieces(), x, y, "grey", named=False) if (point.x, point.y) not in known
    ]
    shown_ = rest[:: -(-len(rest) // _MOST)] if rest else []
    title = f"{sweep.architecture}: {_better(pareto[0])}, {_better(pareto[1])}"
    notes = [f"{len(best):,} of {len(best) + len(rest):,} combinations are on the Pareto front"]
    if len(shown_) < len(rest):
        notes[0] += f"; {len(shown_):,} of the others are drawn"
    return scatter.draw([*shown_, *best], _figure(x), _figure(y), None, title, notes)


def _better(order: Order) -> str:
    return f"{'more' if order.descending else 'less'} {order.column}"


def _points(sweep: Sweep, pieces: Iterable[Piece], x: str, y: str, colour: str, *, named: bool) -> list[Point]:
    """A point for each combination, by its own parameters' values."""
    over = [name for name in sweep.names if name not in quantities()]
    made = []
    for piece in pieces:
        names = list(piece.columns)
        for row in rows(piece.columns):
            values: dict[str, Any] = dict(zip(names, row, strict=True))
            words = ", ".join(f"{name}={shown(values[name])}" for name in over)
            made.append(Point(words if named else "", float(values[x]), float(values[y]), None, colour, words))
    return made


def _figure(name: str) -> Figure:
    if name not in quantities():
        return Figure(name, axes.as_count)
    return Figure(quantities()[name].title, axes.of_unit(quantities()[name].unit))
