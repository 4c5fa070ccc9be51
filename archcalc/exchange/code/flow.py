"""The statements of a class's forward pass or of a function: what computes each value, with its shape as a comment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count

from archcalc.analysis.interpret import Interpretation
from archcalc.exchange.code.classes import Argument, Class, Made
from archcalc.exchange.code.layers import Written
from archcalc.exchange.code.names import unique
from archcalc.exchange.code.parts import Member, Part
from archcalc.exchange.code.target import Target
from archcalc.exchange.code.text import WIDTH, filled, statement


def remark(text: str, longest: int = 60) -> str:
    """Text for a docstring: printable ASCII that ends none and escapes nothing, and of so many characters."""
    plain = re.sub(r"[^ !#-\[\]-~]", "_", text)
    return (plain if len(plain) <= longest else f"{plain[: longest - 3]}...").strip() or "network"


def title(made: Class, of_network: Sequence[Part]) -> str:
    """What a block is, and how often the network has it."""
    times = f", {len(of_network)} times in the network" if len(of_network) > 1 else ""
    step = made.model.scope.step
    return f"`{remark('' if step is None else step.name)}`{times}."


def argument(given: Argument) -> str:
    """An argument as a definition has it."""
    return f"{given.name}={given.default}" if given.default else given.name


def definition(depth: int, name: str, arguments: Sequence[str]) -> Iterator[str]:
    """The first lines of a function."""
    pad = " " * 4 * depth
    line = f"{pad}def {name}({', '.join(arguments)}):\n"
    if len(line) <= WIDTH + 1:
        yield line
        return
    yield f"{pad}def {name}(\n"
    inner = f"{pad}    {', '.join(arguments)}\n"
    if len(inner) <= WIDTH + 1:
        yield inner
    else:
        yield from (f"{pad}    {each},\n" for each in arguments)
    yield f"{pad}):\n"


class Flow:
    """The statements of a class or function, a value's variable being used again once nobody needs the value."""

    #: The level of indentation of the statements.
    depth = 1

    def __init__(self, made: Class, interpretation: Interpretation, target: Target, taken: Iterable[str] = ()) -> None:
        """`taken` are names that no value may have."""
        self.made = made
        self.part = made.model
        self.of_network = [part for part in made.parts if part.network is interpretation.network]
        self.interpretation = interpretation
        self.target = target
        self.taken = frozenset(taken)
        members = self.part.members
        self.last = {value: number for number, member in enumerate(members) for value in member.inputs}
        self.last.update(dict.fromkeys(self.part.outputs, len(members)))
        self.variables: dict[int, str] = {}
        for number, value in enumerate(self.part.inputs):
            name = self.target.identifier(self.part.names[number], otherwise="x") if self.part.names else "x"
            self.variables[value] = self.free(name)

    def free(self, name: str) -> str:
        """The name for a value, numbered where another has it."""
        return unique(name, {*self.variables.values(), *self.taken})

    def lines(self) -> Iterator[str]:
        """The statements."""
        for number, member, module in zip(count(), self.part.members, self.made.modules):
            given = [self.variables[value] for value in member.inputs]
            self.variables = {
                value: held for value, held in self.variables.items() if self.last.get(value, -1) > number
            }
            if number == len(self.part.members) - 1 and self.returns(member, module):
                yield from self.calls(self.depth, [], member, module, given, self.comment(number))
                return
            yield from self.statement(number, member, module, given)
        yield from self.end([self.variables[value] for value in self.part.outputs])

    def end(self, outputs: Sequence[str]) -> Iterator[str]:
        """The last statement."""
        returned = ", ".join(outputs)
        yield from statement(self.depth, "return ", returned if len(returned) <= 73 else f"({returned})")

    def returns(self, member: Member, module: Made) -> bool:
        """Whether a member's call is what is returned."""
        pairs = member.layer is not None and member.layer.pairs
        stands = self.loops(member) or pairs or self.condition(module)
        return member.outputs == self.part.outputs and len(member.outputs) == 1 and not stands

    def statement(self, number: int, member: Member, module: Made, given: list[str]) -> Iterator[str]:
        """What computes the outputs of a member."""
        targets = []
        for value in member.outputs:
            self.variables[value] = self.free(self.wanted(number, member, value))
            targets.append(self.variables[value])
        comment = self.comment(number)
        if self.loops(member):
            yield from self.loop(member, module, given, targets[0], comment)
            return
        if targets and member.layer is not None and member.layer.pairs:
            targets.append("_")
        condition = self.condition(module)
        if not condition:
            yield from self.calls(self.depth, targets, member, module, given, comment)
            return
        pad = " " * 4 * self.depth
        if targets[0] != given[0]:
            yield f"{pad}{targets[0]} = {given[0]}\n"
        yield f"{pad}if {condition}:\n"
        yield from self.calls(self.depth + 1, targets, member, module, given, comment)

    def calls(
        self, depth: int, targets: Sequence[str], member: Member, module: Made, given: list[str], comment: str
    ) -> Iterator[str]:
        """The call of a member, and what comes before it; without targets, the call is what is returned."""
        if member.layer is not None and member.layer.before:
            before = filled(member.layer.before, given, "", self.values(member, module))
            first, given = given[0], [targets[0] if targets else self.free("x"), *given[1:]]
            condition = self.condition_before(member, module)
            if condition and given[0] != first:
                yield f"{' ' * 4 * depth}{given[0]} = {first}\n"
            if condition:
                yield f"{' ' * 4 * depth}if {condition}:\n"
            yield from statement(depth + bool(condition), f"{given[0]} = ", before)
        start = f"{', '.join(targets)} = " if targets else "return "
        call = self.call(member, module, given)
        if member.layer is not None and member.layer.after:
            held = targets[0] if targets else self.free("x")
            yield from statement(depth, f"{held} = ", call)
            call = filled(member.layer.after, [held], "", self.values(member, module))
        yield from statement(depth, start, call, comment)

    def loop(self, member: Member, module: Made, given: list[str], target: str, comment: str) -> Iterator[str]:
        """A run of blocks, each of which reads what the one before makes."""
        if given[member.chained] != target:
            yield from statement(self.depth, f"{target} = ", given[member.chained])
        inputs = [*given[: member.chained], target, *given[member.chained + 1 :]]
        yield from statement(self.depth, "for ", self.copies(member, module), self.comment_of_loop(member), end=":")
        yield from statement(self.depth + 1, f"{target} = ", self.copy(member, module, inputs), comment)

    def wanted(self, number: int, member: Member, value: int) -> str:
        """The name of a value: of its branch, or its own where others than the next member read it."""
        if member.branch:
            return self.target.identifier(member.branch[-1], otherwise="branch")
        label = None if member.step is None else member.step.label
        return self.target.identifier(label, otherwise="x") if label and self.last.get(value, 0) > number + 1 else "x"

    def comment(self, number: int) -> str:
        """The shape of a member's output, where it is the same in all calls of the block."""
        members = [(part, part.members[number]) for part in self.of_network if not part.members[number].absent]
        shapes = {self.shape(value, part) for part, member in members for value in member.outputs}
        return shapes.pop() if len(shapes) == 1 and len(self.part.members[number].outputs) == 1 else ""

    def numbers(self, member: Member) -> str:
        """Which copies of a step a run holds, where its name says that they are not all; up to the last in the whole
        network, of which there is one."""
        plain = self.target.identifier("_".join((*member.branch[-1:], member.base)))
        if not member.is_run or member.name == plain:
            return ""
        base, first, last = remark(member.base), member.ordinal, member.ordinal + len(member.calls) - 1
        return f"{base}.{first} to {base}.{last}" if self.part.scope.step is None else f"from {base}.{first} on"

    def shape(self, value: int, part: Part) -> str:
        """The shape of a value's tensor, N being the batch."""
        volume = self.interpretation.volume(value)
        written = _written(part, value)
        last = volume.rank and written is not None and written.last
        sizes = (*volume.space, volume.channels) if last else volume.shape
        batch = "1" if written is not None and written.once and self.target.keeps_once else "N"
        return f"[{batch}, {', '.join(map(str, sizes))}]"

    def loops(self, member: Member) -> bool:
        """Whether a member is a loop."""
        raise NotImplementedError

    def condition(self, module: Made) -> str:
        """The condition of a member that stands behind an `if`; empty for the others."""
        raise NotImplementedError

    def call(self, member: Member, module: Made, given: list[str]) -> str:
        """What computes the outputs of a member from its inputs."""
        raise NotImplementedError

    def values(self, member: Member, module: Made) -> Mapping[str, str]:
        """The values that a call names, as they are written where it stands."""
        return dict(module.values)

    def condition_before(self, member: Member, module: Made) -> str:
        """The condition of what comes before a call, if that stands behind an `if`."""
        return ""

    def copies(self, member: Member, module: Made) -> str:
        """What a loop goes over."""
        raise NotImplementedError

    def comment_of_loop(self, member: Member) -> str:
        """What stands beside the head of a loop."""
        return ""

    def copy(self, member: Member, module: Made, given: list[str]) -> str:
        """What a loop calls."""
        raise NotImplementedError


def _written(part: Part, value: int) -> Written | None:
    """The layer that makes a value, where a part has it."""
    for member in part.members:
        if value in member.outputs:
            return member.layer if member.layer is not None else _written(member.calls[-1], value)
    return None
