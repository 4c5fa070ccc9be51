"""A class for each key of parts: which settings its parts have in common, and which are constructor arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Any

from archcalc.exchange.writers.pytorch.names import class_name, identifier, unique
from archcalc.exchange.writers.pytorch.parts import Member, Part
from archcalc.exchange.writers.pytorch.text import literal
from archcalc.records import Record


class _Any:
    """A value that no part says: a run of one copy has no second."""


ANY = _Any()


class Class(Record):
    """A class and the parts that are instances of it. `members` holds, for each member, the module to make; a run has
    the number of its copies too. `values` are those of the arguments in each part."""

    name: str
    parts: tuple[Part, ...]
    arguments: tuple[str, ...]
    values: dict[str, list[Any]]
    modules: tuple[Made, ...]


class Made(Record):
    """How a member is made: nothing for an expression without a module. `values` are those that its call names, as
    literals or as constructor arguments."""

    module: str = ""
    copies: str = ""
    values: tuple[tuple[str, str], ...] = ()


def classes(root: Part, name: str, taken: Iterable[str]) -> list[Class]:
    """The classes of a network, each after those that it uses; the last is the network's."""
    found: dict[int, list[Part]] = {}
    for part in _parts(root):
        found.setdefault(part.key, []).append(part)
    names_taken = {*taken, class_name(name)}
    names: dict[int, str] = {}
    for key, parts in found.items():
        step = parts[0].scope.step
        names[key] = class_name(name) if step is None else class_name(step.name, names_taken)
        names_taken.add(names[key])
    made: dict[int, Class] = {}
    places: dict[int, int] = {}
    for key, parts in found.items():
        made[key] = _Arguments(names[key], parts, made, places).made()
        places.update((id(part), number) for number, part in enumerate(parts))
    return list(made.values())


def _parts(part: Part) -> Iterator[Part]:
    """A part and those within it, inner ones first."""
    for member in part.members:
        for call in member.calls:
            yield from _parts(call)
    yield part


class _Arguments:
    """The constructor arguments of a class, found as its members ask for values."""

    def __init__(self, name: str, parts: Sequence[Part], known: dict[int, Class], places: dict[int, int]) -> None:
        self.name = name
        self.parts = parts
        self.known = known
        self.places = places
        self.own: dict[str, list[Any]] = {}
        self.used: dict[str, list[Any]] = {}
        given = [part.scope.arguments or {} for part in parts]
        #: What the spec calls the block with, where every call gives a plain value.
        self.of_spec = {
            word: [each[word] for each in given]
            for word in given[0]
            if identifier(word) == word and all(word in each and _is_plain(each[word]) for each in given)
        }

    def made(self) -> Class:
        modules = tuple(self.module(number, member) for number, member in enumerate(self.parts[0].members))
        in_order = {word: self.used[word] for word in self.of_spec if word in self.used}
        values = {**self.own, **in_order}
        return Class(self.name, tuple(self.parts), tuple(values), values, modules)

    def module(self, number: int, member: Member) -> Made:
        if member.layer is not None:
            made = member.layer.module and not member.again
            named = [each.name for each in member.layer.values]
            texts = tuple((name, self.value(number, which, name)) for which, name in enumerate(named))
            return Made(self.layer(number, member) if made else "", values=texts)
        inner = self.known[member.calls[0].key]
        runs = [part.members[number].calls for part in self.parts]
        items: list[str] = []
        in_order = True  # an argument may stand without its name before the first that has one
        for argument in inner.arguments:
            values = [[inner.values[argument][self.places[id(call)]] for call in calls] for calls in runs]
            text = self.run(argument, values) if member.is_run else self.expression(argument, [v[0] for v in values])
            in_order = in_order and text == argument
            items.append(text if in_order else f"{argument}={text}")
        copies = self.expression("copies", [len(calls) for calls in runs]) if member.is_run else ""
        return Made(f"{inner.name}({', '.join(items)})", copies)

    def value(self, number: int, which: int, name: str) -> str:
        """A value that the call of a layer names."""
        layers = [part.members[number].layer for part in self.parts]
        return self.expression(name, [layer.values[which].value for layer in layers if layer is not None])

    def layer(self, number: int, member: Member) -> str:
        assert member.layer is not None
        items: list[str] = []
        for which, setting in enumerate(member.layer.settings):
            layers = [part.members[number].layer for part in self.parts]
            settings = [layer.settings[which] for layer in layers if layer is not None]
            if all(each.default is not ... and _same(each.value, each.default) for each in settings):
                continue
            text = self.expression(setting.name, [each.value for each in settings])
            items.append(f"{setting.name}={text}" if setting.by_name else text)
        return f"{member.layer.module}({', '.join(items)})"

    def run(self, argument: str, runs: list[list[Any]]) -> str:
        """What the copies of a run are given, by `i`: always the same, another for the first, or one for each."""
        if all(_same(value, values[0]) for values in runs for value in values):
            return self.expression(argument, [values[0] for values in runs])
        if all(_same(value, values[1]) for values in runs for value in values[2:]):
            first = self.expression(argument, [values[0] for values in runs])
            rest = self.expression(argument, [values[1] if len(values) > 1 else ANY for values in runs])
            return first if first == rest else f"{first} if i == 0 else {rest}"
        if all(type(value) is int for values in runs for value in values) and all(map(_is_progression, runs)):
            first = self.expression(argument, [values[0] for values in runs])
            step = self.expression("growth", [values[1] - values[0] if len(values) > 1 else ANY for values in runs])
            return f"{first} + {step} * i"
        fractions = [value for value in runs[0] if isinstance(value, Fraction)]
        if len(runs) == 1 and len(fractions) == len(runs[0]) and _is_progression(fractions):
            return _progression(fractions)
        return f"{self.expression(f'all_{argument}', [tuple(values) for values in runs])}[i]"

    def expression(self, name: str, values: list[Any]) -> str:
        """A value of each part as an expression: a literal, an argument of the block, or one of the class's own."""
        known = [value for value in values if value is not ANY]
        if all(_same(value, known[0]) for value in known):
            return literal(known[0])
        for word, given in self.of_spec.items():
            text = _from(name, word, given, values)
            if text:
                self.used[word] = given
                return text
        for word, given in self.own.items():
            if _equal(given, values):
                return word
        taken = {*self.own, *self.of_spec}
        word = unique(identifier(name, otherwise="value"), taken)
        self.own[word] = [known[0] if value is ANY else value for value in values]
        return word


def _from(name: str, word: str, given: list[Any], values: list[Any]) -> str:
    """How values follow from an argument: as its own, an element, a multiple or, for the rest of a run, one less. Empty
    if they do not."""
    if _equal(given, values):
        return word
    if all(isinstance(value, tuple) for value in given):
        for index in range(min(map(len, given))):
            if _equal([value[index] for value in given], values):
                return f"{word}[{index}]"
        return ""
    if name == "copies" and all(type(a) is int and b == a - 1 for a, b in zip(given, values, strict=True)):
        return f"{word} - 1"
    pairs = [(a, b) for a, b in zip(given, values, strict=True) if b is not ANY]
    if all(type(a) is int and type(b) is int and a > 0 and b % a == 0 for a, b in pairs):
        factors = {b // a for a, b in pairs}
        if len(factors) == 1 and min(factors) > 1:
            return f"{factors.pop()} * {word}"
    return ""


def _equal(given: list[Any], values: list[Any]) -> bool:
    return all(b is ANY or _same(a, b) for a, b in zip(given, values, strict=True))


def _same(one: Any, other: Any) -> bool:
    """Equal, and `true` is not 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return isinstance(value, int | Fraction)


def _is_progression(values: list[Any]) -> bool:
    return all(after - before == values[1] - values[0] for before, after in pairwise(values))


def _progression(values: list[Fraction]) -> str:
    """Fractions in equal steps, by `i`: one division, so that each is the number nearest to it."""
    step = values[1] - values[0]
    unit = lcm(values[0].denominator, step.denominator)
    grown = "i" if step * unit == 1 else f"{step * unit} * i"
    return f"({values[0] * unit} + {grown}) / {unit}"
