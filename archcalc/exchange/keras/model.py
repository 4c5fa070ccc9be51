"""The network of a model: calls of layers, functional or in sequence, as Keras 2 and 3 write them.

A tensor is named by the layer that makes it, which of the layer's calls that is, and which of its outputs. Source:
keras/src/models/functional.py and sequential.py, get_config.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archcalc.diagnostics.diagnostic import SpecError, fail, plain
from archcalc.exchange.archive import read_json
from archcalc.exchange.assembly import Assembly, Item
from archcalc.exchange.flat import SOURCE, Flat
from archcalc.exchange.keras.call import Call, as_number
from archcalc.exchange.keras.registry import keras_layer
from archcalc.exchange.operations.registry import Refusal
from archcalc.language.document import MAX_LAYERS
from archcalc.records import Record

#: A tensor: its layer, which call of it, and which output of that.
Tensor = tuple[str, int, int]
#: Models in models are read to this depth.
MAX_DEPTH = 32

_MODELS = ("Functional", "Model", "Sequential")


def read(path: Path, shown: str) -> Flat:
    """The network of a `.keras` archive. SpecError if it is damaged, or has layers that are not known."""
    written = 'write it with `model.save("model.keras")`'
    return network(path.stem, read_json(path, shown, lambda name: name == "config.json", written), shown)


def network(name: str, model: Any, shown: str) -> Flat:
    """The network of a model's JSON."""
    if not isinstance(model, dict) or model.get("class_name") not in _MODELS:
        kind = model.get("class_name") if isinstance(model, dict) else None
        said = (
            f"{shown} holds `{plain(str(kind), 80)}`, a class of its own"
            if kind
            else f"{shown} is not a model of Keras"
        )
        raise fail("bad-keras", f"{said}: a functional or sequential model is read")
    layers = _layers(model, shown)
    inputs = _inputs(model, layers, shown)
    assembly = Assembly(shown, inputs)
    own = model["config"].get("name")
    ends = _Model(_Reading(assembly, shown), model, "", 0, shared=False, trainable=True).run(
        [SOURCE - number for number in range(len(inputs))]
    )
    named = own if isinstance(own, str) and own not in ("model", "sequential", "functional") else name
    made = [end for end in ends if end is not None]
    names = {f"output_{number}": value for number, value in enumerate(made[1:], 2)}
    return assembly.finish(named, {**names, "output": made[0]} if made else {})


def _layers(model: dict[str, Any], shown: str) -> list[dict[str, Any]]:
    config = model.get("config")
    layers = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(layers, list) or not all(
        isinstance(layer, dict) and isinstance(layer.get("class_name"), str) and isinstance(layer.get("config"), dict)
        for layer in layers
    ):
        raise fail("bad-keras", f"{shown} is damaged: a model's `layers` must be a list of layers with their `config`")
    if len(layers) > MAX_LAYERS:
        raise fail("too-large", f"{shown} has more than {MAX_LAYERS:,} layers")
    return layers


def _inputs(model: dict[str, Any], layers: list[dict[str, Any]], shown: str) -> dict[str, tuple[int, ...]]:
    """The shapes of the inputs in the order in which the model takes them, channels first and without the batch."""
    found = {_name(layer): layer["config"] for layer in layers if layer["class_name"] == "InputLayer"}
    if not found:
        first = layers[0]["config"] if layers else {}
        found = {"": {**first, "batch_shape": first.get("batch_shape", model["config"].get("build_input_shape"))}}
    order = [tensor[0] for tensor in _tensors(model["config"].get("input_layers"), shown)] or list(found)
    if set(order) != set(found) or len(order) != len(found):
        raise fail("bad-keras", f"{shown} is damaged: its `input_layers` are not its layers for input")
    return {name: _shape(found[name], shown) for name in order}


def _shape(config: dict[str, Any], shown: str) -> tuple[int, ...]:
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    if not isinstance(shape, list) or not 2 <= len(shape) <= 5:
        raise fail("bad-keras", f"an input of {shown} is not a batch and up to four sizes")
    sizes = shape[1:]
    if any(type(size) is not int or not 0 < size < 2**31 for size in sizes):
        raise fail("bad-keras", f"an input of {shown} has an open size beside the batch: {plain(str(shape), 80)}")
    return (sizes[-1], *sizes[:-1])


def _tensors(found: Any, shown: str) -> Iterator[Tensor]:
    """A tensor, a list of them, or a map."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list) and found and isinstance(found[0], str):
        found = [found]
    for tensor in found if isinstance(found, list) else ():
        yield _tensor(tensor, shown)


def _tensor(found: Any, shown: str) -> Tensor:
    if isinstance(found, list) and len(found) >= 3 and isinstance(found[0], str):
        name, call, output = found[:3]
        if type(call) is int and type(output) is int and call >= 0 and output >= 0:
            return name, call, output
    said = "a tensor is not named by its layer, the layer's call and its output"
    raise fail("bad-keras", f"{shown} is damaged: {said}")


class _Node(Record):
    """One call of a layer: what it reads, numbers that stand in the place of a tensor, and its other arguments."""

    layer: dict[str, Any]
    name: str
    number: int
    reads: tuple[Tensor, ...]
    numbers: tuple[Any, ...]
    shapes: tuple[Any, ...]
    more: dict[str, Any]


class _Reading:
    """What all models of a file have in common, and how many calls of layers they hold."""

    def __init__(self, assembly: Assembly, shown: str) -> None:
        self.assembly = assembly
        self.shown = shown
        self.calls = 0

    def count(self, calls: int) -> None:
        """SpecError if there are more calls than a network has layers: models in models multiply them."""
        self.calls += calls
        if self.calls > MAX_LAYERS:
            raise fail("too-large", f"{self.shown} calls more than {MAX_LAYERS:,} layers")


class _Model:
    """A model, which may be a layer of another one; `shared` says that it is called more than once."""

    def __init__(
        self, reading: _Reading, model: dict[str, Any], prefix: str, depth: int, *, shared: bool, trainable: bool
    ) -> None:
        if depth > MAX_DEPTH:
            raise fail("bad-keras", f"models nest deeper than {MAX_DEPTH} in {reading.shown}")
        self.reading = reading
        self.assembly = reading.assembly
        self.shown = reading.shown
        self.model = model
        self.prefix = prefix
        self.depth = depth
        self.shared = shared
        self.layers = _layers(model, self.shown)
        self.trainable = trainable and model["config"].get("trainable", True) is not False

    def run(self, inputs: list[int | None]) -> list[int | None]:
        """The values of the model's outputs."""
        self.reading.count(len(self.layers))
        if self.model["class_name"] == "Sequential":
            return self._in_sequence(inputs)
        return self._functional(inputs)

    def damaged(self, message: str) -> SpecError:
        """A finding about the whole file."""
        return fail("bad-keras", f"{self.shown} is damaged: {message}")

    def _in_sequence(self, inputs: list[int | None]) -> list[int | None]:
        values = inputs
        for layer in self.layers:
            if layer["class_name"] != "InputLayer":
                node = _Node(layer, _name(layer), 0, (), (), (), {})
                values = self._called(node, values, shared=False)
        return values

    def _functional(self, inputs: list[int | None]) -> list[int | None]:
        nodes = list(self._nodes())
        values: dict[Tensor, int | None] = {}
        for (name, call, output), value in zip(
            _tensors(self.model["config"].get("input_layers"), self.shown), inputs, strict=False
        ):
            values[name, call, output] = value
        calls = Counter(node.name for node in nodes)
        for node in self._in_order(nodes, set(values)):
            read = [self._value(values, tensor) for tensor in node.reads]
            for tensor, value, shape in zip(node.reads, read, node.shapes, strict=True):
                self._check_shape(tensor, value, shape)
            for output, value in enumerate(self._called(node, read, shared=calls[node.name] > 1)):
                values[node.name, node.number, output] = value
        return [
            self._value(values, tensor) for tensor in _tensors(self.model["config"].get("output_layers"), self.shown)
        ]

    def _value(self, values: dict[Tensor, int | None], tensor: Tensor) -> int | None:
        """The value of a tensor; None for any output of a call that was refused."""
        name, call, _ = tensor
        if tensor not in values and values.get((name, call, 0), SOURCE) is not None:
            raise self.damaged(f"nothing makes the tensor of `{plain(name, 80)}` that is read")
        return values.get(tensor)

    def _nodes(self) -> Iterator[_Node]:
        """Every call, in the order of the file."""
        for layer in self.layers:
            inbound = layer.get("inbound_nodes", [])
            if not isinstance(inbound, list):
                raise self.damaged("`inbound_nodes` is not a list")
            for number, call in enumerate(inbound):
                if layer["class_name"] != "InputLayer":
                    yield self._node(layer, number, call)

    def _node(self, layer: dict[str, Any], number: int, call: Any) -> _Node:
        reads: list[Tensor] = []
        numbers: list[Any] = []
        shapes: list[Any] = []
        more: dict[str, Any] = {}
        if isinstance(call, dict):  # Keras 3
            waiting = [call.get("args", [])]
            kwargs = call.get("kwargs", {})
            for key, value in kwargs.items() if isinstance(kwargs, dict) else ():
                if _holds_tensor(value):
                    waiting.append(value)
                else:
                    more[key] = value
            for value in _leaves(waiting):
                if isinstance(value, dict):
                    config = value.get("config")
                    history = config.get("keras_history") if isinstance(config, dict) else None
                    reads.append(_tensor(history, self.shown))
                    shapes.append(config.get("shape") if isinstance(config, dict) else None)
                elif value is not None and not isinstance(value, (bool, str)):
                    numbers.append(value)
        else:  # Keras 2: a list of [layer, call, output, arguments]
            items = [call] if isinstance(call, list) and call and isinstance(call[0], str) else call
            for item in items if isinstance(items, list) else ():
                reads.append(_tensor(item, self.shown))
                shapes.append(None)
                if len(item) > 3 and isinstance(item[3], dict):
                    more.update(item[3])
        return _Node(layer, _name(layer), number, tuple(reads), tuple(numbers), tuple(shapes), more)

    def _in_order(self, nodes: list[_Node], known: set[Tensor]) -> Iterator[_Node]:
        """The calls, each behind those whose outputs it reads, and else in the order of the file."""
        makers = {(node.name, node.number): place for place, node in enumerate(nodes)}
        readers: dict[int, list[int]] = {}
        missing = [0] * len(nodes)
        for place, node in enumerate(nodes):
            for tensor in node.reads:
                maker = makers.get(tensor[:2])
                if tensor in known:
                    continue
                if maker is None:
                    raise self.damaged(f"`{plain(node.name, 80)}` reads `{plain(tensor[0], 80)}`, which nothing makes")
                readers.setdefault(maker, []).append(place)
                missing[place] += 1
        ready = [place for place, count in enumerate(missing) if not count]
        done = 0
        while ready:
            place = heapq.heappop(ready)
            done += 1
            yield nodes[place]
            for reader in readers.get(place, ()):
                missing[reader] -= 1
                if not missing[reader]:
                    heapq.heappush(ready, reader)
        if done < len(nodes):
            raise self.damaged("its layers read one another in a circle")

    def _check_shape(self, tensor: Tensor, value: int | None, shape: Any) -> None:
        """What the file says of a tensor is what was worked out."""
        if value is None or not isinstance(shape, list) or any(size is None for size in shape[1:]):
            return
        computed = self.assembly.volume(value).shape
        if shape[1:] != [*computed[1:], computed[0]]:
            said = f"`{plain(tensor[0], 80)}` makes {plain(str(shape), 80)} in the file"
            raise fail("model-disagrees", f"{said}, and its layers would make {[None, *computed[1:], computed[0]]}")

    def _called(self, node: _Node, inputs: list[int | None], *, shared: bool) -> list[int | None]:
        """What a call makes: a value for each output; None for one that was refused."""
        layer, kind = node.layer, node.layer["class_name"]
        path = f"{self.prefix}.{node.name}" if self.prefix else node.name
        if kind in _MODELS:
            inside = {"shared": shared or self.shared, "trainable": self.trainable}
            return _Model(self.reading, layer, path, self.depth + 1, **inside).run(inputs)
        trainable = self.trainable and layer["config"].get("trainable", True) is not False
        read = [value for value in inputs if value is not None]

        def made() -> list[int]:
            rule = keras_layer.rules().get(kind)
            if rule is None:
                raise Refusal("there is no rule for it")
            for key, value in node.more.items():
                if key not in _IGNORED and value not in (None, False):
                    raise Refusal(f"its argument {plain(key, 60)} is not known")
            config = {**layer["config"], **{key: node.more[key] for key in _CONFIGURES if key in node.more}}
            numbers = [as_number(number, "argument") for number in node.numbers]
            call = Call(
                self.assembly,
                kind,
                path,
                config,
                read,
                numbers,
                shared=shared or self.shared,
                trainable=trainable,
            )
            result = rule(call)
            return result if isinstance(result, list) else [result]

        modules = ((self.prefix, _kind(self.prefix)),) if self.prefix else ()
        found = self.assembly.read(Item(kind, path, None, modules), inputs, made)
        return [None] if found is None else list(found)


#: Arguments of a call that say how it runs, and change nothing of what is computed at inference.
_IGNORED = frozenset(("training", "mask", "use_causal_mask", "axis", "return_attention_scores", "constant_values"))
#: Arguments that stand for an entry of the configuration.
_CONFIGURES = ("use_causal_mask", "axis")


def _name(layer: dict[str, Any]) -> str:
    """A layer's name."""
    found = layer.get("name", layer["config"].get("name"))
    return found if isinstance(found, str) else layer["class_name"]


def _kind(prefix: str) -> str:
    """What a model within the model is called: its name without a number."""
    return prefix.rpartition(".")[2].rstrip("0123456789").rstrip("_")


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _leaves(value: Any) -> Iterator[Any]:
    """Tensors and plain values in nested lists, in their order."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, (list, tuple)):
            waiting.extend(reversed(found))
        elif not isinstance(found, dict) or _is_tensor(found):
            yield found


def _holds_tensor(value: Any) -> bool:
    return any(_is_tensor(leaf) for leaf in _leaves(value))
