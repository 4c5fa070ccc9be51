"""Every architecture of a search space at once: each step is expanded once for all that agree in what it reads.

The parameters that a sweep goes over have no value until a step reads one. Then the step is expanded once for each of
its values, for those architectures alone that have it, and after the step they are together again, unless their
volumes differ: what reads the volume tells them apart then. What the layers add up to is added to all architectures
that a group holds. So a space of millions takes as many expansions of a step as the step has different forms. Copies of
a repeated step are steps one after the other, each for the architectures that have so many.

That serves figures to which a layer adds what follows from its attributes and input volumes alone (`Quantity.local`).
Where a network holds something together that this pass takes apart (a value that is overwritten, weights that only some
share), it gives up, and the architectures are analysed one by one.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy

from archcalc.analysis.interpret import Interpretation
from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.commands.sweep.query import Query
from archcalc.commands.sweep.reasons import reason, reason_of
from archcalc.commands.sweep.values import Axis
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.language.budget import MAX_STEPS, TOO_MANY_STEPS, Budget, Spent
from archcalc.language.document import INPUT, MAX_LAYERS, Formula, Step
from archcalc.language.expand import (
    Carried,
    Environment,
    Expansion,
    Found,
    Frame,
    Limit,
    Named,
    Names,
    environment_of,
    input_volume,
    meaningful,
    parameter_values,
    top_level,
    with_blocks,
)
from archcalc.language.network import INPUT_INDEX, Network, Node, Scope
from archcalc.language.volumes import Volumes
from archcalc.layers.apply import DoesNotFit, Rules
from archcalc.layers.outcome import Outcome, Tensor
from archcalc.layers.registry import Layer
from archcalc.memory.setup import stated
from archcalc.quantities.registry import Part
from archcalc.records import Record
from archcalc.sizes.kinds import total
from archcalc.sizes.volume import Volume

Array: TypeAlias = "numpy.ndarray[Any, Any]"

#: The largest magnitude that an array of 64-bit integers is trusted with.
_LARGEST = 2**63 - 1
#: A step that is expanded for some alone takes as long as so many layers of architectures that are analysed one by one.
_SAVES = 5
#: So many names of copies are held. Most networks name none.
_MOST_NAMES = 1_000_000
#: Where a context has the numbers of layers and steps among its quantities.
_LAYERS, _STEPS = -2, -1
#: A value where architectures meet again has a number from here on; below are those of layers.
_MEETING = 1 << 40


class Inseparable(Exception):
    """The architectures of a space cannot be told apart step by step; the message says why."""


class _Dead(Exception):
    """None of the architectures in question gets past this step."""


class _Question:
    """What tells architectures apart: `codes` has a number for each of them, -1 where the question is none."""

    __slots__ = ("codes",)

    def __init__(self, codes: Array) -> None:
        self.codes = codes


class _Asked(Exception):
    """A step depends on something in which the architectures differ."""

    def __init__(self, question: _Question) -> None:
        self.question = question


class _Decisive(Exception):
    """A copy of a step depends on the parameter that decides how many copies there are."""

    def __init__(self, step: Step) -> None:
        self.step = step


class _Count(Record):
    """How many copies of a step some architectures have."""

    step: Step
    members: Array
    times: Array

    @property
    def most(self) -> int:
        """The largest number."""
        return int(self.times.max())

    @property
    def differs(self) -> bool:
        """Whether they are not all the same."""
        return int(self.times.min()) < self.most

    @property
    def names(self) -> int:
        """How many names of copies there are where those with one number are told apart from the others."""
        return self.most * len(numpy.unique(self.times))

    def follows(self, question: _Question) -> bool:
        """Whether the numbers differ, and follow from the answers of a question."""
        codes = question.codes[self.members]
        by_code = numpy.empty(int(codes.max()) + 1, dtype=numpy.int64)
        by_code[codes] = self.times
        return bool((by_code[codes] == self.times).all()) and self.differs


class _Owner(Record):
    """Which architectures have a tensor that layers share, and whether they train it."""

    members: Array
    tensor: Tensor
    trainable: bool


class _Value(Record):
    """What is known of a value that flows between layers: its volume, or the volumes that a question decides between.

    `given` says that it is an input of the network.
    """

    volumes: tuple[Volume, ...]
    question: _Question | None
    given: bool


class _Context:
    """Architectures that are together: their numbers, what was decided on the way to them, and what they add up to.

    `around` is the context that they were taken from. After the quantities come layers and steps, which are quantities
    too.
    """

    __slots__ = ("around", "constants", "largest", "members", "room", "splits", "sums")

    def __init__(self, members: Array, quantities: int, around: _Context | None = None) -> None:
        self.members = members
        self.around = around
        #: How many layers and steps more all of them may have at the least, as far as that is known.
        self.room = {_LAYERS: 0, _STEPS: 0}
        #: For each quantity what all members have, and what each has beyond it (None for nothing).
        self.constants = [0] * quantities
        self.sums: list[Array | None] = [None] * quantities
        #: No sum is larger, its sign aside.
        self.largest = [0] * quantities
        #: For each question the answers that members have, with the places of those members; and how many had died.
        self.splits: dict[_Question, tuple[int, list[tuple[int, Array]]]] = {}

    def add(self, amounts: Sequence[int]) -> None:
        """A layer that all members have."""
        for number, amount in enumerate(amounts):
            self.constants[number] += amount
            self.largest[number] += abs(amount)

    def join(self, branches: Sequence[tuple[Array, _Context]]) -> None:
        """What was added to members apart: `branches` are their places among the members, and their contexts."""
        self.room = {_LAYERS: 0, _STEPS: 0}
        for number in range(len(self.constants)):
            self.largest[number] += max(branch.largest[number] for _, branch in branches)
            constants = {branch.constants[number] for _, branch in branches}
            plain = all(branch.sums[number] is None for _, branch in branches)
            if plain and len(constants) == 1:  # members in no branch are valid no more, whatever is added
                self.constants[number] += constants.pop()
                continue
            dtype = numpy.int64 if self.largest[number] <= _LARGEST else object
            sums = self.sums[number]
            if sums is None:
                sums = numpy.zeros(len(self.members), dtype=dtype)
            elif sums.dtype != dtype:
                sums = sums.astype(dtype)
            for places, branch in branches:
                more = branch.sums[number]
                sums[places] += branch.constants[number] if more is None else more + branch.constants[number]
            self.sums[number] = sums

    @property
    def spent(self) -> tuple[int, int]:
        """How many layers and steps all members have."""
        return self.constants[_LAYERS], self.constants[_STEPS]

    @spent.setter
    def spent(self, spent: tuple[int, int]) -> None:
        for number, amount in zip((_LAYERS, _STEPS), spent, strict=True):
            self.room[number] += self.constants[number] - amount
            self.constants[number] = amount

    def part(self, places: Array) -> _Context:
        """What some of the members are and have."""
        part = _Context(self.members[places], len(self.constants), self.around)
        part.constants = list(self.constants)
        part.sums = [None if sums is None else sums[places] for sums in self.sums]
        part.largest = list(self.largest)
        part.room = dict(self.room)
        return part

    def outwards(self) -> Iterator[_Context]:
        """This context and those around it."""
        context: _Context | None = self
        while context is not None:
            yield context
            context = context.around

    def places(self, members: Array) -> Array:
        """Where some of the members are among all."""
        return numpy.searchsorted(self.members, members)

    def figures(self, number: int) -> Array:
        """A quantity of every member."""
        dtype = numpy.int64 if self.largest[number] <= _LARGEST else object
        sums = self.sums[number]
        if sums is None:
            sums = numpy.zeros(len(self.members), dtype=dtype)
        return sums.astype(dtype) + self.constants[number]


#: The figures of architectures by name, whether each is valid, and how many of those that are not broke which rule.
Together: TypeAlias = tuple[dict[str, Array], Array, Counter[str]]
#: What a step gives: the number of the value that ends it, and the names in it if it is a block.
_End: TypeAlias = tuple[int, "Names | None"]


class Space:
    """The search space of a spec, some of whose parameters are swept over."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.rules = Rules()
        #: What a layer of an outcome adds to each quantity; the outcome is held, so that its identity stays its own.
        self.amounts: dict[int, tuple[Outcome, tuple[int, ...]]] = {}

    def figures(self, axes: Sequence[Axis], places: Mapping[str, Array]) -> Together:
        """The figures of some architectures.

        `places` holds for each axis, by name, the number of its value in each architecture. Inseparable if they cannot
        be told apart step by step.
        """
        for quantity in self.query.quantities:
            if not quantity.local:
                raise Inseparable(f"{quantity.name} depends on the network as a whole")
        if self.query.layer is not None or {"freeze", "checkpoint"} & set(self.query.words):
            raise Inseparable("the paths of layers depend on the network as a whole")
        return _Forks(self, axes, places).run()

    def adds(self, part: Part, row: AnalysedLayer) -> tuple[int, ...]:
        """What a layer adds to each quantity. Of those that share weights each adds something else."""
        known = self.amounts.get(id(row.outcome)) if row.node.tied is None else None
        if known is None:
            found = tuple(quantity.amount(part, row) if quantity.amount else 0 for quantity in self.query.quantities)
            known = (row.outcome, found)
            if row.node.tied is None:
                self.amounts[id(row.outcome)] = known
        return known[1]


class _Forks(Expansion):
    """One pass over the spec for all architectures."""

    def __init__(self, space: Space, axes: Sequence[Axis], places: Mapping[str, Array]) -> None:
        super().__init__(_Volumes(self.volume), _Budget(self))
        self.space = space
        self.values: dict[int, _Value] = {}
        self.decided: dict[_Question, int] = {}
        self.eithers: dict[int, tuple[_Question, list[Named | None]]] = {}
        self.meetings = _MEETING
        self.questions = {axis.name: _Question(places[axis.name]) for axis in axes}
        self.count = len(next(iter(places.values())))
        self.alive = numpy.ones(self.count, dtype=bool)
        self.deaths = 0
        self.reasons: Counter[str] = Counter()
        self.context = _Context(numpy.arange(self.count), len(space.query.quantities) + 2)
        #: How often a step was expanded for some alone, and how many layers that has given all architectures together.
        self.runs = self.served = 0
        self.owners: dict[object, list[_Owner]] = {}
        #: The repeated steps around, innermost last.
        self.counts: list[_Count] = []
        self.parameters = _Parameters(space, axes, self)
        self.environments[space.query.document] = _Names(self.parameters)  # type: ignore[assignment]
        network = Network(space.query.document, {}, {}, [], {})
        without_layers = Analysis(Interpretation(network, [], []))
        self.part = Part(without_layers, setup=stated(network, space.query.words))

    def run(self) -> Together:
        document = self.space.query.document
        if not document.steps or not document.inputs:
            raise Inseparable("it is not a network")
        names: Names = {}
        frame = Frame(self.copied(self.environments[document]), Scope(None, "", None, None), names, None, 0)
        try:
            for name in self.parameters.derived:
                self.forked(frame, partial(self.touched, name))
            for name, formula in document.inputs.items():
                index, _ = self.forked(frame, partial(self.given, formula))
                names[name] = Named(index)
                names.setdefault(INPUT, Named(index))
            self.steps(document.steps, frame, names[INPUT].node)
        except _Dead:
            pass
        except Limit as limit:
            raise Inseparable(limit.diagnostic.message) from None
        columns = {
            quantity.name: self.context.figures(number) for number, quantity in enumerate(self.space.query.quantities)
        }
        return columns, self.alive, self.reasons

    def touched(self, parameter: str, _: Frame) -> _End:
        """A parameter has to have a value, whether or not a step reads it."""
        value = self.parameters[parameter]
        if isinstance(value, Elements):
            value.resolved()
        return INPUT_INDEX, None

    def given(self, shape: Formula, _: Frame) -> _End:
        """A new value that is an input of the network."""
        volume = input_volume(shape, self.parameters, self.budget)
        self.meetings += 1
        self.values[self.meetings] = _Value((volume,), None, True)
        return self.meetings, None

    def has_room(self) -> bool:
        return self.of_each(_LAYERS, len(self.nodes) + 1, 1, MAX_LAYERS)

    def of_each(self, number: int, made: int, more: int, most: int) -> bool:
        """So many layers or steps more, which are `made` then by all architectures together; whether each that is here
        may have them."""
        context = self.context
        if made > most and context.room[number] < more:
            if made > 2 * most:
                raise Inseparable("all together are too large")
            members = context.members[self.alive[context.members]]
            left = numpy.full(len(members), most)
            for each in context.outwards():
                left -= each.figures(number)[each.places(members)]
            short = left < more
            if short.all():
                return False
            if short.any():
                question = _Question(numpy.full(self.count, -1))
                question.codes[members] = short
                raise _Asked(question)
            context.room[number] = int(left.min())
        context.room[number] -= more
        context.constants[number] += more
        context.largest[number] += more
        return True

    def copied(self, environment: Environment) -> Environment:
        return ChainMap({}, environment)  # nothing is asked for its value

    # --- where architectures part

    def step(self, step: Step, frame: Frame, current: int) -> int:
        if step.label is not None:
            if not step.label.isidentifier():
                raise Inseparable(f"`{step.label}` is named like a path")
            if frame.scope.parent is None and step.label in self.space.query.document.inputs:
                raise Inseparable(f"`{step.label}` is an input too")
        plain = super().step

        def run(frame: Frame) -> _End:
            if step.label is not None:
                self.settle(step.label, frame.names)
            return plain(step, frame, current), None

        if step.repeat is not None:
            try:
                return self.repeated(step, frame, current)
            except _Decisive as decisive:
                if decisive.step is not step:
                    raise
        return self.forked(frame, run)[0]

    def repeated(self, step: Step, frame: Frame, current: int) -> int:
        """The copies of a step, each expanded once for all architectures that have it.

        _Decisive where a copy reads the parameter that decides how many there are: no copy is the same for all then.
        """
        outer = self.context
        times = self.counted(step, frame, current)
        places = numpy.flatnonzero(self.alive[outer.members])
        count = _Count(step, outer.members[places], times[outer.members[places]])
        if step.label is not None and count.names > _MOST_NAMES:
            raise _Decisive(step)
        inner = frame._replace(names=dict(frame.names))
        branches: list[tuple[Array, _Context]] = []
        ends: list[int] = []
        named: list[Names] = []
        self.context = _Context(count.members, len(outer.constants), outer)
        self.counts.append(count)
        try:
            for i in range(count.most + 1):
                done = times[self.context.members] == i
                if done.any():  # the others have more copies
                    branches.append((places[done], self.context.part(numpy.flatnonzero(done))))
                    ends.append(current)
                    named.append(dict(inner.names))
                    places, self.context = places[~done], self.context.part(numpy.flatnonzero(~done))
                if len(places):
                    current, _ = self.forked(inner, partial(self.numbered, step, current, i))
        except _Dead:
            pass
        finally:
            self.context = outer
            self.counts.pop()
        return self.joined(frame, branches, ends, named)

    def counted(self, step: Step, frame: Frame, current: int) -> Array:
        """How many copies of a step each architecture of this context has."""
        times = numpy.empty(self.count, dtype=numpy.int64)

        def count(frame: Frame) -> _End:
            self.spend(step, frame)
            if step.label is not None:
                self.settle(step.label, frame.names)
            times[self.context.members] = wanted = self.wanted(step, frame, current)
            if not wanted:
                self.left_out(step, frame, current)
            return current, None

        self.forked(frame, count)
        return times

    def numbered(self, step: Step, current: int, i: int, frame: Frame) -> _End:
        """The copy of a step that has this index."""
        if step.label is not None:
            self.settle(step.label, frame.names)
        return self.copy(step, frame, current, i), None

    def once(self, step: Step, frame: Frame, inputs: tuple[int, ...], brought: dict[str, Carried]) -> _End:
        plain = super().once
        return self.forked(frame, lambda frame: plain(step, frame, inputs, brought), keep=step.label is not None)

    def layer(self, step: Step, layer: Layer, frame: Frame, inputs: tuple[int, ...]) -> int:
        plain = super().layer

        def run(frame: Frame) -> _End:
            volumes = tuple(map(self.volume, inputs))
            end = plain(step, layer, frame, inputs)
            if end not in inputs:  # a join of one branch joins nothing
                self.apply(end, volumes)
            return end, None

        return self.forked(frame, run)[0]

    def apply(self, index: int, volumes: tuple[Volume, ...]) -> None:
        """Run a layer's rule, and add its figures to the architectures that are here."""
        node = self.nodes[index]
        if node.attributes.get("inplace"):
            raise Inseparable("a layer is told to work in place")
        outcome = self.space.rules.apply(node.layer, volumes, node.attributes).outcome
        looks_up = any(saved.what == "input" and saved.dtype == "int64" for saved in outcome.saved)
        if looks_up and not self.values[node.inputs[0]].given:
            raise Inseparable("an embedding looks up what a layer gives")
        tensors = (outcome.params, outcome.buffers)
        if node.tied is not None:
            tensors = (self.unshared(node, outcome.params), self.unshared(node, outcome.buffers))
        stored = (total(tensor.elements for tensor in each) for each in tensors)
        self.context.add(self.space.adds(self.part, AnalysedLayer(node, outcome, *stored)))
        self.served += len(self.context.members)
        self.values[index] = _Value((outcome.output,), None, False)

    def unshared(self, node: Node, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The tensors that no earlier layer with the same weights has, in all of the architectures that are here."""
        members = self.context.members
        new = []
        for tensor in tensors:
            owners = self.owners.setdefault((node.tied, tensor.name), [])
            owner = next((each for each in owners if numpy.isin(members, each.members).any()), None)
            if owner is None:
                owners.append(_Owner(members, tensor, node.trainable))
                new.append(tensor)
            elif not numpy.isin(members, owner.members).all() or (tensor, node.trainable) != owner[1:]:
                raise Inseparable(f"`{tensor.name}` is shared otherwise by some")
        return tuple(new)

    def forked(self, frame: Frame, run: Callable[[Frame], _End], *, keep: bool = False) -> _End:
        """What `run` gives in a frame, for the architectures of this context: apart, if it asks for something in which
        they differ. Names in what ends it are wanted only if they are to be kept."""
        before, spent = (len(self.nodes), self.meetings), self.context.spent
        try:
            return run(frame)
        except _Asked as asked:
            question = asked.question
        except (Found, DoesNotFit, SpecError) as error:
            self.died(_reason(error))
            raise _Dead from None
        except Limit as limit:
            if limit.diagnostic.rule != "too-many-layers":
                raise
            self.died(reason(limit.diagnostic.rule, limit.diagnostic.message))
            raise _Dead from None
        if question in self.decided or before != (len(self.nodes), self.meetings):
            raise Inseparable("a step asks for what it made itself")
        self.context.spent = spent  # each spends it for itself
        return self.apart(question, frame, run, keep)

    def apart(self, question: _Question, frame: Frame, run: Callable[[Frame], _End], keep: bool) -> _End:
        context = self.context
        for count in self.counts:
            if question in self.questions.values() and count.follows(question):
                raise _Decisive(count.step)
        branches: list[tuple[Array, _Context]] = []
        ends: list[_End] = []
        named: list[Names] = []
        for answer, places in self.answers(question):
            self.runs += 1
            if self.runs > 4 * self.count + 10_000 + self.served // _SAVES:
                raise Inseparable("its steps have nearly as many forms as there are architectures")
            self.context = _Context(context.members[places], len(context.constants), context)
            self.decided[question] = answer
            names = {name: known for name, each in frame.names.items() if (known := self.chosen_name(each, question))}
            try:
                ends.append(self.forked(frame._replace(names=names), run, keep=keep))
                branches.append((places, self.context))
                named.append(names)
            except _Dead:
                pass
            finally:
                del self.decided[question]
                self.context = context
        met = self.joined(frame, branches, [end for end, _ in ends], named)
        inside = [names for _, names in ends if names is not None] if keep else []
        members = [branch.members for _, branch in branches]
        return met, self.merged_names(inside, members) if len(inside) == len(ends) else None

    def joined(
        self, frame: Frame, branches: Sequence[tuple[Array, _Context]], ends: Sequence[int], named: Sequence[Names]
    ) -> int:
        """The value that ends what the architectures of this context went through apart, and the names in a frame."""
        if not branches:
            raise _Dead
        self.context.join(branches)
        members = [branch.members for _, branch in branches]
        merged = self.merged_names(named, members)
        if merged != frame.names:
            frame.names.clear()
            frame.names.update(merged)
        return self.met(ends, members)

    def answers(self, question: _Question) -> list[tuple[int, Array]]:
        """The answers of the members of this context that are alive, and the places of those members."""
        known = self.context.splits.get(question)
        if known is not None and known[0] == self.deaths:
            return known[1]
        members = self.context.members
        codes = question.codes[members]
        if self.deaths:
            codes = numpy.where(self.alive[members], codes, -1)
        # Counting takes a tenth of the time of sorting, and memory for the largest of the answers.
        few = codes.max() < 2 * len(codes)
        found = numpy.flatnonzero(numpy.bincount(codes + 1)) - 1 if few else numpy.unique(codes)
        split = [(answer, numpy.flatnonzero(codes == answer)) for answer in found.tolist() if answer >= 0]
        self.context.splits[question] = (self.deaths, split)
        return split

    def died(self, reason: str) -> None:
        """The architectures of this context break a rule here."""
        members = self.context.members[self.alive[self.context.members]]
        self.alive[members] = False
        self.deaths += len(members)
        self.reasons[reason] += len(members)

    # --- where they meet again

    def volume(self, index: int) -> Volume:
        """The volume of a value."""
        volumes, question, _ = self.values[index]
        if question is None:
            return volumes[0]
        if question not in self.decided:
            raise _Asked(question)
        return volumes[self.decided[question]]

    def met(self, ends: Sequence[int], members: Sequence[Array]) -> int:
        """The value that stands for others, each that of some architectures."""
        if len(set(ends)) == 1:
            return ends[0]
        values = [self.values[end] for end in ends]
        volumes = tuple(dict.fromkeys(volume for value in values for volume in value.volumes))
        question = None
        if len(volumes) > 1:
            question = _Question(numpy.full(self.count, -1))
            for value, some in zip(values, members, strict=True):
                codes = numpy.array([volumes.index(volume) for volume in value.volumes])
                question.codes[some] = codes[0] if value.question is None else codes[value.question.codes[some]]
        self.meetings += 1
        self.values[self.meetings] = _Value(volumes, question, all(value.given for value in values))
        return self.meetings

    def merged_names(self, named: Sequence[Names], members: Sequence[Array]) -> Names:
        """Names as architectures have them that were apart."""
        if not named:
            return {}
        merged: Names = {}
        which = None
        for name in dict.fromkeys(name for names in named for name in names):
            options = [names.get(name) for names in named]
            first = options[0]
            if all(option is first for option in options[1:]) and first is not None:
                merged[name] = first
            elif (same := self.alike(options)) is not None:
                node = self.met([option.node for option in options if option is not None], members)
                merged[name] = same._replace(node=node)
            else:
                which = which or self.which(members)  # decided once for all names that differ here
                self.meetings += 1
                self.eithers[self.meetings] = (which, options)
                merged[name] = Named(self.meetings)
        return merged

    def which(self, members: Sequence[Array]) -> _Question:
        """In which of some groups an architecture is."""
        question = _Question(numpy.full(self.count, -1))
        for number, some in enumerate(members):
            question.codes[some] = number
        return question

    def alike(self, options: Sequence[Named | None]) -> Named | None:
        """The one of some meanings of a name that stands for all of them but for its node; None if they differ."""
        first = options[0]
        for option in options:
            if option is None or first is None or option.node in self.eithers or option.inside is not None:
                return None
            if option._replace(node=0) != first._replace(node=0):
                return None
        return first

    def chosen_name(self, named: Named, question: _Question) -> Named | None:
        """What a name means once a question is decided; None where it then means nothing."""
        if named.node in self.eithers and self.eithers[named.node][0] is question:
            return self.eithers[named.node][1][self.decided[question]]
        return named

    def settle(self, name: str, names: Names) -> None:
        """A name that is looked up, or given, has one meaning."""
        end = len(name)
        while end > 0:
            known = names.get(name[:end])
            if known is not None:
                if known.node in self.eithers:
                    raise _Asked(self.eithers[known.node][0])
                if known.inside is not None:
                    self.settle(name[end + 1 :], known.inside)
            end = name.rfind("/", 0, end)

    def lookup(self, name: str, place: Any, frame: Frame) -> Named:
        self.settle(name, frame.names)
        return super().lookup(name, place, frame)

    def remember(self, name: str, named: Named, frame: Frame) -> None:
        self.settle(name, frame.names)
        super().remember(name, named, frame)


class _Budget(Budget):
    """What is left to be spent on each architecture."""

    __slots__ = ("_forks",)

    def __init__(self, forks: _Forks) -> None:
        super().__init__()
        self._forks = forks

    def steps(self, count: int) -> None:
        self._steps += count
        if not self._forks.of_each(_STEPS, self._steps, count, MAX_STEPS):
            raise Spent(TOO_MANY_STEPS)


class _Volumes(Volumes):
    """The volumes of values, which are known when they are made."""

    def __init__(self, of: Callable[[int], Volume]) -> None:
        super().__init__((), Rules())
        self._known = of

    def of(self, index: int) -> Volume:
        return self._known(index)


class Elements(tuple[Any, ...]):
    """A list some of whose elements are swept over: an axis stands for each, whose value is asked for when the element
    is picked. Whoever takes the list as a whole asks for all of them."""

    choose: Callable[[Axis], Any]

    @classmethod
    def of(cls, plain: Any, swept: Mapping[tuple[int, ...], Axis], choose: Callable[[Axis], Any]) -> Any:
        """A list, or what is in one, with the axes in the places that `swept` has for them."""
        if () in swept:
            return swept[()]
        inside = [{path[1:]: axis for path, axis in swept.items() if path[0] == i} for i in range(len(plain))]
        made = cls(cls.of(each, axes, choose) if axes else each for each, axes in zip(plain, inside, strict=True))
        made.choose = choose
        return made

    def mapped(self, change: Callable[[Any], Any]) -> Elements:
        """The list with each value changed, once it is asked for."""

        def changed(each: Any) -> Any:
            if isinstance(each, Axis):
                return each
            return each.mapped(change) if isinstance(each, Elements) else change(each)

        made = Elements(map(changed, super().__iter__()))
        made.choose = lambda axis: change(self.choose(axis))
        return made

    def resolved(self) -> tuple[Any, ...]:
        """The list with all its values."""
        return tuple(each.resolved() if isinstance(each, Elements) else each for each in self)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            made = Elements(super().__getitem__(index))
            made.choose = self.choose
            return made
        found = super().__getitem__(index)
        return self.choose(found) if isinstance(found, Axis) else found

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return self.resolved() == other

    def __ne__(self, other: object) -> bool:
        return self.resolved() != other

    def __hash__(self) -> int:
        return hash(self.resolved())

    def __contains__(self, value: object) -> bool:
        return value in self.resolved()

    def __repr__(self) -> str:
        return repr(self.resolved())


class _Parameters(Mapping[str, Any]):
    """The values of the spec's parameters, as the spec states them or, where they are swept over, as was decided."""

    def __init__(self, space: Space, axes: Sequence[Axis], forks: _Forks) -> None:
        self.space = space
        self.forks = forks
        self.defaults = {parameter.name: parameter.default for parameter in space.query.document.parameters}
        self.axes: dict[str, Axis] = {}
        elements: dict[str, dict[tuple[int, ...], Axis]] = {}
        for axis in axes:
            for value in axis.values if not axis.whole else ():
                meaningful(space.query.document, axis.parameter, value)
            if axis.indices:
                elements.setdefault(axis.parameter, {})[axis.indices] = axis
            else:
                self.axes[axis.name] = axis
        plain = parameter_values(space.query.document, space.query.settings, forks.budget) if elements else {}
        #: The lists some of whose elements are swept over.
        self.lists = {name: Elements.of(plain[name], found, self.chosen) for name, found in elements.items()}
        #: The parameters that have their defaults.
        self.derived = [n for n in self.defaults if n not in (*self.lists, *self.axes, *space.query.settings)]

    def chosen(self, axis: Axis) -> Any:
        """The value that was decided for an axis."""
        question = self.forks.questions[axis.name]
        if question not in self.forks.decided:
            raise _Asked(question)
        return axis.values[self.forks.decided[question]]

    def __getitem__(self, name: str) -> Any:
        if name in self.lists:
            return self.lists[name]
        if name in self.axes:
            return self.chosen(self.axes[name])
        if name in self.space.query.settings:
            return self.space.query.settings[name]
        default = self.defaults[name]
        assert default is not None
        return top_level(default, self, self.forks.budget)

    def __iter__(self) -> Iterator[str]:
        return iter(self.defaults)

    def __len__(self) -> int:
        return len(self.defaults)


class _Names(Mapping[str, Any]):
    """What the expressions of the spec can name: its parameters, and its blocks where no layer has the word."""

    def __init__(self, parameters: _Parameters) -> None:
        self.parameters = parameters
        self.blocks = environment_of(parameters.space.query.document, {})
        self.lists = {name: listed.mapped(self.settled) for name, listed in parameters.lists.items()}

    def settled(self, value: Any) -> Any:
        """A parameter's value with blocks for their names."""
        return with_blocks(value, self.blocks)

    def __getitem__(self, name: str) -> Any:
        if name in self.lists:
            return self.lists[name]
        if name not in self.parameters.defaults:
            return self.blocks[name]
        return self.settled(self.parameters[name])

    def __iter__(self) -> Iterator[str]:
        return iter({**self.blocks, **self.parameters.defaults})

    def __len__(self) -> int:
        return len({**self.blocks, **self.parameters.defaults})


def _reason(error: Found | DoesNotFit | SpecError) -> str:
    if isinstance(error, DoesNotFit):
        return reason(error.misfits[0].rule, error.misfits[0].message)
    if isinstance(error, Found):
        return reason(error.diagnostic.rule, error.diagnostic.message)
    return reason_of(error)
