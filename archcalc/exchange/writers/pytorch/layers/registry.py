"""What a layer is told of the place where it stands, and what it says of how it is written.

A value's tensor is `[N, C, ...]`, or `[N, ..., C]` where a layer on sequences has made it so; a layer that wants the
other form moves the axis, which copies nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from archcalc.records import Record
from archcalc.sizes.volume import Volume


class Unwritten(Exception):
    """A layer, or an attribute of it, that this writer does not know."""


class Setting(Record):
    """An argument of a module, or a value in an expression. One that has its default everywhere is left out; `by_name`
    says how it is given."""

    name: str
    value: Any
    default: Any = ...
    by_name: bool = True


def given(name: str, value: Any) -> Setting:
    """An argument that is always given, by its position."""
    return Setting(name, value, by_name=False)


class Own(Record):
    """A module that torch.nn does not have: the source of its class, which `needs` others, by those names."""

    name: str
    text: str
    needs: tuple[Own, ...] = ()


class Written(Record):
    """A layer in PyTorch: the module to make, and what computes the output.

    In `call`, `{m}` is the module, `{0}` the first input and `{start}` the value of that name in `values`. `last` tells
    the form of the output, `pairs` that the module returns another value beside it, `own` the class of the module where
    it is not torch.nn's.
    """

    call: str
    module: str = ""
    settings: tuple[Setting, ...] = ()
    last: bool = False
    pairs: bool = False
    own: Own | None = None
    values: tuple[Setting, ...] = ()


@dataclass(frozen=True)
class Site:
    """A layer where it stands: its attributes, one value an axis where they have axes, the volumes and forms of its
    inputs. `overwritten` says that another layer works in place on its output."""

    attributes: Mapping[str, Any]
    inputs: tuple[Volume, ...]
    last: tuple[bool, ...]
    output: Volume
    inplace: bool
    form: str
    overwritten: bool

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]

    @property
    def rank(self) -> int:
        """Spatial axes of the first input."""
        return self.inputs[0].rank

    @property
    def channels(self) -> int:
        """Channels of the first input."""
        return int(self.inputs[0].channels)

    def first(self, number: int = 0) -> str:
        """An input as `[N, C, ...]`."""
        rank = self.inputs[number].rank
        return self._moved(number, (rank + 1, *range(1, rank + 1))) if self.last[number] else f"{{{number}}}"

    def by_position(self, number: int = 0) -> str:
        """An input as `[N, ..., C]`."""
        rank = self.inputs[number].rank
        return f"{{{number}}}" if self.last[number] else self._moved(number, (*range(2, rank + 2), 1))

    def _moved(self, number: int, axes: tuple[int, ...]) -> str:
        """An input with its axes in another order."""
        if len(axes) <= 2:
            return f"{{{number}}}.transpose(1, 2)" if len(axes) == 2 else f"{{{number}}}"
        return f"{{{number}}}.permute(0, {', '.join(map(str, axes))})"

    def axis(self, axis: int) -> int:
        """The tensor's axis of an axis of the first input, 0 being the channels."""
        if axis == 0:
            return self.rank + 1 if self.last[0] else 1
        return axis if self.last[0] else axis + 1


WRITTEN: dict[str, Callable[[Site], Written]] = {}


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
