"""A model's operators in PyTorch's words: the graph that the rest of the exchange reads. A rule for each operator is
found in `operators`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import prod
from typing import TYPE_CHECKING, Any

from archcalc.exchange.graph import Graph, Name, Operation, Symbol, Tensor
from archcalc.exchange.onnx.folded import folded_normalisations
from archcalc.exchange.onnx.nodes import Model, Node
from archcalc.exchange.onnx.operators.registry import operator
from archcalc.exchange.onnx.patterns import simplified
from archcalc.exchange.operations.registry import Refusal

if TYPE_CHECKING:
    from archcalc.exchange.onnx.nodes import Array


def lower(model: Model) -> Graph:
    """The graph of a model. An operator without a rule, or one that its rule refuses, is an operation that says so."""
    return Lowering(simplified(model)).run()


class Lowering:
    """The operations made so far, and what rules ask of values."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.operations: list[Operation] = []
        self.shapes = dict(model.shapes)
        #: The strides of values that a permutation of axes has made; others lie in order.
        self._strides: dict[str, tuple[int, ...]] = {}
        #: The tensors of the model, by the name of each value that is one: the path by which the model knows it.
        self.owned: dict[str, str] = {name: name for name in model.stored}
        self.buffers: set[str] = set()
        #: Values in parts: the value, the axis, and how wide each part is.
        self.sequences: dict[str, tuple[str, int, tuple[int, ...]]] = {}
        #: Constants of several numbers that an operation takes, and what is computed of constants alone.
        self.computed: set[str] = set()
        self.node: Node | None = None

    def run(self) -> Graph:
        known = operator.rules()
        for node in self.model.nodes:
            self.node = node._replace(modules=self._modules(node))
            rule = known.get(node.kind)
            before = len(self.operations)
            try:
                if self._follows_from_constants(node):
                    self.emit("fixed", {}, *node.outputs)
                    self.computed.update(node.outputs)
                elif rule is None:
                    self._refuse(node, "there is no rule for it")
                else:
                    rule(self, self.node)
            except Refusal as refusal:
                del self.operations[before:]
                self._refuse(node, str(refusal))
            except (KeyError, IndexError, TypeError, ValueError, ArithmeticError):
                del self.operations[before:]
                self._refuse(node, "its inputs or attributes are not those of such an operator")
        read = {name for operation in self.operations for name in _named(operation.arguments.values())}
        owned = {name: _path(path) for name, path in self.owned.items() if name in read}
        return Graph(
            self.model.name,
            self.model.inputs,
            {name: path for name, path in owned.items() if name not in self.buffers},
            {name: path for name, path in owned.items() if name in self.buffers},
            {},
            {name: Tensor(shape, self.strides(name), "") for name, shape in self.shapes.items()},
            self.operations,
            self.model.outputs,
            {},
            tuple(folded_normalisations(self.model)),
        )

    def _follows_from_constants(self, node: Node) -> bool:
        """Whether a node computes of constants alone, none of which is a tensor of the model."""
        names = [name for name in node.inputs if name]
        made_here = self.owned.keys().isdisjoint(node.outputs) and not node.kind.startswith("Random")
        return made_here and bool(names) and all(map(self.is_known, names))

    def is_known(self, name: str) -> bool:
        """Whether a value is a constant that is no weight."""
        return name in self.computed or (self.is_fixed(name) and not self._is_weight(name))

    def _refuse(self, node: Node, reason: str) -> None:
        constants = (self.model.constants.keys() | self.model.initial) - self.owned.keys()
        reads = [Name(name) for name in node.inputs if name and name not in constants]
        self.emit("refused", {"reason": reason, "inputs": reads}, *node.outputs)

    def _modules(self, node: Node) -> tuple[tuple[str, str], ...]:
        """The modules around a node; where the file names none, the one that its weights are named after."""
        stored = [name for name in node.inputs if name in self.owned and self._is_weight(name)]
        if not stored:
            return node.modules
        path, dot, _ = _path(self.owned[stored[0]]).rpartition(".")
        if not dot:
            return node.modules
        if not node.modules:
            return ((path, ""),)
        inner, class_ = node.modules[-1]
        # A normalisation that was folded into a convolution gave it its own place: the weights name the right one.
        return (*node.modules[:-1], (path, class_ if path == inner else ""))

    # --- what rules ask

    def is_fixed(self, name: str) -> bool:
        """Whether a value does not depend on the input: a tensor of the model, or a constant."""
        return name in self.owned or name in self.model.constants or name in self.model.initial

    def constant(self, name: str) -> Array | None:
        """The values of a small constant that is no weight, None if it is not known."""
        return None if self._is_weight(name) else self.model.constants.get(name)

    def _is_weight(self, name: str) -> bool:
        """Whether a tensor is a parameter or a buffer: several values, or named by a module of PyTorch's."""
        if name not in self.owned:
            return False
        shape = self.shapes.get(name, ())
        return len(shape) > 0 and (prod(_whole(shape)) > 1 or "." in self.owned[name])

    def numbers(self, name: str) -> list[int]:
        """The whole numbers in a constant. Refusal if they are not known."""
        value = self.model.constants.get(name)
        if value is None or value.dtype.kind not in "iu":
            raise Refusal("a size in it is not a constant")
        return [int(each) for each in value.reshape(-1)]

    def number(self, name: str) -> float | int | None:
        """The one number in a constant; None if it is none, or holds several that differ."""
        value = self.constant(name)
        if value is None or value.size == 0 or value.dtype.kind not in "iuf" or (value != value.reshape(-1)[0]).any():
            return None
        return _number(value.reshape(-1)[0])

    def input(self, node: Node, index: int) -> str:
        """The name of an input; empty if it is left out."""
        return node.inputs[index] if index < len(node.inputs) else ""

    def value(self, name: str) -> Any:
        """What an operation of PyTorch's takes: the name of a value or of a tensor of the model, or a number."""
        number = self.number(name)
        return Name(name) if number is None else number

    def weight(self, name: str) -> Name | None:
        """A tensor of the model; None where none is given, or zeros that the graph makes up."""
        if not name:
            return None
        if name not in self.owned and self.number(name) == 0:
            return None
        return Name(name)

    def buffer(self, name: str) -> Name:
        """A tensor of the model that is not trained."""
        self.buffers.add(name)
        return Name(name)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a value, batch included. Refusal if it is not known."""
        shape = self.shapes.get(name)
        if shape is None:
            raise Refusal("the shape of a value is not known")
        return _whole(shape)

    def strides(self, name: str) -> tuple[int, ...]:
        """The strides of a value as a framework would have it, where a permutation of axes copies nothing; none if its
        shape is not known."""
        if name not in self._strides:
            sizes = [size for size in self.shapes.get(name, ()) if isinstance(size, int)]
            if len(sizes) != len(self.shapes.get(name, ())):
                return ()
            self._strides[name] = tuple(prod(sizes[axis + 1 :]) for axis in range(len(sizes)))
        return self._strides[name]

    def permuted(self, name: str, made: str, order: Iterable[int]) -> None:
        """Note that a value is another one with its axes in that order."""
        before = self.strides(name)
        if before:
            self._strides[made] = tuple(before[axis] for axis in order)

    def again(self, name: str, made: str, shape: Iterable[int]) -> None:
        """A tensor of the model under another name, with its axes in another order or its values in another shape."""
        self.owned[made] = self.owned[name]
        self.shapes[made] = tuple(shape)
        if name in self.buffers:
            self.buffers.add(made)

    def emit(self, target: str, arguments: dict[str, Any], *outputs: str) -> None:
        """An operation of PyTorch's, as which the node is read."""
        assert self.node is not None
        of = self.node
        for name in _named(arguments.values()):
            if self.is_fixed(name) and name not in self.owned and name not in self.computed:
                if name not in self.shapes:
                    raise Refusal("the shape of a constant is not known")
                self.computed.add(name)
                self.operations.append(Operation("fixed", "", {}, (name,), of.modules, of.line, of.kind, of.name))
        self.operations.append(Operation(target, "", arguments, outputs, of.modules, of.line, of.kind, of.name))

    def between(self, suffix: str, shape: Iterable[int]) -> str:
        """A name for a value between two operations as which the node is read."""
        assert self.node is not None
        name = f"{self.node.outputs[0]}\0{suffix}"
        self.shapes[name] = tuple(shape)
        return name


def _named(arguments: Iterable[Any]) -> Iterable[str]:
    for argument in arguments:
        for each in argument if isinstance(argument, list) else (argument,):
            if isinstance(each, Name):
                yield str(each)


def _whole(shape: Iterable[int | Symbol]) -> tuple[int, ...]:
    found = tuple(size for size in shape if isinstance(size, int))
    if len(found) != len(tuple(shape)):
        raise Refusal("a size is open")
    return found


def _number(value: Any) -> float | int:
    """A number of NumPy's: the shortest decimal that it is in its own precision."""
    return int(value) if value.dtype.kind in "iu" else float(str(value))


#: How Caffe2 ends the name of a tensor: conv1_w_0 are the weights of conv1.
_CAFFE2 = re.compile(r"_(w|b|scale|bias|mean|var|s|rm|riv)_\d+\Z")


def _path(name: str) -> str:
    """The path of a tensor, whose last part is what it is to its module: `layer1.0.conv1.weight`."""
    ending = _CAFFE2.search(name)
    if ending is not None:
        name = f"{name[: ending.start()]}.{ending[1]}"
    return name.replace("/", ".")
