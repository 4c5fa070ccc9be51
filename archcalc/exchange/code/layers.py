"""What a writer of code is told of the place where a layer stands, and what it says of how the layer is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from archcalc.records import Record
from archcalc.sizes.volume import Volume


class Unwritten(Exception):
    """A layer, or an attribute of it, that a writer does not know."""


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
    """A module that the framework does not have: the source of its class, which `needs` others, by those names."""

    name: str
    text: str
    needs: tuple[Own, ...] = ()


class Written(Record):
    """A layer in code: the module to make, and what computes the output.

    In `call`, `{m}` is the module, `{0}` the first input and `{start}` the value of that name in `values`; `{n}` is
    what a layer is called where a name is given, and `{n_pad}` that with something behind. `before` is what the first
    input becomes before that, and `after` what the output becomes after it, in statements of their own. `last` tells
    whether the channels are the last axis of the output, `pairs` that the module returns another value beside it, `own`
    the class of the module where it is not the framework's. The place says whether the output is there `once`.
    """

    call: str
    module: str = ""
    settings: tuple[Setting, ...] = ()
    last: bool = False
    pairs: bool = False
    own: Own | None = None
    values: tuple[Setting, ...] = ()
    before: str = ""
    after: str = ""
    once: bool = False


class Alike:
    """The different sites that come from the same step of the spec, before their `last` is known. What each of them is
    asked of all is worked out once."""

    def __init__(self, sites: Iterable[Site] = ()) -> None:
        self._sites = tuple(sites)
        self._answers: dict[Callable[[Site], bool], bool] = {}

    def all(self, holds: Callable[[Site], bool]) -> bool:
        """Whether something holds of every site."""
        if holds not in self._answers:
            self._answers[holds] = all(map(holds, self._sites))
        return self._answers[holds]


@dataclass(frozen=True)
class Site:
    """A layer where it stands: its attributes, one value an axis where they have axes, the volumes of its inputs, and
    for each whether the channels are its tensor's last axis. `overwritten` says that another layer works in place on
    its output; `once` tells of each input whether it is the same for every sample, since it is computed of parameters
    and constants alone; `alike` are the sites that come from the same step of the spec."""

    attributes: Mapping[str, Any]
    inputs: tuple[Volume, ...]
    last: tuple[bool, ...]
    output: Volume
    inplace: bool
    form: str
    overwritten: bool
    once: tuple[bool, ...] = ()
    alike: Alike = field(default_factory=Alike, repr=False)

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

    def axis(self, axis: int) -> int:
        """The tensor's axis of an axis of the first input, 0 being the channels."""
        if axis == 0:
            return self.rank + 1 if self.last[0] else 1
        return axis if self.last[0] else axis + 1
