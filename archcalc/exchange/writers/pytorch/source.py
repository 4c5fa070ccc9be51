"""The lines of a class: its constructor, and its forward pass."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from archcalc.analysis.interpret import Interpretation
from archcalc.exchange.code.classes import Class, Made
from archcalc.exchange.code.flow import Flow, argument, definition, title
from archcalc.exchange.code.names import unique
from archcalc.exchange.code.parts import Member
from archcalc.exchange.code.target import Target
from archcalc.exchange.code.text import filled, statement


def class_lines(made: Class, interpretation: Interpretation, target: Target) -> Iterator[str]:
    """A class."""
    stored = _stored(made, target)
    forward = _Forward(made, interpretation, target, {text: f"self.{attribute}" for text, attribute in stored.items()})
    yield f"\n\nclass {made.name}(nn.Module):\n"
    if made.model.scope.step is not None:
        yield f'    """{title(made, forward.of_network)}"""\n\n'
    else:
        shapes = (forward.shape(value, made.model) for value in made.model.inputs)
        yield f'    """From {", ".join(shapes)}."""\n\n'
    if stored or made.model.ties or any(each.callee for each in made.modules):
        yield from definition(1, "__init__", ["self", *map(argument, made.arguments)])
        yield "        super().__init__()\n"
        for text, attribute in stored.items():
            yield from statement(2, f"self.{attribute} = ", text)
        for member, module in zip(made.model.members, made.modules, strict=True):
            if module.callee:
                yield from statement(2, f"self.{member.name} = ", _module(member, module), forward.numbers(member))
            if module.callee and member.frozen:
                yield f"        self.{member.name}.requires_grad_(False)\n"
        for tied, source in made.model.ties:
            yield from statement(2, f"self.{tied} = ", f"self.{source}")
        yield "\n"
    yield from definition(1, "forward", ["self", *forward.variables.values()])
    yield from forward.lines()


def _module(member: Member, module: Made) -> str:
    """What makes the module of a member."""
    if member.is_run:
        copied = f"[{module.text} for {'i' if module.names_copy else '_'} in range({module.copies})]"
        return f"nn.ModuleList({copied})" if len(member.inputs) > 1 else f"nn.Sequential(*{copied})"
    return f"{module.text} if {module.when} else nn.Identity()" if module.when else module.text


def _stored(made: Class, target: Target) -> dict[str, str]:
    """What the forward pass needs of the constructor's arguments, and the attributes that are set to it."""
    stored: dict[str, str] = {}
    taken = {member.name for member in made.model.members}
    for module in made.modules:
        for name, text in (*module.values, ("when", _guard(module))):
            if text not in stored and re.search(r"\b[a-z_]", text):
                word = target.identifier(text if text.isidentifier() else name, otherwise="value")
                stored[text] = unique(word, taken | set(stored.values()))
    return stored


def _guard(module: Made) -> str:
    """The condition under which an expression is computed: a module that is not there passes its input on."""
    return "" if module.callee else module.when


class _Forward(Flow):
    """The forward pass of a class."""

    depth = 2

    def __init__(
        self, made: Class, interpretation: Interpretation, target: Target, attributes: Mapping[str, str]
    ) -> None:
        super().__init__(made, interpretation, target)
        self.attributes = attributes

    def loops(self, member: Member) -> bool:
        """A run whose blocks read more than one value; others are one module."""
        return member.is_run and len(member.inputs) > 1

    def condition(self, module: Made) -> str:
        return self.attributes[_guard(module)] if _guard(module) else ""

    def call(self, member: Member, module: Made, given: list[str]) -> str:
        if member.layer is None:
            return f"self.{member.name}({', '.join(given)})"
        return filled(member.layer.call, given, f"self.{member.name}", self.values(member, module))

    def values(self, member: Member, module: Made) -> Mapping[str, str]:
        return {name: self.attributes.get(text, text) for name, text in module.values}

    def copies(self, member: Member, module: Made) -> str:
        return f"block in self.{member.name}"

    def copy(self, member: Member, module: Made, given: list[str]) -> str:
        return f"block({', '.join(given)})"
