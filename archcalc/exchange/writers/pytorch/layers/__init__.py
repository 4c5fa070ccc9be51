"""How each layer is written in PyTorch: a function a layer, in a file for each family, found by itself."""

from __future__ import annotations

from collections.abc import Container

from archcalc.discovery import loaded_from
from archcalc.exchange.code.layers import Site, Unwritten, Written
from archcalc.exchange.writers.pytorch.layers.registry import WRITTEN
from archcalc.sizes.volume import Volume

#: Layers that work on sequences of vectors: a network's input of one axis is `[N, L, C]` where one of them reads it.
OF_SEQUENCES = frozenset(
    {"linear", "attention", "layer_norm", "rms_norm", "class_token", "experts", "rnn", "gru", "lstm"}
)


def is_last(volume: Volume, readers: Container[str]) -> bool:
    """Whether the channels are the last axis of an input that these layers read."""
    return volume.rank == 1 and any(name in readers for name in OF_SEQUENCES)


def written_layer(name: str, site: Site) -> Written:
    """A layer as it is written where it stands. Unwritten if it, or an attribute of it, is not known."""
    loaded_from(__name__)
    if name not in WRITTEN:
        raise Unwritten(f"the layer {name}")
    return WRITTEN[name](site)
