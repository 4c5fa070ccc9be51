"""Sequences: class tokens, positions, attention."""

from __future__ import annotations

from archcalc.exchange.graph import Operation
from archcalc.exchange.operations.arguments import axis, given, whole
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Owned, Repeated, Translation


@operation("expand")
def expand(t: Translation, op: Operation) -> None:
    """A parameter, repeated for each sample: what it is joined with makes a layer of it."""
    owned = t.value(op.arguments["self"])
    if not isinstance(owned, Owned) or owned.kind != "parameter":
        raise Refusal("it repeats what is not a parameter")
    if owned.sizes[:1] != (1,) or owned.sizes[1:] != t.sizes(op.outputs[0]):
        raise Refusal("it repeats a parameter within a sample")
    t.same(Repeated(owned))


@operation("select")
def select(t: Translation, op: Operation) -> None:
    """`select_token`: one position of a sequence."""
    stream = t.stream(op.arguments["self"])
    rank = len(stream.axes)
    if rank != 2 or stream.axes[axis(op, "dim", rank)] != 1:
        raise Refusal("it does not select a position of a sequence")
    index = whole(op, "index")
    if index < 0:
        raise Refusal("it counts positions from the end")
    t.emit("select_token", stream.step, given(index=(index, 0)))


@operation("multi_head_attention")
def multi_head_attention(t: Translation, op: Operation) -> None:
    """`attention` of a sequence over itself."""
    weights = tuple(t.owned(name) for name in op.arguments["weights"])
    biases = tuple(t.owned(name) for name in op.arguments["biases"])
    if len(biases) == 1:
        raise Refusal("one of its projections has a bias, and one has none")
    attributes = given(heads=(whole(op, "heads"), None), bias=(bool(biases), True))
    t.emit("attention", t.aligned(op.arguments["input"], -1), attributes, channels=-1, owned=(*weights, *biases))
