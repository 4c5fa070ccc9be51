"""What is different between two networks, layer by layer, and what each difference costs.

Which layers are the same is said in `pairing`. Every figure that differs between the networks belongs to one
difference, so they add up.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import groupby
from typing import Any, TypeAlias

from archcalc.analysis.totals import AnalysedLayer
from archcalc.commands.diff.pairing import Structure, paired, sources
from archcalc.exact import is_fraction
from archcalc.language.network import INPUT_INDEX, Network, is_input
from archcalc.language.paths import prefixes
from archcalc.layers.attributes import shown
from archcalc.layers.registry import Form
from archcalc.quantities.registry import Part, Quantity, summing
from archcalc.records import Record
from archcalc.sizes.volume import Volume

#: The kinds of difference. A layer is affected if it is as it was and what reaches it is not.
ADDED, REMOVED, CHANGED, AFFECTED = "added", "removed", "changed", "affected"

_Pair: TypeAlias = tuple[AnalysedLayer | None, AnalysedLayer | None]


#: What a difference costs, unless other quantities are asked for.
FIGURES = ("params", "macs", "activation_bytes_without_input")

#: One value for each quantity asked.
Cost: TypeAlias = tuple[Any, ...]


def _plus(left: Cost, right: Cost) -> Cost:
    return tuple(mine + theirs for mine, theirs in zip(left, right, strict=True))


def _minus(left: Cost, right: Cost) -> Cost:
    return tuple(mine - theirs for mine, theirs in zip(left, right, strict=True))


class Difference(Record):
    """One difference: of one layer, or of a block all of whose `layers` were added or removed. `what` says in words
    which attributes changed, or which volumes reach it; `was` is the layer's old path, if it had another."""

    kind: str
    path: str
    what: tuple[str, ...]
    cost: Cost
    layers: int = 1
    was: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """All that is said of it beside its kind and its path."""
        return (*self.what, *([f"was `{self.was}`"] if self.was else ()))


def costing(names: Sequence[str]) -> list[Quantity]:
    """The quantities of those names; UsageError for one that does not add up over layers."""
    return [summing(name) for name in dict.fromkeys(names)]


class Diff(Record):
    """Every difference, in the order of the layers of the new network; what was removed stands where it stood."""

    differences: list[Difference]
    #: Layers that are the same in both networks, and how many of them by structure, with another path.
    paired: int
    renamed: int


def diff(old: Part, new: Part, quantities: Sequence[Quantity]) -> Diff:
    """What is different in `new`, and what each difference costs in the quantities."""
    return _Comparison(_Side(old, quantities), _Side(new, quantities)).answer()


def folded(found: Sequence[Difference], depth: int) -> list[Difference]:
    """Differences below blocks put together as `stage1/*`, the blocks' paths being `depth` names long."""
    groups = groupby(found, key=lambda each: "/".join(each.path.split("/")[:depth]))
    return [_together(path, list(group)) for path, group in groups]


def _together(path: str, group: list[Difference]) -> Difference:
    if len(group) == 1:
        return group[0]
    kinds = {each.kind for each in group}
    kind = kinds.pop() if len(kinds) == 1 else CHANGED
    return Difference(kind, f"{path}/*", (), *_sums(group))


def _sums(group: Sequence[Difference]) -> tuple[Cost, int]:
    return reduce(_plus, (each.cost for each in group)), sum(each.layers for each in group)


def _runs(found: Sequence[Difference]) -> list[Difference]:
    """What is alike in all copies of a block once, as `stage3/bottleneck.7 x 17` or `block.1/attention x 32`."""
    alike = [_alike(each) for each in found]
    made: list[Difference] = []
    start = 0
    while start < len(found):
        length, copies = _repeats(found, alike, start)
        for first in range(start, start + length):
            made.append(_run(found[first : first + length * copies : length]))
        start += length * copies
    return made


def _alike(each: Difference) -> Difference:
    """What copies have in common: all but the numbers of their names."""
    return each._replace(path=_NUMBER.sub(".", each.path), was=_NUMBER.sub(".", each.was))


#: The number of a copy, in a path.
_NUMBER = re.compile(r"\.[0-9]+(?=/|$)")


def _repeats(found: Sequence[Difference], alike: Sequence[Difference], start: int) -> tuple[int, int]:
    """How many differences from `start` on come again right after them, in other copies of one block, and how often
    they are there: the shortest such stretch."""
    for after in range(start + 1, len(found)):
        copied = _copied(found[start].path, found[after].path) if alike[after] == alike[start] else None
        if copied is None:
            continue
        length, end = after - start, after
        while end < len(found) and alike[end] == alike[end - length]:
            if _copied(found[end - length].path, found[end].path) != copied:
                break
            end += 1
        copies = (end - start) // length
        if copies > 1:
            return length, copies
    return 1, 1


def _copied(path: str, other: str) -> int | None:
    """Which name of two paths, counted from the first, is that of another copy: the only one that differs."""
    pairs = zip(path.split("/"), other.split("/"), strict=True)
    differ = [place for place, (one, two) in enumerate(pairs) if one != two]
    return differ[0] if len(differ) == 1 else None


def _run(run: Sequence[Difference]) -> Difference:
    if len(run) == 1:
        return run[0]
    cost, layers = _sums(run)
    return run[0]._replace(path=f"{run[0].path} x {len(run)}", cost=cost, layers=layers)


def brief(found: Sequence[Difference], most: int) -> tuple[list[Difference], int]:
    """What fits into so many lines: without layers that cost the same as before, equal neighbours once, and if need
    be folded, as deep as fits. With how deep that is; 0 for differences that are not folded."""
    every = [each for each in found if each.kind != AFFECTED or any(each.cost)] or found
    telling = _runs(every)
    if len(telling) <= most:
        return telling, 0
    deepest = max(each.path.count("/") for each in telling)
    shallower = ((_runs(folded(every, depth)), depth) for depth in range(deepest, 0, -1))
    return next((made for made in shallower if len(made[0]) <= most), (_runs(folded(every, 1)), 1))


def total(network: Part, quantities: Sequence[Quantity]) -> Cost:
    """What the whole network costs."""
    return tuple(quantity.measure(network) for quantity in quantities)


class _Side:
    """One of the two networks, its layers by number."""

    def __init__(self, network: Part, quantities: Sequence[Quantity]) -> None:
        self.network = network
        self.quantities = quantities
        self.analysis = network.analysis
        #: The layers, without those that are the identity: a model leaves no trace of them.
        self.rows: list[AnalysedLayer] = []
        #: The place among them of the layer with that number, or of the one whose output it hands on.
        self._places: dict[int, int] = {}
        for row in network.analysis.layers:
            index, read = row.node.index, row.node.inputs[0]
            if row.outcome.is_identity(self._input(row)):
                self._places[index] = self.place(read)
            else:
                self._places[index] = len(self.rows)
                self.rows.append(row)
        #: What each layer means for its input, and what is written of it, defaults too.
        self.forms = [row.node.layer.form(self._input(row), row.node.attributes) for row in self.rows]
        self.written = [row.node.layer.complete(row.node.attributes, self._input(row).rank) for row in self.rows]

    def structure(self, inputs: Mapping[int, int]) -> Structure:
        """The network as pairing sees it; `inputs` has for each of its inputs the number that both networks have."""
        nodes = [row.node for row in self.rows]
        return Structure(
            [(*node.scope.key, (node.base, node.ordinal)) for node in nodes],
            [name for name, _ in self.forms],
            [_label(*form, *_role(row)) for form, row in zip(self.forms, self.rows, strict=True)],
            [tuple(inputs[i] if is_input(i) else i for i in map(self.place, _read(row))) for row in self.rows],
            [node.layer.commutes for node in nodes],
        )

    def place(self, value: int) -> int:
        """The place of the layer that makes a value; an input of the network has its number."""
        return value if is_input(value) else self._places[value]

    def _input(self, row: AnalysedLayer) -> Volume:
        return self.analysis.input_volumes(row)[0]

    def cost(self, row: AnalysedLayer | None) -> Cost:
        """What one layer costs; nothing where there is none."""
        if row is None:
            return (0,) * len(self.quantities)
        return tuple(each.amount(self.network, row) for each in self.quantities if each.amount)

    def reads(self, row: AnalysedLayer) -> str:
        """What a layer reads, in words."""
        return ", ".join(self.analysis.inputs(row))

    def volumes(self, row: AnalysedLayer) -> list[str]:
        """The volumes that reach a layer, in order, or sorted where the order means nothing."""
        volumes = list(map(str, self.analysis.input_volumes(row))) if row.outcome.reads_input else []
        return sorted(volumes) if row.node.layer.commutes else volumes

    def folded(self, rows: list[AnalysedLayer]) -> dict[str, str]:
        """For each of the layers, the path of the largest block around it all of whose layers are among them."""
        inside = Counter(prefix for row in rows for prefix in prefixes(row.name))
        everywhere = Counter(prefix for row in self.analysis.layers for prefix in prefixes(row.name))
        return {
            row.name: next(prefix for prefix in prefixes(row.name) if inside[prefix] == everywhere[prefix])
            for row in rows
        }


def _read(row: AnalysedLayer) -> tuple[int, ...]:
    """The values that a layer reads: a learned tensor reads nothing of what it stands behind."""
    return row.node.inputs if row.outcome.reads_input else ()


def _label(layer: str, attributes: dict[str, Any], *role: bool) -> Hashable:
    return layer, frozenset((name, _rounded(value)) for name, value in attributes.items()), role


def _rounded(value: Any) -> Any:
    """A fraction to the ten digits that a model file's numbers are read with: 1/170 is 0.005882352941 there."""
    return format(float(value), ".10g") if is_fraction(value) and value.denominator > 1 else value


def _role(row: AnalysedLayer) -> tuple[bool, bool]:
    """Whether a layer shares its weights, and whether they are trained."""
    return row.node.tied is not None, row.node.trainable or not row.outcome.params


def _shared_inputs(old: Network, new: Network) -> tuple[dict[int, int], dict[int, int]]:
    """The inputs of both networks under common numbers: the first is the first, others are known by their names, or all
    by their places where both networks have as many."""
    numbers = {name: _input(place) for place, name in enumerate(new.inputs)}
    by_place = len(old.inputs) == len(numbers) and not numbers.keys() >= old.inputs.keys()
    alone = -len(numbers)
    known = {
        i: i if by_place else numbers.get(old.input_name(i), alone + i) for i in map(_input, range(len(old.inputs)))
    }
    return {**known, INPUT_INDEX: INPUT_INDEX}, {number: number for number in numbers.values()}


def _input(place: int) -> int:
    """The number of an input of a network, by its place among them."""
    return INPUT_INDEX - place


class _Comparison:
    def __init__(self, old: _Side, new: _Side) -> None:
        self.old = old
        self.new = new
        self.structures = tuple(
            map(_Side.structure, (old, new), _shared_inputs(old.analysis.network, new.analysis.network))
        )
        self.partners = paired(*self.structures)

    def answer(self) -> Diff:
        pairs = list(self.in_order())
        old, new = (structure.paths for structure in self.structures)
        renamed = sum(old[before] != new[after] for before, after in self.partners.items())
        return Diff(self.differences(pairs), len(self.partners), renamed)

    def differences(self, pairs: list[_Pair]) -> list[Difference]:
        added = self.new.folded([after for before, after in pairs if before is None and after is not None])
        removed = self.old.folded([before for before, after in pairs if after is None and before is not None])
        found: dict[tuple[str, str], Difference] = {}
        for before, after in pairs:
            each = self.between(before, after, added, removed)
            if each is not None:
                known = found.get((each.kind, each.path))
                if known is not None:
                    each = each._replace(cost=_plus(known.cost, each.cost), layers=known.layers + 1)
                found[each.kind, each.path] = each
        return list(found.values())

    def in_order(self) -> Iterator[_Pair]:
        """Layers that are the same together, in the order of the new network; what only one of them has, alone."""
        before, after = self.old.rows, self.new.rows
        of_new = {mine: theirs for theirs, mine in self.partners.items()}
        waiting = deque(range(len(before)))
        for number, row in enumerate(after):
            while waiting and waiting[0] not in self.partners:
                yield before[waiting.popleft()], None
            partner = of_new.get(number)
            if waiting and waiting[0] == partner:
                waiting.popleft()
            yield None if partner is None else before[partner], row
        yield from ((before[number], None) for number in waiting if number not in self.partners)

    def between(
        self,
        before: AnalysedLayer | None,
        after: AnalysedLayer | None,
        added: dict[str, str],
        removed: dict[str, str],
    ) -> Difference | None:
        change = _minus(self.new.cost(after), self.old.cost(before))
        if before is None or after is None:
            kind, path = (REMOVED, removed[before.name]) if before else (ADDED, added[after.name] if after else "")
            return Difference(kind, path, (), change)
        was = "" if before.name == after.name else before.name
        if own := (*self.attributes(before, after), *self.inputs(before, after)):
            return Difference(CHANGED, after.name, own, change, was=was)
        read, reads = self.old.volumes(before), self.new.volumes(after)
        if read == reads and not any(change):
            return None
        volumes = () if read == reads else (f"input {', '.join(read)} -> {', '.join(reads)}",)
        return Difference(AFFECTED, after.name, volumes, change, was=was)

    def attributes(self, before: AnalysedLayer, after: AnalysedLayer) -> Iterator[str]:
        """What each says of itself that is not the same."""
        (old, _), (new, _) = self.forms(before, after)
        if old != new and before.layer != after.layer:
            yield f"{before.layer} -> {after.layer}"
        changed = self.changed(before, after)
        yield from (f"{name}: {_said(was)} -> {_said(is_)}" for name, (was, is_) in changed.items())
        for (mine, theirs), words in zip(zip(_role(before), _role(after), strict=True), _ROLES, strict=True):
            if mine != theirs:
                yield f"weights {words[mine]} -> {words[theirs]}"

    def changed(self, before: AnalysedLayer, after: AnalysedLayer) -> _Changes:
        """The attributes that do not mean the same, as they are written where both are of one layer."""
        (old, was), (new, is_) = self.forms(before, after)
        meant = _changes(was, is_) if old == new else None
        if before.layer != after.layer:
            return meant or {}
        was_written = self.old.written[self.old.place(before.node.index)]
        written = _changes(was_written, self.new.written[self.new.place(after.node.index)])
        if meant == {} or not written:
            return {}
        if meant is None or old != before.layer:
            return written
        # What follows from an attribute changes with it.
        return {name: values for name, values in meant.items() if name in written} or meant

    def forms(self, before: AnalysedLayer, after: AnalysedLayer) -> tuple[Form, Form]:
        """What the layers mean for their inputs."""
        return self.old.forms[self.old.place(before.node.index)], self.new.forms[self.new.place(after.node.index)]

    def inputs(self, before: AnalysedLayer, after: AnalysedLayer) -> Iterator[str]:
        """Other inputs than before, unless it is that one of them was added or removed: that is said already."""
        old, new = self.structures
        was = sources(old, self.old.place(before.node.index), self.partners)
        is_ = sources(new, self.new.place(after.node.index))
        others = {*self.partners.values(), *(i for i in is_ if i is not None and is_input(i))}
        if was != is_ and None not in was and others.issuperset(is_):
            yield f"reads {self.old.reads(before)} -> {self.new.reads(after)}"


#: Attributes by name, with their old and their new value.
_Changes: TypeAlias = dict[str, tuple[Any, Any]]


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> _Changes:
    """The attributes of one layer that are not the same."""
    return {name: (old[name], new[name]) for name in new if _rounded(old[name]) != _rounded(new[name])}


#: What `_role` says, in words: not, and so.
_ROLES = (("its own", "shared"), ("frozen", "trained"))


def _said(value: Any) -> str:
    if isinstance(value, tuple) and len(set(value)) == 1:
        return _said(value[0])
    return "(not set)" if value is None else shown(value)
