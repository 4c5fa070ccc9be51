"""The layers of a network as a tree: names under their blocks, and runs of equal blocks once, with their number.

A block of one layer and what is element-wise around it, as a convolution with its normalisation and activation, is one
line: papers count it as one layer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import groupby

from archcalc.analysis.main_layer import main_layer
from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.records import Record

#: What tells two layers of equal copies apart, beside their rule's outcome; nothing for most columns.
Telling = Callable[[AnalysedLayer], Hashable]


class Line(Record):
    """One line of the tree."""

    #: The name, indented below that of its block; `x 3` behind it where it stands for so many equal ones.
    label: str
    #: The whole path, with all numbers of copies.
    path: str
    #: All layers that it stands for.
    layers: Sequence[AnalysedLayer]
    #: The layers of the first copy: what cannot be added up is its.
    first: Sequence[AnalysedLayer]
    #: Whether its figures are sums of the lines below it.
    opened: bool
    #: How often the network has what it stands for: below `x 3`, three times.
    times: int


class Copies(Record):
    """A layer of equal blocks, once for all of them."""

    #: The path, with the numbers of copies: `stage3/block.2 x 5/conv`.
    path: str
    #: The layer of the first copy.
    layer: AnalysedLayer
    times: int


def lines(analysis: Analysis, telling: Telling) -> Iterator[Line]:
    """The lines of the tree, from the top; equal neighbours share one."""
    return _lines(_named(analysis.layers), telling, lambda found: main_layer(analysis, found) is None, _Place())


def copies(layers: Sequence[AnalysedLayer], telling: Telling) -> list[Copies]:
    """The layers, in order; those of equal neighbours once, with how many they are."""
    tree = _lines(_named(layers), telling, lambda found: len(found) > 1, _Place())
    return [Copies(line.path, line.first[0], line.times * len(line.layers)) for line in tree if not line.opened]


_Named = tuple[AnalysedLayer, tuple[str, ...]]
#: Whether the layers of a line have lines of their own below it.
_Opens = Callable[[Sequence[AnalysedLayer]], bool]


def _named(layers: Sequence[AnalysedLayer]) -> list[_Named]:
    return [(layer, tuple(layer.name.split("/"))) for layer in layers]


class _Place(Record):
    """Below which line some lines stand."""

    #: How many names of a path lie above.
    level: int = 0
    indent: str = ""
    path: str = ""
    times: int = 1


def _lines(named: Sequence[_Named], telling: Telling, opens: _Opens, place: _Place) -> Iterator[Line]:
    level = place.level
    items = [list(group) for _, group in groupby(named, key=lambda each: _at(each[1], level))]
    for run in _runs(items, telling, level):
        first = run[0]
        names = first[0][1]
        one = [layer for layer, _ in first]
        opened = opens(one)
        depth = _only(first, level)
        end = len(names) if len(first) == 1 else depth + 1
        times = f" x {len(run)}" if len(run) > 1 else ""
        name = "/".join((f"{_at(names, level)}{times}", *names[level + 1 : end]))
        every = [layer for item in run for layer, _ in item]
        yield Line(place.indent + name, place.path + name, every, one, opened, place.times)
        if opened:
            below = _Place(depth + 1, f"{place.indent}  ", f"{place.path}{name}/", place.times * len(run))
            yield from _lines(first, telling, opens, below)


def _at(names: tuple[str, ...], level: int) -> str:
    """The name at a level of a path; a layer that is called what its block is called stands in it under that name."""
    return names[min(level, len(names) - 1)]


def _only(item: Sequence[_Named], level: int) -> int:
    """The level down to which the layers of a block have one name in common: `stem/conv` needs no line for `stem`."""
    while len(item) > 1 and len({names[level + 1] if len(names) > level + 1 else None for _, names in item}) == 1:
        level += 1
    return level


def _runs(items: Sequence[list[_Named]], telling: Telling, level: int) -> Iterator[list[list[_Named]]]:
    """Neighbours that are equal in all but their number, together."""
    for _, run in groupby(items, key=lambda item: _shape(item, telling, level)):
        yield list(run)


def _shape(item: Sequence[_Named], telling: Telling, level: int) -> Hashable:
    """What equal copies have in common: their name without its number, and each layer's place, outcome and figures."""
    name = _at(item[0][1], level)
    base = name.rpartition(".")
    name = base[0] if base[2].isdigit() else name
    return name, tuple((names[level + 1 :], id(row.outcome), row.params, telling(row)) for row, names in item)
