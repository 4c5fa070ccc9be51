"""Activations that are layers."""

from __future__ import annotations

from archcalc.exchange.keras.call import Call
from archcalc.exchange.keras.registry import keras_layer
from archcalc.exchange.operations.arguments import given
from archcalc.exchange.operations.registry import Refusal


@keras_layer("Activation")
def activation(call: Call) -> int:
    """The activation that is named."""
    return call.activated(call.input())


@keras_layer("ReLU")
def relu(call: Call) -> int:
    """`relu`, `relu6` and `leaky_relu`."""
    value = call.input()
    most, slope = call.config.get("max_value"), call.config.get("negative_slope") or 0
    if call.config.get("threshold") or (most is not None and (most != 6 or slope)):
        raise Refusal("its threshold or max_value is set")
    if slope:
        return call.step("leaky_relu", value)
    return call.step("relu" if most is None else "relu6", value)


@keras_layer("LeakyReLU", "ELU")
def leaky(call: Call) -> int:
    """`leaky_relu` and `elu`."""
    return call.step({"LeakyReLU": "leaky_relu", "ELU": "elu"}[call.kind], call.input())


@keras_layer("PReLU")
def prelu(call: Call) -> int:
    """`prelu` with a slope for each channel: all axes between share it."""
    value = call.input()
    rank = call.volume(value).rank
    shared = call.config.get("shared_axes") or []
    if not isinstance(shared, list) or sorted(map(str, shared)) != sorted(str(axis + 1) for axis in range(rank)):
        raise Refusal("it has a slope for each position")
    return call.step("prelu", value, {"per_channel": True})


@keras_layer("Softmax")
def softmax(call: Call) -> int:
    """`softmax`."""
    value = call.input()
    axis = call.axis(call.config.get("axis", -1), call.volume(value))
    return call.step("softmax", value, given(over=(axis or "channels", "channels")))
