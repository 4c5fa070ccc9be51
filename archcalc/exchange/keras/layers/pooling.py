"""Pooling."""

from __future__ import annotations

from archcalc.exchange.keras.call import Call
from archcalc.exchange.keras.layers.convolution import padded, same
from archcalc.exchange.keras.registry import keras_layer
from archcalc.exchange.operations.arguments import given
from archcalc.exchange.operations.registry import Refusal


@keras_layer(*(f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)))
def pooling(call: Call) -> int:
    """`maxpool` and `avgpool`; what padding adds is not averaged."""
    call.channels_last()
    value, rank = call.input(), int(call.kind[-2])
    space = call.volume(value).space
    if len(space) != rank:
        raise Refusal(f"its input has {len(space)} axes between batch and channels, and {rank} are pooled")
    kernel = call.wholes("pool_size", rank)
    stride = kernel if call.config.get("strides") is None else call.wholes("strides", rank)
    if min(*kernel, *stride) < 1:
        raise Refusal("its pool_size or strides are less than 1")
    word = call.word("padding", "valid")
    if word not in ("same", "valid"):
        raise Refusal(f"its padding is {word}")
    sides = padded(same(space, kernel, stride, (1,) * rank) if word == "same" else (0,) * rank)
    own = {**given(kernel=(kernel, None), stride=(None if stride == kernel else stride, None)), **sides}
    if call.kind.startswith("Max"):
        return call.step("maxpool", value, own)
    return call.step("avgpool", value, {**own, "count_include_pad": False} if sides else own)


@keras_layer(*(f"Global{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)))
def global_pooling(call: Call) -> int:
    """`global_avgpool` and `global_maxpool`, and a vector of it."""
    call.channels_last()
    value = call.input()
    if call.volume(value).rank != int(call.kind[-2]):
        raise Refusal("its input has another number of axes")
    layer = "global_avgpool" if "Average" in call.kind else "global_maxpool"
    pooled = call.step(layer, value)
    return pooled if call.flag("keepdims", False) else call.within("flatten", pooled)


@keras_layer(*(f"Adaptive{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)))
def adaptive_pooling(call: Call) -> int:
    """`adaptive_avgpool` and `adaptive_maxpool`."""
    call.channels_last()
    layer = "adaptive_avgpool" if "Average" in call.kind else "adaptive_maxpool"
    return call.step(layer, call.input(), given(size=(call.wholes("output_size", int(call.kind[-2])), None)))
