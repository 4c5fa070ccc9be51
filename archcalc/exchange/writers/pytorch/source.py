"""The lines of a class: its constructor, and its forward pass with the shapes of values as comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from archcalc.analysis.interpret import Interpretation
from archcalc.exchange.writers.pytorch.classes import Argument, Class, Made
from archcalc.exchange.writers.pytorch.names import identifier, unique
from archcalc.exchange.writers.pytorch.parts import Member, Part
from archcalc.exchange.writers.pytorch.text import filled, statement


def remark(text: str, longest: int = 60) -> str:
    """Text for a docstring: printable ASCII that ends none and escapes nothing, and of so many characters."""
    plain = re.sub(r"[^ !#-\[\]-~]", "_", text)
    return (plain if len(plain) <= longest else f"{plain[: longest - 3]}...").strip() or "network"


def class_lines(made: Class, interpretation: Interpretation) -> Iterator[str]:
    """A class."""
    of_network = [part for part in made.parts if part.network is interpretation.network]
    yield f"\n\nclass {made.name}(nn.Module):\n"
    step = made.model.scope.step
    if step is not None:
        times = f", {len(of_network)} times in the network" if len(of_network) > 1 else ""
        yield f'    """`{remark(step.name)}`{times}."""\n\n'
    else:
        shapes = (_shape(interpretation, value, made.model) for value in made.model.inputs)
        yield f'    """From {", ".join(shapes)}."""\n\n'
    stored = _stored(made)
    if stored or made.model.ties or any(each.module for each in made.modules):
        yield from _definition("__init__", [_argument(each) for each in made.arguments])
        yield "        super().__init__()\n"
        for text, attribute in stored.items():
            yield from statement(2, f"self.{attribute} = ", text)
        for member, module in zip(made.model.members, made.modules, strict=True):
            if module.module:
                yield from statement(2, f"self.{member.name} = ", module.module, _copies(member, whole=step is None))
            if module.module and member.frozen:
                yield f"        self.{member.name}.requires_grad_(False)\n"
        for target, source in made.model.ties:
            yield from statement(2, f"self.{target} = ", f"self.{source}")
        yield "\n"
    attributes = {text: f"self.{attribute}" for text, attribute in stored.items()}
    yield from _Forward(made, of_network, interpretation, attributes).lines()


def _copies(member: Member, *, whole: bool) -> str:
    """Which copies of a step a run holds, where its name says that they are not all; up to the last in the `whole`
    network, of which there is one."""
    if not member.is_run or member.name == identifier("_".join((*member.branch[-1:], member.base))):
        return ""
    base, first, last = remark(member.base), member.ordinal, member.ordinal + len(member.calls) - 1
    return f"{base}.{first} to {base}.{last}" if whole else f"from {base}.{first} on"


def _argument(argument: Argument) -> str:
    return f"{argument.name}={argument.default}" if argument.default else argument.name


def _stored(made: Class) -> dict[str, str]:
    """What the forward pass needs of the constructor's arguments, and the attributes that are set to it."""
    stored: dict[str, str] = {}
    taken = {member.name for member in made.model.members}
    for module in made.modules:
        for name, text in (*module.values, ("when", module.when)):
            if text not in stored and re.search(r"\b[a-z_]", text):
                word = identifier(text if text.isidentifier() else name, otherwise="value")
                stored[text] = unique(word, taken | set(stored.values()))
    return stored


def _definition(name: str, arguments: Sequence[str]) -> Iterator[str]:
    line = f"    def {name}({', '.join(('self', *arguments))}):\n"
    if len(line) <= 89:
        yield line
        return
    yield f"    def {name}(\n"
    inner = f"        {', '.join(('self', *arguments))}\n"
    if len(inner) <= 89:
        yield inner
    else:
        yield from (f"        {argument},\n" for argument in ("self", *arguments))
    yield "    ):\n"


class _Forward:
    """The forward pass of a class, a value's variable being used again once nobody needs the value."""

    def __init__(
        self, made: Class, of_network: Sequence[Part], interpretation: Interpretation, attributes: Mapping[str, str]
    ) -> None:
        self.made = made
        self.part = made.model
        self.of_network = of_network
        self.interpretation = interpretation
        self.attributes = attributes
        members = self.part.members
        self.last = {value: number for number, member in enumerate(members) for value in member.inputs}
        self.last.update(dict.fromkeys(self.part.outputs, len(members)))
        self.variables: dict[int, str] = {}

    def lines(self) -> Iterator[str]:
        """The method."""
        for number, value in enumerate(self.part.inputs):
            name = identifier(self.part.names[number], otherwise="x") if self.part.names else "x"
            self.variables[value] = unique(name, set(self.variables.values()))
        yield from _definition("forward", list(self.variables.values()))
        for number, member, module in zip(count(), self.part.members, self.made.modules):
            given = [self.variables[value] for value in member.inputs]
            self.variables = {
                value: held for value, held in self.variables.items() if self.last.get(value, -1) > number
            }
            if number == len(self.part.members) - 1 and self.returns(member, module):
                yield from statement(2, "return ", self.call(member, module, given), self.comment(number))
                return
            yield from self.statement(number, member, module, given)
        returned = ", ".join(self.variables[value] for value in self.part.outputs)
        yield from statement(2, "return ", returned if len(returned) <= 73 else f"({returned})")

    def returns(self, member: Member, module: Made) -> bool:
        """Whether a member's call is what is returned."""
        is_loop = member.is_run and len(member.inputs) > 1
        pairs = member.layer is not None and member.layer.pairs
        return (
            member.outputs == self.part.outputs and len(member.outputs) == 1 and not (is_loop or pairs or module.when)
        )

    def statement(self, number: int, member: Member, module: Made, given: list[str]) -> Iterator[str]:
        """What computes the outputs of a member."""
        targets = []
        for value in member.outputs:
            self.variables[value] = unique(self.wanted(number, member, value), set(self.variables.values()))
            targets.append(self.variables[value])
        comment = self.comment(number)
        if member.is_run and len(member.inputs) > 1:
            yield from _loop(member, given, targets[0], comment)
            return
        if targets and member.layer is not None and member.layer.pairs:
            targets.append("_")
        start = f"{', '.join(targets)} = " if targets else ""
        call = self.call(member, module, given)
        if not module.when:
            yield from statement(2, start, call, comment)
            return
        if targets[0] != given[0]:
            yield f"        {targets[0]} = {given[0]}\n"
        yield f"        if {self.attributes[module.when]}:\n"
        yield from statement(3, start, call, comment)

    def wanted(self, number: int, member: Member, value: int) -> str:
        """The name of a value: of its branch, or its own where others than the next member read it."""
        if member.branch:
            return identifier(member.branch[-1], otherwise="branch")
        label = None if member.step is None else member.step.label
        return identifier(label, otherwise="x") if label and self.last.get(value, 0) > number + 1 else "x"

    def call(self, member: Member, module: Made, given: list[str]) -> str:
        """The call of a member."""
        if member.layer is None:
            return f"self.{member.name}({', '.join(given)})"
        values = {name: self.attributes.get(text, text) for name, text in module.values}
        return filled(member.layer.call, given, f"self.{member.name}", values)

    def comment(self, number: int) -> str:
        """The shape of a member's output, where it is the same in all calls of the block."""
        members = [(part, part.members[number]) for part in self.of_network if not part.members[number].absent]
        shapes = {_shape(self.interpretation, value, part) for part, member in members for value in member.outputs}
        return shapes.pop() if len(shapes) == 1 and len(self.part.members[number].outputs) == 1 else ""


def _loop(member: Member, given: list[str], target: str, comment: str) -> Iterator[str]:
    """A run of blocks that read more than what the one before makes."""
    if given[member.chained] != target:
        yield from statement(2, f"{target} = ", given[member.chained])
    inputs = [*given[: member.chained], target, *given[member.chained + 1 :]]
    yield f"        for block in self.{member.name}:\n"
    yield from statement(3, f"{target} = ", f"block({', '.join(inputs)})", comment)


def _shape(interpretation: Interpretation, value: int, part: Part) -> str:
    """The shape of a value's tensor, N being the batch."""
    volume = interpretation.volume(value)
    last = volume.rank and _is_last(part, value)
    sizes = (*volume.space, volume.channels) if last else volume.shape
    return f"[N, {', '.join(map(str, sizes))}]"


def _is_last(part: Part, value: int) -> bool:
    """Whether the channels are the last axis of a value that a part makes."""
    for member in part.members:
        if value in member.outputs:
            return member.layer.last if member.layer is not None else _is_last(member.calls[-1], value)
    return False
