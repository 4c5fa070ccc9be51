"""The functions that write layers in Keras, and the ways in which its layers are called.

The channels are the last axis of every tensor: `[N, C]`, `[N, L, C]`, `[N, H, W, C]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from archcalc.exchange.code.layers import Own, Setting, Site, Written

WRITTEN: dict[str, Callable[[Site], Written]] = {}


def written(function: Callable[[Site], Written]) -> Callable[[Site], Written]:
    """The function writes the layer of its name (an underscore at the end being Python's)."""
    WRITTEN[function.__name__.rstrip("_")] = function
    return function


def called(module: str, *settings: Setting, own: Own | None = None) -> Written:
    """A layer, called with the first input."""
    return Written("{m}({0})", module, settings, last=True, own=own)


def computed(call: str, *values: Setting) -> Written:
    """An expression without a layer."""
    return Written(call, last=True, values=values)


def own(name: str, text: str, *needs: Own) -> Own:
    """A layer that Keras does not have, registered so that a model with it can be saved and loaded."""
    return Own(name, f"\n@keras.saving.register_keras_serializable()\n{text.strip()}\n", needs)


def axes_of(site: Site, over: Sequence[int]) -> int | tuple[int, ...]:
    """The tensor's axes of some axes of the first input, the channels being -1."""
    found = tuple(axis or -1 for axis in over)
    return found[0] if len(found) == 1 else found


def around(rank: int, amounts: Any) -> tuple[tuple[int, int], ...]:
    """What is added on both sides of each axis of a tensor, of the spatial axes the amounts."""
    assert len(amounts) == rank
    return ((0, 0), *(tuple(side) for side in amounts), (0, 0))
