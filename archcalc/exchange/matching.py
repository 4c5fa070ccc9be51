"""What finds operations that belong together: what makes a value, who reads it, and what one operation stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from archcalc.exchange.graph import Graph, Name, Operation
from archcalc.records import Record


class Found(Record):
    """An operation that stands for several: those that it replaces beside the last."""

    operation: Operation
    inner: list[Operation]


class Made(Record):
    """The graph, what makes each value, and how often each value is read."""

    graph: Graph
    makers: dict[str, Operation]
    uses: Counter[str]

    def by(self, argument: object, *targets: str, once: bool = True) -> Operation | None:
        """The operation that makes a value, if it is one of those, and nothing else reads the value."""
        found = self.makers.get(str(argument)) if isinstance(argument, Name) else None
        if found is None or found.target not in targets or (once and self.uses[found.outputs[0]] != 1):
            return None
        return found

    def chain(self, argument: object, *targets: str) -> list[Operation]:
        """The operations that lead to a value, last to first, each reading the one before as `self`; empty if they are
        others than those, or something else reads what one of them makes."""
        found: list[Operation] = []
        for target in targets:
            made = self.by(argument, *target.split("|"))
            if made is None:
                return []
            found.append(made)
            argument = made.arguments.get("self")
        return found

    def is_parameter(self, argument: object) -> bool:
        """Whether a value is a parameter itself."""
        return isinstance(argument, Name) and str(argument) in self.graph.parameters

    def moved(self, argument: object) -> tuple[object, list[Operation]]:
        """A value before it was brought into another shape, and what did that."""
        passed = []
        while (made := self.by(argument, *_SHAPING)) is not None:
            passed.append(made)
            argument = made.arguments.get("self")
        return argument, passed

    def through(self, argument: object) -> tuple[object, list[Operation]]:
        """A value before its conversion to another type, and that conversion."""
        passed = []
        while (made := self.by(argument, "to", "_to_copy", "type_as", "float")) is not None:
            passed.append(made)
            argument = made.arguments.get("self")
        return argument, passed


#: Operations that give the same values, in the same order, another shape.
_SHAPING = ("reshape", "reshape_as", "view", "view_as", "flatten", "unflatten", "squeeze", "unsqueeze")


def reads(operation: Operation) -> Iterator[Name]:
    """The values that an operation reads."""
    for argument in operation.arguments.values():
        for each in argument if isinstance(argument, list) else (argument,):
            if isinstance(each, Name):
                yield each
