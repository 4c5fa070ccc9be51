"""The calls of blocks in a network: the layers of each, its inner calls, and who reads what. Equal ones share a key."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, count, groupby, pairwise
from typing import TYPE_CHECKING

from archcalc.analysis.interpret import Interpretation
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.exchange.code.layers import Alike, Own, Site, Unwritten, Written
from archcalc.exchange.code.names import unique
from archcalc.exchange.code.target import Target
from archcalc.exchange.unwritten import refusal
from archcalc.language.document import Step
from archcalc.language.network import INPUT_INDEX, Network, Node, Scope, is_input
from archcalc.records import Record

if TYPE_CHECKING:
    from archcalc.exchange.code.merge import Fill


class Member(Record):
    """A layer, a call of a block, or a run of calls that follow each other.

    `branch` names the branches around it, `inputs` are values by the numbers of their layers, and `outputs` those that
    are read outside of it. `name` is empty for what holds no module. `nodes` are the numbers of its layers. A run hands
    its input of number `chained` from copy to copy; the others are the same for all. `again` is a module that another
    member has made, and `absent` one that other calls of the block have. `base` is its name in the spec, `ordinal` its
    number there (of a run that of its first copy), `step` the step that it comes from.
    """

    name: str
    branch: tuple[str, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    nodes: range
    layer: Written | None = None
    calls: tuple[Part, ...] = ()
    is_run: bool = False
    chained: int = 0
    frozen: bool = False
    again: bool = False
    absent: bool = False
    base: str = ""
    ordinal: int = 1
    step: Step | None = None


class Part(Record):
    """A call of a block, or the whole network. Parts of one key are the same but for the values of settings.

    `nodes` are the numbers of its layers, `names` those that the spec has for its inputs, `ties` pairs of attributes of
    which the first becomes the second.
    """

    scope: Scope
    network: Network
    nodes: range
    members: tuple[Member, ...]
    inputs: tuple[int, ...]
    names: tuple[str, ...]
    outputs: tuple[int, ...]
    ties: tuple[tuple[str, str], ...]
    key: int


class Structures:
    """What is alike in the parts of one network, or of several: the numbers of their keys, and the classes of modules
    that the `target` does not have, by the names that they get."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.keys: dict[Hashable, int] = {}
        self.owned: dict[Own, str] = {}
        #: How structures become larger ones, by their keys.
        self.fills: dict[int, Fill] = {}

    def number(self, key: Hashable) -> int:
        """The number of a structure: the same for the same."""
        return self.keys.setdefault(key, len(self.keys))

    def name(self, own: Own) -> str:
        """The name of a module's class: its own, numbered if another has it."""
        if own not in self.owned:
            for needed in own.needs:
                self.name(needed)
            self.owned[own] = unique(own.name, self.owned.values())
        return self.owned[own]


def _root(scope: Scope) -> Scope:
    while scope.parent is not None:
        scope = scope.parent
    return scope


class Builder:
    """A network whose layers are all known, to be put into parts."""

    def __init__(self, interpretation: Interpretation, structures: Structures) -> None:
        """SpecError, with all of them, if there are layers that cannot be written."""
        self.interpretation = interpretation
        self.network = interpretation.network
        self.nodes = self.network.nodes
        self.structures = structures
        self.written = self.layers()
        #: The value that a value is: a layer that changes nothing has its input as its output.
        self.same: dict[int, int] = {}
        for node, written in zip(self.nodes, self.written, strict=True):
            if written.call == "{0}" and not written.module:
                self.same[node.index] = self.value(node.inputs[0])
        self.outputs = tuple(self.value(value) for value in self.network.outputs.values())
        #: The last layer that reads each value; beyond all layers for outputs of the network.
        self.last_reader: dict[int, int] = {}
        for node in self.nodes:
            if node.index not in self.same:
                self.last_reader.update((self.value(value), node.index) for value in node.inputs)
        self.last_reader.update((value, len(self.nodes)) for value in self.outputs)
        #: The first layer that has the weights of each layer that shares them.
        self.owners: dict[int, int] = {}
        first: dict[Hashable, int] = {}
        for node in self.nodes:
            if node.tied is not None:
                self.owners[node.index] = first.setdefault(node.tied, node.index)

    def whole(self) -> Part:
        """The network as a part."""
        return self.part(_root(self.nodes[0].scope), 0)[0]

    def value(self, index: int) -> int:
        """The value that a layer's output is."""
        return self.same.get(index, index)

    def layers(self) -> list[Written]:
        """Every layer as it is written, in order: the forms of values follow from the layers before."""
        found: list[Written] = []
        refused: dict[str, list[Node]] = {}
        overwritten = {
            node.inputs[0]
            for node, outcome in zip(self.nodes, self.interpretation.outcomes, strict=True)
            if outcome.storage == "inplace"
        }
        target = self.structures.target
        sites = [self.site(node, overwritten) for node in self.nodes]
        different: dict[int, dict[str, Site]] = {}
        readers: dict[int, set[str]] = {}
        for node, site in zip(self.nodes, sites, strict=True):
            different.setdefault(id(node.step), {}).setdefault(repr(site), site)
            for value in node.inputs:
                if is_input(value):
                    readers.setdefault(value, set()).add(node.layer.name)
        alike = {step: Alike(each.values()) for step, each in different.items()}
        for node, site in zip(self.nodes, sites, strict=True):
            last = tuple(
                target.is_last(volume, readers[value]) if is_input(value) else found[value].last
                for value, volume in zip(node.inputs, site.inputs, strict=True)
            )
            once = tuple(not is_input(value) and found[value].once for value in node.inputs)
            site = replace(site, last=last, once=once, alike=alike[id(node.step)])
            try:
                made = target.written(node.layer.name, site)
            except Unwritten as reason:
                refused.setdefault(str(reason), []).append(node)
                made = Written("", last=last[0])
            if all(once) or not self.interpretation.outcomes[node.index].reads_input:
                made = made._replace(once=True)
            found.append(made if made.own is None else made._replace(module=self.structures.name(made.own)))
        if refused:
            raise SpecError([refusal(refused, target.name)])
        return found

    def site(self, node: Node, overwritten: Container[int]) -> Site:
        """A layer's place, without what follows from how others are written."""
        outcome = self.interpretation.outcomes[node.index]
        volumes = tuple(self.interpretation.volume(value) for value in node.inputs)
        attributes = {}
        for name, attribute in node.layer.attributes.items():
            value = node.attributes.get(name, attribute.default)
            attributes[name] = value if value is None else attribute.kind.fit(value, volumes[0].rank)
        inplace = outcome.storage == "inplace"
        kind = self.structures.target.site
        return kind(attributes, volumes, (), outcome.output, inplace, outcome.form, node.index in overwritten)

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
                if index not in self.same:
                    members.append(self.layer(node, tuple(inner.base for inner in chain)))
                    steps.append(None)
                index += 1
                continue
            first = index
            inner, index = self.part(chain[call], index)
            if not inner.members:
                continue
            branch = tuple(each.base for each in chain[:call])
            nodes = range(first, index)
            each = chain[call]
            made = Member(each.base, branch, inner.inputs, inner.outputs, nodes, calls=(inner,))
            members.append(made._replace(base=each.base, ordinal=each.ordinal, step=each.step))
            steps.append(each.step)
        named = _named(list(_runs(members, steps, self.last_reader)), self.structures.target)
        named, ties = self.tied(named)
        own_values = set(range(start, index))
        brought = {self.value(v): name for name, values in reversed(list(scope.brought.items())) for v in values}
        if scope.parent is None:
            inputs = tuple(INPUT_INDEX - number for number in range(len(self.network.inputs)))
            outputs = self.outputs
            names = () if len(inputs) == 1 else tuple(self.network.inputs)
        else:
            read = dict.fromkeys(v for member in named for v in member.inputs if v not in own_values)
            own = tuple(value for value in read if value not in brought)
            inputs = (*own, *(value for value in reversed(brought) if value in read))
            outputs = tuple(v for v in range(start, index) if self.last_reader.get(v, -1) >= index)
            names = tuple(brought.get(value, "x") for value in inputs)
        key = self.key(scope, named, inputs, names, outputs, ties)
        while key in self.structures.fills:
            fill = self.structures.fills[key]
            named, key = fill.filled(named), fill.key
        return Part(scope, self.network, range(start, index), named, inputs, names, outputs, ties, key), index

    def layer(self, node: Node, branch: tuple[str, ...]) -> Member:
        outputs = (node.index,) if node.index in self.last_reader else ()
        written = self.written[node.index]
        inputs = tuple(map(self.value, node.inputs))
        nodes = range(node.index, node.index + 1)
        name = node.base if written.module or "{n}" in written.call else ""
        made = Member(name, branch, inputs, outputs, nodes, written, frozen=not node.trainable)
        return made._replace(base=node.base, ordinal=node.ordinal, step=node.step)

    def tied(self, members: tuple[Member, ...]) -> tuple[tuple[Member, ...], tuple[tuple[str, str], ...]]:
        """The members, those that are the same module having one name, and what else must be made the same."""
        places = {index: number for number, member in enumerate(members) for index in member.nodes}
        named, ties = list(members), []
        for index, owner in self.owners.items():
            if index == owner or index not in places or owner not in places:
                continue
            member, other = named[places[index]], named[places[owner]]
            if member is other and not member.is_run:
                continue  # within it
            if member is other and self.copy(member, index) == self.copy(member, owner):
                continue
            if self.is_same_module(index, owner):
                if member.layer is not None and other.layer is not None:
                    named[places[index]] = member._replace(name=other.name, again=True)
                else:
                    ties.append((self.attribute(member, index), self.attribute(other, owner)))
                continue
            for parameter in self.shared(index, owner):
                paths = (self.attribute(member, index), self.attribute(other, owner))
                ties.append((f"{paths[0]}.{parameter}", f"{paths[1]}.{parameter}"))
        return tuple(named), tuple(ties)

    def copy(self, member: Member, index: int) -> int:
        """Which copy of a run a layer is in."""
        return next(number for number, call in enumerate(member.calls) if index in call.nodes)

    def is_same_module(self, index: int, other: int) -> bool:
        one, two = self.written[index], self.written[other]
        return bool(one.module) and (one.module, one.settings) == (two.module, two.settings)

    def shared(self, index: int, other: int) -> list[str]:
        """The parameters that two layers of different kinds both have."""
        names = [{each.name for each in self.interpretation.outcomes[i].params} for i in (index, other)]
        return sorted(names[0] & names[1])

    def attribute(self, member: Member, index: int) -> str:
        """The module of a layer within a member, as an attribute."""
        if member.layer is not None:
            return member.name
        copy = self.copy(member, index) if member.is_run else 0
        inner = next(each for each in member.calls[copy].members if index in each.nodes)
        path = f"{member.name}[{copy}]" if member.is_run else member.name
        return f"{path}.{self.attribute(inner, index)}"

    def key(
        self,
        scope: Scope,
        members: Iterable[Member],
        inputs: Iterable[int],
        names: tuple[str, ...],
        outputs: Iterable[int],
        ties: tuple[tuple[str, str], ...],
    ) -> int:
        local = {value: -1 - number for number, value in enumerate(inputs)}
        entries = []
        for member in members:
            entries.append((member.name, member.branch, what(member), tuple(local[value] for value in member.inputs)))
            for value in member.outputs:
                local[value] = len(local)
        name = "" if scope.step is None else scope.step.name
        return self.structures.number((name, tuple(entries), names, tuple(local[value] for value in outputs), ties))


def what(member: Member) -> Hashable:
    """What a member is, but for the values of settings."""
    if member.layer is None:
        return member.calls[0].key, member.is_run, member.chained
    settings = tuple(setting.name for setting in member.layer.settings)
    values = tuple(setting.name for setting in member.layer.values)
    layer = member.layer
    return layer.module, settings, layer.before, layer.call, layer.after, values, member.frozen, member.again


def within(part: Part) -> Iterator[Part]:
    """A part and those within it, inner ones first."""
    for member in part.members:
        for call in member.calls:
            yield from within(call)
    yield part


def _chain(scope: Scope | None, outer: Scope) -> list[Scope] | None:
    """The scopes below `outer` down to a scope; None if it is not within."""
    chain: list[Scope] = []
    while scope is not outer:
        if scope is None:
            return None
        chain.append(scope)
        scope = scope.parent
    return chain[::-1]


def _runs(members: list[Member], steps: list[object], last_reader: dict[int, int]) -> Iterator[Member]:
    """The members, copies of one step that follow each other and are alike being one."""
    for (step, _), group in groupby(enumerate(members), lambda item: _alike(item[1], steps[item[0]])):
        copies = [member for _, member in group]
        repeats = step is not None and getattr(step, "repeat", None) is not None
        alone = len(copies) == 1 and sum(each is step for each in steps) > 1
        chained = _chained(copies, last_reader) if repeats and not alone else None
        if chained is None:
            yield from copies
            continue
        calls = tuple(member.calls[0] for member in copies)
        nodes = range(copies[0].nodes.start, copies[-1].nodes.stop)
        run = copies[0]._replace(outputs=copies[-1].outputs, nodes=nodes, calls=calls, is_run=True, chained=chained)
        yield run


def _alike(member: Member, step: object) -> tuple[object, object]:
    return (step, (member.branch, member.calls[0].key)) if member.calls else (None, None)


def _chained(copies: list[Member], last_reader: dict[int, int]) -> int | None:
    """Which input of each is what the one before it makes, and nothing else reads; None if none is, or if another input
    is not the same for all."""
    if any(not member.inputs or len(member.outputs) != 1 for member in copies):
        return None
    if any(last_reader[before.outputs[0]] not in after.nodes for before, after in pairwise(copies)):
        return None
    if len(copies) == 1:
        return 0 if len(copies[0].inputs) == 1 else None
    for chained in range(len(copies[0].inputs)):
        if all(
            after.inputs == (*copies[0].inputs[:chained], *before.outputs, *copies[0].inputs[chained + 1 :])
            for before, after in pairwise(copies)
        ):
            return chained
    return None


def _named(members: list[Member], target: Target) -> tuple[Member, ...]:
    """The members with identifiers as names, numbered where several would have the same: as the spec numbers them if
    they are copies of one step, else in order."""
    plain_names = [
        target.identifier("_".join((*member.branch[-1:], member.name))) if member.name else "" for member in members
    ]
    groups: dict[str, list[Member]] = {}
    for member, name in zip(members, plain_names, strict=True):
        groups.setdefault(name, []).append(member)
    taken = set(groups)
    numbers: dict[str, Iterator[int]] = {}
    for name, alike in groups.items():
        ordinals = [member.ordinal for member in alike]
        copies = len({id(member.step) for member in alike}) == 1 and len(set(ordinals)) == len(ordinals)
        numbers[name] = chain(ordinals if copies else (), count(len(alike) + 1 if copies else 1))
    named = []
    for member, name in zip(members, plain_names, strict=True):
        if name and len(groups[name]) > 1:
            stem = f"{name}_" if name[-1].isdigit() else name
            name = next(each for each in map(f"{stem}{{}}".format, numbers[name]) if each not in taken)
            taken.add(name)
        named.append(member._replace(name=name))
    return tuple(named)
