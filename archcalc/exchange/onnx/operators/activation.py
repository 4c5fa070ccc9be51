"""Functions of each value by itself, dropout, softmax."""

from __future__ import annotations

from math import inf, prod

from archcalc.exchange.graph import Name
from archcalc.exchange.onnx.lower import Lowering
from archcalc.exchange.onnx.nodes import Node
from archcalc.exchange.onnx.operators.registry import operator
from archcalc.exchange.operations.registry import Refusal

#: Operators that are an operation of PyTorch's by another name, whatever their attributes are.
_NAMES = {
    "Relu": "relu",
    "LeakyRelu": "leaky_relu",
    "Elu": "elu",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "HardSwish": "hardswish",
    "Mish": "mish",
    "Swish": "silu",
    "Abs": "abs",
    "Exp": "exp",
    "Log": "log",
    "Sqrt": "sqrt",
    "Neg": "neg",
    "Reciprocal": "reciprocal",
}


@operator(*_NAMES)
def elementwise(low: Lowering, node: Node) -> None:
    """The operation of that name."""
    low.emit(_NAMES[node.kind], {"self": Name(node.inputs[0])}, node.outputs[0])


@operator("HardSigmoid")
def hardsigmoid(low: Lowering, node: Node) -> None:
    """PyTorch's has a slope of 1/6; ONNX's is that of Keras unless it says so."""
    low.emit("hardsigmoid", {"self": Name(node.inputs[0])}, node.outputs[0])


@operator("Gelu")
def gelu(low: Lowering, node: Node) -> None:
    """Gelu, exact or by tanh."""
    arguments = {"self": Name(node.inputs[0]), "approximate": node.attributes.get("approximate", "none")}
    low.emit("gelu", arguments, node.outputs[0])


@operator("PRelu")
def prelu(low: Lowering, node: Node) -> None:
    """A slope that is learned, one or one for each channel."""
    slope = node.inputs[1]
    if not low.is_fixed(slope):
        raise Refusal("its slope is computed")
    channels, wide = low.shape(node.inputs[0])[1], prod(low.shape(slope))
    if wide not in (1, channels):
        raise Refusal("its slopes are neither one nor one for each channel")
    made = low.between("slope", (wide,))
    low.again(slope, made, (wide,))
    low.emit("prelu", {"self": Name(node.inputs[0]), "weight": Name(made)}, node.outputs[0])


@operator("Clip")
def clip(low: Lowering, node: Node) -> None:
    """Bounds, which are attributes, in newer files inputs."""
    bounds = []
    for index, (key, open_) in enumerate((("min", -inf), ("max", inf)), 1):
        name = low.input(node, index)
        bound = low.number(name) if name else node.attributes.get(key, open_)
        if bound is None:
            raise Refusal("its bounds are computed")
        bounds.append(None if abs(bound) > 3e38 else bound)
    least, most = bounds
    if (least, most) == (0, 6):
        low.emit("relu6", {"self": Name(node.inputs[0])}, node.outputs[0])
    else:
        low.emit("clamp", {"self": Name(node.inputs[0]), "min": least, "max": most}, node.outputs[0])


@operator("Dropout")
def dropout(low: Lowering, node: Node) -> None:
    """Dropout, whose rate is an attribute, in newer files an input."""
    if len(node.outputs) > 1 and any(node.outputs[1] in each.inputs for each in low.model.nodes):
        raise Refusal("its mask is used")
    name = low.input(node, 1)
    rate = low.number(name) if name else node.attributes.get("ratio", 0.5)
    low.emit("dropout", {"input": Name(node.inputs[0]), "p": rate}, node.outputs[0])


@operator("Softmax")
def softmax(low: Lowering, node: Node) -> None:
    """Softmax along an axis; before version 13 of ONNX's operators over that one and all behind it."""
    shape = low.shape(node.inputs[0])
    newer = low.model.opset >= 13
    axis = node.attributes.get("axis", -1 if newer else 1) % len(shape)
    if not newer:
        long = [number for number in range(axis, len(shape)) if shape[number] > 1]
        if len(long) > 1:
            raise Refusal("it is over several axes")
        axis = long[0] if long else axis
    low.emit("softmax", {"self": Name(node.inputs[0]), "dim": axis}, node.outputs[0])
