"""The report of one architecture: a row for each layer, or for each block down to a depth, and the totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.commands.count.tables import description, rules_in_words
from archcalc.commands.memory import tables as memory
from archcalc.commands.report import receptive_field, tree
from archcalc.commands.report.columns import LayerColumn, Row, chosen, column, saved_tensors
from archcalc.counting.count import Profile, count
from archcalc.counting.profiles import profile
from archcalc.layers.attributes import shown
from archcalc.output.layout import Report, Table
from archcalc.quantities.counting import name_of
from archcalc.quantities.registry import Part, quantities
from archcalc.units import exact

#: The figures of a whole network that a report says: each a line for people, and a key under `totals`.
TOTALS = (
    "params",
    "trainable_params",
    "buffers",
    "macs",
    "flops",
    "operations",
    "depth",
    "layers",
    "input_bytes",
    "activation_bytes",
)
#: The figures of one layer, and of several that a fold has put together.
OF_LAYERS = ("output", "params", "buffers", "macs", "flops", "output_bytes", "activation_bytes", "saved_bytes")


def rows(analysis: Analysis, depth: int | None) -> list[Row]:
    """A row for each layer; with a depth, neighbours whose paths begin with the same `depth` names share a row."""
    if depth is None:
        return [Row(layer.name, [layer]) for layer in analysis.layers]
    folded = groupby(analysis.layers, key=lambda layer: "/".join(layer.name.split("/")[:depth]))
    return [Row(name, list(group)) for name, group in folded]


def build(
    network: Part,
    *,
    depth: int | None = None,
    columns: list[LayerColumn] | None = None,
    counting: Profile | None = None,
    full: bool = False,
) -> Report:
    """The report of a network, for the batch of its setup.

    The table for people is a tree, in which equal neighbours share a line, unless it is `full` or folded at a depth;
    programs get every layer. Where columns are named, nothing else is worked out of the layers. With a counting
    profile, a column with what it counts stands in the place of the MACs.
    """
    analysis, batch = network.analysis, network.setup.batch
    named = columns is not None
    columns = columns or chosen()
    if counting is not None:
        columns = _counted_by(counting, columns)
    lines = rows(analysis, depth)
    totals = tuple(None if made.total is None else made.total(network) for made in columns)
    flat = Table(
        tuple(made.column for made in columns),
        (tuple(made.value(network, row) for made in columns) for row in lines),
        totals,
    )
    table = flat if full or depth is not None else flat._replace(rows=_tree(network, columns))
    citation = analysis.network.document.citation
    data: dict[str, Any] = {
        "architecture": analysis.architecture,
        "source": citation,
        "parameters": dict(analysis.network.parameters),
        "input": list(analysis.network.input.shape),
        "inputs": {name: list(volume.shape) for name, volume in analysis.network.inputs.items()},
        "batch": batch,
    }
    if named:
        facts = _facts(network, [made.column.key for made in columns])
        data["totals"] = {made.column.key: made.total(network) for made in columns if made.total and _is_figure(made)}
        data["layers"] = ({made.column.key: _plain(made, network, row) for made in columns} for row in lines)
    else:
        facts = _facts(network, (*TOTALS, "memory", "receptive_field"))
        data["counting"] = _counting(network, counting)
        data["totals"] = _totals(network)
        data["memory"] = memory.data(network)
        data["layers"] = (_layer(network, row) for row in lines)
    heading = f"{analysis.architecture}: {citation}" if citation else analysis.architecture
    notes = (*receptive_field.warnings(analysis), "`archcalc quantities` says what each figure counts")
    return Report(heading, (*facts, *_counting_facts(network, counting)), (table,), notes, data, flat)


def _tree(network: Part, columns: Sequence[LayerColumn]) -> Iterator[tuple[Any, ...]]:
    """The rows of the tree: what adds up, of all equal copies; the rest of the first."""
    known = quantities()
    saved = any(made.column.key.startswith("saved") for made in columns)

    def telling(row: AnalysedLayer) -> Any:
        return network.memory.saved.layers[row.node.index] if saved else None

    for line in tree.lines(network.layers, telling):
        cells = []
        for made in columns:
            of = known.get(made.column.key.removesuffix("_share"))
            cells.append(made.value(network, line.row if of is not None and of.sums else line.first))
            if made.column.key == "name":
                cells[-1] = line.label
        yield tuple(cells)


def _is_figure(made: LayerColumn) -> bool:
    return made.column.key in quantities()


def _plain(made: LayerColumn, network: Part, row: Row) -> Any:
    value = made.value(network, row)
    known = quantities().get(made.column.key)
    return value if known is None else known.data(value)


def _counting_facts(network: Part, counting: Profile | None) -> tuple[tuple[str, str], ...]:
    """Whose rules the operations are counted by, and what these are."""
    if counting is None:
        return ()
    counted = quantities()[name_of(counting)]
    rules = rules_in_words(counting, {layer.layer for layer in network.layers})
    said = f"{counted.unit.full(counted.measure(network))} {counting.unit}s{_per(network)}: {counting.tool}"
    return (("counting", f"{counting.name}, {said}"), ("it counts", "; ".join(rules)))


def _counting(network: Part, counting: Profile | None) -> dict[str, Any]:
    """The profile, its counters and its rules; without one, archcalc's own."""
    made = counting or profile("archcalc")
    known = quantities()
    if counting is None:
        counters = {name: known[name].measure(network) for name in ("macs", "flops")}
    else:
        counters = {name: network.samples(n) for name, n in count(counting, network.analysis).counters.items()}
    return {"profile": made.name, **counters, **description(made)}


def _counted_by(counting: Profile, columns: list[LayerColumn]) -> list[LayerColumn]:
    """The columns with the profile's in the place of the MACs, or last where there are none."""
    made = column(name_of(counting))
    made = made._replace(column=made.column._replace(rank=1))
    keys = [each.column.key for each in columns]
    at = keys.index("macs") if "macs" in keys else len(keys)
    return [*columns[:at], made, *columns[at + 1 :]]


def _totals(network: Part) -> dict[str, Any]:
    known = quantities()
    by_role = {role: network.samples(amount) for role, amount in network.analysis.operations_by_role.items()}
    return {
        **{name: known[name].data(known[name].measure(network)) for name in TOTALS},
        "operations_by_role": by_role,
        "receptive_field": receptive_field.data_of_network(network.analysis),
    }


def _layer(network: Part, row: Row) -> dict[str, Any]:
    data: dict[str, Any] = {"name": row.name, "layer": row.one.layer if row.one else None, "layers": len(row.layers)}
    if row.one is not None:
        data["attributes"] = row.one.node.attributes
        data["inputs"] = network.analysis.inputs(row.one)
        data["storage"] = row.one.outcome.storage
        data["saved_tensors"] = saved_tensors(network, row)
    known = quantities()
    for name in OF_LAYERS:
        data[name] = known[name].data(row.measure(known[name], network))
    data["receptive_field"] = receptive_field.data(network.analysis.receptive_fields[row.last.node.index])
    return data


def _input(analysis: Analysis) -> str:
    """The volume of the input; several with their names."""
    inputs = analysis.network.inputs
    if len(inputs) == 1:
        return str(analysis.network.input)
    return ", ".join(f"{name} {volume}" for name, volume in inputs.items())


#: What the lines of a report are called, where a figure's own title would not say enough by itself.
_LABELS = {"trainable_params": "trainable", "params": "parameters"}


def _facts(network: Part, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """A line for each figure of the whole network, and what was set."""
    analysis = network.analysis
    facts = [
        ("input", _input(analysis)),
        ("set", ", ".join(f"{name} = {shown(value)}" for name, value in analysis.network.parameters.items())),
        ("heads", ", ".join(name for name in analysis.network.outputs if name != "output")),
    ]
    for name in names:
        facts += _lines(network, name)
    return tuple((label, text) for label, text in facts if text)


def _lines(network: Part, name: str) -> Iterator[tuple[str, str]]:
    if name == "memory":
        yield from memory.facts(network)
        return
    if name == "receptive_field":
        yield "receptive field", receptive_field.sentence(network.analysis)
        return
    known = quantities().get(name)
    if known is None or name in ("input", "output", "operations", "input_bytes", "layers"):
        return
    value = known.measure(network) if known.sums or known.of == "network" else None
    if value is None or (name == "buffers" and not value):
        return
    if name == "trainable_params" and value == quantities()["params"].measure(network):
        return
    text = known.unit.full(value)
    if name == "depth":
        text = f"{exact(value)} weighted layers on the longest path; {len(network.layers):,} layers in all"
    yield _LABELS.get(name, known.title), text + (_per(network) if "samples" in known.depends else "")


def _per(network: Part) -> str:
    batch = network.setup.batch
    return " per sample" if batch == 1 else f" per batch of {batch:,}"
