"""Sums, products and means."""

from __future__ import annotations

from archcalc.exchange.graph import Name
from archcalc.exchange.onnx.lower import Lowering
from archcalc.exchange.onnx.nodes import Node
from archcalc.exchange.onnx.operators.registry import operator
from archcalc.exchange.operations.registry import Refusal

_NAMES = {"Add": "add", "Mul": "mul", "Sub": "sub", "Div": "div"}


@operator(*_NAMES)
def binary(low: Lowering, node: Node) -> None:
    """An operation of two values, or of a value and a number."""
    if node.attributes.get("broadcast") and "axis" in node.attributes:
        raise Refusal("its second value lies along an axis that it names")
    first, second = (low.value(name) for name in node.inputs)
    if node.kind in ("Add", "Mul") and isinstance(first, Name) and first in low.owned:
        first, second = second, first
    low.emit(_NAMES[node.kind], {"self": first, "other": second}, node.outputs[0])


@operator("Sum")
def sum_(low: Lowering, node: Node) -> None:
    """A sum of any number of values, one after the other."""
    total = node.inputs[0]
    if len(node.inputs) == 1:
        low.emit("identity", {"self": Name(total)}, node.outputs[0])
    for number, name in enumerate(node.inputs[1:], 2):
        last = number == len(node.inputs)
        made = node.outputs[0] if last else low.between(f"sum of {number}", low.shape(node.outputs[0]))
        low.emit("add", {"self": Name(total), "other": low.value(name)}, made)
        total = made


@operator("Mean")
def mean(low: Lowering, node: Node) -> None:
    """The mean of several values."""
    low.emit("mean_of", {"tensors": [Name(name) for name in node.inputs]}, node.outputs[0])


_REDUCED = {"ReduceMean": "mean", "ReduceSum": "sum", "ReduceMax": "amax", "ReduceL2": "linalg_vector_norm"}


@operator(*_REDUCED)
def reduce(low: Lowering, node: Node) -> None:
    """One value for all along axes, which are an attribute, in newer files an input."""
    shape = low.shape(node.inputs[0])
    name = low.input(node, 1)
    axes = low.numbers(name) if name else node.attributes.get("axes") or list(range(len(shape)))
    arguments = {"self": Name(node.inputs[0]), "dim": axes, "keepdim": bool(node.attributes.get("keepdims", 1))}
    low.emit(_REDUCED[node.kind], arguments, node.outputs[0])


@operator("Pow")
def power(low: Lowering, node: Node) -> None:
    """A power with a constant exponent."""
    arguments = {"self": Name(node.inputs[0]), "exponent": low.value(node.inputs[1])}
    low.emit("pow", arguments, node.outputs[0])
