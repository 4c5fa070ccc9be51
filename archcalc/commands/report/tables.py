"""The report of one architecture: a row for each layer, or for each block down to a depth, and the totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.commands.count.tables import description, rules_in_words
from archcalc.commands.memory import tables as memory
from archcalc.commands.report import receptive_field
from archcalc.commands.report.columns import LayerColumn, chosen, column, is_figure
from archcalc.commands.report.folded import Folded
from archcalc.commands.report.row import Row
from archcalc.counting.count import Profile, count
from archcalc.counting.profiles import profile
from archcalc.layers.attributes import shown
from archcalc.output.layout import Report, Table
from archcalc.quantities.counting import name_of
from archcalc.quantities.registry import Part, quantities
from archcalc.sizes.volume import said_channels_last

#: The figures of a whole network that a report says under `totals`.
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
#: The figures that people read first.
FIGURES = (
    "params",
    "trainable_params",
    "buffers",
    "macs",
    "flops",
    "depth",
    "layers",
    "activation_bytes",
    "saved_bytes",
    "inference_peak_bytes",
    "training_peak_bytes",
    "receptive_field",
)
_MORE = "see also: archcalc memory (peaks), explain (arithmetic), quantities (meaning)"
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
        whole="use --columns",
    )
    folded = Folded(network, columns, lines if full or depth is not None else None)
    citation = analysis.network.document.citation
    data: dict[str, Any] = {
        "architecture": analysis.architecture,
        "source": citation,
        "parameters": dict(analysis.network.parameters),
        "input": list(analysis.network.input.shape),
        "inputs": {name: list(volume.shape) for name, volume in analysis.network.inputs.items()},
        "batch": batch,
        "unknown": [row.name for row in analysis.unknown],
    }
    if named:
        figures = _figures(network, [made.column.key for made in columns])
        data["totals"] = {made.column.key: made.total(network) for made in columns if made.total and is_figure(made)}
        data["layers"] = ({made.column.key: _plain(made, network, row) for made in columns} for row in lines)
    else:
        figures = _figures(network, FIGURES)
        data["counting"] = _counting(network, counting)
        data["totals"] = _totals(network)
        data["memory"] = memory.data(network)
        data["layers"] = _layers(network, lines)
    heading = f"{analysis.architecture}: {citation}" if citation else analysis.architecture
    notes = (*analysis.remarks, *_of_channels_last(analysis), *receptive_field.warnings(analysis), _MORE)
    facts = _facts(network, folded, counting, network.memory.why_not_trained if not named else "")
    return Report(heading, facts, (folded.table(flat),), notes, data, flat, figures=figures)


def _of_channels_last(analysis: Analysis) -> Iterator[str]:
    """The warning of an image whose channels stand last: what is counted then is another network."""
    if any(map(said_channels_last, analysis.network.inputs.values())):
        from archcalc.warnings.channels_last import channels_last

        yield from (f"warning: {found.message}" for found in channels_last(analysis))


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
    said = f"{counted.unit.full(counted.measure(network))} {counting.unit}s: {counting.tool}"
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


def _layers(network: Part, lines: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """An object for each row. A network repeats itself: what equal layers have in common is worked out once."""
    known = [quantities()[name] for name in OF_LAYERS]
    shared: dict[Any, dict[str, Any]] = {}
    saved, fields = network.memory.saved.layers, network.analysis.receptive_fields
    field, window = None, None
    for row in lines:
        one, last = row.one, row.last.node.index
        kind: Any = id(row) if one is None else (one.outcome, one.params, one.buffers, saved[last])
        if kind not in shared:
            shared[kind] = {
                "name": "",
                "layer": one.layer if one else None,
                "layers": len(row.layers),
                **(dict.fromkeys(_OF_ONE) if one else {}),
                **{made.name: made.data(row.told(made, network)) for made in known},
            }
        made = shared[kind].copy()
        made["name"] = row.name
        if one is not None:
            made["attributes"] = one.node.attributes
            made["inputs"] = network.analysis.inputs(one)
            made["storage"] = one.outcome.storage
            made["saved_tensors"] = network.memory.why(last)
        if fields[last] is not field:  # layers without windows see what the layer before them sees
            field = fields[last]
            window = receptive_field.data(field)
        made["receptive_field"] = window
        yield made


#: What is no figure, and only one layer has.
_OF_ONE = ("attributes", "inputs", "storage", "saved_tensors")


def _input(analysis: Analysis) -> str:
    """The volume of the input; several with their names."""
    inputs = analysis.network.inputs
    if len(inputs) == 1:
        return str(analysis.network.input)
    return ", ".join(f"{name} {volume}" for name, volume in inputs.items())


def _facts(network: Part, folded: Folded, counting: Profile | None, untrained: str) -> Iterator[tuple[str, str]]:
    """What goes in, what was set, why it is not trained where it cannot be, and where most of it is: worked out when
    it is read, which only people do."""
    analysis = network.analysis
    facts = (
        ("input", f"{_input(analysis)}, batch {network.setup.batch:,}"),
        ("settings", ", ".join(f"{name} = {shown(value)}" for name, value in analysis.network.parameters.items())),
        ("heads", ", ".join(_heads(analysis))),
        ("left out", _left_out(analysis)),
        ("untrained", untrained),
        ("largest", folded.sentence()),
        *_counting_facts(network, counting),
    )
    yield from ((label, text) for label, text in facts if text)


def _heads(analysis: Analysis) -> Iterator[str]:
    """The outputs beside the stream's, each with its volume."""
    for name, number in analysis.network.outputs.items():
        if name != "output":
            yield f"{name} {analysis.interpretation.volume(number)}"


def _left_out(analysis: Analysis) -> str:
    """What totals leave out, in words; empty if nothing."""
    unknown = analysis.unknown
    if not unknown:
        return ""
    first = f"`{unknown[0].name}`"
    many = f"{len(unknown):,} unknown operations (the first is {first})" if len(unknown) > 1 else first
    return f"{many}: MACs and FLOPs are lower bounds, and memory is that of the other layers"


#: What the figures of a report are called, where a figure's own title would not say enough by itself.
_LABELS = {"trainable_params": "trainable", "params": "parameters"}


def _figures(network: Part, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each figure of the whole network among these, short."""
    said = ((name, _figure(network, name)) for name in names)
    known = quantities()
    return ((_LABELS.get(name, known[name].title), text) for name, text in said if text)


def _figure(network: Part, name: str) -> str:
    """A figure of the whole network as text; empty where it says nothing."""
    if name == "receptive_field":
        return receptive_field.of_network(network.analysis)
    known = quantities().get(name)
    if known is None or not (known.sums or known.of == "network"):
        return ""
    value = known.measure(network)
    if value is None and known.absence(network):
        return "n/a"
    if name == "trainable_params" and value == quantities()["params"].measure(network):
        return ""
    if value is None or (name == "buffers" and not value):
        return ""
    text = known.unit.brief(value)
    return f"{text} weighted layer{'s' * (value != 1)}" if name == "depth" else text
