"""Activations."""

from __future__ import annotations

from typing import Any

from archcalc.exchange.graph import Operation
from archcalc.exchange.operations.arguments import axis
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Translation
from archcalc.layers.registry import layers

#: Operations that are a layer by themselves, under the layer's name unless another one is said.
_NAMES = {
    "relu": "relu",
    "relu6": "relu6",
    "leaky_relu": "leaky_relu",
    "elu": "elu",
    "selu": "selu",
    "gelu": "gelu",
    "silu": "silu",
    "mish": "mish",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "softplus": "softplus",
    "hardsigmoid": "hardsigmoid",
    "hardswish": "hardswish",
}


@operation(*_NAMES, *(f"{name}_" for name in _NAMES))
def activation(t: Translation, op: Operation) -> None:
    """A function of each value by itself."""
    _emit(t, op, _NAMES[op.target.removesuffix("_")])


@operation("hardtanh", "hardtanh_")
def hardtanh(t: Translation, op: Operation) -> None:
    """`relu6`, which is a hardtanh from 0 to 6."""
    if (op.arguments.get("min_val", -1), op.arguments.get("max_val", 1)) != (0, 6):
        raise Refusal("it is not from 0 to 6")
    _emit(t, op, "relu6")


def _emit(t: Translation, op: Operation, name: str) -> None:
    attributes: dict[str, Any] = {}
    stated = layers()[name].attributes.get("inplace")
    inplace = op.target.endswith("_")
    if stated is not None and stated.default is not inplace and not op.kind:  # other formats do not say it
        attributes["inplace"] = inplace
    t.emit_as(name, t.stream(op.arguments["self" if "self" in op.arguments else "input"]), attributes)


@operation("softmax")
def softmax(t: Translation, op: Operation) -> None:
    """`softmax`, over the channels."""
    stream = t.stream(op.arguments["self"])
    if stream.axes[axis(op, "dim", len(stream.axes))] != 0:
        raise Refusal("it is not over the channels")
    t.emit_as("softmax", stream)


@operation("prelu")
def prelu(t: Translation, op: Operation) -> None:
    """`prelu`, with one slope or one for each channel."""
    weight = t.owned(op.arguments["weight"])
    per_channel = weight.sizes[0] > 1
    t.emit("prelu", t.aligned(op.arguments["self"]), {"per_channel": True} if per_channel else {}, owned=(weight,))
