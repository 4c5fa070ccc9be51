"""A sweep from one end to the other: a spec, a plan, and the columns that come out of it, piece by piece."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy

from archcalc import catalogue
from archcalc.commands.sweep.choose import Choice, Piece, choice
from archcalc.commands.sweep.evaluate import Array, Block, Evaluator
from archcalc.commands.sweep.plan import CHUNK, Plan, boxes, plan, positions
from archcalc.commands.sweep.values import Axis, axis
from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.layers.attributes import shown
from archcalc.quantities.registry import Scope, quantity_named

DEFAULT_QUANTITIES = ("params", "macs")


class Columns(dict[str, Array]):
    """A sweep's result: a NumPy array for each parameter and quantity, one entry for each combination.

    `visited` counts the combinations, `reasons` those that are not valid and therefore not in it, by rule.
    """

    def __init__(self, columns: Mapping[str, Array], visited: int, reasons: Counter[str]) -> None:
        super().__init__(columns)
        self.visited = visited
        self.reasons = reasons

    @property
    def count(self) -> int:
        """How many combinations it holds."""
        return len(next(iter(self.values())))


def sweep(
    spec: str | Path,
    over: Mapping[str, Iterable[Any]],
    quantities: Sequence[str] = DEFAULT_QUANTITIES,
    *,
    zipped: bool = False,
    sample: int | None = None,
    seed: int = 0,
    shard: tuple[int, int] = (1, 1),
    where: str | None = None,
    sort: str | None = None,
    top: int | None = None,
    pareto: Sequence[str] = (),
    layer: str | None = None,
    settings: Mapping[str, Any] | None = None,
    words: Mapping[str, str] | None = None,
) -> Columns:
    """The figures of every combination of the values in `over`, as columns; invalid combinations are left out.

    `quantities` are names (params, macs, flops, ...), for one sample; `layer` asks them of a part of the network;
    `settings` are values of other parameters; `words` state how the network is run, as a claim's `with` does.
    `zipped` goes value by value; `sample` draws so many combinations without repetition. `where` is a text such as
    "params <= 5M and macs <= 300M"; `sort` a column, with `-` in front for the largest first; `top` keeps so many;
    `pareto` keeps what no other combination betters in all of these columns, less being better (more, with `-`).
    UsageError if something named does not exist; SpecError if the spec cannot be read.

    >>> import archcalc
    >>> archcalc.sweep("resnet50", {"width": [32, 64]})["params"].tolist()
    [6917640, 25557032]
    """
    axes = [axis(name, values) for name, values in over.items()]
    made = plan(axes, zipped=zipped, sample=sample, seed=seed, shard=shard)
    chosen = choice(where=where, sort=sort, top=top, pareto=pareto)
    return collected(Sweep(spec, settings or {}, made, quantities, chosen, layer, words=words))


def collected(made: Sweep) -> Columns:
    """All pieces of a sweep put together."""
    pieces = list(made.pieces())
    columns = {name: numpy.concatenate([piece.columns[name] for piece in pieces]) for name in made.names}
    return Columns(columns, made.visited, made.reasons)


class Sweep:
    """A sweep ready to run. `visited` and `reasons` grow while it runs."""

    def __init__(
        self,
        spec: str | Path,
        parameters: Mapping[str, Any],
        made: Plan,
        names: Sequence[str],
        chosen: Choice,
        layer: str | None = None,
        watch: Callable[[int], None] | None = None,
        words: Mapping[str, str] | None = None,
    ) -> None:
        document, settings = catalogue.load(spec, parameters)
        known = {parameter.name for parameter in document.parameters}
        for each in made.axes:
            if each.name not in known:
                hint = did_you_mean(each.name, known) or (
                    f"it has {', '.join(sorted(known))}" if known else "it has none"
                )
                raise UsageError(f"{document.architecture or spec} has no parameter `{each.name}`: {hint}")
        asked = [name for name in (*names, *chosen.columns) if name not in {each.name for each in made.axes}]
        self.architecture = document.architecture or document.source.name
        self.plan = made
        self.choice = chosen
        self.watch = watch
        scope: Scope = "network" if layer is None else "layers"
        self.quantities = [quantity_named(name, of=scope, numbers=True) for name in dict.fromkeys(asked)]
        self.names = [each.name for each in made.axes] + [quantity.name for quantity in self.quantities]
        self.evaluator = Evaluator(document, settings, self.quantities, layer, words)
        self.visited = 0
        self.reasons: Counter[str] = Counter()

    def pieces(self) -> Iterator[Piece]:
        """The chosen combinations, piece by piece, in memory that the length of the sweep does not change, unless all
        of it is to be sorted. There is at least one piece, if an empty one."""
        empty = {name: numpy.empty(0, dtype=_dtype(self.plan, name)) for name in self.names}
        yield from self.choice.apply(self._counted(), empty)

    def _counted(self) -> Iterator[Piece]:
        for piece in self._visited():
            self.visited += piece.visited
            self.reasons += piece.reasons
            if self.watch is not None:
                self.watch(self.visited)
            yield piece

    def _visited(self) -> Iterator[Piece]:
        structural = self.evaluator.structural(self.plan.axes)
        return self._grid(structural) if self.plan.is_grid else self._points(structural)

    def _grid(self, structural: frozenset[str]) -> Iterator[Piece]:
        """A grid box by box. The structural parameters vary slowest, since each of their values is an expansion."""
        axes = sorted(self.plan.axes, key=lambda each: each.name not in structural)
        picks = self.plan.picks
        assert isinstance(picks, range)
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

    def _points(self, structural: frozenset[str]) -> Iterator[Piece]:
        """Points in runs, those of a run that share the structural parameters together."""
        picks = self.plan.picks
        for start in range(0, len(picks), CHUNK):
            numbers = numpy.array(picks[start : start + CHUNK], dtype=numpy.int64)
            places = dict(zip((each.name for each in self.plan.axes), positions(self.plan, numbers), strict=True))
            columns = {each.name: _taken(self.plan, each, places[each.name]) for each in self.plan.axes}
            yield self._run(structural, places, columns)

    def _run(self, structural: frozenset[str], places: dict[str, Array], columns: dict[str, Array]) -> Piece:
        axes = {each.name: each for each in self.plan.axes}
        count = len(next(iter(columns.values())))
        valid = numpy.zeros(count, dtype=bool)
        reasons: Counter[str] = Counter()
        made: dict[str, Array] = {q.name: numpy.zeros(count, dtype=numpy.int64) for q in self.quantities}
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


def _dtype(made: Plan, name: str) -> Any:
    """The type of a column: 64-bit integers, booleans, floats for decimals, and text for all else."""
    for each in made.axes:
        if each.name == name and not each.whole:
            if all(type(value) is bool for value in each.values):
                return numpy.bool_
            numbers = all(not isinstance(value, (bool, str, tuple)) for value in each.values)
            return numpy.float64 if numbers else object
    return numpy.int64


def _constant(made: Plan, name: str, value: Any) -> Array:
    dtype = _dtype(made, name)
    return numpy.array(shown(value) if dtype is object else value, dtype=dtype)


def _taken(made: Plan, each: Axis, places: Array) -> Array:
    values = each.values
    if isinstance(values, range):
        return values.start + values.step * places
    dtype = _dtype(made, each.name)
    held = [shown(value) for value in values] if dtype is object else list(values)
    return numpy.array(held, dtype=dtype)[places]
