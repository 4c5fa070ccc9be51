"""Recurrent layers: a sequence, one kernel for all layers and directions of a module."""

from __future__ import annotations

from archcalc.exchange.arrangement import by_channels
from archcalc.exchange.graph import Name, Operation
from archcalc.exchange.operations.arguments import flag, given, number, whole
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Translation
from archcalc.exchange.values import Constant, Owned, Value

#: The layer that an operation is, and the linear combinations that it makes of input and state.
_CELLS = {"rnn_tanh": ("rnn", 1), "gru": ("gru", 3), "lstm": ("lstm", 4)}


@operation(*_CELLS)
def recurrent(t: Translation, op: Operation) -> None:
    """`rnn`, `gru` or `lstm`: the states of the last layer at all positions. The last state of one layer that reads in
    one direction is that of the last position."""
    layer, gates = _CELLS[op.target]
    owned = tuple(t.owned(name) for name in op.arguments["params"])
    _starts_from_zeros(t, op)
    if number(op, "dropout", 0.0) and flag(op, "train", False):
        raise Refusal("it drops values between its layers")
    units = _units(owned[0], gates)
    layers, both = whole(op, "num_layers"), flag(op, "bidirectional", False)
    values = t.sizes(op.outputs[0])[-1] // (2 if both else 1)
    attributes = given(
        out=(units, None),
        layers=(layers, 1),
        bidirectional=(both, False),
        bias=(flag(op, "has_biases", True), True),
        projection=(values, units),
    )
    sequence = by_channels(t, t.stream(op.arguments["input"]))
    if len(sequence.shape) != 2:
        raise Refusal("it reads one position, or none")
    made = t.emit(layer, sequence, attributes, owned=owned)
    if any(map(t.is_used, op.outputs[2:])):
        raise Refusal("the last state of its cells is used")
    for state in filter(t.is_used, op.outputs[1:2]):
        if layers > 1 or both:
            raise Refusal("the last states of several layers or directions are used")
        positions = made.shape[1]
        last = t.step("select_token", given(index=(positions - 1, 0)), (made.step,), name="last")
        t.note(last, made.shape[:1])
        batch = next(dim for dim in made.dims if 1 not in dim and 0 not in dim)
        t.same(Value(last, ((), batch, (0,)), made.shape[:1]), state)


def _units(weight: Owned, gates: int) -> int:
    """How many units a layer has: the rows of its first matrix are those of all gates."""
    rows = weight.sizes[-2]
    if rows % gates:
        raise Refusal("its weights are not those of such a layer")
    return int(rows // gates)


def _starts_from_zeros(t: Translation, op: Operation) -> None:
    """Refusal if a state before the first position is learned or computed."""
    states = op.arguments.get("hx")
    for state in states if isinstance(states, list) else [states]:
        if isinstance(state, Name) and not isinstance(t.value(state), Constant):
            raise Refusal("its first state is learned or computed")
