"""What differs between occurrences of one structure: values become literals, parameters, or follow from parameters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias

from archcalc.language.folding.items import Expression, Item, Steps
from archcalc.language.folding.names import numbered
from archcalc.layers.registry import layers
from archcalc.records import Record

NamesOf: TypeAlias = Callable[[Item], list[str]]


#: A position has no usual value.
NOTHING: Any = object()


class Position(Record):
    """A place for a value: an attribute of a step by its number, or the step's repeat (-1); and a name for it.

    `usual` is the value that need not be written there; `branch` says in which branch of which join it stands.
    """

    item: Item
    number: int
    name: str
    usual: Any
    branch: tuple[Item, int] | None

    @property
    def value(self) -> Any:
        """The value that stands there."""
        return self.item.repeat if self.number < 0 else self.item.values[self.number]

    def put(self, value: Any) -> None:
        """Write another value there."""
        if self.number < 0:
            self.item.repeat = value
        else:
            self.item.values[self.number] = value


def positions(steps: Steps, branch: tuple[Item, int] | None = None) -> list[Position]:
    """Every place for a value in steps and their branches, in their order."""
    found = []
    for item in steps:
        usual = usual_values(item)
        found += [
            Position(item, number, name, usual.get(name, NOTHING), branch) for number, name in enumerate(item.names)
        ]
        for number, inner in enumerate(item.branches):
            found += positions(inner, (item, number))
        found.append(Position(item, -1, "repeat", 1, branch))
    return found


def usual_values(item: Item) -> dict[str, Any]:
    """The defaults of a step's attributes or arguments."""
    if item.block is not None:
        return item.block.defaults
    if not item.layer:
        return {}
    return {
        name: attribute.default for name, attribute in layers()[item.layer].attributes.items() if not attribute.required
    }


class Parameter(Record):
    """A value that differs: its name, what it is in each occurrence, and its default, `NOTHING` for none."""

    name: str
    values: tuple[Any, ...]
    default: Any


class Unified(Record):
    """What stands at each position of the common structure, and the parameters that this takes."""

    values: list[Any]
    parameters: list[Parameter]


class _Column(Record):
    """The values of a parameter before it has a name, and where it was met first."""

    position: Position
    values: tuple[Any, ...]


class _Following(Record):
    """What stands for a value that follows from a parameter, until that has a name."""

    column: int
    text: str


def unify(occurrences: list[list[Any]], places: list[Position], names_of: NamesOf, reserved: frozenset[str]) -> Unified:
    """The values of several occurrences, position by position, as one structure with parameters.

    `names_of` gives the names of a join's branches, by which parameters of one name are told apart.
    """
    columns: list[_Column] = []
    values: list[Any] = []
    for number, place in enumerate(places):
        column = tuple(occurrence[number] for occurrence in occurrences)
        first = column[0]
        if not isinstance(first, Expression) and all(_same(value, first) for value in column):
            values.append(first)
            continue
        following = next(
            ((known, text) for known, each in enumerate(columns) if (text := _follows(place, column, each))), None
        )
        if following is None:
            following = (len(columns), "{}")
            columns.append(_Column(place, column))
        values.append(_Following(*following))
    names = _names(columns, names_of, reserved)
    for number, value in enumerate(values):
        if isinstance(value, _Following):
            values[number] = Expression(value.text.format(names[value.column]))
    parameters = [Parameter(name, column.values, _default(column)) for name, column in zip(names, columns, strict=True)]
    return Unified(values, parameters)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def _follows(place: Position, column: tuple[Any, ...], known: _Column) -> str | None:
    """How a column follows from a parameter: the same, a multiple of it, or what keeps the size of a map."""
    if place.name == "repeat" and known.position.name != "repeat":
        return None  # that a width and a number of repeats are the same number means nothing
    if all(_same(a, b) for a, b in zip(column, known.values, strict=True)):
        return "{}"
    if any(type(value) is not int or value < 1 for value in (*column, *known.values)) or len(set(known.values)) == 1:
        return None
    factor = column[0] // known.values[0]
    if factor > 1 and all(a == factor * b for a, b in zip(column, known.values, strict=True)):
        return f"{factor} * {{}}"
    if known.position.name.startswith("kernel") and all(a == b // 2 for a, b in zip(column, known.values, strict=True)):
        return "{} // 2"
    return None


_NAMES = {"repeat": "times"}


def _names(columns: list[_Column], names_of: NamesOf, reserved: frozenset[str]) -> list[str]:
    """A name for each parameter: the attribute's; the branch's before it where several have the same."""
    wanted = [_NAMES.get(column.position.name, column.position.name) for column in columns]
    plain = [re.sub(r"\d+\Z", "", name) for name in wanted]
    several = {name for name, times in Counter(plain).items() if times > 1}
    names: list[str] = []
    for column, name in zip(columns, plain, strict=True):
        branch = column.position.branch
        if name in several and branch is not None:
            name = f"{names_of(branch[0])[branch[1]]}_{name}"
        names.append(numbered(name, {*reserved, *names}))
    return names


def _default(column: _Column) -> Any:
    """The value that need not be written, if it occurs; a signature has no lists."""
    usual = column.position.usual
    if usual is NOTHING or usual is None or isinstance(usual, (Expression, tuple)):
        return NOTHING
    return usual if any(_same(value, usual) for value in column.values) else NOTHING
