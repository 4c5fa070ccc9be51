"""Memory: what training keeps for the backward pass."""

from __future__ import annotations

from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages, saved_memory
from archcalc.quantities.registry import BYTES, Part, quantity
from archcalc.sizes.kinds import Size


@quantity(BYTES, of="network")
def saved_bytes(part: Part) -> Size:
    """Bytes that autograd keeps from the forward pass for the backward pass, each storage once, the network's input
    with them and parameters not, in float32 on a CPU."""
    return saved_memory(Storages(part.analysis.interpretation, Setup())).total.at(part.batch)
