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


def chart(analysis: Analysis) -> Chart:
    """The flow chart of a network."""
    found = items(analysis)
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
    layers = ", ".join(_said(layer.layer, layer.kernel) for layer in box.layers)
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
