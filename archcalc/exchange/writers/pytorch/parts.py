"""The calls of blocks in a network: the layers of each, its inner calls, and who reads what. Equal ones share a key."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from itertools import groupby, pairwise

from archcalc.analysis.interpret import Interpretation
from archcalc.diagnostics.diagnostic import Diagnostic, SpecError, plain
from archcalc.exchange.writers.pytorch.layers import WRITTEN, Site, Unwritten, Written
from archcalc.exchange.writers.pytorch.names import identifier
from archcalc.language.network import Node, Scope
from archcalc.records import Record

_SHOWN = 12


class Member(Record):
    """A layer, a call of a block, or a run of calls that follow each other.

    `branch` names the branches around it, `inputs` are values by the numbers of their layers, and `outputs` those that
    are read outside of it. `name` is empty for what holds no module.
    """

    name: str
    branch: tuple[str, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    layer: Written | None = None
    calls: tuple[Part, ...] = ()
    is_run: bool = False


class Part(Record):
    """A call of a block, or the whole network. Parts of one key are the same but for the values of settings."""

    scope: Scope
    members: tuple[Member, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    key: int


def whole(interpretation: Interpretation) -> Part:
    """The network as a part. SpecError, with all of them, if there are layers that cannot be written."""
    return _Builder(interpretation).part(_root(interpretation.network.nodes[0].scope), 0)[0]


def _root(scope: Scope) -> Scope:
    while scope.parent is not None:
        scope = scope.parent
    return scope


#: Layers that work on sequences of vectors: a network's input of one axis is `[N, L, C]` where one of them reads it.
_OF_SEQUENCES = frozenset({"linear", "attention", "layer_norm", "rms_norm", "class_token"})


class _Builder:
    def __init__(self, interpretation: Interpretation) -> None:
        self.interpretation = interpretation
        self.nodes = interpretation.network.nodes
        #: The last layer that reads each value; beyond all layers for outputs of the network.
        self.last_reader: dict[int, int] = {}
        for node in self.nodes:
            for value in node.inputs:
                self.last_reader[value] = node.index
        for value in interpretation.network.outputs.values():
            self.last_reader[value] = len(self.nodes)
        self.keys: dict[Hashable, int] = {}
        self.written = self.layers()

    def layers(self) -> list[Written]:
        """Every layer as it is written, in order: the forms of values follow from the layers before."""
        found: list[Written] = []
        refused: dict[str, list[Node]] = {}
        source = self.interpretation.network.input
        readers = {node.layer.name for node in self.nodes if -1 in node.inputs}
        of_input = source.rank == 1 and bool(readers & _OF_SEQUENCES)
        for node, outcome in zip(self.nodes, self.interpretation.outcomes, strict=True):
            last = tuple(found[value].last if value >= 0 else of_input for value in node.inputs)
            volumes = tuple(self.interpretation.volume(value) for value in node.inputs)
            attributes = {}
            for name, attribute in node.layer.attributes.items():
                value = node.attributes.get(name, attribute.default)
                attributes[name] = value if value is None else attribute.kind.fit(value, volumes[0].rank)
            site = Site(attributes, volumes, last, outcome.output, outcome.storage == "inplace", outcome.form)
            try:
                if node.layer.name not in WRITTEN:
                    raise Unwritten(f"the layer {node.layer.name}")
                if node.tied is not None:
                    raise Unwritten("shared weights")
                found.append(WRITTEN[node.layer.name](site))
            except Unwritten as reason:
                refused.setdefault(str(reason), []).append(node)
                found.append(Written("", last=last[0]))
        if refused:
            raise SpecError([_refusal(refused)])
        return found

    def part(self, scope: Scope, start: int) -> tuple[Part, int]:
        """The part of a call whose first layer is of that number, and the number of the layer after it."""
        members: list[Member] = []
        steps: list[object] = []
        index = start
        while index < len(self.nodes):
            node = self.nodes[index]
            chain = _chain(node.scope, scope)
            if chain is None:
                break
            call = next((i for i, inner in enumerate(chain) if inner.arguments is not None), None)
            if call is None:
                members.append(self.layer(node, tuple(inner.base for inner in chain)))
                steps.append(None)
                index += 1
                continue
            inner, index = self.part(chain[call], index)
            branch = tuple(each.base for each in chain[:call])
            members.append(Member(chain[call].base, branch, inner.inputs, inner.outputs, calls=(inner,)))
            steps.append(chain[call].step)
        named = _named(list(_runs(members, steps)))
        made = set(range(start, index))
        inputs = tuple(dict.fromkeys(v for member in named for v in member.inputs if v not in made))
        outputs = tuple(v for v in range(start, index) if self.last_reader.get(v, -1) >= index)
        if scope.parent is None:
            outputs = tuple(self.interpretation.network.outputs.values())
        return Part(scope, named, inputs, outputs, self.key(scope, named, inputs, outputs)), index

    def layer(self, node: Node, branch: tuple[str, ...]) -> Member:
        outputs = (node.index,) if node.index in self.last_reader else ()
        written = self.written[node.index]
        return Member(node.base if written.module else "", branch, node.inputs, outputs, written)

    def key(self, scope: Scope, members: Iterable[Member], inputs: Iterable[int], outputs: Iterable[int]) -> int:
        local = {value: -1 - number for number, value in enumerate(inputs)}
        entries = []
        for member in members:
            if member.layer is not None:
                settings = tuple(setting.name for setting in member.layer.settings)
                what: Hashable = (member.layer.module, settings, member.layer.call)
            else:
                what = (member.calls[0].key, member.is_run)
            entries.append((member.name, member.branch, what, tuple(local[value] for value in member.inputs)))
            for value in member.outputs:
                local[value] = len(local)
        name = "" if scope.step is None else scope.step.name
        whole = (name, tuple(entries), tuple(local[value] for value in outputs))
        return self.keys.setdefault(whole, len(self.keys))


def _chain(scope: Scope | None, outer: Scope) -> list[Scope] | None:
    """The scopes below `outer` down to a scope; None if it is not within."""
    chain: list[Scope] = []
    while scope is not outer:
        if scope is None:
            return None
        chain.append(scope)
        scope = scope.parent
    return chain[::-1]


def _runs(members: list[Member], steps: list[object]) -> Iterator[Member]:
    """The members, copies of one step that follow each other and are alike being one."""
    for (step, _), group in groupby(enumerate(members), lambda item: _alike(item[1], steps[item[0]])):
        copies = [member for _, member in group]
        repeats = step is not None and getattr(step, "repeat", None) is not None
        alone = len(copies) == 1 and sum(each is step for each in steps) > 1
        if not repeats or alone or not _chained(copies):
            yield from copies
            continue
        calls = tuple(member.calls[0] for member in copies)
        yield copies[0]._replace(outputs=copies[-1].outputs, calls=calls, is_run=True)


def _alike(member: Member, step: object) -> tuple[object, object]:
    return (step, (member.branch, member.calls[0].key)) if member.calls else (None, None)


def _chained(copies: list[Member]) -> bool:
    """Whether each reads what the one before it makes, and nothing else does."""
    if any(len(member.inputs) != 1 or len(member.outputs) != 1 for member in copies):
        return False
    return all(after.inputs == before.outputs for before, after in pairwise(copies))


def _named(members: list[Member]) -> tuple[Member, ...]:
    """The members with identifiers as names, numbered where several would have the same."""
    plain_names = [
        identifier("_".join((*member.branch[-1:], member.name))) if member.name else "" for member in members
    ]
    taken = set(plain_names)
    counts: dict[str, int] = {}
    named = []
    for member, name in zip(members, plain_names, strict=True):
        if name and plain_names.count(name) > 1:
            stem = f"{name}_" if name[-1].isdigit() else name
            while True:
                counts[name] = counts.get(name, 0) + 1
                numbered = f"{stem}{counts[name]}"
                if numbered not in taken:
                    break
            taken.add(numbered)
            name = numbered
        named.append(member._replace(name=name))
    return tuple(named)


def _refusal(refused: dict[str, list[Node]]) -> Diagnostic:
    """All layers that cannot be written, in one finding."""
    notes = []
    for reason, nodes in list(refused.items())[:_SHOWN]:
        times = f" and {len(nodes) - 1} more" if len(nodes) > 1 else ""
        notes.append(f"{plain(reason, 120)}: `{plain(nodes[0].name, 60)}`{times}")
    if len(refused) > _SHOWN:
        notes.append(f"and {len(refused) - _SHOWN} more kinds")
    count = sum(map(len, refused.values()))
    message = f"{count} layer{'s' * (count > 1)} cannot be written as PyTorch, and nothing is left out"
    first = min((nodes[0] for nodes in refused.values()), key=lambda node: node.index)
    return Diagnostic("cannot-write", message, first.step.place, notes=tuple(notes))
