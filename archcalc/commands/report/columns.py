"""The columns of a report: what tells a layer, and any quantity that layers have, or its share of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from archcalc.analysis.main_layer import main_layer
from archcalc.commands.report import lecture, receptive_field
from archcalc.commands.report.row import Row
from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.output.layout import Column
from archcalc.quantities.registry import Part, Quantity, quantities
from archcalc.records import Record
from archcalc.units import barred, share

if TYPE_CHECKING:
    from archcalc.diagnostics.text import Role


class LayerColumn(Record):
    """A column of the report: how its value follows from a row, and from the whole network (None: nothing does)."""

    column: Column
    value: Callable[[Part, Row], Any]
    total: Callable[[Part], Any] | None = None
    #: Whether the value of several equal blocks is that of all, and not that of the first.
    sums: bool = False


def _kernel(network: Part, row: Row) -> str | None:
    main = main_layer(network.analysis, row.layers)
    return main.kernel if main else None


def _type(network: Part, row: Row) -> str:
    return row.one.layer if row.one else f"{len(row.layers)} layers"


def _inputs(network: Part, row: Row) -> str | None:
    return ", ".join(network.analysis.inputs(row.one)) if row.one else None


def saved_tensors(network: Part, row: Row) -> list[str]:
    """What a row saves for backward, in words."""
    memory = network.memory
    return list(dict.fromkeys(word for layer in row.layers for word in memory.why(layer.node.index)))


def _receptive_field(network: Part, row: Row) -> str:
    return receptive_field.text(network.analysis.receptive_fields[row.last.node.index])


def is_figure(made: LayerColumn) -> bool:
    """Whether a column holds a quantity, and not a share of one or words."""
    return made.column.key in quantities()


#: Columns that are no figures: what a layer is, and why.
_WORDS: dict[str, LayerColumn] = {
    made.column.key: made
    for made in (
        LayerColumn(
            Column("name", "layer", right=False, breaks="/"), lambda network, row: row.name, lambda network: "total"
        ),
        LayerColumn(Column("layer", "type", right=False, rank=9), _type),
        LayerColumn(Column("inputs", "inputs", right=False, rank=10), _inputs),
        LayerColumn(Column("kernel", "kernel", right=False, rank=3), _kernel),
        LayerColumn(
            Column("saved_tensors", "saved tensors", right=False, rank=8, breaks=" "),
            lambda network, row: ", ".join(saved_tensors(network, row)),
        ),
        LayerColumn(Column("receptive_field", "receptive field", rank=7), _receptive_field),
        LayerColumn(
            Column("lecture_memory", "memory", note="memory: in values, of 4 bytes; the total counts the input too"),
            lecture.memory,
            lecture.all_memory,
            sums=True,
        ),
        LayerColumn(Column("lecture_weights", "weights", breaks="="), lecture.weights, lecture.all_weights, sums=True),
    )
}

#: How early a column gives way on a narrow screen; other figures go after the first of these.
_RANKS = {"output": 0, "params": 0, "macs": 1, "activation_bytes": 2, "params_share": 4, "saved_bytes": 5}
_SHARE = "_share"

DEFAULT = (
    "name",
    "kernel",
    "output",
    "params",
    "params_share",
    "macs",
    "activation_bytes",
    "activation_bytes_share",
    "saved_bytes",
    "saved_tensors",
    "receptive_field",
)


def _of_quantity(quantity: Quantity) -> LayerColumn:
    unit, rank = quantity.unit, _RANKS.get(quantity.name, 6)
    column = Column(quantity.name, quantity.title, unit.cell, rank=rank, short=unit.short, absent="n/a", role=_role)
    total = quantity.measure if quantity.sums else None
    return LayerColumn(column, lambda network, row: row.told(quantity, network), total, quantity.sums)


def _role(value: Any) -> Role | None:
    """Zeros step back."""
    return "dim" if value is None or (type(value) is int and not value) else None


def _share_of(quantity: Quantity) -> LayerColumn:
    """A row's share of what all layers have together."""
    wholes: list[Any] = []

    def value(network: Part, row: Row) -> float | None:
        if not wholes:
            wholes.append(Row("", network.layers).measure(quantity, network))
        return share(row.measure(quantity, network), wholes[0])

    key = quantity.name + _SHARE
    return LayerColumn(Column(key, f"{quantity.title} share", barred, rank=_RANKS.get(key, 6)), value, sums=True)


#: Columns that have a name together: the lecture's table.
_SETS = {"lecture": ("name", "kernel", "lecture_memory", "lecture_weights")}


def names() -> Iterator[str]:
    """Every column that a report can have, and the names of sets of them."""
    yield from _WORDS
    yield from _SETS
    for quantity in quantities().values():
        if quantity.of != "network" and quantity.name not in _WORDS:
            yield quantity.name
            if quantity.sums:
                yield quantity.name + _SHARE


def column(key: str) -> LayerColumn:
    """The column of that key; UsageError if there is none."""
    if key in _WORDS:
        return _WORDS[key]
    known = quantities()
    if key in known and known[key].of != "network":
        return _of_quantity(known[key])
    summing = known.get(key.removesuffix(_SHARE)) if key.endswith(_SHARE) else None
    if summing is not None and summing.sums:
        return _share_of(summing)
    if key in known:
        raise UsageError(f"{key} is a figure of a whole network, not of its layers: see `archcalc quantities {key}`")
    ending = [name for name in names() if name.endswith(f"_{key}")]
    meant = did_you_mean(key, names()) or (f"did you mean `{ending[0]}`?" if ending else None)
    hint = meant or f"some are {', '.join(DEFAULT)}; `archcalc quantities` lists the figures"
    raise UsageError(f"there is no column `{key[:80]}`: {hint}")


def chosen(keys: Sequence[str] = DEFAULT) -> list[LayerColumn]:
    """The columns of those keys, each once, after that of the names where it is not among them.

    UsageError for one that does not exist.
    """
    named = dict.fromkeys(each for key in keys for each in _SETS.get(key, (key,)))
    return [column(key) for key in (named if "name" in named else ("name", *named))]
