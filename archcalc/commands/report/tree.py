"""The layers of a network as a tree: names under their blocks, and runs of equal blocks once, with their number."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from archcalc.analysis.totals import AnalysedLayer
from archcalc.commands.report.columns import Row

#: What tells two layers of equal copies apart, beside their rule's outcome; nothing for most columns.
Telling = Callable[[AnalysedLayer], Hashable]


class Line(NamedTuple):
    """One line of the tree."""

    #: The name, indented below that of its block; `x 3` behind it where it stands for so many equal ones.
    label: str
    #: All layers that it stands for.
    row: Row
    #: The layers of the first copy: what cannot be added up is its.
    first: Row


def lines(layers: Sequence[AnalysedLayer], telling: Telling) -> Iterator[Line]:
    """The lines of the tree, from the top; equal neighbours share one."""
    return _lines([(row, tuple(row.name.split("/"))) for row in layers], telling, 0, "")


_Named = tuple[AnalysedLayer, tuple[str, ...]]


def _lines(named: Sequence[_Named], telling: Telling, level: int, front: str) -> Iterator[Line]:
    items = [list(group) for _, group in groupby(named, key=lambda each: each[1][level])]
    for copies in _runs(items, telling, level):
        first = copies[0]
        rows = [row for item in copies for row, _ in item]
        label = front + _label(copies, level)
        yield Line(label, Row(rows[0].name, rows), Row(first[0][0].name, [row for row, _ in first]))
        depth = _only(first, level)
        if len(first) > 1:
            yield from _lines(first, telling, depth + 1, f"{front}  ")


def _only(item: Sequence[_Named], level: int) -> int:
    """The level down to which the layers of a block have one name in common: `stem/conv` needs no line for `stem`."""
    while len(item) > 1 and len({names[level + 1] if len(names) > level + 1 else None for _, names in item}) == 1:
        level += 1
    return level


def _label(copies: Sequence[Sequence[_Named]], level: int) -> str:
    first = copies[0]
    names = first[0][1]
    end = len(names) if len(first) == 1 else _only(first, level) + 1
    label = "/".join(names[level:end])
    return f"{label} x {len(copies)}" if len(copies) > 1 else label


def _runs(items: Sequence[list[_Named]], telling: Telling, level: int) -> Iterator[list[list[_Named]]]:
    """Neighbours that are equal in all but their number, together."""
    for _, run in groupby(items, key=lambda item: _shape(item, telling, level)):
        yield list(run)


def _shape(item: Sequence[_Named], telling: Telling, level: int) -> Hashable:
    """What equal copies have in common: their name without its number, and each layer's place, outcome and figures."""
    base = item[0][1][level].rpartition(".")
    name = base[0] if base[2].isdigit() else item[0][1][level]
    return name, tuple((names[level + 1 :], id(row.outcome), row.params, telling(row)) for row, names in item)
