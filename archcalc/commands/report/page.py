"""The page of an architecture: its graph, layers, memory in time, claims, and the text of its spec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.claims.judge import judge
from archcalc.claims.library import Library
from archcalc.claims.read import claims
from archcalc.commands.check.tables import verdicts
from archcalc.commands.explain.answer import explain_layer
from archcalc.commands.memory import picture as memory_picture
from archcalc.commands.report import distribution, picture
from archcalc.commands.report.columns import LayerColumn, chosen
from archcalc.commands.report.row import Row
from archcalc.layers.attributes import shown
from archcalc.output.layout import Table
from archcalc.pictures import graph
from archcalc.pictures.network import Heat
from archcalc.pictures.page import Explanation, Picture, Rows, Section, Text
from archcalc.quantities.registry import Part

#: The arithmetic of so many layers is in the page.
_EXPLAINED = 1500


def sections(
    network: Part, *, columns: Sequence[LayerColumn] | None = None, heat: Heat | None = None
) -> Iterator[Section]:
    """What the page shows below the facts. Columns that are named are those of the table, and stand in the boxes."""
    analysis = network.analysis
    yield _graph(network, columns or [], heat)
    yield from tables(network, columns)
    judged = judge(analysis.network.document, claims(analysis.network.document)[0], Library())
    if judged:
        yield Rows("claims", verdicts(judged))
    yield Text("spec", analysis.network.document.source.text)


def tables(network: Part, columns: Sequence[LayerColumn] | None = None) -> Iterator[Section]:
    """Where the network has its figures, the layers, and what training them takes over time."""
    distributed = distribution.draw(network)
    if distributed is not None:
        yield Picture("distribution", distributed)
    yield _layers(network, columns or chosen())
    if network.memory.trains:
        yield Picture("memory of training", memory_picture.draw(network))


def graph_alone(network: Part) -> Picture:
    """The network, whose arithmetic is asked for when it is wanted."""
    return Picture("network", picture.draw(network, foldable=True), {})


def _graph(network: Part, said: Sequence[LayerColumn], heat: Heat | None) -> Picture:
    """The network, and the arithmetic of its layers, of the first of equal copies."""
    boxes = graph.boxes(graph.items(network.analysis))
    shown_layers = [layer for box in boxes for layer in box.layers][:_EXPLAINED]
    layers = {layer.node.index: explanation(network.analysis, layer) for layer in shown_layers}
    return Picture("network", picture.draw(network, columns=said, heat=heat, foldable=True), layers)


def explanation(analysis: Analysis, layer: AnalysedLayer) -> Explanation:
    """The arithmetic of a layer's figures."""
    return _heading(layer), [(one.quantity, one.text) for one in explain_layer(analysis, layer)]


def _heading(layer: AnalysedLayer) -> str:
    given = ", ".join(f"{name}: {shown(value)}" for name, value in layer.node.attributes.items())
    return f"{layer.name}: {layer.layer}{f' {{{given}}}' if given else ''}"


def _layers(network: Part, columns: Sequence[LayerColumn]) -> Rows:
    """A row for each layer, and above those of a block one with its figures."""
    rows: list[tuple[Any, ...]] = []
    levels: list[int] = []
    layers = network.analysis.layers
    ends: dict[str, int] = {}
    for layer in layers:
        parts = layer.name.split("/")
        for length in range(1, len(parts)):
            ends["/".join(parts[:length])] = layer.node.index
    open_: list[str] = []
    for index, layer in enumerate(layers):
        parts = layer.name.split("/")
        around = ["/".join(parts[:length]) for length in range(1, len(parts))]
        while open_ and (len(open_) > len(around) or open_[-1] != around[len(open_) - 1]):
            open_.pop()
        for path in around[len(open_) :]:
            row = Row(path, layers[index : ends[path] + 1])
            rows.append(_row(network, row, columns, path.rpartition("/")[2]))
            levels.append(len(open_))
            open_.append(path)
        rows.append(_row(network, Row(layer.name, [layer]), columns, parts[-1]))
        levels.append(len(around))
    footer = tuple(None if column.total is None else column.total(network) for column in columns)
    return Rows("layers", Table(tuple(column.column for column in columns), rows, footer), levels)


def _row(network: Part, row: Row, columns: Sequence[LayerColumn], name: str) -> tuple[Any, ...]:
    return tuple(name if column.column.key == "name" else column.value(network, row) for column in columns)
