"""Which storages a pass makes, and which of them training keeps for the backward pass.

How a layer's tensors are stored is decided in `placement`, once for all layers that are called alike; here the storages
of the whole network get their numbers. A ReLU's output and the next convolution's saved input are one. All of it is
arithmetic on sizes, so that it serves one network, a sweep and a formula alike.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from copy import copy
from itertools import repeat
from typing import Any

from archcalc.analysis.interpret import Interpretation
from archcalc.language.network import INPUT_INDEX, Node, is_input
from archcalc.layers.outcome import Outcome, Per
from archcalc.memory.amount import NOTHING, Amount, total
from archcalc.memory.checkpoint import Segment, as_computed_twice, entries
from archcalc.memory.draft import Storage
from archcalc.memory.gradients import Gradients, gradients
from archcalc.memory.layout import Layout, first, last
from archcalc.memory.placement import LayerCall, Mode, Placement, Value, place
from archcalc.memory.precision import WIDTH
from archcalc.memory.setup import Setup
from archcalc.records import Record
from archcalc.sizes.kinds import identity
from archcalc.sizes.symbols import Undecided
from archcalc.sizes.volume import Volume


class Storages:
    """The storages of a pass: of training, or of inference, where nothing is saved.

    Nodes inside `checkpoints` keep nothing either, until `place_again` computes them once more. Undecided where the
    sizes are arrays or symbols whose values differ in which storages there are.
    """

    def __init__(
        self,
        interpretation: Interpretation,
        setup: Setup,
        *,
        training: bool = True,
        checkpoints: tuple[Segment, ...] = (),
        wanted: Gradients | None = None,
    ) -> None:
        """`wanted` are the gradients of the setup, where they are known already."""
        self.interpretation = interpretation
        self.setup = setup
        self.mode = Mode(setup, training)
        self.gradients: Gradients = wanted or gradients(interpretation, setup)
        self.checkpoints = tuple(segment for segment in checkpoints if self.last_saving(segment) is not None)
        if self.checkpoints:
            self.interpretation = interpretation = as_computed_twice(interpretation, self.checkpoints)
        self._forgetful = {index for segment in self.checkpoints for index in range(segment.first, segment.last + 1)}
        #: What has been decided, and the values that came of it, each made once.
        self._decided: dict[LayerCall, Placement] = {}
        self._known: dict[Any, Value] = {}
        #: The storages by their numbers, and the nodes that made them.
        self.all: list[Storage] = []
        self.made_by = array("q")
        #: The placement of each node, and the number of the first storage that it made.
        self.placements: list[Placement] = []
        self._first = array("q")
        #: Mixed precision's copies of parameters, by the owner of these and by name: its cache holds them until the
        #: forward pass ends.
        self.cached: dict[object, dict[str, int]] = {}
        #: The numbers of those that nodes were given of it.
        self._given: dict[int, list[int]] = {}
        network = interpretation.network
        self._nodes = network.nodes
        self._looked_up = _looked_up(interpretation)
        inputs = [self._input(INPUT_INDEX - number) for number in range(len(network.inputs))]
        #: The storages of the network's inputs, which come before all others.
        self.inputs = list(range(len(inputs)))
        # Nodes by their numbers, and at the end the inputs, whose numbers are negative.
        empty: list[Any] = [None] * len(network.nodes)
        self._values: list[Value] = [*empty, *reversed(inputs)]
        self._outputs = array("q", [*repeat(0, len(network.nodes)), *reversed(self.inputs)])
        for node, outcome in zip(network.nodes, interpretation.outcomes, strict=True):
            placement = self._place(node, outcome)
            self.placements.append(placement)
            self._first.append(len(self.all) - len(placement.made))

    def last_saving(self, segment: Segment) -> int | None:
        """The last node of a stretch that would save anything, parameters too: whoever asks first for what was saved
        has the stretch computed again, and where nothing is saved nobody does."""
        return next(filter(self._saves, range(segment.last, segment.first - 1, -1)), None)

    def first_saving(self, segment: Segment) -> int | None:
        """The first such node: what enters the stretch is there until nobody can ask for what was saved any more."""
        return next(filter(self._saves, range(segment.first, segment.last + 1)), None)

    def _saves(self, index: int) -> bool:
        node, saved = self.interpretation.network.nodes[index], self.interpretation.outcomes[index].saved
        return any(self.gradients.wanted(node, each.needed_by) for each in saved)

    def copy(self) -> Storages:
        """The same storages, to which the steps of a pass add theirs without changing these."""
        made = copy(self)
        made.all = list(self.all)
        made.made_by = self.made_by[:]
        made.placements = list(self.placements)
        made.cached = {owner: dict(copies) for owner, copies in self.cached.items()}
        made._first = self._first[:]
        made._given = dict(self._given)
        made._values = list(self._values)
        made._outputs = self._outputs[:]
        made._forgetful = set(self._forgetful)
        return made

    def add(self, node: int, made: Sequence[Storage]) -> range:
        """New storages of a node; returns their numbers."""
        number = len(self.all)
        if made:
            self.all += made
            self.made_by.extend(repeat(node, len(made)))
        return range(number, number + len(made))

    def numbers(self, index: int) -> list[int]:
        """The numbers of the storages that a node's placement knows, in its own order."""
        outputs, begin = self._outputs, self._first[index]
        numbers = [outputs[number] for number in self._nodes[index].inputs]
        if self._given:
            numbers += self._given.get(index, ())
        numbers += range(begin, begin + len(self.placements[index].made))
        return numbers

    def of_value(self, index: int) -> int:
        """The storage of a node's output, or of an input of the network."""
        return self._outputs[index]

    def value(self, index: int) -> Value:
        """A node's output, or an input of the network."""
        return self._values[index]

    def place_again(self, index: int) -> Placement:
        """New storages for a node that is computed a second time, on what its inputs are by then, and now saved."""
        self._forgetful.discard(index)
        self._given.pop(index, None)
        node, outcome = self.interpretation.network.nodes[index], self.interpretation.outcomes[index]
        placement = self.placements[index] = self._place(node, outcome)
        self._first[index] = len(self.all) - len(placement.made)
        return placement

    def entries(self, segment: Segment) -> list[int]:
        """The storages that a segment reads from outside: what is saved of it while its inside is not."""
        return [self.of_value(index) for index in entries(self.interpretation.network, segment)]

    def _place(self, node: Node, outcome: Outcome) -> Placement:
        """The placement of a node, whose storages are the newest."""
        index, values = node.index, self._values
        trained = self.gradients.weights[index]
        saves = self.mode.training and index not in self._forgetful
        call = LayerCall(node.layer, outcome, tuple([values[i] for i in node.inputs]), trained, saves)
        cached = self.cached.get(owner(node)) if self.cached else None
        if cached:
            call = call._replace(cached=tuple((name, self.all[number]) for name, number in cached.items()))
            self._given[index] = list(cached.values())
        if not outcome.reads_input:
            call = call._replace(constant=self._given_type(index))
        placement = self._decided.get(call)
        if placement is None:
            if outcome.undecided:
                raise Undecided(f"which tensors `{node.name}` stores depends on what is free")
            placement = self._decided[call] = place(call, self.mode)
            placement.value = self._value(
                placement.storages[placement.output], outcome.output, placement.layout, call.per, call.gives_gradient
            )
        self.add(index, placement.made)
        output, given = placement.output, placement.given
        values[index] = placement.value
        if output < len(node.inputs):
            self._outputs[index] = self._outputs[node.inputs[output]]
        else:
            self._outputs[index] = len(self.all) - len(placement.made) + output - given
        if placement.caches:
            copies = self.cached.setdefault(owner(node), {})
            copies |= {name: len(self.all) - len(placement.made) + copy - given for name, copy in placement.caches}
        return placement

    def _value(self, storage: Storage, volume: Volume, layout: Layout, per: Per, trained: bool) -> Value:
        """A value; one that there is already is that object."""
        key = (identity(storage), identity(volume), layout, per, trained)
        if key not in self._known:
            self._known[key] = Value(storage, volume, layout, per, trained)
        return self._known[key]

    def _input(self, index: int) -> Value:
        """An input of the network, with its storage."""
        volume = self.interpretation.network.input_volume(index)
        dtype = self._given_type(index)
        storage = Storage(Amount(0, volume.elements * WIDTH[dtype]), dtype, "the network's input")
        self.add(index, [storage])
        return self._value(storage, volume, self._input_layout(index), "sample", trained=False)

    def _given_type(self, index: int) -> str:
        """The type of the network's input, or of a constant: indices where an embedding looks them up, else that of the
        network's values."""
        return "int64" if index in self._looked_up else self.setup.parameters

    def _input_layout(self, index: int) -> Layout:
        """A sequence comes as the layer that takes it first wants it, [N, L, C] or [N, C, L]; maps channels first."""
        network = self.interpretation.network
        rank = network.input_volume(index).rank
        if rank == 1:
            for node, outcome in zip(network.nodes, self.interpretation.outcomes, strict=True):
                if index in node.inputs and outcome.lies in ("channels last", "positions first"):
                    return last(1)
        return first(rank)


def owner(node: Node) -> object:
    """Whose a node's parameters are: its own, or its pool's."""
    return node.index if node.tied is None else node.tied


def _looked_up(interpretation: Interpretation) -> set[int]:
    """The inputs and constants that an embedding looks up, itself or by way of views."""
    nodes, outcomes = interpretation.network.nodes, interpretation.outcomes
    looks_up = {outcome for outcome in set(outcomes) if outcome.looks_up_indices}
    found = set()
    for index in (node.inputs[0] for node, outcome in zip(nodes, outcomes, strict=True) if outcome in looks_up):
        while not is_input(index) and outcomes[index].storage == "view":
            index = nodes[index].inputs[0]
        found.add(index)
    return found


class SavedMemory(Record):
    """What training keeps for the backward pass, each storage once, counted at the layer that keeps it first."""

    total: Amount
    without_input: Amount
    layers: list[Amount]
    #: The numbers of the storages.
    storages: set[int]


def saved_memory(storages: Storages) -> SavedMemory:
    """Add up what is saved. Parameters and buffers are not in it, and neither is the loss."""
    layers: list[Amount] = []
    kept: set[int] = set()
    #: The amounts of what placements are the first to keep: a network repeats itself, and so do its sums.
    sums: dict[tuple[Placement, tuple[int, ...]], Amount] = {}
    entering = {segment.first: storages.entries(segment) for segment in storages.checkpoints}
    for index, placement in enumerate(storages.placements):
        amount = NOTHING
        if placement.saved:
            newly = []
            numbers = storages.numbers(index)
            for storage in placement.kept:
                if numbers[storage] not in kept:
                    kept.add(numbers[storage])
                    newly.append(storage)
            key = (placement, tuple(newly))
            if key not in sums:
                sums[key] = total(placement.storages[storage].amount for storage in newly)
            amount = sums[key]
        for number in entering.get(index, ()):
            if number not in kept:
                kept.add(number)
                amount = amount + storages.all[number].amount
        layers.append(amount)
    everything = total(layers)
    of_input = total(storages.all[storage].amount for storage in storages.inputs if storage in kept)
    return SavedMemory(everything, everything - of_input, layers, kept)
