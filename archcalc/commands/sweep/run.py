"""A sweep from one end to the other: a spec, a plan, and the columns that come out of it, piece by piece."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy

from archcalc import catalogue
from archcalc.commands.sweep.arrow import record_batch
from archcalc.commands.sweep.choose import Choice, Piece, choice
from archcalc.commands.sweep.evaluate import Array, Evaluator
from archcalc.commands.sweep.plan import plan
from archcalc.commands.sweep.query import Query
from archcalc.commands.sweep.values import Axis, axis, placed
from archcalc.commands.sweep.visit import Visit, column_type
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.quantities.registry import Scope, quantity_named
from archcalc.records import Record

DEFAULT_QUANTITIES = ("params", "macs")


class Columns(dict[str, Array]):
    """A sweep's result: a NumPy array for each parameter and quantity, one entry for each combination.

    `visited` counts the combinations, `reasons` those that are not valid and therefore not in it, by rule. The columns
    named in `over` are those of parameters.
    """

    def __init__(
        self, columns: Mapping[str, Array], over: tuple[str, ...], visited: int, reasons: Counter[str]
    ) -> None:
        super().__init__(columns)
        self.over = over
        self.visited = visited
        self.reasons = reasons

    @property
    def count(self) -> int:
        """How many combinations it holds."""
        return len(next(iter(self.values())))

    def record_batch(self) -> Any:
        """The same as a pyarrow.RecordBatch, whose columns have the same types in every shard of a sweep."""
        return record_batch(self, self.over)


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

    A parameter is named as in the spec, `edges[0]` is an element of a list, and `edges[*]` stands for each of them.
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
    return collected(
        Sweep(
            Request(
                spec,
                tuple(axis(name, values) for name, values in over.items()),
                tuple(quantities),
                choice(where=where, sort=sort, top=top, pareto=pareto),
                settings or {},
                layer,
                words or {},
                zipped,
                sample,
                seed,
                shard,
            )
        )
    )


def sweep_batches(
    spec: str | Path,
    over: Mapping[str, Iterable[Any]],
    quantities: Sequence[str] = DEFAULT_QUANTITIES,
    *,
    shards: int = 1,
    **options: Any,
) -> Iterator[Any]:
    """The same sweep shard by shard, each a pyarrow.RecordBatch: for results that are larger than memory.

    `options` are those of `sweep` but `shard`; order, `top` and `pareto` hold within a shard.
    """
    if shards < 1:
        raise UsageError(f"{shards} shards are none: ask for at least 1")
    for number in range(1, shards + 1):
        yield sweep(spec, over, quantities, shard=(number, shards), **options).record_batch()


def collected(made: Sweep) -> Columns:
    """All pieces of a sweep put together."""
    pieces = list(made.pieces())
    columns = {name: numpy.concatenate([piece.columns[name] for piece in pieces]) for name in made.names}
    return Columns(columns, tuple(each.name for each in made.plan.axes), made.visited, made.reasons)


class Request(Record):
    """A sweep as it is asked for: of which spec, over which values, for which figures, and what of it is kept."""

    spec: str | Path
    axes: tuple[Axis, ...]
    quantities: tuple[str, ...]
    choice: Choice
    settings: Mapping[str, Any] = {}
    layer: str | None = None
    words: Mapping[str, str] = {}
    zipped: bool = False
    sample: int | None = None
    seed: int = 0
    shard: tuple[int, int] = (1, 1)


class Sweep:
    """A sweep ready to run. `visited` and `reasons` grow while it runs."""

    def __init__(self, request: Request, watch: Callable[[int], None] | None = None) -> None:
        document, settings = catalogue.load(request.spec, request.settings)
        axes = placed(document, settings, request.axes)
        self.request = request
        self.plan = plan(axes, zipped=request.zipped, sample=request.sample, seed=request.seed, shard=request.shard)
        self.choice = request.choice
        self.watch = watch
        self.architecture = document.architecture or document.source.name
        wanted = (*request.quantities, *request.choice.columns)
        asked = dict.fromkeys(name for name in wanted if name not in {each.name for each in axes})
        scope: Scope = "network" if request.layer is None else "layers"
        self.quantities = [quantity_named(name, of=scope, numbers=True) for name in asked]
        self.names = [each.name for each in axes] + [quantity.name for quantity in self.quantities]
        evaluator = Evaluator(Query(document, settings, self.quantities, request.layer, request.words))
        self.visit = Visit(self.plan, evaluator)
        self.document = document
        self.settings = settings
        self.visited = 0
        self.reasons: Counter[str] = Counter()

    def pieces(self, parts: Iterable[Piece] | None = None) -> Iterator[Piece]:
        """The chosen combinations, piece by piece, in memory that the length of the sweep does not change, unless all
        of it is to be sorted. There is at least one piece, if an empty one. `parts` are those of the sweep in order,
        where others compute them."""
        pieces = self.visit.pieces(self.plan.picks) if parts is None else parts
        yield from self.choice.apply(self._counted(pieces), self.empty)

    @property
    def empty(self) -> dict[str, Array]:
        """The columns without a row."""
        return {name: numpy.empty(0, dtype=column_type(self.plan, name)) for name in self.names}

    @property
    def parts(self) -> int:
        """How many parts it has."""
        return -(-len(self.plan.picks) // self.visit.stretch)

    def part(self, number: int) -> Piece:
        """One of the parts, counted from 0: of its combinations those that can be among the chosen ones."""
        stretch = self.visit.stretch
        pieces = list(self.visit.pieces(self.plan.picks[number * stretch : (number + 1) * stretch]))
        return self.choice.gathered(pieces, self.empty)

    def _counted(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        for piece in pieces:
            self.visited += piece.visited
            self.reasons += piece.reasons
            if self.watch is not None:
                self.watch(self.visited)
            yield piece
