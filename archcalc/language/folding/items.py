"""What folding works on: steps that cover a run of nodes each, with branches inside."""

from __future__ import annotations

from typing import Any, TypeAlias


class Expression(str):
    """A value that follows from a block's parameters, as text."""

    __slots__ = ()


class Item:
    """One step to be written: a layer, a join with its branches, a head, or a call of a block.

    It covers the nodes from `first` to `last` and ends in the value of node `output`. `source` is the value it is
    applied to; None where it reads the values `refs` by their names.
    """

    __slots__ = ("block", "body", "branches", "depth", "first", "frozen", "grows", "head", "last", "layer", "names",
                 "output", "refs", "repeat", "source", "tied", "values")  # fmt: skip

    def __init__(self, first: int, last: int, output: int) -> None:
        self.first = first
        self.last = last
        self.output = output
        self.source: int | None = None
        self.refs: tuple[int, ...] = ()
        #: The name of a layer; empty for heads and calls.
        self.layer = ""
        #: The block that is called.
        self.block: Block | None = None
        #: The name of the output that a head is.
        self.head = ""
        #: The names of attributes (of parameters, for a call), and their values in that order.
        self.names: tuple[str, ...] = ()
        self.values: list[Any] = []
        #: Whether it is a call that reads all copies before it, the join of these in it (which has no `refs`), or the
        #: join of all copies behind it.
        self.grows = False
        #: The steps of such a call, until they are a block.
        self.body: list[Item] = []
        self.branches: list[list[Item]] = []
        #: How deep branches nest in it.
        self.depth = 0
        self.repeat: Any = 1
        #: The number of the shared weights, if it has such.
        self.tied: str | None = None
        #: Whether its parameters are stored and not trained.
        self.frozen = False

    def copied(self) -> Item:
        """A copy, with its branches copied too."""
        made = Item(self.first, self.last, self.output)
        for slot in ("source", "refs", "layer", "block", "head", "names", "repeat", "tied", "frozen", "depth", "grows"):
            setattr(made, slot, getattr(self, slot))
        made.values = list(self.values)
        made.branches = [[item.copied() for item in branch] for branch in self.branches]
        return made


Steps: TypeAlias = list[Item]


class Block:
    """A sequence of steps that occurs more than once: its steps, and its parameters with their defaults.

    `source` is the value that its first step is applied to, in the occurrence that the steps were taken from.
    """

    __slots__ = ("defaults", "name", "number", "parameters", "source", "steps")

    def __init__(self, number: int, steps: Steps, source: int) -> None:
        self.number = number
        self.steps = steps
        self.source = source
        self.name = ""
        self.parameters: tuple[str, ...] = ()
        #: The defaults of the last parameters, by name.
        self.defaults: dict[str, Any] = {}
