"""Recurrent layers: one layer of one or two directions each."""

from __future__ import annotations

from archcalc.exchange.graph import Name
from archcalc.exchange.onnx.lower import Lowering
from archcalc.exchange.onnx.nodes import Node
from archcalc.exchange.onnx.operators.registry import operator
from archcalc.exchange.onnx.patterns import JOINED
from archcalc.exchange.operations.registry import Refusal

#: PyTorch's operations, and the functions of the gates that they have.
_OPERATIONS = {
    "RNN": ("rnn_tanh", ["Tanh"]),
    "GRU": ("gru", ["Sigmoid", "Tanh"]),
    "LSTM": ("lstm", ["Sigmoid", "Tanh", "Tanh"]),
}


@operator(*_OPERATIONS)
def recurrent(low: Lowering, node: Node) -> None:
    """The states at all positions, [L, directions, N, H], and the last one of each direction."""
    target, functions = _OPERATIONS[node.kind]
    directions = 2 if _text(node.attributes.get("direction")) == "bidirectional" else 1
    given = [_text(each) for each in node.attributes.get("activations", ())]
    if given not in ([], functions * directions):
        raise Refusal("its functions are not those of PyTorch's layer")
    if node.attributes.get("layout", 0):
        raise Refusal("the batch is its first axis")
    if any(low.input(node, index) for index in (4, 7)):
        raise Refusal("it has lengths of its own for the samples, or peepholes")
    if any(low.input(node, index) for index in (5, 6)):
        raise Refusal("its first state is learned or computed")
    tensors = [node.inputs[1], node.inputs[2], low.input(node, 3)]
    if not all(low.is_fixed(name) for name in tensors if name):
        raise Refusal("its weights are computed")
    length, batch, _ = low.shape(node.inputs[0])
    units = low.shape(node.inputs[2])[-1]
    outputs = [name or low.between(f"output {number}", ()) for number, name in enumerate(node.outputs)]
    joined = JOINED in node.attributes
    states = outputs[0] if joined else low.between("states", (length, batch, directions * units))
    weights = [low.weight(name) for name in tensors if name]
    arguments = {
        "input": Name(node.inputs[0]),
        "params": [weight for weight in weights if weight is not None],
        "has_biases": len(weights) == 3 and weights[2] is not None,
        "num_layers": 1,
        "bidirectional": directions == 2,
    }
    low.emit(target, arguments, states, *outputs[1:])
    if joined:
        return
    if directions == 1:
        low.emit("reshape", {"self": Name(states)}, outputs[0])
        return
    divided = low.between("directions", (length, batch, directions, units))
    low.emit("reshape", {"self": Name(states)}, divided)
    low.permuted(divided, outputs[0], (0, 2, 1, 3))
    low.emit("transpose", {"self": Name(divided), "dim0": 1, "dim1": 2}, outputs[0])


def _text(value: object) -> object:
    """Text of a list is in the file's own bytes."""
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value
