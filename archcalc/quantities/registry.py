"""The spine: every figure is a quantity, registered once under its name.

A quantity states its unit, its convention, what it can be asked of, whether it adds up over layers, which parts of the
setup it depends on and which kinds of size it serves; it writes itself. Whoever prints, compares, claims, sweeps,
bounds or exports a figure asks for it here by name. A new one is a function in a file of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Literal, TypeAlias

from archcalc.analysis.totals import AnalysedLayer, Analysis, alike
from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.discovery import loaded_from
from archcalc.language.paths import selected
from archcalc.memory.network import NetworkMemory, network_memory
from archcalc.memory.setup import Setup
from archcalc.records import Record
from archcalc.sizes.kinds import times, total
from archcalc.units import COUNT, EXTENT, VOLUME, Unit, data

#: What a quantity can be asked of: a whole network, some of its layers, or both.
Scope: TypeAlias = Literal["network", "layers", "any"]

#: The kinds of size it serves: ints, arrays and symbols; ints, and arrays for whose values the order of steps is the
#: same ("numbers"); or ints alone.
Kinds: TypeAlias = Literal["all", "numbers", "ints"]

#: What of the setup a quantity depends on. One that simply grows with the samples has "samples"; "batch" is any other
#: dependence on their number.
Dependency: TypeAlias = Literal[
    "samples", "batch", "dtype", "optimizer", "device", "freeze", "accumulate", "checkpoint", "masters", "memory", "gpu"
]


#: What a value says of the true one where an operation of the part is not known: nothing is left out of it, it is a
#: bound from below or from above, or it says nothing.
Bound: TypeAlias = Literal["exact", "at least", "at most", "none"]


class Part:
    """What a quantity is asked of: a whole network, or some of its layers in the network's order, under a setup."""

    __slots__ = ("_alike", "_memory", "_sums", "analysis", "layers", "setup", "whole")

    def __init__(
        self, analysis: Analysis, layers: Sequence[AnalysedLayer] | None = None, setup: Setup | None = None
    ) -> None:
        self.analysis = analysis
        self.whole = layers is None
        self.layers: Sequence[AnalysedLayer] = analysis.layers if layers is None else layers
        self.setup = setup or Setup()
        self._alike: Sequence[tuple[AnalysedLayer, int]] | None = None
        self._memory: NetworkMemory | None = None
        self._sums: dict[str, Any] = {}

    @property
    def trained(self) -> list[bool]:
        """For each layer of the network, whether its parameters are trained."""
        return self.memory.gradients.weights

    @property
    def memory(self) -> NetworkMemory:
        """What a framework holds for the whole network under the setup."""
        if self._memory is None:  # asked for by every layer
            self._memory = network_memory(self.analysis, self.setup)
        return self._memory

    @property
    def alike(self) -> Sequence[tuple[AnalysedLayer, int]]:
        """Of its layers that are called alike the first, and how many there are."""
        if self._alike is None:  # asked for by every sum
            self._alike = self.analysis.alike if self.whole else alike(self.layers)
        return self._alike

    @property
    def unknown(self) -> Sequence[AnalysedLayer]:
        """Those of its layers that stand for operations which are not known."""
        found = self.analysis.unknown
        return found if self.whole or not found else [row for row in self.layers if row in found]

    def sum(self, name: str, added: Callable[[], Any]) -> Any:
        """What a quantity adds up to over the layers: added once, for several lines of an answer say it."""
        if name not in self._sums:
            self._sums[name] = added()
        return self._sums[name]

    def samples(self, size: Any) -> Any:
        """A figure of one sample for all samples of the batch."""
        batch = self.setup.batch
        return size if type(batch) is int and batch == 1 else batch * size


class Quantity(Record):
    """A figure that has a name."""

    name: str
    #: How the head of a column calls it.
    title: str
    unit: Unit
    of: Scope
    depends: tuple[Dependency, ...]
    kinds: Kinds
    #: Its value for a part: a number, a volume, a tuple with a size for each axis, or None where there is none.
    measure: Callable[[Part], Any]
    #: What one layer adds to it; None for a quantity that does not add up over layers.
    amount: Callable[[Part, AnalysedLayer], Any] | None
    #: What a whole network has in addition to its layers; None for nothing.
    beside: Callable[[Part], Any] | None
    #: Why it has no value for a part where it has none.
    absence: Callable[[Part], str]
    #: Whether what a layer adds follows from its attributes and the volumes that reach it, whatever is around it.
    local: bool
    #: What it counts, and under which convention.
    doc: str
    #: Whether it is a whole number wherever it is one number, and never a fraction.
    whole: bool
    #: What a value says where an operation is not known.
    bound: Bound

    @property
    def sums(self) -> bool:
        """Whether it adds up over layers, so that a part has a share of the whole (of what is not `beside` it)."""
        return self.amount is not None

    @property
    def convention(self) -> str:
        """The first sentence of what it says of itself."""
        return self.doc.partition(". ")[0].rstrip(".")

    def data(self, value: Any) -> Any:
        """A value as JSON has it."""
        return data(value)


_known: dict[str, Quantity] = {}


def _no_reason(part: Part) -> str:
    return ""


def _register(
    function: Callable[..., Any],
    unit: Unit,
    title: str,
    of: Scope,
    depends: Iterable[Dependency],
    kinds: Kinds,
    whole: bool,
    bound: Bound,
    absence: Callable[[Part], str] = _no_reason,
) -> Callable[..., None]:
    name = function.__name__
    if name in _known:
        raise ValueError(f"two quantities are called {name}")

    def register(
        measure: Callable[[Part], Any],
        amount: Callable[[Part, AnalysedLayer], Any] | None,
        beside: Callable[[Part], Any] | None = None,
        local: bool = False,
    ) -> None:
        doc = " ".join((function.__doc__ or "").split())
        _known[name] = Quantity(
            name,
            title or name.replace("_", " "),
            unit,
            of,
            tuple(depends),
            kinds,
            measure,
            amount,
            beside,
            absence,
            local,
            doc,
            whole,
            bound,
        )

    return register


def quantity(
    unit: Unit = COUNT,
    *,
    title: str = "",
    of: Scope = "any",
    depends: Iterable[Dependency] = (),
    kinds: Kinds = "all",
    whole: bool = True,
    bound: Bound = "at least",
    absence: Callable[[Part], str] = _no_reason,
) -> Callable[[Callable[[Part], Any]], Callable[[Part], Any]]:
    """Make a quantity known under its function's name; `absence` says why it has no value where it has none, `bound`
    what its value says where an operation is not known. ValueError if another has the name."""

    def decorate(measure: Callable[[Part], Any]) -> Callable[[Part], Any]:
        _register(measure, unit, title, of, depends, kinds, whole, bound, absence)(measure, None)
        return measure

    return decorate


def summed(
    unit: Unit = COUNT,
    *,
    title: str = "",
    depends: Iterable[Dependency] = (),
    kinds: Kinds = "all",
    beside: Callable[[Part], Any] | None = None,
    by_place: bool = False,
    local: bool = False,
    whole: bool = True,
    bound: Bound = "at least",
) -> Callable[[Callable[[Part, AnalysedLayer], Any]], Callable[[Part], Any]]:
    """Make a quantity known that adds up over layers: the function says what one layer adds, for one sample if it
    depends on "samples". `beside` is what a whole network has in addition to its layers, and `by_place` says that even
    layers which are called alike may add different amounts; a `local` one asks a layer only for what follows from its
    attributes and input volumes. The quantity's measure takes the function's place."""
    scales = "samples" in (depends := tuple(depends))

    def decorate(amount: Callable[[Part, AnalysedLayer], Any]) -> Callable[[Part], Any]:
        def amounts(part: Part) -> Iterator[Any]:
            if by_place:
                return (amount(part, row) for row in part.layers)
            return (times(count, amount(part, row)) for row, count in part.alike)

        def measure(part: Part) -> Any:
            found = part.sum(amount.__name__, lambda: total(amounts(part)))
            if beside is not None and part.whole:
                found = beside(part) + found
            return part.samples(found) if scales else found

        def of_layer(part: Part, row: AnalysedLayer) -> Any:
            return part.samples(amount(part, row))

        register = _register(amount, unit, title, "any", depends, kinds, whole, bound)
        register(measure, of_layer if scales else amount, beside, local)
        return measure

    return decorate


@cache
def quantities() -> dict[str, Quantity]:
    """Every quantity by name: all modules of this package are loaded, so a new file is found by itself."""
    loaded_from("archcalc.quantities")
    return _known


def quantity_named(name: str, *, of: Scope = "any", numbers: bool = False, kinds: Kinds = "ints") -> Quantity:
    """The quantity of that name. UsageError, with the likeliest ones, if there is none, if it cannot be asked of a
    network (or of layers), if it is not one number where `numbers` are wanted, or not of all kinds of size."""
    known = quantities()
    found = known.get(name)
    if found is None:
        having = " or ".join(f"`{each}`" for each in known if name and name in each)
        hint = did_you_mean(name, known) or (having and f"did you mean {having}?")
        raise UsageError(f"unknown quantity `{name[:80]}`: {hint or '`archcalc quantities` lists them'}")
    if of == "network" and found.of == "layers":
        raise UsageError(f"{name} is a figure of layers, not of a whole network")
    if of == "layers" and found.of == "network":
        raise UsageError(f"{name} is a figure of a whole network, not of some of its layers")
    if numbers and found.unit in (VOLUME, EXTENT):
        several = "a volume" if found.unit == VOLUME else "a size for each axis"
        raise UsageError(f"{name} is not one number but {several}")
    if kinds == "all" and found.kinds != "all":
        raise UsageError(f"{name} follows the order of steps, which only plain numbers have: it has no formula")
    return found


def summing(name: str) -> Quantity:
    """The quantity of that name that adds up over layers; UsageError if there is none."""
    found = quantity_named(name, of="layers")
    if not found.sums:
        raise UsageError(f"{name} does not add up over layers")
    return found


def select(analysis: Analysis, path: str, setup: Setup | None = None) -> Part:
    """The layers that a path names; NoSuchPath, a UsageError, if there are none."""
    rows = analysis.layers
    return Part(analysis, [rows[index] for index in selected([row.name for row in rows], path)], setup)


def figure(analysis: Analysis, name: str, setup: Setup | None = None) -> Any:
    """One quantity of a whole network. UsageError if there is none of that name."""
    return quantity_named(name, of="network").measure(Part(analysis, setup=setup))
