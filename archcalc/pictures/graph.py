"""A network as a person would draw it: what belongs together in one box, blocks as frames, equal neighbours once.

Light layers (normalisations, activations, dropout, views) share the box of the layer that they follow, or in a block
that begins with them, of the one they precede. Calls of a block that are alike and follow each other are drawn once,
with how often they are there, and so are two that alternate. A block that calls itself is drawn whole, since its shape
is the point.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeAlias

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.language.document import HEAD, Block
from archcalc.language.network import Scope, is_input
from archcalc.pictures.text import unnumbered
from archcalc.records import Record

#: Families of layers that share a box with another.
_LIGHT = frozenset({"norm", "activation", "regularise"})
#: Layers that are alike and not in a block are drawn once from so many on.
_MANY = 4
#: Among the offsets at which copies read each other: whether each reads all before it.
_GROWTH = -1


class Box(Record):
    """Layers in one box, which stands for `times` that follow each other. `copies` holds the layers of each that it
    stands for, those in copies of the blocks around it too."""

    name: str
    times: int
    copies: tuple[tuple[AnalysedLayer, ...], ...]
    first: int
    last: int

    @property
    def layers(self) -> tuple[AnalysedLayer, ...]:
        """Those of the first copy."""
        return self.copies[0]

    @property
    def main(self) -> AnalysedLayer:
        """The layer that gives the box its kind: the first that is not light."""
        return next((layer for layer in self.layers if not light(layer)), self.layers[0])


class Frame(Record):
    """A call of a block, and how many like it follow each other; `items` are those of the first, which ends at
    `end`, and the last ends at `last`. The path is that of the first."""

    name: str
    path: str
    items: tuple[Item, ...]
    times: int
    first: int
    end: int
    last: int


Item: TypeAlias = Box | Frame


def light(layer: AnalysedLayer) -> bool:
    """Whether a layer shares the box of its neighbour."""
    return layer.node.layer.family in _LIGHT or (layer.outcome.storage == "view" and len(layer.node.inputs) == 1)


def boxes(items: Sequence[Item]) -> Iterator[Box]:
    """Every box, also those in frames."""
    for item in items:
        if isinstance(item, Box):
            yield item
        else:
            yield from boxes(item.items)


def opened(items: Sequence[Item], analysis: Analysis) -> tuple[Item, ...]:
    """The items with what is in blocks that only lead on, in which no value is read twice, in their place."""
    found: list[Item] = []
    for item in items:
        if isinstance(item, Frame) and item.times == 1 and _leads_on(analysis.layers[item.first : item.last + 1]):
            found += opened(item.items, analysis)
        else:
            found.append(item)
    return tuple(found)


def _leads_on(layers: Sequence[AnalysedLayer]) -> bool:
    read = [index for layer in layers for index in layer.node.inputs]
    return len(set(read)) == len(read)


class Uses:
    """Who reads the values of a network."""

    def __init__(self, analysis: Analysis) -> None:
        nodes = analysis.network.nodes
        self.readers: list[list[int]] = [[] for _ in nodes]
        for node in nodes:
            for index in node.inputs:
                if not is_input(index):
                    self.readers[index].append(node.index)
        self.outputs = frozenset(analysis.network.outputs.values())

    def alone(self, value: int, reader: int) -> bool:
        """Whether a layer is the only one that reads a value, which is no output of the network either."""
        return value not in self.outputs and all(index == reader for index in self.readers[value])

    def read_alike(self, ends: Sequence[int]) -> bool:
        """Whether the ends of copies are read by the same layers behind the last of them."""
        behind = [[reader for reader in self.readers[end] if reader > ends[-1]] for end in ends]
        return all(each == behind[0] for each in behind) and not self.outputs.intersection(ends)

    def within(self, first: int, last: int, end: int) -> bool:
        """Whether all values of a stretch of layers are read up to a layer, and nowhere else."""
        values = range(first, last + 1)
        return all(v not in self.outputs and all(r <= end for r in self.readers[v]) for v in values)


class _Raw(Record):
    """A scope with what is in it, in order: scopes and numbers of layers."""

    scope: Scope
    children: list[Any]


def items(analysis: Analysis, *, folded: bool = True) -> tuple[Item, ...]:
    """What is drawn of a network, from the outside in. With `folded` unset, every copy of a block is drawn."""
    builder = _Builder(analysis, folded)
    found = builder.of_scope(_tree(analysis), frozenset())
    while len(found) == 1 and isinstance(found[0], Frame) and found[0].times == 1:  # a frame round all shows nothing
        found = list(found[0].items)
    return tuple(found)


def _tree(analysis: Analysis) -> _Raw:
    """The scopes of a network; the layers of each are neighbours, since a block is written out where it is called."""
    nodes = analysis.network.nodes
    root = nodes[0].scope
    while root.parent is not None:
        root = root.parent
    stack = [_Raw(root, [])]
    for node in nodes:
        chain = []
        scope: Scope | None = node.scope
        while scope is not None:
            chain.append(scope)
            scope = scope.parent
        chain.reverse()
        shared = 0
        while shared < min(len(stack), len(chain)) and stack[shared].scope is chain[shared]:
            shared += 1
        del stack[shared:]
        for each in chain[shared:]:
            raw = _Raw(each, [])
            stack[-1].children.append(raw)
            stack.append(raw)
        stack[-1].children.append(node.index)
    return stack[0]


def _labels(layers: Iterable[AnalysedLayer]) -> list[str]:
    return [layer.node.step.label for layer in layers if layer.node.step.label]


def _join(found: list[Item], joining: list[AnalysedLayer]) -> None:
    """Put layers into the last box, and keep none of them."""
    if joining:
        box = found[-1]
        assert isinstance(box, Box)
        name = next(iter([box.name] if box.name else _labels(joining)), "")
        found[-1] = Box(name, 1, ((*box.layers, *joining),), box.first, joining[-1].node.index)
        joining.clear()


class _Builder:
    def __init__(self, analysis: Analysis, folded: bool) -> None:
        self.analysis = analysis
        self.layers = analysis.layers
        self.uses = Uses(analysis)
        self.folded = folded

    def of_scope(self, raw: _Raw, around: frozenset[Any]) -> list[Item]:
        """The items of a scope."""
        found: list[Item] = []
        joining: list[AnalysedLayer] = []  # what the last box gets, put into it at once: it may be very many
        for child in raw.children:
            if not isinstance(child, int):
                _join(found, joining)
                self.add_scope(found, child, around)
            elif found and self.joins(found[-1], joining, self.layers[child]):
                joining.append(self.layers[child])
            else:
                _join(found, joining)
                found.append(self.box(self.layers[child]))
        _join(found, joining)
        return self.pairs_once(self.once(found)) if self.folded else found

    def joins(self, before: Item, joining: Sequence[AnalysedLayer], layer: AnalysedLayer) -> bool:
        """Whether a layer joins the box before it, and those that join that already: one of the two is light."""
        last = joining[-1].node.index if joining else before.last
        return (
            isinstance(before, Box)
            and before.times == 1
            and layer.node.inputs == (last,)
            and self.uses.alone(last, layer.node.index)
            and (light(layer) or all(light(each) for each in chain(joining, before.layers)))
            and not (layer.node.step.label and (before.name or _labels(joining)))
        )

    def box(self, layer: AnalysedLayer) -> Box:
        """The box of one layer."""
        name = layer.node.scope.label(layer.node.base, layer.node.ordinal) if layer.node.step.label else ""
        return Box(name, 1, ((layer,),), layer.node.index, layer.node.index)

    def add_scope(self, found: list[Item], raw: _Raw, around: frozenset[Any]) -> None:
        """A block is a frame, unless one box holds all of it; branches have none."""
        scope = raw.scope
        step = scope.step
        callee = step.callee if step is not None and scope.arguments is not None else None
        head = step is not None and step.name == HEAD
        if (callee is None and not head) or callee in around:
            found += self.of_scope(raw, around)
            return
        inside = self.of_scope(raw, around | {callee} if isinstance(callee, Block) else around)
        named = step is not None and step.label is not None
        name = (scope.parent or scope).label(scope.base, scope.ordinal)
        if len(inside) == 1:
            only = inside[0]
            found.append(only._replace(name=name if named else only.name) if isinstance(only, Box) else only)
            if isinstance(only, Frame) and named:
                found[-1] = only._replace(name=name)
            return
        first, last = inside[0].first, inside[-1].last
        found.append(Frame(name, scope.path, tuple(inside), 1, first, last, last))

    def once(self, found: list[Item]) -> list[Item]:
        """Neighbours that are alike, put together."""
        made: list[Item] = []
        start = 0
        while start < len(found):
            end = start + 1
            if not _calls_itself(found[start], self.layers):
                offsets: dict[int, int] = {}
                while end < len(found) and self.follows(found[end - 1], found[end], offsets):
                    end += 1
                end = self.read_inside(found, start, end)
            run = found[start:end]
            first = run[0]
            if len(run) >= (2 if isinstance(first, Frame) else _MANY):
                made.append(_together(run, self.layers))
            else:
                made += run
            start = end
        return made

    def pairs_once(self, found: list[Item]) -> list[Item]:
        """Two neighbours that alternate, put together: the second pair follows the first as a copy would."""
        made: list[Item] = []
        start = 0
        while start < len(found):
            pairs: list[Item] = []
            offsets: dict[int, int] = {}
            while (pair := _pair(*found[start + 2 * len(pairs) : start + 2 * len(pairs) + 2])) is not None:
                if pairs and not self.follows(pairs[-1], pair, offsets):
                    break
                pairs.append(pair)
            end = self.read_inside(pairs, 0, len(pairs))
            if end > 1:
                made.append(_together(pairs[:end], self.layers))
                start += 2 * end
            else:
                made.append(found[start])
                start += 1
        return made

    def read_inside(self, found: list[Item], start: int, end: int) -> int:
        """Where a run of copies ends of which only the last is read by others than the next copy; or all by the same,
        where each copy reads all before it."""
        run = found[start:end]
        if len(run) > 1 and self.grows(run[0], run[1]):
            return end if self.uses.read_alike([item.last for item in run]) else start + 1
        for i in range(start, end - 1):
            if not self.uses.within(found[i].first, found[i].last, found[i + 1].last):
                return i + 1
        return end

    def grows(self, before: Item, after: Item) -> bool:
        """Whether an item reads what the one before it read, and the end of that too."""
        return self.read(after) == [*self.read(before), before.last]

    def follows(self, before: Item, after: Item, offsets: dict[int, int]) -> bool:
        """Whether an item is another copy of the one before it: alike, and reading it as that read the one before."""
        if type(before) is not type(after) or not isinstance(before, Box | Frame):
            return False
        if before.last - before.first != after.last - after.first or after.first != before.last + 1:
            return False
        if isinstance(before, Frame) and isinstance(after, Frame):
            if unnumbered(before.name) != unnumbered(after.name) or before.times != 1 or after.times != 1:
                return False
        elif before.name or after.name:
            return False
        if self.shape(before) != self.shape(after):
            return False
        grows = self.grows(before, after)
        if offsets.setdefault(_GROWTH, grows) != grows:
            return False
        if grows:
            return True
        theirs, mine = self.read(before), self.read(after)
        for k, (one, two) in enumerate(zip(theirs, mine, strict=True)):
            if one == two:
                continue
            if (
                not before.first <= two <= before.last
                or offsets.setdefault(k, two - before.first) != two - before.first
            ):
                return False
        return True

    def read(self, item: Item) -> list[int]:
        """The values from outside that an item reads, each once, in the order of their first use."""
        nodes = (layer.node for layer in self.layers[item.first : item.last + 1])
        return list(dict.fromkeys(i for node in nodes for i in node.inputs if i < item.first))

    def shape(self, item: Item) -> tuple[Any, ...]:
        """What copies have in common: layers, attributes, connections and positions. Channels may differ, and how often
        values or paths are dropped."""
        read = self.read(item)
        outside = {value: -1 - k for k, value in enumerate(read)}

        def reads_all(layer: AnalysedLayer) -> bool:
            """Whether it joins all that comes from outside, however much that is."""
            return layer.node.layer.joins and layer.node.inputs == tuple(read)

        return tuple(
            (
                layer.layer,
                () if layer.node.layer.family == "regularise" else tuple(layer.node.attributes.items()),
                layer.output.space,
                layer.node.tied is None,
                () if reads_all(layer) else tuple(outside.get(i, i - item.first) for i in layer.node.inputs),
            )
            for layer in self.layers[item.first : item.last + 1]
        )


def _pair(*items: Item) -> Frame | None:
    """Two neighbours in a frame: blocks, or a block and a box that has no name to lose. None for any other items."""
    frame = next((item for item in items if isinstance(item, Frame)), None)
    if len(items) < 2 or frame is None or any(isinstance(item, Box) and item.name for item in items):
        return None
    one, two = items
    return Frame(_pair_name(one, two), frame.path, items, 1, one.first, two.last, two.last)


def _pair_name(one: Item, two: Item) -> str:
    names = [unnumbered(each.name) if isinstance(each, Frame) else each.main.layer for each in (one, two)]
    return f"{names[0]} pair" if names[0] == names[1] else " + ".join(names)


def _calls_itself(item: Item, layers: Sequence[AnalysedLayer]) -> bool:
    """Whether a block is called inside a call of its own."""
    if isinstance(item, Box):
        return False
    for layer in layers[item.first : item.last + 1]:
        seen = set()
        scope: Scope | None = layer.node.scope
        while scope is not None:
            if scope.arguments is not None and scope.step is not None:
                if scope.step.callee in seen:
                    return True
                seen.add(scope.step.callee)
            scope = scope.parent
    return False


def _together(run: list[Item], layers: Sequence[AnalysedLayer]) -> Item:
    """A run of copies as one item."""
    first, last = run[0], run[-1]
    if isinstance(first, Box):
        copies = tuple(copy for box in run if isinstance(box, Box) for copy in box.copies)
        return Box(first.name, len(run), copies, first.first, last.last)
    shifts = [one.first - first.first for one in run]
    inside = tuple(_copied(item, shifts, layers) for item in first.items)
    return Frame(unnumbered(first.name), first.path, inside, len(run), first.first, first.last, last.last)


def _copied(item: Item, shifts: Sequence[int], layers: Sequence[AnalysedLayer]) -> Item:
    """An item of the first copy with the layers of all of them."""
    if isinstance(item, Frame):
        return item._replace(items=tuple(_copied(each, shifts, layers) for each in item.items))
    every = [tuple(layers[layer.node.index + shift] for layer in copy) for shift in shifts for copy in item.copies]
    return item._replace(copies=tuple(every))
