"""The interpreter: one pass over the nodes, each layer's rule run on the volumes that reach it.

It judges conditions by the kind of size they are about: one that fails for ints is a diagnostic at the attribute's
place in the spec; one about arrays becomes a mask, one that symbols leave open a constraint, and both are collected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from archcalc.diagnostics.diagnostic import Diagnostic, SpecError
from archcalc.language.expand import MAX_ERRORS
from archcalc.language.network import INPUT_INDEX, Network, Node
from archcalc.layers.attributes import Refused
from archcalc.layers.outcome import Outcome
from archcalc.layers.registry import Attribute, Layer
from archcalc.sizes.conditions import Condition, at_least, at_most, judge
from archcalc.sizes.kinds import LARGEST, identity, is_array, is_concrete, is_many
from archcalc.sizes.volume import MAX_RANK, Volume

_NOT_ANALYSED = Volume(0)


class Open(NamedTuple):
    """A condition that does not hold for all the sizes in question: `verdict` is an array, or None for symbols.

    `node` is None for a condition on the network's input.
    """

    node: Node | None
    condition: Condition
    verdict: Any


class Interpretation(NamedTuple):
    """The outcome of every node, in the network's order, and the conditions left open."""

    network: Network
    outcomes: list[Outcome]
    open: list[Open]

    def volume(self, index: int) -> Volume:
        """The output of a node; the network's input for `INPUT_INDEX`."""
        return self.network.input if index == INPUT_INDEX else self.outcomes[index].output


def interpret(network: Network, overrides: dict[str, Any] | None = None) -> Interpretation:
    """Run the rule of every node. SpecError holds every condition that fails and everything that does not fit.

    `overrides` replaces attributes by name in every layer that has them (all in-place flags, say).
    """
    return _Interpreter(network, overrides or {}).run()


class _Failed(Exception):
    """The findings of one node."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        self.diagnostics = diagnostics


_HELP = {
    "linear-needs-vector": "put `- flatten` before it, or say `each_position: true` to apply it at every position",
}


class _Interpreter:
    def __init__(self, network: Network, overrides: dict[str, Any]) -> None:
        self.network = network
        self.overrides = overrides
        self.outcomes: list[Outcome] = []
        self.open: list[Open] = []
        #: Outcomes by layer, volumes and attributes, with the conditions left open: a network repeats itself.
        self.seen: dict[Any, tuple[Outcome, list[Open]]] = {}
        #: How many layers, and outputs of the network, use each value.
        self.uses = Counter(index for node in network.nodes for index in node.inputs)
        self.uses.update(network.outputs.values())

    def run(self) -> Interpretation:
        problems: list[Diagnostic] = []
        failed = Outcome(_NOT_ANALYSED)
        source = self.network.input
        outcomes = self.outcomes
        self.judge_input(source)
        for node in self.network.nodes:
            volumes = tuple(source if i == INPUT_INDEX else outcomes[i].output for i in node.inputs)
            if problems and any(volume is _NOT_ANALYSED for volume in volumes):
                outcomes.append(failed)  # what follows from a failure is not another one
                continue
            try:
                outcomes.append(self.outcome(node, volumes))
            except _Failed as found:
                problems += found.diagnostics
                if len(problems) >= MAX_ERRORS:
                    break
                outcomes.append(failed)
        if problems:
            raise SpecError(problems)
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
        apart = "inplace" in node.layer.attributes and self.is_needed_elsewhere(node)
        key: Any = (node.layer.name, volumes, tuple(node.attributes.items()), apart)
        try:
            known = self.seen.get(key)
        except TypeError:  # arrays have no hash
            key = identity(key)
            known = self.seen.get(key)
        if known is None:
            still_open = len(self.open)
            outcome = self.ruled(node, volumes, apart)
            self.seen[key] = (outcome, self.open[still_open:])
            return outcome
        outcome, conditions = known
        if conditions:
            self.open += [each._replace(node=node) for each in conditions]
        return outcome

    def is_needed_elsewhere(self, node: Node) -> bool:
        """Whether somebody else needs the value that a layer working in place would overwrite, or views of it."""
        index = node.inputs[0]
        while self.uses[index] < 2:
            if index == INPUT_INDEX or self.outcomes[index].storage != "view":
                return False
            index = self.network.nodes[index].inputs[0]
        return True

    def context(self, node: Node, volumes: tuple[Volume, ...]) -> tuple[str, ...]:
        """The notes of a finding about a node: its inputs and where they come from, and the block calls around it."""
        notes = []
        for number, (index, volume) in enumerate(zip(node.inputs, volumes, strict=True), 1):
            which = f" {number}" if len(volumes) > 1 else ""
            origin = "the network's input" if index == INPUT_INDEX else f"`{self.network.nodes[index].name}`"
            notes.append(f"input{which}: {volume}, from {origin}")
        return (*notes, *node.trail())

    def ruled(self, node: Node, volumes: tuple[Volume, ...], apart: bool) -> Outcome:
        """The rule's outcome, all conditions judged. `apart` says that it must not overwrite its input."""
        layer = node.layer
        for volume in volumes:
            if layer.ranks is not None and volume.rank not in layer.ranks:
                raise _Failed([self.wrong_rank(node, volume, volumes)])
        attributes = self.fitted(node, volumes)
        if apart:
            if node.attributes.get("inplace"):
                raise _Failed([self.overwriting(node, volumes)])
            attributes["inplace"] = False
        for name, value in attributes.items():
            attribute = layer.attributes[name]
            if value is not None:
                self.judge(node, volumes, tuple(attribute.kind.domain(name, value)))
        outcome = layer.function(*volumes, **attributes)
        self.judge(node, volumes, (*outcome.conditions, *_bounds(outcome.output)))
        return outcome

    def fitted(self, node: Node, volumes: tuple[Volume, ...]) -> dict[str, Any]:
        """The node's attributes, those with axes given one value for each axis of the input."""
        attributes = dict(node.attributes)
        for name, value in self.overrides.items():
            if name in node.layer.attributes:
                attributes[name] = value
        for attribute in node.layer.fitted:
            value = attributes.get(attribute.name, attribute.default)
            if value is not None:
                attributes[attribute.name] = self.fit(node, attribute, value, volumes)
        return attributes

    def fit(self, node: Node, attribute: Attribute, value: Any, volumes: tuple[Volume, ...]) -> Any:
        try:
            return attribute.kind.fit(value, volumes[0].rank)
        except Refused as refused:
            message = f"{attribute.name} {refused}"
            place = node.place_of(attribute.name)
            raise _Failed([Diagnostic("wrong-axes", message, place, notes=self.context(node, volumes))]) from None

    def judge(self, node: Node, volumes: tuple[Volume, ...], conditions: tuple[Condition, ...]) -> None:
        problems = []
        for condition in conditions:
            verdict = judge(condition)
            if verdict is True:
                continue
            if verdict is False:
                problems.append(self.broken(node, volumes, condition))
            else:
                self.open.append(Open(node, condition, verdict))
        if problems:
            raise _Failed(problems)

    def overwriting(self, node: Node, volumes: tuple[Volume, ...]) -> Diagnostic:
        message = f"{node.layer.name} would overwrite a value that another layer needs"
        hint = "without `inplace: true` it works in place only where it can"
        place = node.place_of("inplace")
        return Diagnostic("overwrites-needed", message, place, notes=self.context(node, volumes), help=hint)

    def wrong_rank(self, node: Node, volume: Volume, volumes: tuple[Volume, ...]) -> Diagnostic:
        message = f"{node.layer.name} needs an input with {_axes(node.layer)}: {volume} has {volume.rank or 'none'}"
        return Diagnostic("wrong-axes", message, node.step.place, notes=self.context(node, volumes))

    def broken(self, node: Node, volumes: tuple[Volume, ...], condition: Condition) -> Diagnostic:
        value = node.attributes.get(condition.blame) if condition.blame else None
        return Diagnostic(
            condition.rule,
            condition.explain(),
            node.place_of(condition.blame),
            label="" if value is None or isinstance(value, tuple) else str(value),
            notes=self.context(node, volumes),
            help=_HELP.get(condition.rule),
        )


def _bounds(output: Volume) -> Iterator[Condition]:
    """No volume has more axes, or more values, than any network's: so that no spec makes numbers without end."""
    yield at_most("too-many-axes", output.rank, MAX_RANK, "a volume has up to three spatial axes")
    for size in output.shape:
        if is_concrete(size) or is_array(size):
            yield at_most("too-large-volume", size, LARGEST, "an axis of a volume is too long")


def _axes(layer: Layer) -> str:
    ranks = layer.ranks or ()
    if len(ranks) == 1:
        return f"{ranks[0]} spatial ax{'is' if ranks[0] == 1 else 'es'}"
    return f"{ranks[0]} to {ranks[-1]} spatial axes"
