"""ONNX: a graph of operators without weights, whose shapes are there and whose values are not."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.analysis.totals import Analysis
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.exchange.say import Say, nothing_said
from archcalc.exchange.unwritten import refusal
from archcalc.exchange.writers.onnx.graph import Graph, Site, Unwritten, Value
from archcalc.exchange.writers.onnx.layers.registry import writers
from archcalc.exchange.writers.onnx.message import Shape, Type
from archcalc.language.network import Node

ENDING = ".onnx"


def write(analysis: Analysis, _: Say = nothing_said) -> Iterator[bytes]:
    """The bytes of an ONNX file. SpecError names all layers that have no operators."""
    network = analysis.network
    made, inputs, values = _built(analysis)
    outputs = {name: values[number] for name, number in network.outputs.items()}
    yield made.encoded(network.document.architecture or "network", inputs, outputs)


def node_names(analysis: Analysis) -> tuple[str, ...]:
    """For each layer the name of its main node in the file that `write` makes, empty if it has none. SpecError as
    `write` has it."""
    made, _, _ = _built(analysis)
    return made.main_nodes([node.name for node in analysis.network.nodes])


def _built(analysis: Analysis) -> tuple[Graph, dict[str, tuple[Type, Shape]], dict[int, Value]]:
    """The graph of a network, its inputs, and the value of each layer."""
    interpretation = analysis.interpretation
    network = interpretation.network
    made = Graph()
    looked_up = {number for node in network.nodes if node.layer.name == "embedding" for number in node.inputs}
    values = {-1 - number: Value(name, volume) for number, (name, volume) in enumerate(network.inputs.items())}
    inputs = {
        value.name: (Type.INT64 if number in looked_up else Type.FLOAT, value.shape) for number, value in values.items()
    }
    refused: dict[str, list[Node]] = {}
    for node, outcome in zip(network.nodes, interpretation.outcomes, strict=True):
        site = Site(made, node, tuple(values[number] for number in node.inputs), outcome.output)
        try:
            if node.layer.name not in writers():
                raise Unwritten(f"the layer {node.layer.name}")
            value = writers()[node.layer.name](site)
        except Unwritten as reason:
            refused.setdefault(str(reason), []).append(node)
            value = Value(node.name, outcome.output)
        made.shapes[value.name] = value.shape
        values[node.index] = value
    if refused:
        raise SpecError([refusal(refused, "ONNX")])
    return made, inputs, values
