"""Activations, and other functions of each value by itself."""

from __future__ import annotations

from typing import Any

from archcalc.exchange.arrangement import axis_of, by_channels
from archcalc.exchange.graph import Operation
from archcalc.exchange.operations.arguments import dim, given, given_self, number
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Translation
from archcalc.exchange.values import Noise
from archcalc.layers.registry import layers

#: Operations that are a layer by themselves, under the layer's name.
_NAMES = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh", "softplus"),
    *("hardsigmoid", "hardswish", "exp", "log", "sqrt", "square", "abs"),
)


@operation(*_NAMES, *(f"{name}_" for name in _NAMES))
def activation(t: Translation, op: Operation) -> None:
    """A function of each value by itself."""
    _emit(t, op, op.target.removesuffix("_"))


@operation("hardtanh", "hardtanh_")
def hardtanh(t: Translation, op: Operation) -> None:
    """`relu6`, which is a hardtanh from 0 to 6."""
    if (op.arguments.get("min_val", -1), op.arguments.get("max_val", 1)) != (0, 6):
        raise Refusal("it is not from 0 to 6")
    _emit(t, op, "relu6")


def _emit(t: Translation, op: Operation, name: str) -> None:
    attributes = _inplace(op, name)
    if op.arguments.get("approximate", "none") != "none":
        attributes["approximate"] = op.arguments["approximate"]
    t.emit_as(name, t.stream(given_self(op)), attributes)


def _inplace(op: Operation, name: str) -> dict[str, Any]:
    """Whether a layer works in place, where that is not its default; only an export archive says it."""
    stated = layers()[name].attributes.get("inplace")
    inplace = op.target.endswith("_")
    return {"inplace": inplace} if stated is not None and stated.default is not inplace and not op.kind else {}


@operation("clamp", "clamp_", "clamp_min", "clamp_max")
def clamp(t: Translation, op: Operation) -> None:
    """`clamp` to one limit or two."""
    limits = {"least": "min", "most": "max"}
    attributes = {
        name: number(op, argument) for name, argument in limits.items() if op.arguments.get(argument) is not None
    }
    t.emit_as("clamp", t.stream(given_self(op)), attributes)


@operation("pow")
def power(t: Translation, op: Operation) -> None:
    """`square`, `sqrt`, or `power`."""
    exponent = number(op, "exponent")
    stream = t.stream(op.arguments["self"])
    if exponent in (2, 0.5):
        t.emit_as("square" if exponent == 2 else "sqrt", stream)
    else:
        t.emit_as("power", stream, {"exponent": exponent})


@operation("rsqrt", "reciprocal")
def reciprocal(t: Translation, op: Operation) -> None:
    """`power` with a negative exponent."""
    t.emit_as("power", t.stream(op.arguments["self"]), {"exponent": -0.5 if op.target == "rsqrt" else -1})


@operation("neg")
def neg(t: Translation, op: Operation) -> None:
    """`scale` by -1."""
    t.emit_as("scale", t.stream(op.arguments["self"]), {"factor": -1})


@operation("softmax", "_softmax")
def softmax(t: Translation, op: Operation) -> None:
    """`softmax`, along one axis."""
    stream = t.stream(op.arguments["self"])
    t.emit_as("softmax", stream, given(over=(axis_of(stream, dim(op, "dim", len(stream.dims))), 0)))


@operation("prelu")
def prelu(t: Translation, op: Operation) -> None:
    """`prelu`, with one slope or one for each channel."""
    weight = t.owned(op.arguments["weight"])
    per_channel = weight.sizes[0] > 1
    stream = by_channels(t, t.stream(op.arguments["self"]), 1)
    t.emit("prelu", stream, {"per_channel": True} if per_channel else {}, owned=(weight,))


@operation("dropout", "dropout_", "feature_dropout", "alpha_dropout")
def dropout(t: Translation, op: Operation) -> None:
    """`dropout`, whether the model was exported for training or not; nothing where its rate is 0."""
    if op.target in ("feature_dropout", "alpha_dropout"):
        raise Refusal("it drops whole channels")
    rate = number(op, "p")
    t.training |= op.arguments.get("train") is True
    if not rate:
        t.same(t.value(given_self(op)))
        return
    attributes = {**({} if rate == 0.5 else {"rate": rate}), **_inplace(op, "dropout")}
    t.emit_as("dropout", t.stream(given_self(op)), attributes)


# --- stochastic depth


@operation("empty", "new_empty")
def empty(t: Translation, op: Operation) -> None:
    """Room for the noise of stochastic depth: one number for each sample."""
    sizes = t.sizes(op.outputs[0])
    if not sizes or sizes[0] != t.batch or any(size != 1 for size in sizes[1:]):
        raise Refusal("it is not one number for each sample")
    t.same(Noise(None))


@operation("bernoulli_")
def bernoulli(t: Translation, op: Operation) -> None:
    """The noise of stochastic depth."""
    noise = t.value(op.arguments["self"])
    if not isinstance(noise, Noise):
        raise Refusal("it is not the noise of stochastic depth")
    t.training = True
    t.same(Noise(float(number(op, "p", 0.5))))
