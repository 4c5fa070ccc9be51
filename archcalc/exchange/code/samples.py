"""The same network with other values of its parameters, which tell how its sizes follow from them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from fractions import Fraction
from itertools import islice
from typing import Any

from archcalc.analysis.interpret import Interpretation, interpret
from archcalc.diagnostics.diagnostic import SpecError, UsageError
from archcalc.exchange.code.parts import Builder, Part, Structures
from archcalc.language.expand import expand

#: The layers of all other networks that are analysed for one: a parameter of a very deep network may not be offered.
MOST_LAYERS = 20_000
#: So many other values of a parameter are looked at.
EACH = 3


class Samples:
    """Networks of the same structure, with other values of the parameters that are given and do not follow from others.

    `key` is the structure's. Each network is analysed once, however often it is asked for.
    """

    def __init__(self, interpretation: Interpretation, structures: Structures, key: int) -> None:
        self.document = interpretation.network.document
        self.structures = structures
        self.key = key
        #: The values of the parameters that the others follow from.
        self.stated = _stated(interpretation)
        self.parameters = interpretation.network.parameters
        #: The parameters that the inputs' shapes name.
        self.of_input = {name for formula in self.document.inputs.values() for name, _ in formula.names}
        self.parts: dict[tuple[tuple[str, Any], ...], Part | None] = {}
        self.layers = len(interpretation.network.nodes)
        self.left = MOST_LAYERS

    def of(self, without: set[str]) -> list[tuple[str, Part]]:
        """For each parameter, but those left out, networks with other values of it, beside its name; and one, without a
        name, with other values of them all. A parameter without such a value is not there."""
        found: list[tuple[str, Part]] = []
        together: dict[str, Any] = {}
        for name in self.candidates(together):
            others = [] if name in without or self.changes_code(name) else list(islice(self.others(name), EACH))
            together.update((name, value) for value, _ in others)
            found += [(name, part) for _, part in others]
        part = self.part(together) if together else None
        return [*found, ("", part)] if part is not None else found

    def others(self, name: str) -> Iterator[tuple[Any, Part]]:
        """Other values of a parameter, and the networks of the same structure that they make."""
        for value in _others(self.parameters[name]):
            part = self.part({name: value}) if value != self.parameters[name] else None
            if part is not None:
                yield value, part

    def candidates(self, offered: Mapping[str, Any]) -> Iterator[str]:
        """The parameters that are stated, and then those that follow from stated ones, none of which is offered."""
        yield from self.stated
        for parameter in self.document.parameters:
            names = set() if parameter.default is None else {name for name, _ in parameter.default.names}
            if parameter.name not in self.stated and names <= self.stated.keys() - offered.keys():
                yield parameter.name

    def fixed(self, offered: Container[str]) -> dict[str, Any]:
        """The stated parameters that are not offered, and with which the network is not the same code."""
        return {name: value for name, value in self.stated.items() if name not in offered}

    def changes_code(self, name: str) -> bool:
        """Whether a size of the inputs follows from a parameter, and other values of it make networks of other code."""
        return name in self.of_input and any(self.is_another({name: value}) for value in _others(self.parameters[name]))

    def is_another(self, values: dict[str, Any]) -> bool:
        """Whether there is a network with other values, and the code for it would be another."""
        if self.structures.target.states_inputs and self.part(values) is None:
            try:
                interpret(expand(self.document, {**self.stated, **values}))
            except (SpecError, UsageError):
                return False
            return True
        return False

    def part(self, values: dict[str, Any]) -> Part | None:
        """The network with other values, if there is one of the same structure."""
        asked = tuple(values.items())
        if asked not in self.parts:
            self.parts[asked] = self.analysed(values)
        return self.parts[asked]

    def analysed(self, values: dict[str, Any]) -> Part | None:
        """That network."""
        if self.left < self.layers:
            return None
        try:
            network = expand(self.document, {**self.stated, **values})
            self.left -= self.layers
            other = interpret(network)
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
    """Other values of a kind, odd ones first, which tell a half from a half that is rounded. A 1 may be a multiplier,
    of which other values are not whole: then the sizes are rounded."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        if value == 1:
            yield Fraction(13, 10)
        yield from (value + 1, value - 1, 2 * value, 3 * value, value + 4)
    elif isinstance(value, Fraction):
        yield from (value / 2, value / 4)
    elif isinstance(value, tuple) and value and all(type(each) is int for each in value):
        yield tuple(each + number for number, each in enumerate(value, 1))
        # One that is much larger is among the first, which tells a size from the least of it and a number.
        yield tuple(2 * each for each in value)
        yield tuple(each + 3 for each in value)
        yield tuple(each + 8 * number for number, each in enumerate(value, 1))
        yield tuple(3 * each for each in value)
