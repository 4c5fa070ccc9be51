"""Sums, products, quotients and stacks of several values."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from archcalc.exchange.arrangement import by_heads, conformed
from archcalc.exchange.graph import Operation
from archcalc.exchange.operations.arguments import dim, given
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Translation
from archcalc.exchange.values import BATCH, Constant, Noise, Owned, Picked, Repeated, Value


@operation("add", "add_")
def add(t: Translation, op: Operation) -> None:
    """`add` of two values, `offset` by a number, `mask`, `position_embedding`, `affine`, `relative_position_bias`."""
    if op.arguments.get("alpha", 1) != 1:
        raise Refusal("one of the two is multiplied")
    first, second = t.value(op.arguments["self"]), t.value(op.arguments["other"])
    if isinstance(first, Owned) and first.kind == "buffer" and op.target == "add_":
        t.same(first)  # the number of batches that a normalisation has seen
        return
    if not isinstance(first, Value) and isinstance(second, Value):
        first, second = second, first
    if isinstance(first, Value):
        if _is_mask(t, first, second):
            t.emit_as("mask", first)
            return
        if isinstance(second, Owned) and _is_position_embedding(t, op, first, second):
            t.note(step := t.step("position_embedding", {}, (first.step,), (second,)), first.shape)
            t.same(first._replace(step=step))
            return
        if isinstance(second, Owned) and _is_by_channel(first, second):
            t.note(step := t.step("affine", {"scale": False}, (first.step,), (second,)), first.shape)
            t.same(first._replace(step=step))
            return
        if isinstance(second, Picked) and _is_relative(t, op, first, second):
            scores = by_heads(t, first)
            t.emit("relative_position_bias", scores, {"rows": second.owned.sizes[0]}, owned=(second.owned,))
            return
    if _is_number(first):
        t.emit_as("offset", t.stream(op.arguments["other"]), {"by": first})
    elif _is_number(second):
        t.emit_as("offset", t.stream(op.arguments["self"]), {"by": second})
    else:
        _join(t, "add", op.arguments["self"], op.arguments["other"])


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_mask(t: Translation, value: Value, other: Any) -> bool:
    """Whether a constant with more than one axis of more than one place is added to scores of positions."""
    if not isinstance(other, Constant) or len(value.shape) < 2:
        return False
    return len([size for size in other.sizes if size != 1]) > 1


def _is_position_embedding(t: Translation, op: Operation, value: Value, owned: Owned) -> bool:
    """Whether a parameter has the shape of a sample."""
    if owned.kind != "parameter" or value.dims[0] != (BATCH,) or any(len(axes) != 1 for axes in value.dims):
        return False
    sizes = t.sizes(op.outputs[0])[1:]
    return owned.sizes[-len(sizes) :] == sizes and prod(owned.sizes) == prod(sizes) == prod(value.shape)


def _is_relative(t: Translation, op: Operation, value: Value, picked: Picked) -> bool:
    """Whether rows of a table, with an entry for each head, are added to scores, the last axes of which are these."""
    heads = picked.sizes[-3:-2]
    if (
        picked.owned.sizes[1:] != heads
        or prod(picked.sizes[:-3]) != 1
        or any(BATCH in each for each in value.dims[-3:])
    ):
        return False
    return t.sizes(op.outputs[0])[-3:] == picked.sizes[-3:]


@operation("sub", "sub_", "rsub")
def sub(t: Translation, op: Operation) -> None:
    """`subtract`, or `offset` by a number."""
    if op.arguments.get("alpha", 1) != 1:
        raise Refusal("one of the two is multiplied")
    first, second = op.arguments["self"], op.arguments["other"]
    if op.target == "rsub":
        first, second = second, first
    if _is_number(t.value(second)):
        t.emit_as("offset", t.stream(first), {"by": -t.value(second)})
    elif _is_number(t.value(first)):
        stream = t.stream(second)
        t.emit_as("offset", t.emit_as("scale", stream, {"factor": -1}), {"by": t.value(first)})
    else:
        _join(t, "subtract", first, second)


@operation("mul", "mul_")
def mul(t: Translation, op: Operation) -> None:
    """`multiply` of two values, `scale` by a number, `layer_scale` by a factor for each channel."""
    first, second = t.value(op.arguments["self"]), t.value(op.arguments["other"])
    if not isinstance(first, Value) and isinstance(second, Value):
        first, second = second, first
    if isinstance(first, Value) and isinstance(second, Noise):
        # The rate that the model was given, and not the nearest number to what is left of 1.
        rate = float(format(1 - (second.survives or 0), ".10g"))
        t.emit_as("drop_path", first, {} if rate == 0.5 else {"rate": rate})
    elif isinstance(first, Value) and isinstance(second, Owned) and _is_by_channel(first, second):
        t.note(step := t.step("layer_scale", {}, (first.step,), (second,)), first.shape)
        t.same(first._replace(step=step))
    elif _is_number(second):
        t.emit_as("scale", t.stream(op.arguments["self"]), {"factor": second})
    elif _is_number(first):
        t.emit_as("scale", t.stream(op.arguments["other"]), {"factor": first})
    else:
        _join(t, "multiply", op.arguments["self"], op.arguments["other"])


@operation("addcmul")
def addcmul(t: Translation, op: Operation) -> None:
    """A product, and what is added to it: `layer_scale` and `affine` where both are parameters."""
    factors = [t.value(op.arguments[name]) for name in ("tensor1", "tensor2")]
    added = t.value(op.arguments["self"])
    value = next((factor for factor in factors if isinstance(factor, Value)), None)
    owned = next((factor for factor in factors if isinstance(factor, Owned)), None)
    if op.arguments.get("value", 1) != 1 or value is None or owned is None or not isinstance(added, Owned):
        raise Refusal("it is not a value that parameters scale and shift")
    if not _is_by_channel(value, owned) or not _is_by_channel(value, added):
        raise Refusal("it is not a value that parameters scale and shift by channel")
    t.emit("affine", value, owned=(owned, added))


def _is_by_channel(value: Value, factor: Owned) -> bool:
    """Whether a parameter has one factor for each channel."""
    if factor.kind != "parameter" or len(factor.sizes) > len(value.dims):
        return False
    dims = value.dims[len(value.dims) - len(factor.sizes) :]
    wide = [axes for axes, size in zip(dims, factor.sizes, strict=True) if size != 1]
    return wide == [(0,)] and prod(factor.sizes) == value.shape[0]


@operation("mean_of")
def mean_of(t: Translation, op: Operation) -> None:
    """`mean` of several values."""
    _join(t, "mean", *op.arguments["tensors"])


@operation("div", "div_")
def div(t: Translation, op: Operation) -> None:
    """`divide`, or `scale` by a number's inverse."""
    first, second = t.value(op.arguments["self"]), t.value(op.arguments["other"])
    if isinstance(first, Noise):
        if second != first.survives:
            raise Refusal("it is not the noise of stochastic depth")
        t.same(first)
    elif op.arguments.get("rounding_mode") is not None:
        raise Refusal("it rounds")
    elif isinstance(second, (int, float)):
        t.emit_as("scale", t.stream(op.arguments["self"]), {"factor": 1 / second})
    else:
        _join(t, "divide", op.arguments["self"], op.arguments["other"])


def _join(t: Translation, layer: str, *arguments: Any) -> None:
    """Values joined axis by axis; one that lacks an axis is repeated."""
    streams = [t.stream(each) for each in arguments]
    _joined(t, layer, streams)


def _joined(t: Translation, layer: str, streams: Sequence[Value], attributes: dict[str, Any] | None = None) -> None:
    found = conformed(t, streams)
    t.made(t.step(layer, attributes or {}, found.steps), found.dims)


@operation("cat", "concat", "concatenate")
def cat(t: Translation, op: Operation) -> None:
    """`concat` along one axis."""
    tensors = op.arguments["tensors"]
    first = t.value(tensors[0])
    if isinstance(first, Repeated) and t.reads_of(tensors[0]) == 1 and _is_class_token(t, op, first.owned):
        return
    streams = [t.stream(each) for each in tensors if 0 not in t.sizes(each)]
    rank = len(streams[0].dims)
    if any(len(each.dims) != rank for each in streams):
        raise Refusal("they have different numbers of axes")
    _stack(t, streams, dim(op, "dim", rank, 0) - rank)


@operation("stack")
def stack(t: Translation, op: Operation) -> None:
    """`concat` along an axis that is new."""
    streams = [t.stream(each) for each in op.arguments["tensors"]]
    rank = len(streams[0].dims) + 1
    new = dim(op, "dim", rank, 0)
    streams = [each._replace(dims=(*each.dims[:new], (), *each.dims[new:])) for each in streams]
    _stack(t, streams, new - rank)


def _stack(t: Translation, streams: list[Value], along: int) -> None:
    if len(streams) == 1:  # a copy, which no figure but the moment of a peak tells from the value
        t.same(streams[0])
        return
    found = conformed(t, streams, along)
    axes = found.dims[along]
    if BATCH in axes or len(axes) != 1:
        raise Refusal("it works along the batch")
    attributes = given(axis=(axes[0], 0))
    t.made(t.step("concat", attributes, found.steps), found.dims)


def _is_class_token(t: Translation, op: Operation, token: Owned) -> bool:
    """`class_token`: learned positions in front of a sequence."""
    if len(op.arguments["tensors"]) != 2:
        return False
    stream = t.stream(op.arguments["tensors"][1])
    if stream.dims != ((BATCH,), (1,), (0,)) or dim(op, "dim", 3, 0) != 1:
        return False
    t.emit("class_token", stream, given(count=(token.sizes[1], 1)), owned=(token,))
    return True
