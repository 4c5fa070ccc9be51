"""Normalisations."""

from __future__ import annotations

from archcalc.exchange.graph import Name, Operation
from archcalc.exchange.operations.arguments import given, number, whole
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Noise, Owned, Translation


def _affine(t: Translation, op: Operation) -> tuple[Owned, ...]:
    """Scale and shift, both or neither."""
    found = tuple(t.owned(op.arguments[key]) for key in ("weight", "bias") if isinstance(op.arguments.get(key), Name))
    if len(found) == 1:
        raise Refusal("it has a scale and no shift")
    return found


@operation("batch_norm")
def batch_norm(t: Translation, op: Operation) -> None:
    """`batch_norm`: over the channels, which come first."""
    owned = _affine(t, op)
    track = op.arguments.get("running_mean") is not None
    attributes = given(affine=(bool(owned), True), track=(track, True))
    t.emit("batch_norm", t.aligned(op.arguments["input"]), attributes, owned=owned)


@operation("layer_norm")
def layer_norm(t: Translation, op: Operation) -> None:
    """`layer_norm`: over the last axis, or over all."""
    owned = _affine(t, op)
    over = list(op.arguments["normalized_shape"])
    rank = len(t.stream(op.arguments["input"]).axes)
    if len(over) == 1:
        attributes = given(affine=(bool(owned), True))
        t.emit("layer_norm", t.aligned(op.arguments["input"], -1), attributes, channels=-1, owned=owned)
    elif len(over) == rank:
        attributes = given(over=("volume", "channels"), affine=(bool(owned), True))
        t.emit("layer_norm", t.aligned(op.arguments["input"]), attributes, owned=owned)
    else:
        raise Refusal("it is over some of several axes")


@operation("group_norm")
def group_norm(t: Translation, op: Operation) -> None:
    """`group_norm`."""
    owned = _affine(t, op)
    attributes = given(groups=(whole(op, "num_groups"), None), affine=(bool(owned), True))
    t.emit("group_norm", t.aligned(op.arguments["input"]), attributes, owned=owned)


@operation("instance_norm")
def instance_norm(t: Translation, op: Operation) -> None:
    """`instance_norm`, without running statistics."""
    if op.arguments.get("running_mean") is not None:
        raise Refusal("it keeps running statistics")
    owned = _affine(t, op)
    t.emit("instance_norm", t.aligned(op.arguments["input"]), given(affine=(bool(owned), False)), owned=owned)


@operation("rms_norm")
def rms_norm(t: Translation, op: Operation) -> None:
    """`rms_norm`: over the last axis."""
    if len(list(op.arguments["normalized_shape"])) != 1:
        raise Refusal("it is over several axes")
    weight = op.arguments.get("weight")
    owned = () if weight is None else (t.owned(weight),)
    attributes = given(affine=(bool(owned), True))
    t.emit("rms_norm", t.aligned(op.arguments["input"], -1), attributes, channels=-1, owned=owned)


@operation("local_response_norm")
def local_response_norm(t: Translation, op: Operation) -> None:
    """`lrn`."""
    t.emit("lrn", t.aligned(op.arguments["input"]), {"size": whole(op, "size")})


@operation("empty", "new_empty")
def empty(t: Translation, op: Operation) -> None:
    """Room for the noise of stochastic depth: one number for each sample."""
    sizes = t.tensor(op.outputs[0]).sizes
    if not sizes or sizes[0] != t.batch or any(size != 1 for size in sizes[1:]):
        raise Refusal("it is not one number for each sample")
    t.same(Noise(None))


@operation("bernoulli_")
def bernoulli(t: Translation, op: Operation) -> None:
    """The noise of stochastic depth."""
    noise = t.value(op.arguments["self"])
    if not isinstance(noise, Noise):
        raise Refusal("it is not the noise of stochastic depth")
    t.same(Noise(float(number(op, "p", 0.5))))


@operation("div_")
def divide(t: Translation, op: Operation) -> None:
    """The noise of stochastic depth, scaled by how often a branch survives."""
    noise = t.value(op.arguments["self"])
    if not isinstance(noise, Noise) or op.arguments["other"] != noise.survives:
        raise Refusal("it is not the noise of stochastic depth")
    t.same(noise)


@operation("dropout", "dropout_")
def dropout(t: Translation, op: Operation) -> None:
    """`dropout`, whether the model was exported for training or not."""
    t.emit_as("dropout", t.stream(op.arguments["input" if "input" in op.arguments else "self"]), _rate(number(op, "p")))


def _rate(rate: float) -> dict[str, float]:
    return {} if rate == 0.5 else {"rate": rate}
