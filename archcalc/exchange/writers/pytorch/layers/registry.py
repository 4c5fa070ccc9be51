"""What a layer is told of the place where it stands in PyTorch, and the ways in which modules are called.

A value's tensor is `[N, C, ...]`, or `[N, ..., C]` where a layer on sequences has made it so; a layer that wants the
other form moves the axis, which copies nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from archcalc.exchange.code import layers
from archcalc.exchange.code.layers import Own, Setting, Written


@dataclass(frozen=True)
class Site(layers.Site):
    """A place, and what brings an input of it into the form that is wanted."""

    def first(self, number: int = 0) -> str:
        """An input as `[N, C, ...]`."""
        rank = self.inputs[number].rank
        return self._moved(number, (rank + 1, *range(1, rank + 1))) if self.last[number] else f"{{{number}}}"

    def by_position(self, number: int = 0) -> str:
        """An input as `[N, ..., C]`."""
        rank = self.inputs[number].rank
        return f"{{{number}}}" if self.last[number] else self._moved(number, (*range(2, rank + 2), 1))

    def batched(self, text: str, number: int) -> str:
        """An input, written as `text`, of as many samples as the others that it meets: repeated if it is there once."""
        others = [other for other, once in enumerate(self.once) if not once]
        if not self.once[number] or not others:
            return text
        kept = ", -1" * (self.inputs[number].rank + 1)
        return f"{text}.expand(len({{{others[0]}}}){kept})"

    def _moved(self, number: int, axes: tuple[int, ...]) -> str:
        """An input with its axes in another order."""
        if len(axes) <= 2:
            return f"{{{number}}}.transpose(1, 2)" if len(axes) == 2 else f"{{{number}}}"
        return f"{{{number}}}.permute(0, {', '.join(map(str, axes))})"


WRITTEN: dict[str, Callable[[Any], Written]] = {}


def written(function: Callable[[Site], Written]) -> Callable[[Site], Written]:
    """The function writes the layer of its name (an underscore at the end being Python's)."""
    WRITTEN[function.__name__.rstrip("_")] = function
    return function


def on_maps(site: Site, module: str, *settings: Setting, own: Own | None = None) -> Written:
    """A module that wants the channels after the batch."""
    return Written(f"{{m}}({site.first()})", module, settings, own=own)


def on_positions(site: Site, module: str, *settings: Setting, own: Own | None = None) -> Written:
    """A module that wants the channels last."""
    return Written(f"{{m}}({site.by_position()})", module, settings, site.rank > 0, own=own)


def on_values(site: Site, module: str, *settings: Setting, own: Own | None = None) -> Written:
    """A module that takes either form as it is."""
    return Written("{m}({0})", module, settings, site.last[0], own=own)
