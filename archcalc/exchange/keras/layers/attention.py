"""Attention."""

from __future__ import annotations

from archcalc.exchange.keras.call import Call
from archcalc.exchange.keras.registry import keras_layer
from archcalc.exchange.operations.arguments import given
from archcalc.exchange.operations.registry import Refusal


@keras_layer("MultiHeadAttention")
def multi_head_attention(call: Call) -> int:
    """`attention`: of a sequence over itself, or over a second one that holds keys and values."""
    query, *memory = call.inputs
    if call.numbers or len(set(memory)) > 1 or call.config.get("output_shape") is not None:
        raise Refusal("its keys are not its values, or its output has another shape")
    heads, width = call.whole("num_heads"), call.whole("key_dim")
    if call.config.get("value_dim") not in (None, width):
        raise Refusal("its values have another width than its keys")
    channels = call.volume(query).channels
    own = given(
        heads=(heads, None),
        width=(width, channels // heads if heads > 0 else None),
        bias=(call.flag("use_bias", True), True),
        causal=(call.flag("use_causal_mask", False), False),
        dropout=(call.number("dropout", 0), 0),
    )
    other = [value for value in memory[:1] if value != query]
    return call.step("attention", (query, *other), own)
