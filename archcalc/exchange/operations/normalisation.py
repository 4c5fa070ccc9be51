"""Normalisations."""

from __future__ import annotations

from archcalc.exchange.arrangement import as_image, axis_of, by_channels
from archcalc.exchange.graph import Name, Operation
from archcalc.exchange.operations.arguments import given, given_self, whole
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Translation
from archcalc.exchange.values import Owned


def _affine(t: Translation, op: Operation) -> tuple[Owned, ...]:
    """Scale and shift, both or neither."""
    found = tuple(t.owned(op.arguments[key]) for key in ("weight", "bias") if isinstance(op.arguments.get(key), Name))
    if len(found) == 1:
        raise Refusal("it has a scale and no shift")
    return found


def _scaled(t: Translation, op: Operation) -> tuple[tuple[Owned, ...], bool]:
    """Scale and shift, and whether there is a scale alone."""
    scaled = isinstance(op.arguments.get("weight"), Name) and not isinstance(op.arguments.get("bias"), Name)
    return ((t.owned(op.arguments["weight"]),) if scaled else _affine(t, op)), scaled


@operation("batch_norm")
def batch_norm(t: Translation, op: Operation) -> None:
    """`batch_norm`: over the channels, which come behind the batch."""
    owned = _affine(t, op)
    track = op.arguments.get("running_mean") is not None
    t.training |= track and op.arguments.get("training") is True
    attributes = given(affine=(bool(owned), True), track=(track, True))
    t.emit("batch_norm", by_channels(t, t.stream(op.arguments["input"]), 1), attributes, owned=owned)


@operation("layer_norm")
def layer_norm(t: Translation, op: Operation) -> None:
    """`layer_norm`: over the last axis, or over all."""
    owned, scaled = _scaled(t, op)
    over = list(op.arguments["normalized_shape"])
    stream = t.stream(op.arguments["input"])
    if len(over) == 1:
        attributes = given(affine=(bool(owned), True), bias=(not scaled, True))
        t.emit("layer_norm", by_channels(t, stream), attributes, owned=owned)
    elif len(over) == len(stream.dims) - 1:
        attributes = given(over=("volume", "channels"), affine=(bool(owned), True), bias=(not scaled, True))
        t.emit("layer_norm", as_image(t, stream), attributes, owned=owned)
    else:
        raise Refusal("it is over some of several axes")


@operation("group_norm")
def group_norm(t: Translation, op: Operation) -> None:
    """`group_norm`."""
    owned, scaled = _scaled(t, op)
    attributes = given(groups=(whole(op, "num_groups"), None), affine=(bool(owned), True), bias=(not scaled, True))
    t.emit("group_norm", as_image(t, t.stream(op.arguments["input"])), attributes, owned=owned)


@operation("instance_norm")
def instance_norm(t: Translation, op: Operation) -> None:
    """`instance_norm`, without running statistics."""
    if op.arguments.get("running_mean") is not None:
        raise Refusal("it keeps running statistics")
    owned = _affine(t, op)
    stream = as_image(t, t.stream(op.arguments["input"]))
    t.emit("instance_norm", stream, given(affine=(bool(owned), False)), owned=owned)


@operation("rms_norm")
def rms_norm(t: Translation, op: Operation) -> None:
    """`rms_norm`: over the last axis."""
    if len(list(op.arguments["normalized_shape"])) != 1:
        raise Refusal("it is over several axes")
    weight = op.arguments.get("weight")
    owned = () if weight is None else (t.owned(weight),)
    attributes = given(affine=(bool(owned), True))
    t.emit("rms_norm", by_channels(t, t.stream(op.arguments["input"])), attributes, owned=owned)


@operation("normalize")
def normalize(t: Translation, op: Operation) -> None:
    """`normalize`: values over their norm, found by `patterns`."""
    stream = t.stream(given_self(op))
    over = tuple(sorted(axis_of(stream, each) for each in op.arguments["dim"]))
    t.emit_as("normalize", stream, {} if over == (0,) else {"over": over})


@operation("local_response_norm")
def local_response_norm(t: Translation, op: Operation) -> None:
    """`lrn`."""
    t.emit("lrn", as_image(t, t.stream(op.arguments["input"])), {"size": whole(op, "size")})
