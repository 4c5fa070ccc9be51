"""A network as a flow chart: boxes, frames around what belongs to a block, arrows between boxes; equal blocks once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archcalc.analysis.totals import Analysis
from archcalc.diagnostics.diagnostic import plain
from archcalc.language.network import INPUT_INDEX
from archcalc.pictures.graph import Box, Frame, Item, boxes, items
from archcalc.records import Record


class Chart(Record):
    """The items of a network and its arrows, from box to box by number. The first numbers are those of the inputs,
    which `inputs` describe."""

    items: tuple[Item, ...]
    numbers: dict[int, int]
    arrows: tuple[tuple[int, int], ...]
    inputs: tuple[str, ...]

    def number(self, box: Box) -> int:
        """The number of a box, behind those of the inputs."""
        return self.numbers[box.first]


#: More arrows nobody follows: the innermost blocks are closed, level by level, until there are as few.
MOST_ARROWS = 200
#: A box says the layers in it by name up to so many.
_NAMED = 6


def chart(analysis: Analysis) -> Chart:
    """The flow chart of a network; where it would have too many arrows, innermost blocks are one box each."""
    found = items(analysis)
    made = _chart(analysis, found)
    for depth in range(_depth(found), 0, -1):
        if len(made.arrows) <= MOST_ARROWS:
            break
        made = _chart(analysis, tuple(_closed(item, depth) for item in found))
    return made


def _depth(found: Sequence[Item]) -> int:
    """How many frames lie in each other at most."""
    return max((1 + _depth(item.items) for item in found if isinstance(item, Frame)), default=0)


def _closed(item: Item, depth: int) -> Item:
    """An item in which the frames that lie `depth` deep are boxes."""
    if isinstance(item, Box):
        return item
    if depth > 1:
        return item._replace(items=tuple(_closed(each, depth - 1) for each in item.items))
    layers = [layer for box in boxes(item.items) for copy in box.copies for layer in copy]
    first = tuple(layer for layer in layers if item.first <= layer.node.index <= item.last)
    others = tuple(layer for layer in layers if not item.first <= layer.node.index <= item.last)
    return Box(item.name, item.times, (first, others) if others else (first,), item.first, item.last)


def _chart(analysis: Analysis, found: tuple[Item, ...]) -> Chart:
    numbers: dict[int, int] = {}
    inputs = analysis.network.inputs
    holder = {INPUT_INDEX - number: number for number in range(len(inputs))}
    arrows: dict[tuple[int, int], None] = {}
    every = list(boxes(found))
    for number, box in enumerate(every, len(inputs)):
        numbers[box.first] = number
        holder.update((layer.node.index, number) for copy in box.copies for layer in copy)
    for number, box in enumerate(every, len(inputs)):
        own = {layer.node.index for layer in box.layers}
        for layer in (layer for layer in box.layers if layer.outcome.reads_input):
            arrows.update(dict.fromkeys((holder[i], number) for i in layer.node.inputs if i not in own))
    named = tuple(f"{name} {volume}" for name, volume in inputs.items())
    return Chart(found, numbers, tuple(arrows), named)


def label(box: Box) -> list[str]:
    """The lines of a box: its name, its layers, the volume it ends with."""
    times = f" x{box.times}" if box.times > 1 else ""
    named = ", ".join(_said(layer.layer, layer.kernel) for layer in box.layers)
    layers = named if len(box.layers) <= _NAMED else f"{len(box.layers) // box.times} layers"
    name = [plain(box.name, 40)] if box.name else []
    return [*name, plain(layers, 80) + times, str(box.layers[-1].output)]


def _said(layer: str, kernel: str | None) -> str:
    return f"{layer} {kernel}" if kernel else layer


def title(frame: Frame) -> str:
    """A frame's name, and how often it is there."""
    return plain(frame.name, 40) + (f" x{frame.times}" if frame.times > 1 else "")


def nested(found: Sequence[Item], depth: int = 1) -> Iterator[tuple[int, Item, bool]]:
    """Every item with its depth, in order; a frame once where it opens and once, with True, where it closes."""
    for item in found:
        yield depth, item, False
        if isinstance(item, Frame):
            yield from nested(item.items, depth + 1)
            yield depth, item, True
