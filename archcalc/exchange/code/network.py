"""The definitions of a network: its blocks, and the modules that its framework does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from archcalc.analysis.interpret import Interpretation
from archcalc.exchange.code.classes import Class, Unsaid, classes
from archcalc.exchange.code.flow import remark
from archcalc.exchange.code.layers import Own
from archcalc.exchange.code.merge import merge
from archcalc.exchange.code.parts import Builder, Structures, within
from archcalc.exchange.code.samples import Samples
from archcalc.exchange.code.target import Target
from archcalc.exchange.say import Say
from archcalc.layers.attributes import shown


def name_of(interpretation: Interpretation) -> str:
    """The name of a network."""
    return interpretation.network.document.architecture or "network"


def definitions(interpretation: Interpretation, structures: Structures) -> tuple[list[Class], dict[str, Any]]:
    """The blocks of a network and the network itself, with as many of its parameters as arguments as its values follow
    from, and the values of those that are neither arguments nor without an effect on the code. SpecError names all
    layers that the target does not have."""
    builder = Builder(interpretation, structures)
    root = builder.whole()
    while merge(structures, within(root)):
        root = builder.whole()
    without: set[str] = set()
    samples = Samples(interpretation, structures, root.key)
    while True:
        others = samples.of(without)
        roots = (root, *(part for _, part in others))
        try:
            offered = {each for each, _ in others}
            return classes(roots, name_of(interpretation), structures, offered), samples.fixed(offered)
        except Unsaid as unsaid:
            base, *varied = unsaid.values
            culprits = {each for (each, _), value in zip(others, varied, strict=True) if each and value != base}
            # Of a size that depends on widths and on the input's, the input's is what is fixed.
            without |= culprits & samples.of_input or culprits or {each for each, _ in others}


def heading(interpretation: Interpretation, target: Target, fixed: Mapping[str, Any], say: Say) -> Iterator[str]:
    """The docstring of a file of code; the parameters that are fixed in it are named there, and to `say`."""
    yield f'"""{remark(name_of(interpretation))}: {target.name}, written by archcalc from its spec.'
    if fixed:
        values = [f"{name} = {shown(value)}" for name, value in fixed.items()]
        say(f"not arguments, but fixed in the code: {', '.join(values)}")
        yield "\n\nParameters of the spec that are fixed here; export it again for other values:\n\n"
        yield from (f"    {remark(value, 80)}\n" for value in values)
    yield '"""\n\n'


def own_modules(structures: Structures, code: str) -> Iterator[str]:
    """The classes of modules that the framework does not have and the code uses, each after those that it needs."""
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
