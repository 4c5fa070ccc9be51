"""The lines of a function: its layers, called one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from archcalc.analysis.interpret import Interpretation
from archcalc.exchange.code.classes import Class, Made
from archcalc.exchange.code.flow import Flow, argument, definition, title
from archcalc.exchange.code.parts import Member, Part
from archcalc.exchange.code.target import Target
from archcalc.exchange.code.text import filled, statement
from archcalc.exchange.writers.keras.names import OF_OPERATIONS


class Functions:
    """The functions of a network, inner ones first."""

    def __init__(self, found: Sequence[Class], interpretation: Interpretation, target: Target) -> None:
        self.found = found
        self.interpretation = interpretation
        self.target = target
        self.names = frozenset(each.name for each in found)
        #: Functions that make no layer, so that they are given no name for one.
        self.nameless: set[str] = set()

    def lines(self) -> Iterator[str]:
        """The functions."""
        for made in self.found:
            yield from self.function(made)

    def function(self, made: Class) -> Iterator[str]:
        """A function."""
        of_network = made.model.scope.step is None
        taken = self.names | {each.name for each in made.arguments}
        body = (_Network if of_network else _Block)(made, self, taken)
        inputs = [] if of_network else list(body.variables.values())
        lines = list(body.lines())
        named = () if body.is_nameless else ("*", "name")
        yield "\n\n"
        yield from definition(0, made.name, [*inputs, *map(argument, made.arguments), *(() if of_network else named)])
        if of_network:
            shapes = (body.shape(value, made.model) for value in made.model.inputs)
            yield f'    """From {", ".join(shapes)}."""\n'
        else:
            yield f'    """{title(made, body.of_network)}"""\n'
            self.nameless.update((made.name,) if body.is_nameless else ())
        yield from lines


class _Block(Flow):
    """The statements of a block."""

    def __init__(self, made: Class, functions: Functions, taken: frozenset[str]) -> None:
        super().__init__(made, functions.interpretation, functions.target, taken)
        self.functions = functions
        #: The tied weights that a member has of another, by their names.
        self.reversed_ = {tied.partition(".")[0]: of.partition(".")[0] for tied, of in made.model.ties}
        again = {member.name for member in self.part.members if member.again}
        #: The variables of layers that are called more than once.
        self.shared = dict.fromkeys((*self.reversed_.values(), *sorted(again)), "")
        self.is_nameless = True

    def loops(self, member: Member) -> bool:
        return member.is_run

    def condition(self, module: Made) -> str:
        return module.when

    def condition_before(self, member: Member, module: Made) -> str:
        """No padding where a call has none."""
        number = self.part.members.index(member)
        layers = (part.members[number].layer for part in self.made.parts)
        none = any(layer is not None and layer.values and layer.values[0].value == 0 for layer in layers)
        text = module.values[0][1] if none else ""
        return text if text != "0" else ""

    def statement(self, number: int, member: Member, module: Made, given: list[str]) -> Iterator[str]:
        """What computes the outputs of a member, and makes it if it is called more than once."""
        if self.shared.get(member.name) == "":
            name = self.free(member.name)
            self.taken |= {name}
            yield from statement(self.depth, f"{name} = ", self.layer(member, module))
            self.shared[member.name] = name
        yield from super().statement(number, member, module, given)

    def call(self, member: Member, module: Made, given: list[str]) -> str:
        if member.layer is None:
            return self.function(module, given, self.named(member.name))
        if member.name in self.reversed_:
            return f"{self.shared[self.reversed_[member.name]]}({given[0]}, reverse=True)"
        layer = self.shared.get(member.name) or (self.layer(member, module) if member.layer.module else "")
        return filled(member.layer.call, given, layer, self.values(member, module))

    def values(self, member: Member, module: Made) -> Mapping[str, str]:
        values = dict(module.values)
        if member.layer is not None:
            for text in (member.layer.before, member.layer.call, member.layer.after):
                for asked, part in re.findall(r"\{(n(?:_(\w+))?)\}", text):
                    values[asked] = self.named(member.name, f"-{part}" if part else "")
        return values

    def layer(self, member: Member, module: Made) -> str:
        """What makes a layer."""
        callee = "layers.ReversibleEmbedding" if member.name in self.reversed_.values() else module.callee
        frozen = ["trainable=False"] * member.frozen
        return f"{callee}({', '.join((*module.arguments, *frozen, f'name={self.named(member.name)}'))})"

    def function(self, module: Made, given: Sequence[str], name: str) -> str:
        """The call of another function."""
        named = () if module.callee in self.functions.nameless else (f"name={name}",)
        return f"{module.callee}({', '.join((*given, *module.arguments, *named))})"

    def copies(self, member: Member, module: Made) -> str:
        numbered = module.names_copy or module.callee not in self.functions.nameless
        return f"{'i' if numbered else '_'} in range({module.copies})"

    def comment_of_loop(self, member: Member) -> str:
        return self.numbers(member)

    def copy(self, member: Member, module: Made, given: list[str]) -> str:
        return self.function(module, given, self.named(member.name, "-{i}"))

    def named(self, name: str, copy: str = "") -> str:
        """The name of a layer in the block: what the block is called, and what it is in there. No identifier holds what
        stands between, and PyTorch takes no dot."""
        self.is_nameless = False
        return f'f"{{name}}-{name}{copy}"'

    def shape(self, value: int, part: Part) -> str:
        """The shape of a value's tensor, the channels last."""
        volume = self.interpretation.volume(value)
        return f"[N, {', '.join(map(str, (*volume.space, volume.channels)))}]"


class _Network(_Block):
    """The statements of the network."""

    def __init__(self, made: Class, functions: Functions, taken: frozenset[str]) -> None:
        super().__init__(made, functions, taken)
        if len(self.variables) == 1:
            self.variables = dict.fromkeys(self.variables, "inputs")
        self.inputs = dict(self.variables)
        self.taken |= set(self.inputs.values())

    def lines(self) -> Iterator[str]:
        """The statements, the inputs before them."""
        readers = {number: node.layer.name for node in self.part.network.nodes for number in node.inputs}
        for (value, variable), (channels, *space) in zip(self.inputs.items(), self.made.inputs, strict=True):
            shape = ", ".join((*space, channels))
            more = ', dtype="int32"' if readers.get(value) == "embedding" else ""
            named = f', name="{variable}"' if len(self.inputs) > 1 else ""
            comma = "" if space else ","
            yield from statement(self.depth, f"{variable} = ", f"keras.Input(({shape}{comma}){more}{named})")
        yield from super().lines()

    def returns(self, member: Member, module: Made) -> bool:
        """The model is what is returned."""
        return False

    def end(self, outputs: Sequence[str]) -> Iterator[str]:
        """The model."""
        inputs, made = (
            names[0] if len(names) == 1 else f"[{', '.join(names)}]" for names in (list(self.inputs.values()), outputs)
        )
        model = f'keras.Model({inputs}, {made}, name="{self.made.name}")'
        yield from statement(self.depth, "return ", model)

    def named(self, name: str, copy: str = "") -> str:
        """In the network there is nothing in front that keeps it apart from what Keras calls an operation."""
        name = f"{name}_layer" if name in OF_OPERATIONS else name
        return f'{"f" * ("{" in copy)}"{name}{copy}"'
