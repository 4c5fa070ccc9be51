"""The same network with other values of its parameters, which tell how its sizes follow from them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from archcalc.analysis.interpret import Interpretation, interpret
from archcalc.diagnostics.diagnostic import SpecError, UsageError
from archcalc.exchange.writers.pytorch.parts import Builder, Part, Structures
from archcalc.language.expand import expand

#: The layers of all other networks that are analysed for one: a parameter of a very deep network may not be offered.
MOST_LAYERS = 10_000


class Samples:
    """Networks of the same structure, with other values of the parameters that are given and do not follow from others.

    `key` is the structure's. Each network is analysed once, however often it is asked for.
    """

    def __init__(self, interpretation: Interpretation, structures: Structures, key: int) -> None:
        self.document = interpretation.network.document
        self.structures = structures
        self.key = key
        self.stated = _stated(interpretation)
        self.parts: dict[tuple[tuple[str, Any], ...], Part | None] = {}
        self.layers = len(interpretation.network.nodes)
        self.left = MOST_LAYERS

    def of(self, without: set[str], *, twice: bool) -> list[tuple[str, Part]]:
        """For each parameter, but those left out, a network with another value of it (two, if `twice`), beside its
        name; and one, without a name, with other values of them all. A parameter without such a value is not there."""
        found: list[tuple[str, Part]] = []
        together: dict[str, Any] = {}
        for name, value in self.stated.items():
            others = [] if name in without else list(_others(value))
            first = next((each for each in others if self.part({name: each}) is not None), None)
            if first is None:
                continue
            second = next((each for each in others if each != first), first)
            together[name] = second if self.part({name: second} if twice else {}) is not None else first
            for each in dict.fromkeys((first, together[name]) if twice else (first,)):
                part = self.part({name: each})
                found += [(name, part)] if part is not None else []
        part = self.part(together) if together else None
        return [*found, ("", part)] if part is not None else found

    def part(self, values: dict[str, Any]) -> Part | None:
        """The network with other values, if there is one of the same structure."""
        asked = tuple(values.items())
        if asked not in self.parts:
            self.parts[asked] = self.analysed(values)
        return self.parts[asked]

    def analysed(self, values: dict[str, Any]) -> Part | None:
        """That network."""
        self.left -= self.layers
        if self.left < 0:
            return None
        try:
            other = interpret(expand(self.document, {**self.stated, **values}))
            part = Builder(other, self.structures).whole()
        except (SpecError, UsageError):
            return None
        return part if part.key == self.key else None


def _stated(interpretation: Interpretation) -> dict[str, Any]:
    """The values of the parameters that the others follow from: of those that have a formula of their own for a
    default, none where it gives the value."""
    network = interpretation.network
    names = [each.name for each in network.document.parameters if each.default is None or not each.default.names]
    stated = {name: network.parameters[name] for name in names}
    try:
        follows = expand(network.document, stated).parameters
    except SpecError:
        return network.parameters
    more = {name: value for name, value in network.parameters.items() if follows[name] != value}
    return {name: value for name, value in network.parameters.items() if name in stated or name in more}


def _others(value: Any) -> Iterator[Any]:
    """Other values of a kind, odd ones first, which tell a half from a half that is rounded."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, 2 * value, 3 * value, value + 4)
    elif isinstance(value, Fraction):
        yield from (value / 2, value / 4)
    elif isinstance(value, tuple) and value and all(type(each) is int for each in value):
        yield from (tuple(each + step * number for number, each in enumerate(value, 1)) for step in (1, 8))
        yield from (tuple(factor * each for each in value) for factor in (2, 3))
