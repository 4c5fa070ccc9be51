"""How each layer is written in Keras: a function a layer, in a file for each family, found by itself."""

from __future__ import annotations

from archcalc.discovery import loaded_from
from archcalc.exchange.code.layers import Site, Unwritten, Written
from archcalc.exchange.writers.keras.layers.registry import WRITTEN


def written_layer(name: str, site: Site) -> Written:
    """A layer as it is written where it stands. Unwritten if it, or an attribute of it, is not known."""
    loaded_from(__name__)
    if name not in WRITTEN:
        raise Unwritten(f"the layer {name}")
    return WRITTEN[name](site)
