"""PyTorch: a class for each block of the spec, with what differs between its calls as constructor arguments, and the
spec's parameters as those of the network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from archcalc.analysis.interpret import Interpretation
from archcalc.analysis.totals import Analysis
from archcalc.exchange.writers import Say, nothing_said
from archcalc.exchange.writers.pytorch.classes import Class, Unsaid, classes
from archcalc.exchange.writers.pytorch.layers import Own
from archcalc.exchange.writers.pytorch.merge import merge
from archcalc.exchange.writers.pytorch.parts import Builder, Structures, within
from archcalc.exchange.writers.pytorch.samples import Samples
from archcalc.exchange.writers.pytorch.source import class_lines, remark
from archcalc.layers.attributes import shown

ENDING = ".py"


def write(analysis: Analysis, say: Say = nothing_said) -> Iterator[str]:
    """The lines of a Python file whose last class is the network; what the file cannot vary is said there, and to
    `say`. SpecError names all layers that are not known."""
    interpretation = analysis.interpretation
    name = interpretation.network.document.architecture or "network"
    structures = Structures()
    found, fixed = _classes(interpretation, structures, name)
    yield f'"""{remark(name)}: PyTorch, written by archcalc from its spec.'
    if fixed:
        values = [f"{name} = {shown(value)}" for name, value in fixed.items()]
        say(f"no constructor arguments, but fixed in the code: {', '.join(values)}")
        yield "\n\nParameters of the spec that are fixed here; export it again for other values:\n\n"
        yield from (f"    {remark(value, 80)}\n" for value in values)
    yield '"""\n\n'
    code = [line for each in found for line in class_lines(each, interpretation)]
    own = list(_own(structures, "".join(code)))
    text = "".join((*own, *code))
    if re.search(r"\btorch\.", text):
        yield "import torch\n"
    yield "from torch import nn\n"
    if re.search(r"\bfunctional\.", text):
        yield "from torch.nn import functional\n"
    for each in own:
        yield f"\n{each}"
    yield from code


def _classes(interpretation: Interpretation, structures: Structures, name: str) -> tuple[list[Class], dict[str, Any]]:
    """The classes of a network, with as many of its parameters as constructor arguments as its values follow from, and
    the values of those that are neither arguments nor without an effect on the code."""
    builder = Builder(interpretation, structures)
    root = builder.whole()
    while merge(structures, within(root)):
        root = builder.whole()
    inputs = interpretation.network.document.inputs.values()
    of_input = {name for formula in inputs for name, _ in formula.names}
    without: set[str] = set()
    samples = Samples(interpretation, structures, root.key)
    while True:
        others = samples.of(without)
        roots = (root, *(part for _, part in others))
        try:
            offered = {each for each, _ in others}
            return classes(roots, name, structures.owned.values(), offered), samples.fixed(offered)
        except Unsaid as unsaid:
            base, *varied = unsaid.values
            culprits = {each for (each, _), value in zip(others, varied, strict=True) if each and value != base}
            # Of a size that depends on widths and on the input's, the input's is what is fixed.
            without |= culprits & of_input or culprits or {each for each, _ in others}


def _own(structures: Structures, code: str) -> Iterator[str]:
    """The classes of modules that torch.nn does not have and the code uses, each after those that it needs."""
    used: set[Own] = set()
    for own, name in reversed(structures.owned.items()):
        if own in used or re.search(rf"\b{name}\(", code):
            used.update((own, *own.needs))
    for own, name in structures.owned.items():
        if own in used:
            text = re.sub(rf"\b{own.name}\b", name, own.text)
            for needed in own.needs:
                text = re.sub(rf"\b{needed.name}\b", structures.owned[needed], text)
            yield text
