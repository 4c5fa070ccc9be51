"""Convolutions and what is linear."""

from __future__ import annotations

from typing import Any

from archcalc.exchange.keras.call import Call
from archcalc.exchange.keras.registry import keras_layer
from archcalc.exchange.operations.arguments import given
from archcalc.exchange.operations.registry import Refusal

#: The positions before and behind each axis, or one number for both.
Sides = tuple[Any, ...]


def same(space: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Sides:
    """The padding with which an axis keeps its positions, divided by the stride and rounded up: an odd one behind."""
    sides: list[Any] = []
    for n, k, s, d in zip(space, kernel, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        sides.append(total // 2 if total % 2 == 0 else (total // 2, total - total // 2))
    return tuple(sides)


def padded(sides: Sides) -> dict[str, Any]:
    """The attribute `padding`, where there is any."""
    if not any(sides):
        return {}
    alike = len(set(sides)) == 1 and isinstance(sides[0], int)
    return {"padding": sides[0] if alike else sides}


def windows(call: Call, value: int, rank: int) -> tuple[dict[str, Any], Sides]:
    """Kernel, stride and dilation, and the padding."""
    call.channels_last()
    space = call.volume(value).space
    if len(space) != rank:
        raise Refusal(f"its input has {len(space)} axes between batch and channels, and {rank} are convolved")
    kernel, stride = call.wholes("kernel_size", rank), call.wholes("strides", rank, 1)
    dilation = call.wholes("dilation_rate", rank, 1)
    if min(*kernel, *stride, *dilation) < 1:
        raise Refusal("its kernel, stride or dilation is less than 1")
    word = call.word("padding", "valid")
    if word == "causal" and rank == 1:
        sides: Sides = ((dilation[0] * (kernel[0] - 1), 0),)
    elif word in ("same", "valid"):
        sides = same(space, kernel, stride, dilation) if word == "same" else (0,) * rank
    else:
        raise Refusal(f"its padding is {word}")
    return given(kernel=(kernel, None), stride=(stride, 1), dilation=(dilation, 1)), sides


@keras_layer("Conv1D", "Conv2D", "Conv3D")
def convolution(call: Call) -> int:
    """`conv`."""
    value = call.input()
    attributes, sides = windows(call, value, int(call.kind[4]))
    more = given(groups=(call.whole("groups", 1), 1), bias=(call.flag("use_bias", True), True))
    own = {"out": call.whole("filters"), **attributes, **padded(sides), **more}
    return call.activated(call.step("conv", value, own))


@keras_layer("DepthwiseConv1D", "DepthwiseConv2D")
def depthwise(call: Call) -> int:
    """`depthwise_conv`."""
    value = call.input()
    attributes, sides = windows(call, value, int(call.kind[13]))
    more = given(multiplier=(call.whole("depth_multiplier", 1), 1), bias=(call.flag("use_bias", True), True))
    return call.activated(call.step("depthwise_conv", value, {**attributes, **padded(sides), **more}))


@keras_layer("SeparableConv1D", "SeparableConv2D")
def separable(call: Call) -> int:
    """`depthwise_conv` without bias, and `conv` with a kernel of 1."""
    value = call.input()
    attributes, sides = windows(call, value, int(call.kind[13]))
    more = given(multiplier=(call.whole("depth_multiplier", 1), 1))
    value = call.within("depthwise_conv", value, {**attributes, **padded(sides), **more, "bias": False})
    pointwise = given(out=(call.whole("filters"), None), kernel=(1, None), bias=(call.flag("use_bias", True), True))
    return call.activated(call.within("conv", value, pointwise))


@keras_layer("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def transposed(call: Call) -> int:
    """`conv_transpose`: with padding `same` the positions are those of the input times the stride."""
    value = call.input()
    rank = int(call.kind[4])
    attributes, _ = windows(call, value, rank)
    if call.config.get("output_padding") is not None or call.wholes("dilation_rate", rank, 1) != (1,) * rank:
        raise Refusal("its output_padding or dilation_rate is set")
    kernel, stride = call.wholes("kernel_size", rank), call.wholes("strides", rank, 1)
    word = call.word("padding", "valid")
    excess = tuple(max(k - s, 0) if word == "same" else 0 for k, s in zip(kernel, stride, strict=True))
    missing = tuple(max(s - k, 0) for k, s in zip(kernel, stride, strict=True))
    more = given(
        padding=(tuple(-(-e // 2) for e in excess), 0),
        output_padding=(tuple(m + e % 2 for m, e in zip(missing, excess, strict=True)), 0),
        bias=(call.flag("use_bias", True), True),
    )
    return call.activated(call.step("conv_transpose", value, {"out": call.whole("filters"), **attributes, **more}))


@keras_layer("Dense")
def dense(call: Call) -> int:
    """`linear`, at every position where there are any."""
    value = call.input()
    if call.config.get("lora_rank") is not None:
        raise Refusal("its lora_rank is set")
    positions = call.volume(value).rank > 0
    bias = call.flag("use_bias", True)
    own = given(out=(call.whole("units"), None), bias=(bias, True), each_position=(positions, False))
    return call.activated(call.step("linear", value, own))


@keras_layer("Embedding")
def embedding(call: Call) -> int:
    """`embedding`."""
    return call.step("embedding", call.input(), {"count": call.whole("input_dim"), "out": call.whole("output_dim")})


@keras_layer("GRU")
def gru(call: Call) -> int:
    """`gru`, whose gates have a bias for the input and one for the state."""
    if not call.flag("reset_after", True) and call.flag("use_bias", True):
        raise Refusal("its gates have one bias each, and here they have two")
    return _recurrent(call, "gru")


@keras_layer("LSTM", "SimpleRNN")
def lstm(call: Call) -> int:
    """`lstm` and `rnn`, without biases."""
    if call.flag("use_bias", True):
        raise Refusal("its gates have one bias each, and here they have two")
    return _recurrent(call, {"LSTM": "lstm", "SimpleRNN": "rnn"}[call.kind])


def _recurrent(call: Call, layer: str) -> int:
    value = call.input()
    if call.word("activation", "tanh") != "tanh" or call.word("recurrent_activation", "sigmoid") != "sigmoid":
        raise Refusal("its activations are not tanh and sigmoid")
    if call.flag("return_state", False) or call.number("dropout", 0) or call.number("recurrent_dropout", 0):
        raise Refusal("it has dropout, or returns its state")
    made = call.step(layer, value, given(out=(call.whole("units"), None), bias=(call.flag("use_bias", True), True)))
    if call.flag("return_sequences", False):
        return made
    return call.within("select_token", made, {"index": call.volume(made).space[0] - 1})
