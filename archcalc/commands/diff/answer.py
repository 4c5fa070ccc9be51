"""What is different between two networks, layer by layer, and what each difference costs.

Layers are the same if their paths are, numbers included; a layer that is the only one of its name keeps its place when
a second comes. Every figure that differs between the networks belongs to one difference, so they add up.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import groupby
from typing import Any, TypeAlias

from archcalc.analysis.totals import AnalysedLayer
from archcalc.language.network import INPUT_INDEX, Key, is_input
from archcalc.language.paths import prefixes
from archcalc.layers.attributes import shown
from archcalc.quantities.registry import Part, Quantity, summing
from archcalc.records import Record

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
    which attributes changed, or which volumes reach it."""

    kind: str
    path: str
    what: tuple[str, ...]
    cost: Cost
    layers: int = 1


def costing(names: Sequence[str]) -> list[Quantity]:
    """The quantities of those names; UsageError for one that does not add up over layers."""
    return [summing(name) for name in dict.fromkeys(names)]


def diff(old: Part, new: Part, quantities: Sequence[Quantity]) -> list[Difference]:
    """Every difference, in the order of the layers of the new network; what was removed stands where it stood."""
    return _Comparison(_Side(old, quantities), _Side(new, quantities)).differences()


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
    """Neighbours that are alike in all but the number of their name once, as `stage3/bottleneck.7 x 17`."""
    runs = [list(run) for _, run in groupby(found, key=_alike)]
    return [_run(run) if len(run) > 1 else run[0] for run in runs]


def _alike(each: Difference) -> tuple[Any, ...]:
    name, _, number = each.path.rpartition(".")
    return each._replace(path=name if number.isdigit() else each.path)


def _run(run: Sequence[Difference]) -> Difference:
    cost, layers = _sums(run)
    return run[0]._replace(path=f"{run[0].path} x {len(run)}", cost=cost, layers=layers)


def brief(found: Sequence[Difference], most: int) -> tuple[list[Difference], int]:
    """What fits into so many lines: without layers that cost the same as before, equal neighbours once, and if need
    be folded, as deep as fits. With how deep that is; 0 for differences that are not folded."""
    telling = _runs([each for each in found if each.kind != AFFECTED or any(each.cost)] or found)
    if len(telling) <= most:
        return telling, 0
    deepest = max(each.path.count("/") for each in telling)
    shallower = ((folded(telling, depth), depth) for depth in range(deepest, 0, -1))
    return next((made for made in shallower if len(made[0]) <= most), (folded(telling, 1), 1))


def total(network: Part, quantities: Sequence[Quantity]) -> Cost:
    """What the whole network costs."""
    return tuple(quantity.measure(network) for quantity in quantities)


class _Side:
    """One of the two networks, its layers by the keys of their paths."""

    def __init__(self, network: Part, quantities: Sequence[Quantity]) -> None:
        self.network = network
        self.quantities = quantities
        self.analysis = analysis = network.analysis
        self.keys: list[Key] = [(*row.node.scope.key, (row.node.base, row.node.ordinal)) for row in analysis.layers]
        self.rows = dict(zip(self.keys, analysis.layers, strict=True))

    def has(self, key: Key) -> bool:
        """Whether there is such a layer; so are the network's inputs."""
        return (
            key in self.rows or key == () or key in map(self._input_key, range(-len(self.analysis.network.inputs), 0))
        )

    def _input_key(self, index: int) -> Key:
        """What stands for an input of the network where the key of a layer could: no layer has the number 0."""
        return () if index == INPUT_INDEX else ((self.analysis.network.input_name(index), 0),)

    def cost(self, row: AnalysedLayer | None) -> Cost:
        """What one layer costs; nothing where there is none."""
        if row is None:
            return (0,) * len(self.quantities)
        return tuple(each.amount(self.network, row) for each in self.quantities if each.amount)

    def sources(self, row: AnalysedLayer) -> list[Key]:
        """The keys of what a layer reads."""
        return [self._input_key(i) if is_input(i) else self.keys[i] for i in row.node.inputs]

    def reads(self, row: AnalysedLayer) -> str:
        """What a layer reads, in words."""
        return ", ".join(self.analysis.inputs(row))

    def volumes(self, row: AnalysedLayer) -> str:
        """The volumes that reach a layer, in words."""
        return ", ".join(map(str, self.analysis.input_volumes(row)))

    def folded(self, rows: list[AnalysedLayer]) -> dict[str, str]:
        """For each of the layers, the path of the largest block around it all of whose layers are among them."""
        inside = Counter(prefix for row in rows for prefix in prefixes(row.name))
        everywhere = Counter(prefix for row in self.analysis.layers for prefix in prefixes(row.name))
        return {
            row.name: next(prefix for prefix in prefixes(row.name) if inside[prefix] == everywhere[prefix])
            for row in rows
        }


class _Comparison:
    def __init__(self, old: _Side, new: _Side) -> None:
        self.old = old
        self.new = new

    def differences(self) -> list[Difference]:
        pairs = self.paired()
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

    def paired(self) -> list[_Pair]:
        """Layers of the same path together; what only one of the networks has, alone."""
        before, after = self.old.rows, self.new.rows
        pairs: list[_Pair] = []
        waiting = deque(before)
        for key, row in after.items():
            while waiting and waiting[0] not in after:
                pairs.append((before[waiting.popleft()], None))
            if waiting and waiting[0] == key:
                waiting.popleft()
            pairs.append((before.get(key), row))
        return pairs + [(before[key], None) for key in waiting if key not in after]

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
        if own := (*_attributes(before, after), *self.inputs(before, after)):
            return Difference(CHANGED, after.name, own, change)
        was, is_ = self.old.volumes(before), self.new.volumes(after)
        if was == is_ and not any(change):
            return None
        return Difference(AFFECTED, after.name, () if was == is_ else (f"input {was} -> {is_}",), change)

    def inputs(self, before: AnalysedLayer, after: AnalysedLayer) -> Iterator[str]:
        """Other inputs than before, unless it is that one of them was added or removed: that is said already."""
        was, is_ = self.old.sources(before), self.new.sources(after)
        if was != is_ and all(map(self.new.has, was)) and all(map(self.old.has, is_)):
            yield f"reads {self.old.reads(before)} -> {self.new.reads(after)}"


def _attributes(before: AnalysedLayer, after: AnalysedLayer) -> Iterator[str]:
    if before.layer != after.layer:
        yield f"{before.layer} -> {after.layer}"
        return
    for name, attribute in after.node.layer.attributes.items():
        was = before.node.attributes.get(name, attribute.default)
        is_ = after.node.attributes.get(name, attribute.default)
        if was != is_:
            yield f"{name} {_said(was)} -> {_said(is_)}"
    if (before.node.tied is None) != (after.node.tied is None):
        yield "weights its own -> shared" if before.node.tied is None else "weights shared -> its own"


def _said(value: Any) -> str:
    return "as the kernel" if value is None else shown(value)
