"""Attention of queries to keys and values."""

from __future__ import annotations

from archcalc.exchange.graph import Name
from archcalc.exchange.onnx.lower import Lowering
from archcalc.exchange.onnx.nodes import Node
from archcalc.exchange.onnx.operators.registry import operator
from archcalc.exchange.operations.registry import Refusal


@operator("Attention")
def attention(low: Lowering, node: Node) -> None:
    """Scaled dot products: heads side by side in the channels are taken apart, and put together again behind it."""
    if any(node.inputs[4:]) or any(node.outputs[1:]):
        raise Refusal("it has keys and values of the past")
    mask = low.input(node, 3)
    heads = {"q": node.attributes.get("q_num_heads", 0), "k": node.attributes.get("kv_num_heads", 0)}
    values = list(node.inputs[:3])
    together = len(low.shape(values[0])) == 3
    if together:
        counts = (heads["q"], heads["k"], heads["k"])
        values = [_apart(low, value, number, counts[number]) for number, value in enumerate(values)]
    batch, count, length, _ = low.shape(values[0])
    width = low.shape(values[2])[3]
    attended = low.between("attended", (batch, count, length, width)) if together else node.outputs[0]
    arguments = {
        **{key: Name(value) for key, value in zip(("query", "key", "value"), values, strict=True)},
        **({"attn_mask": Name(mask)} if mask else {}),
        "is_causal": bool(node.attributes.get("is_causal", 0)),
    }
    low.emit("scaled_dot_product_attention", arguments, attended)
    if together:
        turned = low.between("by position", (batch, length, count, width))
        low.permuted(attended, turned, (0, 2, 1, 3))
        low.emit("transpose", {"self": Name(attended), "dim0": 1, "dim1": 2}, turned)
        low.emit("reshape", {"self": Name(turned)}, node.outputs[0])


def _apart(low: Lowering, value: str, number: int, heads: int) -> str:
    """A value of `[N, L, H * D]` as `[N, H, L, D]`."""
    batch, length, channels = low.shape(value)
    apart = low.between(f"heads of {number}", (batch, length, heads, channels // heads))
    turned = low.between(f"by head {number}", (batch, heads, length, channels // heads))
    low.emit("reshape", {"self": Name(value)}, apart)
    low.permuted(apart, turned, (0, 2, 1, 3))
    low.emit("transpose", {"self": Name(apart), "dim0": 1, "dim1": 2}, turned)
    return turned


@operator("RotaryEmbedding")
def rotary(low: Lowering, node: Node) -> None:
    """Positions that turn pairs of channels, of heads side by side or apart; the angles are constants."""
    value, made, heads = node.inputs[0], node.outputs[0], node.attributes.get("num_heads", 0)
    if node.attributes.get("rotary_embedding_dim", 0):
        raise Refusal("it turns some of the channels")
    if len(low.shape(value)) == 4 or heads == 1:
        low.emit("rotary", {"self": Name(value)}, made)
        return
    apart = _apart(low, value, 0, heads)
    turned = low.between("turned", low.shape(apart))
    low.emit("rotary", {"self": Name(apart)}, turned)
    batch, count, length, width = low.shape(apart)
    by_position = low.between("by position", (batch, length, count, width))
    low.permuted(turned, by_position, (0, 2, 1, 3))
    low.emit("transpose", {"self": Name(turned), "dim0": 1, "dim1": 2}, by_position)
    low.emit("reshape", {"self": Name(by_position)}, made)
