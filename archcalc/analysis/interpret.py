"""The interpreter: one pass over the nodes, each layer's rule run on the volumes that reach it.

It judges conditions by the kind of size they are about: one that fails for ints is a diagnostic at the attribute's
place in the spec; one about arrays becomes a mask, one that symbols leave open a constraint, and both are collected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from archcalc.diagnostics.diagnostic import Diagnostic, SpecError
from archcalc.language.expand import MAX_ERRORS
from archcalc.language.misfits import findings
from archcalc.language.network import Network, Node, is_input
from archcalc.layers.apply import DoesNotFit, Misfit, Rules
from archcalc.layers.outcome import Outcome
from archcalc.records import Record
from archcalc.sizes.conditions import Condition, at_least, judge
from archcalc.sizes.kinds import is_many
from archcalc.sizes.volume import Volume, said_channels_last

_NOT_ANALYSED = Volume(0)


class Open(Record):
    """A condition that does not hold for all the sizes in question: `verdict` is an array, or None for symbols.

    `node` is None for a condition on the network's input.
    """

    node: Node | None
    condition: Condition
    verdict: Any


class Interpretation(Record):
    """The outcome of every node, in the network's order, and the conditions left open."""

    network: Network
    outcomes: list[Outcome]
    open: list[Open]

    def volume(self, index: int) -> Volume:
        """The output of a node, or an input of the network."""
        return self.network.input_volume(index) if is_input(index) else self.outcomes[index].output


def interpret(network: Network, rules: Rules | None = None) -> Interpretation:
    """Run the rule of every node. SpecError holds every condition that fails and everything that does not fit.

    `rules` know what was asked of them before, in this network or another.
    """
    return _Interpreter(network, rules or Rules()).run()


def out_of_place(interpretation: Interpretation, nodes: Iterable[int]) -> Interpretation:
    """The same, but that these layers, which overwrite their input, make a new output instead."""
    rules, outcomes = Rules(), list(interpretation.outcomes)
    for index in nodes:
        node = interpretation.network.nodes[index]
        volumes = tuple(interpretation.volume(source) for source in node.inputs)
        outcomes[index], _ = rules.apply(node.layer, volumes, {**node.attributes, "inplace": False})
    return interpretation._replace(outcomes=outcomes)


class _Interpreter:
    def __init__(self, network: Network, rules: Rules) -> None:
        self.network = network
        self.outcomes: list[Outcome] = []
        self.open: list[Open] = []
        self.rules = rules
        #: How many layers, and outputs of the network, use each value.
        self.uses = Counter(index for node in network.nodes for index in node.inputs)
        self.uses.update(network.outputs.values())

    def run(self) -> Interpretation:
        problems: list[Diagnostic] = []
        failed = Outcome(_NOT_ANALYSED)
        sources = tuple(self.network.inputs.values())
        outcomes = self.outcomes
        for source in sources:
            self.judge_input(source)
        for node in self.network.nodes:
            volumes = tuple(sources[-1 - i] if is_input(i) else outcomes[i].output for i in node.inputs)
            if problems and any(volume is _NOT_ANALYSED for volume in volumes):
                outcomes.append(failed)  # what follows from a failure is not another one
                continue
            try:
                outcomes.append(self.outcome(node, volumes))
            except DoesNotFit as failed_rule:
                problems += findings(self.network.nodes, node, volumes, failed_rule.misfits)
                if len(problems) >= MAX_ERRORS:
                    break
                outcomes.append(failed)
        if problems:
            notes = tuple(filter(None, map(said_channels_last, sources)))
            raise SpecError([problems[0]._replace(notes=(*problems[0].notes, *notes)), *problems[1:]])
        return Interpretation(self.network, outcomes, self.open)

    def judge_input(self, volume: Volume) -> None:
        """What expansion has checked for plain numbers, for sizes of the other kinds."""
        for size in volume.shape:
            if is_many(size):
                condition = at_least("bad-input", size, 1, "each size of the input must be at least 1")
                verdict = judge(condition)
                if verdict is not True:
                    self.open.append(Open(None, condition, verdict))

    def outcome(self, node: Node, volumes: tuple[Volume, ...]) -> Outcome:
        attributes = node.attributes
        reason = self.needed_elsewhere(node) if "inplace" in node.layer.attributes else ""
        if reason:
            if node.attributes.get("inplace"):
                message = f"{node.layer.name} would overwrite a value that {reason}"
                raise DoesNotFit([Misfit("overwrites-needed", message, "inplace")])
            attributes = {**attributes, "inplace": False}
        outcome, left_open = self.rules.apply(node.layer, volumes, attributes)
        if outcome.looks_up_indices and self.is_computed(node):
            given = "which the network's input or a constant holds"
            message = f"{node.layer.name} looks up indices, {given}: these values are computed"
            raise DoesNotFit([Misfit("needs-indices", message)])
        if left_open:
            self.open += [Open(node, condition, verdict) for condition, verdict in left_open]
        return outcome

    def is_computed(self, node: Node) -> bool:
        """Whether a node's input is the result of a layer, and not the network's input, a constant or a view of one."""
        index = node.inputs[0]
        while not is_input(index) and self.outcomes[index].storage == "view":
            index = self.network.nodes[index].inputs[0]
        return not is_input(index) and (self.outcomes[index].reads_input or bool(self.outcomes[index].params))

    def needed_elsewhere(self, node: Node) -> str:
        """Who else needs the value that a layer working in place would overwrite, or a view of it; empty if none does.

        Source: torch.autograd's version counters, and its refusal of views that one operation made several of.
        """
        index = node.inputs[0]
        while self.uses[index] < 2:
            if is_input(index):
                return ""
            outcome = self.outcomes[index]
            if "output" in [saved.what for saved in outcome.saved]:
                return "the layer that made it needs for its gradient"
            if "part" in [move.kind for move in outcome.moves]:
                return "is one of several parts"
            if outcome.storage != "view":
                return ""
            index = self.network.nodes[index].inputs[0]
        return "another layer needs"
