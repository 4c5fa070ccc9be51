"""The flat network: one node a layer, in an order in which every input comes before its use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from archcalc.diagnostics.diagnostic import Place, plain
from archcalc.language.document import Document, Step
from archcalc.layers.attributes import shown
from archcalc.layers.registry import Layer
from archcalc.records import Record
from archcalc.sizes.volume import Volume

#: The number of the network's input, where a node's number could stand; of several inputs the next has -2, and so on.
INPUT_INDEX = -1


def is_input(index: int) -> bool:
    """Whether a number is that of an input of the network, and not of a node."""
    return index < 0


#: A path as steps of (name, how many of that name came before): stable, while printed paths need the whole graph.
Key: TypeAlias = tuple[tuple[str, int], ...]


class Scope:
    """One level of a path: a block call, a branch, or the whole network. It counts the names within it."""

    __slots__ = ("_path", "arguments", "base", "brought", "counts", "key", "length", "ordinal", "parent", "step")

    def __init__(self, parent: Scope | None, base: str, step: Step | None, arguments: Mapping[str, Any] | None) -> None:
        self.parent = parent
        self.base = base
        self.step = step
        #: What a block was called with; None for a branch.
        self.arguments = arguments
        #: The inputs that a block has beside its first, by its names for them.
        self.brought: Mapping[str, tuple[int, ...]] = {}
        self.counts: dict[str, int] = {}
        self._path: str | None = None
        self.ordinal = 0
        self.key: Key = ()
        #: Characters of its path, about: without the numbers.
        self.length = 0
        if parent is not None:
            self.ordinal = parent.number(base)
            self.key = (*parent.key, (base, self.ordinal))
            self.length = parent.length + len(base) + 1

    def number(self, base: str) -> int:
        """The next number for a name in this scope, from 1."""
        count = self.counts.get(base, 0) + 1
        self.counts[base] = count
        return count

    def label(self, base: str, ordinal: int) -> str:
        """The name as it is printed: numbered only where the scope has several of it."""
        return f"{base}.{ordinal}" if self.counts[base] > 1 else base

    @property
    def path(self) -> str:
        """Names from the outside in, joined by `/`; empty for the network. Final only once all is expanded."""
        if self._path is None:
            self._path = "" if self.parent is None else self.parent.join(self.base, self.ordinal)
        return self._path

    @property
    def block(self) -> Scope:
        """The block call it belongs to, or the network: names are known within that."""
        scope = self
        while scope.arguments is None and scope.parent is not None:
            scope = scope.parent
        return scope

    def join(self, base: str, ordinal: int) -> str:
        """The path of something in this scope."""
        label = self.label(base, ordinal)
        return f"{self.path}/{label}" if self.path else label


class TiedWeights(Record):
    """The weights that a node shares: `name` is theirs, `key` the node's place inside the step that shares."""

    name: str
    key: Key

    def __str__(self) -> str:
        """As the key `weights` of a step has it: the name, and the place behind a slash."""
        return "/".join((self.name, *(f"{base}.{ordinal}" for base, ordinal in self.key)))


class Node:
    """One layer of the flat network."""

    __slots__ = (
        *("_name", "attributes", "base", "index", "inputs", "layer", "ordinal", "scope", "step", "tied"),
        "trainable",
    )

    def __init__(
        self,
        index: int,
        layer: Layer,
        attributes: dict[str, Any],
        inputs: tuple[int, ...],
        scope: Scope,
        step: Step,
        tied: TiedWeights | None,
        trainable: bool = True,
    ) -> None:
        self.index = index
        self.layer = layer
        #: The attributes that the spec gives, typed; the rule has its defaults for the others.
        self.attributes = attributes
        #: Numbers of the nodes it reads; of inputs of the network where `is_input`.
        self.inputs = inputs
        self.scope = scope
        self.base = step.label or step.name
        self.ordinal = scope.number(self.base)
        self.step = step
        self.tied = tied
        #: Whether its parameters are trained; those that are not are stored all the same.
        self.trainable = trainable
        self._name: str | None = None

    @property
    def name(self) -> str:
        """Its path, unique in the network: `stage2/bottleneck.3/conv.2`. Final only once all is expanded."""
        if self._name is None:
            self._name = self.scope.join(self.base, self.ordinal)
        return self._name

    def place_of(self, attribute: str | None) -> Place:
        """Where an attribute's value stands in the spec; the layer's own place if it is not given there."""
        for argument in self.step.arguments:
            if argument.name == attribute:
                return argument.formula.place
        return self.step.place

    def trail(self) -> list[str]:
        """The block calls that led here, innermost first."""
        return trail(self.scope)


class Network(Record):
    """A spec with its parameters filled in: `nodes` in an order in which every input comes before its use.

    `inputs` are the volumes of the inputs by name, that of the stream first. `outputs` maps names to node numbers:
    `output` is the stream's end, the others are heads.
    """

    document: Document
    parameters: dict[str, Any]
    inputs: dict[str, Volume]
    nodes: list[Node]
    outputs: dict[str, int]

    @property
    def input(self) -> Volume:
        """The volume of the first input, with which the stream begins."""
        return next(iter(self.inputs.values()))

    def input_name(self, index: int) -> str:
        """The name of the input of that number."""
        return list(self.inputs)[-1 - index]

    def input_volume(self, index: int) -> Volume:
        """The volume of the input of that number."""
        return list(self.inputs.values())[-1 - index]

    def name_of(self, index: int) -> str:
        """The path of a node, or the name of an input."""
        return self.input_name(index) if is_input(index) else self.nodes[index].name


def trail(scope: Scope | None) -> list[str]:
    """The block calls around a scope, innermost first, as notes of a diagnostic."""
    notes = []
    while scope is not None:
        if scope.step is not None and scope.arguments is not None:
            given = ", ".join(f"{name}={plain(shown(value), 40)}" for name, value in scope.arguments.items())
            notes.append(f"in `{scope.step.name}({given})`, called at {scope.step.place}")
        scope = scope.parent
    return notes if len(notes) <= 8 else [*notes[:4], f"… {len(notes) - 7} more calls …", *notes[-3:]]
