"""What the code of one framework has of its own."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field

from archcalc.exchange.code.layers import Site, Written
from archcalc.exchange.code.names import identifier
from archcalc.sizes.volume import Volume


@dataclass(frozen=True)
class Target:
    """A framework.

    `written` writes a layer, told its place as a `site`, and raises Unwritten for one that it does not know. `is_last`
    tells of an input of the network, from its volume and the names of the layers that read it, whether the channels are
    its last axis. `reserved` are words that no name may be; `block_name` makes that of a block, which is not taken.
    `words` are what settings are called as arguments of a block. `states_inputs` where the code holds the shapes of the
    network's inputs, and `keeps_once` where a value that is the same for every sample is a batch of one.
    """

    name: str
    site: type[Site]
    written: Callable[[str, Site], Written]
    is_last: Callable[[Volume, Container[str]], bool]
    reserved: frozenset[str]
    block_name: Callable[[str, Container[str]], str]
    words: Mapping[str, str] = field(default_factory=dict)
    states_inputs: bool = False
    keeps_once: bool = False

    def identifier(self, name: str, taken: Container[str] = (), otherwise: str = "layer") -> str:
        """A lower-case identifier for a name of the spec."""
        return identifier(name, self.reserved, taken, otherwise)
