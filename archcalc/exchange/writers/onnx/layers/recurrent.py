"""Recurrent layers: an operator for each of their layers, which reads a sequence with the positions first."""

from __future__ import annotations

from archcalc.exchange.writers.onnx.graph import Site, Unwritten, Value
from archcalc.exchange.writers.onnx.layers.registry import written_as
from archcalc.exchange.writers.onnx.message import Attribute

#: The operators, how many gates they have, and the attributes that make them PyTorch's.
_OPERATORS: dict[str, tuple[str, int, dict[str, Attribute]]] = {
    "rnn": ("RNN", 1, {}),
    "gru": ("GRU", 3, {"linear_before_reset": 1}),
    "lstm": ("LSTM", 4, {}),
}


@written_as(*_OPERATORS)
def recurrent(site: Site) -> Value:
    """Weights lie as ONNX has them: those of both directions in one tensor."""
    kind, gates, attributes = _OPERATORS[site.layer]
    units, directions = site["out"], 2 if site["bidirectional"] else 1
    if site.layer == "lstm" and site["projection"] is not None:
        raise Unwritten("lstm with projection")
    if directions == 2:
        attributes = {**attributes, "direction": "bidirectional"}
    sequence = site.node("Transpose", site.by_position(), perm=[1, 0, 2])
    reads = site.channels
    for number in range(site["layers"]):
        tensors = [
            site.weight(f"weight_ih_l{number}", directions, gates * units, reads),
            site.weight(f"weight_hh_l{number}", directions, gates * units, units),
        ]
        if site["bias"]:
            tensors.append(site.weight(f"bias_l{number}", directions, 2 * gates * units))
        states = site.node(kind, sequence, *tensors, hidden_size=units, **attributes)
        by_sample = site.node("Transpose", states, perm=[0, 2, 1, 3])
        reads = directions * units
        sequence = site.node("Reshape", by_sample, site.numbers(0, 0, reads))
    return site.made(site.node("Transpose", sequence, perm=[1, 0, 2]), last=True)
