"""Where quantities are found: `@quantity` makes a figure known by its name, with its unit and what it can be asked of.

A claim, a comparison or a sweep asks for a quantity by name. A new one is a function in a file of this package.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.discovery import loaded_from
from archcalc.sizes.kinds import Size

#: The units of quantities. A count is a plain number, bytes are bytes; a volume is written 55x55x96; an extent is the
#: same size along every axis (7) or one for each (7x7).
COUNT, BYTES, VOLUME, EXTENT = "count", "bytes", "volume", "extent"


class Part:
    """What a quantity is asked of: a whole network, or some of its layers, in the network's order.

    `batch` is the number of samples, for what does not simply grow with it: memory. All else is for one sample.
    """

    __slots__ = ("analysis", "batch", "layers", "whole")

    def __init__(self, analysis: Analysis, layers: Sequence[AnalysedLayer] | None = None, batch: Size = 1) -> None:
        self.analysis = analysis
        self.batch = batch
        self.whole = layers is None
        self.layers: Sequence[AnalysedLayer] = analysis.layers if layers is None else layers


class Quantity(NamedTuple):
    """A figure that has a name: `sums` says that it adds up over layers, so that a part has a share of the whole.

    `of` is "network" for one that only a whole network has, "layers" for one that only a part has, "any" for both.
    """

    name: str
    unit: str
    of: str
    sums: bool
    measure: Callable[[Part], Any]

    @property
    def doc(self) -> str:
        """What it counts, and under which convention."""
        return " ".join((self.measure.__doc__ or "").split())


_known: dict[str, Quantity] = {}


_Measure = TypeVar("_Measure", bound=Callable[[Part], Any])


def quantity(unit: str = COUNT, *, of: str = "any", sums: bool = False) -> Callable[[_Measure], _Measure]:
    """Make a quantity known under its function's name. ValueError if another has the name.

    The function returns a number, a volume, a tuple with a size for each axis, or None where there is no such figure.
    """

    def register(measure: _Measure) -> _Measure:
        name = measure.__name__
        if name in _known:
            raise ValueError(f"two quantities are called {name}")
        _known[name] = Quantity(name, unit, of, sums, measure)
        return measure

    return register


@cache
def quantities() -> dict[str, Quantity]:
    """Every quantity by name: all modules of this package are loaded, so a new file is found by itself."""
    loaded_from("archcalc.quantities")
    return _known


def select(analysis: Analysis, path: str) -> Part | None:
    """The layers that a path names: one layer, a block with all that is in it, or a pattern with `*`; None if none.

    `stage2/bottleneck.3/conv.2` is a layer, `stage2/bottleneck.3` the layers of that call, `*/conv` every layer
    called `conv` inside some block.
    """
    if "*" in path:
        chosen = [row for row in analysis.layers if fnmatch.fnmatchcase(row.name, path)]
    else:
        inside = f"{path}/"
        chosen = [row for row in analysis.layers if row.name == path or row.name.startswith(inside)]
    return Part(analysis, chosen) if chosen else None
