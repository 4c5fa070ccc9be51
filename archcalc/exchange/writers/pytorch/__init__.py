"""PyTorch: a class for each block of the spec, equal ones once, what differs between calls as constructor arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archcalc.analysis.interpret import Interpretation
from archcalc.analysis.totals import Analysis
from archcalc.exchange.writers.pytorch.classes import Class, Made, classes
from archcalc.exchange.writers.pytorch.layers import OWN_MODULES
from archcalc.exchange.writers.pytorch.names import identifier, unique
from archcalc.exchange.writers.pytorch.parts import Member, Part, whole
from archcalc.exchange.writers.pytorch.text import WIDTH, Code, Group, filled, statement

ENDING = ".py"


def write(analysis: Analysis) -> Iterator[str]:
    """The lines of a Python file whose last class is the network. SpecError names all layers that are not known."""
    interpretation = analysis.interpretation
    document = interpretation.network.document
    name = document.architecture or "network"
    root = whole(interpretation)
    found = classes(root, name)
    yield f'"""{_remark(name)}: PyTorch, written by archcalc from its spec."""\n\n'
    code = [line for each in found for line in _class(each, interpretation)]
    used = {made.module.opening[:-1] for each in found for made in each.modules if isinstance(made.module, Group)}
    own = [text for module, text in OWN_MODULES.items() if module in used]
    if any("torch." in line for line in code) or any("torch." in text for text in own):
        yield "import torch\n"
    yield "from torch import nn\n"
    for text in own:
        yield f"\n{text}"
    yield from code


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
    if any(each.module for each in made.modules):
        yield from _definition("__init__", made.arguments)
        yield "        super().__init__()\n"
        for member, module in zip(first.members, made.modules, strict=True):
            yield from _assignment(member.name, module)
        yield "\n"
    yield from _forward(made, interpretation)


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


def _assignment(name: str, made: Made) -> Iterator[str]:
    if not made.module:
        return
    if not made.copies:
        yield from statement(2, f"self.{name} = ", made.module)
        return
    yield f"        self.{name} = nn.Sequential()\n"
    yield f"        for {_index(made.module)} in range({made.copies}):\n"
    yield from statement(3, "block = ", made.module)
    yield f"            self.{name}.append(block)\n"


def _index(module: Code) -> str:
    """The loop's variable, where it is read."""
    assert isinstance(module, Group)
    return "i" if any(re.search(r"\bi\b", item) for item in module.items if isinstance(item, str)) else "_"


def _forward(made: Class, interpretation: Interpretation) -> Iterator[str]:
    """The statements, a value's variable being used again once nobody needs the value."""
    part = made.parts[0]
    last = {value: number for number, member in enumerate(part.members) for value in member.inputs}
    last.update(dict.fromkeys(part.outputs, len(part.members)))
    variables: dict[int, str] = {}
    for value in part.inputs:
        variables[value] = unique("x", set(variables.values()))
    yield from _definition("forward", tuple(variables.values()))
    for number, member in enumerate(part.members):
        given = [variables[value] for value in member.inputs]
        variables = {value: held for value, held in variables.items() if last[value] > number}
        targets = []
        for value in member.outputs:
            wanted = identifier(member.branch[-1], otherwise="branch") if member.branch else "x"
            variables[value] = unique(wanted, set(variables.values()))
            targets.append(variables[value])
        if targets and member.layer is not None and member.layer.pairs:
            targets.append("_")
        call = _call(member, given)
        if targets == [call]:  # a layer that gives out what it takes in
            continue
        start = f"{', '.join(targets)} = " if targets else ""
        shapes = {_shape(interpretation, each.members[number].outputs[0], each) for each in made.parts if targets}
        comment = shapes.pop() if len(shapes) == 1 and len(member.outputs) == 1 else ""
        yield from statement(2, start, call, comment)
    returned = tuple(variables[value] for value in part.outputs)
    line = ", ".join(returned)
    yield from statement(2, "return ", line if len(line) <= WIDTH - 15 else Group("(", returned, ")"))


def _call(member: Member, given: list[str]) -> Code:
    if member.layer is None:
        return Group(f"self.{member.name}(", tuple(given), ")")
    return filled(member.layer.call, given, f"self.{member.name}")


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
