"""An ONNX graph in the making: nodes, weights that are shapes alone, constants, and the form of each value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from archcalc.exchange.writers.onnx import message
from archcalc.exchange.writers.onnx.message import Attribute, Shape, Type, Zeros
from archcalc.language.network import Node
from archcalc.records import Record
from archcalc.sizes.volume import Volume

#: The batch, which is left open.
BATCH = "N"
#: For each version of ONNX's operators that is asked for, the version of the format that came with it.
_FORMATS = {20: 9, 21: 10, 23: 11}
#: The oldest version that has what most layers need.
OPSET = 20


class Unwritten(Exception):
    """A layer, or an attribute of it, that has no operators."""


class Value(Record):
    """A value: the name of its tensor, which is `[N, C, ...]`, or `[N, ..., C]` where `last` says so."""

    name: str
    volume: Volume
    last: bool = False

    @property
    def shape(self) -> Shape:
        """The tensor's shape."""
        v = self.volume
        return (BATCH, *v.space, v.channels) if self.last else (BATCH, v.channels, *v.space)


class Graph:
    """The nodes so far."""

    def __init__(self) -> None:
        self.nodes: list[tuple[str, str, tuple[str, ...], str, Mapping[str, Attribute]]] = []
        self.constants: dict[str, bytes] = {}
        self.weights: dict[str, Zeros] = {}
        self.shapes: dict[str, Shape] = {}
        self.opset = OPSET
        self._names: Counter[str] = Counter()
        #: The values that were moved into the other form, and what they are called there.
        self._moved: dict[str, str] = {}

    def node(self, path: str, kind: str, inputs: tuple[str, ...], attributes: Mapping[str, Attribute]) -> str:
        """A node of a layer; returns the name of its output."""
        name = self._unique(f"/{path}/{kind}")
        made = f"{name}.output"
        self.nodes.append((kind, name, inputs, made, attributes))
        return made

    def main_nodes(self, paths: Sequence[str]) -> tuple[str, ...]:
        """For each layer the name of its node that has weights, or of the one that makes its output; empty if it has
        none."""
        found: dict[str, str] = {}
        weighted: set[str] = set()
        for _, name, inputs, _, _ in self.nodes:
            path = name.removeprefix("/").rpartition("/")[0]
            if path not in weighted:
                found[path] = name
            if any(each in self.weights for each in inputs):
                weighted.add(path)
        return tuple(found.get(path, "") for path in paths)

    def weight(self, name: str, shape: tuple[int, ...]) -> str:
        """A tensor of the model, of which only the shape is written; once under each name."""
        self.weights.setdefault(name, Zeros(shape))
        return name

    def numbers(self, *values: int, scalar: bool = False) -> str:
        """A constant of whole numbers."""
        name = f"numbers:{'scalar:' if scalar else ''}{','.join(map(str, values))}"
        self.constants.setdefault(name, message.whole_numbers(name, values, scalar=scalar))
        return name

    def number(self, value: float) -> str:
        """A constant that is one number."""
        name = f"number:{value!r}"
        self.constants.setdefault(name, message.fractions(name, [value], scalar=True))
        return name

    def needs(self, opset: int) -> None:
        """Ask for a version of ONNX's operators, from which on there is one that is used."""
        self.opset = max(self.opset, opset)

    def moved(self, value: Value, path: str, *, last: bool) -> str:
        """The tensor of a value in that form; transposed, once, if it has the other."""
        rank = value.volume.rank
        if value.last == last or not rank:
            return value.name
        if value.name not in self._moved:
            order = [0, *range(2, rank + 2), 1] if last else [0, rank + 1, *range(1, rank + 1)]
            self._moved[value.name] = self.node(path, "Transpose", (value.name,), {"perm": order})
            self.shapes[self._moved[value.name]] = value._replace(last=last).shape
        return self._moved[value.name]

    def encoded(self, name: str, inputs: Mapping[str, tuple[Type, Shape]], outputs: Mapping[str, Value]) -> bytes:
        """The model. Outputs are called by their names; one that is an input too, or another output, is copied."""
        called: dict[str, str] = {}
        for output, value in outputs.items():
            if value.name in inputs or value.name in called:
                copy = self.node(output, "Identity", (called.get(value.name, value.name),), {})
                called[copy] = output
            else:
                called[value.name] = output
        nodes = [message.node("Constant", "", (), (key,), {"sparse_value": s}) for key, s in self.weights.items()]
        for kind, title, reads, made, attributes in self.nodes:
            read = [called.get(each, each) for each in reads]
            nodes.append(message.node(kind, title, read, (called.get(made, made),), attributes))
        written = message.graph(
            name,
            nodes,
            self.constants.values(),
            (message.value_info(each, dtype, shape) for each, (dtype, shape) in inputs.items()),
            (message.value_info(each, Type.FLOAT, value.shape) for each, value in outputs.items()),
            (message.value_info(each, Type.FLOAT, s) for each, s in self.shapes.items() if each not in called),
        )
        return message.model(written, self.opset, _FORMATS[self.opset], "archcalc")

    def _unique(self, name: str) -> str:
        self._names[name] += 1
        return f"{name}.{self._names[name]}" if self._names[name] > 1 else name


class Site:
    """A layer where it stands: its attributes, one value an axis where they have axes, its inputs, and its output."""

    def __init__(self, graph: Graph, node: Node, inputs: tuple[Value, ...], output: Volume) -> None:
        self.graph = graph
        self.layer = node.layer.name
        self.path = node.name
        self.tied = node.tied
        self.inputs = inputs
        self.output = output
        self._attributes: dict[str, Any] = {}
        for name, attribute in node.layer.attributes.items():
            value = node.attributes.get(name, attribute.default)
            self._attributes[name] = value if value is None else attribute.kind.fit(value, self.volume.rank)

    def __getitem__(self, attribute: str) -> Any:
        return self._attributes[attribute]

    @property
    def volume(self) -> Volume:
        """The first input."""
        return self.inputs[0].volume

    @property
    def rank(self) -> int:
        """Spatial axes of the first input."""
        return self.volume.rank

    @property
    def channels(self) -> int:
        """Channels of the first input."""
        return int(self.volume.channels)

    def node(self, kind: str, *inputs: str, **attributes: Attribute) -> str:
        """A node of the layer; returns the name of its output."""
        return self.graph.node(self.path, kind, inputs, attributes)

    def first(self, number: int = 0) -> str:
        """An input as `[N, C, ...]`."""
        return self.graph.moved(self.inputs[number], self.path, last=False)

    def by_position(self, number: int = 0) -> str:
        """An input as `[N, ..., C]`."""
        return self.graph.moved(self.inputs[number], self.path, last=True)

    def axis(self, axis: int) -> int:
        """The tensor's axis of an axis of the first input, 0 being the channels."""
        last = self.inputs[0].last and self.rank > 0
        if axis == 0:
            return self.rank + 1 if last else 1
        return axis if last else axis + 1

    def weight(self, name: str, *shape: int) -> str:
        """A tensor of the layer; layers that share their weights name the same."""
        owner = str(self.tied) if self.tied is not None else self.path
        return self.graph.weight(f"{owner}/{name}".replace("/", "."), tuple(int(size) for size in shape))

    def numbers(self, *values: int, scalar: bool = False) -> str:
        """A constant of whole numbers."""
        return self.graph.numbers(*(int(value) for value in values), scalar=scalar)

    def number(self, value: Any) -> str:
        """A constant that is one number."""
        return self.graph.number(float(value))

    def made(self, name: str, *, last: bool = False) -> Value:
        """The layer's output."""
        return Value(name, self.output, last and self.output.rank > 0)

    def like(self, name: str) -> Value:
        """The layer's output, in the form of its first input."""
        return self.made(name, last=self.inputs[0].last)
