"""PyTorch: a class for each block of the spec, equal ones once, what differs between calls as constructor arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from archcalc.analysis.interpret import Interpretation
from archcalc.analysis.totals import Analysis
from archcalc.exchange.writers.pytorch.classes import Class, Made, classes
from archcalc.exchange.writers.pytorch.names import identifier, unique
from archcalc.exchange.writers.pytorch.parts import Member, Part, Structures, whole
from archcalc.exchange.writers.pytorch.text import filled, statement

ENDING = ".py"


def write(analysis: Analysis) -> Iterator[str]:
    """The lines of a Python file whose last class is the network. SpecError names all layers that are not known."""
    interpretation = analysis.interpretation
    document = interpretation.network.document
    name = document.architecture or "network"
    structures = Structures()
    root = whole(interpretation, structures)
    found = classes(root, name, structures.owned.values())
    yield f'"""{_remark(name)}: PyTorch, written by archcalc from its spec."""\n\n'
    own = list(_own(structures))
    code = [line for each in found for line in _class(each, interpretation)]
    text = "".join((*own, *code))
    if re.search(r"\btorch\.", text):
        yield "import torch\n"
    yield "from torch import nn\n"
    if re.search(r"\bfunctional\.", text):
        yield "from torch.nn import functional\n"
    for each in own:
        yield f"\n{each}"
    yield from code


def _own(structures: Structures) -> Iterator[str]:
    """The classes of modules that torch.nn does not have, each after those that it needs."""
    for own, name in structures.owned.items():
        text = re.sub(rf"\b{own.name}\b", name, own.text)
        for needed in own.needs:
            text = re.sub(rf"\b{needed.name}\b", structures.owned[needed], text)
        yield text


def _remark(text: str) -> str:
    """Text for a docstring: printable ASCII that ends none and escapes nothing."""
    return re.sub(r"[^ !#-\[\]-~]", "_", text)[:60].strip() or "network"


def _class(made: Class, interpretation: Interpretation) -> Iterator[str]:
    first = made.parts[0]
    yield f"\n\nclass {made.name}(nn.Module):\n"
    step = first.scope.step
    if step is not None:
        times = f", {len(made.parts)} times in the network" if len(made.parts) > 1 else ""
        yield f'    """`{_remark(step.name)}`{times}."""\n\n'
    else:
        yield f'    """From {_shape(interpretation, -1, first)}."""\n\n'
    stored = _stored(made)
    if stored or first.ties or any(each.module for each in made.modules):
        yield from _definition("__init__", made.arguments)
        yield "        super().__init__()\n"
        for attribute, text in stored.items():
            yield from statement(2, f"self.{attribute} = ", text)
        for member, module in zip(first.members, made.modules, strict=True):
            yield from _assignment(member, module)
        for target, source in first.ties:
            yield from statement(2, f"self.{target} = ", f"self.{source}")
        yield "\n"
    yield from _forward(made, interpretation, {text: f"self.{attribute}" for attribute, text in stored.items()})


def _stored(made: Class) -> dict[str, str]:
    """What the forward pass needs of the constructor's arguments: attributes and what they are set to."""
    stored: dict[str, str] = {}
    taken = {member.name for member in made.parts[0].members}
    for name, text in (value for module in made.modules for value in module.values):
        if re.search(r"\b[a-z_]", text) and text not in stored.values():
            stored[
                unique(identifier(text if text.isidentifier() else name, otherwise="value"), taken | set(stored))
            ] = text
    return stored


def _definition(name: str, arguments: tuple[str, ...]) -> Iterator[str]:
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


def _assignment(member: Member, made: Made) -> Iterator[str]:
    if not made.module:
        return
    name = member.name
    if not member.is_run:
        yield from statement(2, f"self.{name} = ", made.module)
        if member.frozen:
            yield f"        self.{name}.requires_grad_(False)\n"
        return
    yield f"        self.{name} = nn.{'ModuleList' if len(member.inputs) > 1 else 'Sequential'}()\n"
    yield f"        for {_index(made.module)} in range({made.copies}):\n"
    yield from statement(3, "block = ", made.module)
    yield f"            self.{name}.append(block)\n"


def _index(module: str) -> str:
    """The loop's variable, where it is read."""
    return "i" if re.search(r"\bi\b", module) else "_"


def _forward(made: Class, interpretation: Interpretation, stored: Mapping[str, str]) -> Iterator[str]:
    """The statements, a value's variable being used again once nobody needs the value."""
    part = made.parts[0]
    last = {value: number for number, member in enumerate(part.members) for value in member.inputs}
    last.update(dict.fromkeys(part.outputs, len(part.members)))
    variables: dict[int, str] = {}
    for number, value in enumerate(part.inputs):
        name = identifier(part.names[number], otherwise="x") if part.names else "x"
        variables[value] = unique(name, set(variables.values()))
    yield from _definition("forward", tuple(variables.values()))
    for number, (member, module) in enumerate(zip(part.members, made.modules, strict=True)):
        given = [variables[value] for value in member.inputs]
        variables = {value: held for value, held in variables.items() if last.get(value, -1) > number}
        targets = []
        for value in member.outputs:
            wanted = identifier(member.branch[-1], otherwise="branch") if member.branch else "x"
            variables[value] = unique(wanted, set(variables.values()))
            targets.append(variables[value])
        if targets and member.layer is not None and member.layer.pairs:
            targets.append("_")
        shapes = {_shape(interpretation, each.members[number].outputs[0], each) for each in made.parts if targets}
        comment = shapes.pop() if len(shapes) == 1 and len(member.outputs) == 1 else ""
        if member.is_run and len(member.inputs) > 1:
            yield from _loop(member, given, targets[0], comment)
            continue
        start = f"{', '.join(targets)} = " if targets else ""
        values = {name: stored.get(text, text) for name, text in module.values}
        yield from statement(2, start, _call(member, given, values), comment)
    returned = tuple(variables[value] for value in part.outputs)
    line = ", ".join(returned)
    yield from statement(2, "return ", line if len(line) <= 73 else f"({line})")


def _loop(member: Member, given: list[str], target: str, comment: str) -> Iterator[str]:
    """A run of blocks that read more than what the one before makes."""
    variable = given[member.chained]
    if variable != target:
        yield from statement(2, f"{target} = ", variable)
    inputs = [*given[: member.chained], target, *given[member.chained + 1 :]]
    yield f"        for block in self.{member.name}:\n"
    yield from statement(3, f"{target} = ", f"block({', '.join(inputs)})", comment)


def _call(member: Member, given: list[str], values: Mapping[str, str]) -> str:
    if member.layer is None:
        return f"self.{member.name}({', '.join(given)})"
    return filled(member.layer.call, given, f"self.{member.name}", values)


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
