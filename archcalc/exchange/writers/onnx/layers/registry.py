"""Where the functions are found: `@written` makes one known under its name, which is the layer's."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from archcalc.discovery import loaded_from
from archcalc.exchange.writers.onnx.graph import Site, Value

Write: TypeAlias = Callable[[Site], Value]

_known: dict[str, Write] = {}


def written(function: Write) -> Write:
    """The function writes the layer of its name."""
    return written_as(function.__name__)(function)


def written_as(*names: str) -> Callable[[Write], Write]:
    """The function writes the layers of these names. ValueError if one of them is written already."""

    def register(function: Write) -> Write:
        for name in names:
            if name in _known:
                raise ValueError(f"two functions write {name}")
            _known[name] = function
        return function

    return register


@cache
def writers() -> dict[str, Write]:
    """Every function by the name of its layer."""
    loaded_from("archcalc.exchange.writers.onnx.layers")
    return _known
