"""Sums, products and stacks of several values."""

from __future__ import annotations

from math import prod
from typing import Any

from archcalc.exchange.graph import Operation
from archcalc.exchange.operations.arguments import axis, given
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Noise, Owned, Repeated, Translation, Value


@operation("add", "add_")
def add(t: Translation, op: Operation) -> None:
    """`add` of two values of one shape."""
    if op.arguments.get("alpha", 1) != 1:
        raise Refusal("one of the two is multiplied")
    first, second = t.value(op.arguments["self"]), t.value(op.arguments["other"])
    if isinstance(first, Owned) and first.kind == "buffer" and op.target == "add_":
        t.same(first)  # the number of batches that a normalisation has seen
        return
    if isinstance(first, Value) and isinstance(second, Owned) and second.kind == "parameter":
        _added_parameter(t, op, first, second)
        return
    if not isinstance(first, Value) or not isinstance(second, Value):
        raise Refusal(f"it adds {_said(second if isinstance(first, Value) else first)}")
    if t.sizes(op.arguments["self"]) != t.sizes(op.arguments["other"]):
        raise Refusal("one of the two is repeated to fit")
    _join(t, "add", first, second)


def _added_parameter(t: Translation, op: Operation, value: Value, owned: Owned) -> None:
    """`position_embedding` where a parameter of a sample's own shape is added, `affine` where it is one number for each
    channel."""
    if owned.sizes[-len(value.axes) :] == t.sizes(op.outputs[0]) and prod(owned.sizes) == prod(t.sizes(op.outputs[0])):
        t.same(value._replace(step=t.step("position_embedding", {}, (value.step,), (owned,))))
    elif _is_by_channel(value, owned):
        t.same(value._replace(step=t.step("affine", {"scale": False}, (value.step,), (owned,))))
    else:
        raise Refusal("it adds a parameter of another shape")


@operation("mul", "mul_")
def mul(t: Translation, op: Operation) -> None:
    """`multiply` of two values, `scale` by a number, `layer_scale` by a factor for each channel."""
    first, second = t.value(op.arguments["self"]), t.value(op.arguments["other"])
    if not isinstance(first, Value):
        first, second = second, first
    if not isinstance(first, Value):
        raise Refusal("it works on something that is not computed from the input")
    if type(second) in (int, float):
        t.emit_as("scale", first, {"factor": second})
    elif isinstance(second, Noise):
        # The rate that the model was given, and not the nearest number to what is left of 1.
        rate = round(1 - (second.survives or 0), 12)
        t.emit_as("drop_path", first, {} if rate == 0.5 else {"rate": rate})
    elif isinstance(second, Owned):
        _by_channel(t, first, second)
    elif isinstance(second, Value):
        if len(first.axes) != len(second.axes):
            raise Refusal("one of the two has more axes")
        _join(t, "multiply", first, second)
    else:
        raise Refusal(f"it multiplies {_said(second)}")


def _by_channel(t: Translation, value: Value, factor: Owned) -> None:
    if factor.kind != "parameter" or not _is_by_channel(value, factor):
        raise Refusal("it multiplies by a tensor that is not one factor for each channel")
    step = t.step("layer_scale", {}, (value.step,), (factor,))
    t.same(value._replace(step=step))


def _is_by_channel(value: Value, owned: Owned) -> bool:
    """Whether a tensor, repeated to fit a value, has one number for each of its channels."""
    sizes = [1] * (len(value.axes) - len(owned.sizes)) + list(owned.sizes)
    wide = [axis for axis, size in enumerate(sizes[-len(value.axes) :]) if size != 1]
    return [value.axes[axis] for axis in wide] == [0]


def _said(value: Any) -> str:
    if isinstance(value, Owned):
        return f"a {value.kind} of the model"
    return "a number" if type(value) in (int, float) else "something that is not computed from the input"


@operation("cat", "concat", "concatenate")
def cat(t: Translation, op: Operation) -> None:
    """`concat` along the channels."""
    first = t.value(op.arguments["tensors"][0])
    if isinstance(first, Repeated):
        _class_token(t, op, first.owned)
        return
    streams = [t.stream(each) for each in op.arguments["tensors"]]
    rank = len(streams[0].axes)
    if any(len(each.axes) != rank for each in streams):
        raise Refusal("they have different numbers of axes")
    along = axis(op, "dim", rank, 0)
    if any(each.axes[along] != 0 for each in streams):
        raise Refusal("it is not along the channels")
    if len(streams) == 1:  # a copy, which no figure but the moment of a peak tells from the value
        t.same(streams[0])
    else:
        _join(t, "concat", *streams)


def _class_token(t: Translation, op: Operation, token: Owned) -> None:
    """`class_token`: learned positions in front of a sequence."""
    _, sequence = op.arguments["tensors"]
    stream = t.stream(sequence)
    if stream.axes != (1, 0) or axis(op, "dim", 2, 0) != 0:
        raise Refusal("it does not put a parameter in front of a sequence")
    attributes = given(count=(token.sizes[1], 1))
    t.emit("class_token", stream.step, attributes, channels=-1, owned=(token,))


def _join(t: Translation, layer: str, *values: Value) -> None:
    first = values[0]
    reads = tuple(t.like(each, first.axes) for each in values)
    t.same(Value(t.step(layer, {}, reads), first.axes))
