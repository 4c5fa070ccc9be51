"""The report of one architecture: a row for each layer, or for each block down to a depth, and the totals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.commands.count.tables import description, rules_in_words
from archcalc.commands.memory import tables as memory
from archcalc.commands.report import receptive_field
from archcalc.counting.count import Profile, count, count_layers, profile
from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.layers.attributes import shown
from archcalc.output.layout import Column, Report, Table
from archcalc.output.numbers import barred, bytes_binary, bytes_decimal, exact, share, short
from archcalc.sizes.kinds import total


class Row(NamedTuple):
    """One line of the report: a layer, or several that a fold has put together."""

    name: str
    layers: Sequence[AnalysedLayer]

    @property
    def last(self) -> AnalysedLayer:
        """The layer that gives the row its output."""
        return self.layers[-1]

    @property
    def one(self) -> AnalysedLayer | None:
        """The layer, if the row is only one."""
        return self.layers[0] if len(self.layers) == 1 else None

    def sum(self, field: str) -> Any:
        """A figure of the row's layers, added up."""
        if len(self.layers) == 1:
            return getattr(self.layers[0], field)
        return total(getattr(layer, field) for layer in self.layers)


class LayerColumn(NamedTuple):
    """A column of the report: how its value follows from a row, and from all of them (None: they do not add up)."""

    column: Column
    value: Callable[[Analysis, Row, int], Any]
    total: Callable[[Analysis, int], Any] | None = None


def _kernel(analysis: Analysis, row: Row, batch: int) -> str | None:
    return row.one.kernel if row.one else None


def _type(analysis: Analysis, row: Row, batch: int) -> str:
    return row.one.layer if row.one else f"{len(row.layers)} layers"


def _inputs(analysis: Analysis, row: Row, batch: int) -> str | None:
    return ", ".join(analysis.inputs(row.one)) if row.one else None


def _share(analysis: Analysis, row: Row, batch: int) -> float | None:
    params = row.sum("params")
    return share(params, analysis.totals.params) if params else None


def _receptive_field(analysis: Analysis, row: Row, batch: int) -> str:
    return receptive_field.text(analysis.receptive_fields[row.last.node.index])


def _sum(field: str, *, batched: bool = False) -> Callable[[Analysis, Row, int], Any]:
    def value(analysis: Analysis, row: Row, batch: int) -> Any:
        return (batch if batched else 1) * row.sum(field)

    return value


def _unless_zero(value: int) -> str:
    return exact(value) if value else ""


def _bytes_unless_zero(value: int) -> str:
    return bytes_decimal(value) if value else ""


def _output_memory(analysis: Analysis, row: Row, batch: int) -> int:
    """Bytes of the outputs that have a storage of their own: nothing for layers that work in place, or views."""
    return batch * total(layer.outputs_bytes for layer in row.layers)


def _outputs_memory(analysis: Analysis, batch: int) -> int:
    return batch * analysis.totals.outputs_bytes


def _memory_share(analysis: Analysis, row: Row, batch: int) -> float | None:
    memory = _output_memory(analysis, row, batch)
    return share(memory, _outputs_memory(analysis, batch)) if memory else None


def _saved(analysis: Analysis, row: Row, batch: int) -> int:
    """Bytes that these layers are the first to keep for the backward pass."""
    return total(analysis.memory.saved.layers[layer.node.index].at(batch) for layer in row.layers)


def _why(analysis: Analysis, row: Row, batch: int) -> str:
    words = (word for layer in row.layers for word in analysis.memory.why(layer.node.index))
    return ", ".join(dict.fromkeys(words))


#: Every column that a report can have, in the order in which it has them.
COLUMNS: dict[str, LayerColumn] = {
    made.column.key: made
    for made in (
        LayerColumn(Column("name", "layer", right=False), lambda a, row, b: row.name, lambda a, b: "total"),
        LayerColumn(Column("layer", "type", right=False, rank=9), _type),
        LayerColumn(Column("inputs", "inputs", right=False, rank=10), _inputs),
        LayerColumn(Column("kernel", "kernel", right=False, rank=5), _kernel),
        LayerColumn(Column("output", "output"), lambda a, row, b: row.last.output),
        LayerColumn(Column("params", "params", _unless_zero), _sum("params"), lambda a, b: a.totals.params),
        LayerColumn(Column("share", "share", barred, rank=4), _share),
        LayerColumn(Column("buffers", "buffers", _unless_zero, rank=8), _sum("buffers"), lambda a, b: a.totals.buffers),
        LayerColumn(
            Column("macs", "MACs", _unless_zero, rank=1), _sum("macs", batched=True), lambda a, b: b * a.totals.macs
        ),
        LayerColumn(
            Column("flops", "FLOPs", _unless_zero, rank=6), _sum("flops", batched=True), lambda a, b: b * a.totals.flops
        ),
        LayerColumn(
            Column("output_memory", "output memory", _bytes_unless_zero, rank=2), _output_memory, _outputs_memory
        ),
        LayerColumn(Column("memory_share", "memory share", barred, rank=6), _memory_share),
        LayerColumn(
            Column("saved", "saved", _bytes_unless_zero, rank=3), _saved, lambda a, b: a.memory.saved.total.at(b)
        ),
        LayerColumn(Column("why", "saved for backward", right=False, rank=8, wraps=True), _why),
        LayerColumn(Column("receptive_field", "receptive field", rank=7), _receptive_field),
    )
}
DEFAULT_COLUMNS = (
    "name",
    "kernel",
    "output",
    "params",
    "share",
    "macs",
    "output_memory",
    "memory_share",
    "saved",
    "why",
    "receptive_field",
)


def chosen_columns(keys: Sequence[str]) -> list[LayerColumn]:
    """The columns of these keys; UsageError for one that does not exist."""
    for key in keys:
        if key not in COLUMNS:
            hint = did_you_mean(key, COLUMNS) or f"the columns are {', '.join(COLUMNS)}"
            raise UsageError(f"there is no column `{key}`: {hint}")
    return [COLUMNS[key] for key in dict.fromkeys(keys)]


def rows(analysis: Analysis, depth: int | None) -> list[Row]:
    """A row for each layer; with a depth, neighbours whose paths begin with the same `depth` names share a row."""
    if depth is None:
        return [Row(layer.name, [layer]) for layer in analysis.layers]
    folded = groupby(analysis.layers, key=lambda layer: "/".join(layer.name.split("/")[:depth]))
    return [Row(name, list(group)) for name, group in folded]


def build(
    analysis: Analysis,
    *,
    batch: int = 1,
    depth: int | None = None,
    columns: list[LayerColumn] | None = None,
    counting: Profile | None = None,
) -> Report:
    """The report of an analysis: MACs, FLOPs and bytes of a batch of `batch`; parameters do not depend on it.

    With a counting profile, a column with what it counts stands in the place of the MACs.
    """
    columns = columns or chosen_columns(DEFAULT_COLUMNS)
    if counting is not None:
        columns = _counted_by(counting, analysis, columns)
    lines = rows(analysis, depth)
    table = Table(
        tuple(made.column for made in columns),
        (tuple(made.value(analysis, row, batch) for made in columns) for row in lines),
        tuple(None if made.total is None else made.total(analysis, batch) for made in columns),
    )
    citation = analysis.network.document.citation
    data = {
        "architecture": analysis.architecture,
        "source": citation,
        "parameters": dict(analysis.network.parameters),
        "input": list(analysis.network.input.shape),
        "batch": batch,
        "counting": _counting(analysis, batch, counting),
        "totals": _totals(analysis, batch),
        "memory": memory.data(analysis, analysis.memory, batch),
        "layers": (_layer(analysis, row, batch) for row in lines),
    }
    heading = f"{analysis.architecture}: {citation}" if citation else analysis.architecture
    notes = ["K, M, G and kB, MB, GB are powers of 1000; MiB is 2^20 bytes; volumes are written channels last"]
    if any(made.column.key == "saved" for made in columns):
        notes.append("saved: what the layer is the first to keep for its backward pass; a tensor is counted once")
    warnings = receptive_field.warnings(analysis)
    facts = (*_facts(analysis, batch), *_counting_facts(analysis, batch, counting))
    return Report(heading, facts, (table,), (*warnings, *notes), data)


def _counting_facts(analysis: Analysis, batch: int, counting: Profile | None) -> tuple[tuple[str, str], ...]:
    """Whose rules the operations are counted by, and what these are."""
    if counting is None:
        return (("counting", "archcalc, by the rules said with MACs and FLOPs above"),)
    figure = batch * total(count_layers(counting, analysis))
    rules = rules_in_words(counting, {layer.layer for layer in analysis.layers})
    said = f"{_both(figure)} {counting.unit}s {_per(batch)}: {counting.tool}"
    return (("counting", f"{counting.name}, {said}"), ("it counts", "; ".join(rules)))


def _counting(analysis: Analysis, batch: int, counting: Profile | None) -> dict[str, Any]:
    """The profile, its counters and its rules; without one, archcalc's own."""
    own = {"macs": analysis.totals.macs, "flops": analysis.totals.flops}
    made = counting or profile("archcalc")
    counters = own if counting is None else count(counting, analysis).counters
    return {"profile": made.name, **{name: batch * n for name, n in counters.items()}, **description(made)}


def _counted_by(counting: Profile, analysis: Analysis, columns: list[LayerColumn]) -> list[LayerColumn]:
    """The columns with the profile's in the place of the MACs, or last where there are none."""
    amounts = count_layers(counting, analysis)

    def of_row(analysis: Analysis, row: Row, batch: int) -> int:
        return batch * total(amounts[layer.node.index] for layer in row.layers)

    title = f"{counting.unit}s ({counting.name})"
    made = LayerColumn(Column("counted", title, _unless_zero, rank=1), of_row, lambda a, b: b * total(amounts))
    keys = [column.column.key for column in columns]
    at = keys.index("macs") if "macs" in keys else len(keys)
    return [*columns[:at], made, *columns[at + 1 :]]


def _totals(analysis: Analysis, batch: int) -> dict[str, Any]:
    t = analysis.totals
    return {
        "params": t.params,
        "trainable_params": t.trainable_params,
        "buffers": t.buffers,
        "macs": batch * t.macs,
        "flops": batch * t.flops,
        "operations": {role: batch * amount for role, amount in t.operations.items()},
        "depth": t.depth,
        "layers": t.layers,
        "input_bytes": batch * t.input_bytes,
        "outputs_bytes": batch * t.outputs_bytes,
        "receptive_field": receptive_field.data_of_network(analysis),
    }


def _layer(analysis: Analysis, row: Row, batch: int) -> dict[str, Any]:
    data: dict[str, Any] = {"name": row.name, "layer": row.one.layer if row.one else None, "layers": len(row.layers)}
    if row.one is not None:
        data["attributes"] = row.one.node.attributes
        data["inputs"] = analysis.inputs(row.one)
        data["storage"] = row.one.outcome.storage
        data["saved"] = analysis.memory.why(row.one.node.index)
    return {
        **data,
        "output": list(row.last.output.shape),
        "params": row.sum("params"),
        "buffers": row.sum("buffers"),
        "macs": batch * row.sum("macs"),
        "flops": batch * row.sum("flops"),
        "output_bytes": batch * row.last.output_bytes,
        "outputs_bytes": batch * row.sum("outputs_bytes"),
        "saved_bytes": _saved(analysis, row, batch),
        "receptive_field": receptive_field.data(analysis.receptive_fields[row.last.node.index]),
    }


def _facts(analysis: Analysis, batch: int) -> tuple[tuple[str, str], ...]:
    t = analysis.totals
    per = _per(batch)
    stored = f"; {exact(t.buffers)} buffer values are stored and not learned" if t.buffers else ""
    outputs = batch * (t.input_bytes + t.outputs_bytes)
    facts = (
        ("input", str(analysis.network.input)),
        ("set", ", ".join(f"{name} = {shown(value)}" for name, value in analysis.network.parameters.items())),
        ("heads", ", ".join(name for name in analysis.network.outputs if name != "output")),
        ("parameters", f"{_both(t.params)}: learned values, shared ones once{stored}"),
        ("MACs", f"{_both(batch * t.macs)} {per}: of convolutions, linear layers and matrix products, without bias"),
        ("FLOPs", f"{_both(batch * t.flops)} {per}: 2 for each MAC, and every other operation"),
        (
            "outputs",
            f"{exact(outputs)} bytes ({bytes_decimal(outputs)}, {bytes_binary(outputs)}) {per}: input and all outputs"
            " in float32, in-place layers and views not counted again",
        ),
        *memory.facts(analysis, analysis.memory, batch),
        ("depth", f"{t.depth} layers with weights on the longest way; {t.layers} layers in all"),
        ("receptive field", receptive_field.sentence(analysis)),
    )
    return tuple((label, text) for label, text in facts if text)


def _per(batch: int) -> str:
    return "per sample" if batch == 1 else f"per batch of {batch:,}"


def _both(value: int) -> str:
    return f"{exact(value)} ({short(value)})"
