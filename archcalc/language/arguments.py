"""Arguments: what a step gives the layer or block that it calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from archcalc.diagnostics.diagnostic import closest
from archcalc.language.document import Argument, Block, Step
from archcalc.language.formulas import read_formula
from archcalc.language.keys import STEP_KEYS
from archcalc.language.names import Known
from archcalc.language.reading import Reading
from archcalc.language.source import Mapping, Scalar, Value, is_empty
from archcalc.layers.attributes import Refused
from archcalc.layers.registry import Layer


def layer_arguments(reading: Reading, step: Step, layer: Layer, given: Value | None, known: Known) -> None:
    """What a step gives a layer, checked against the layer's schema."""
    step.arguments = _arguments(
        reading,
        step,
        given,
        known,
        {attribute.name: attribute.kind.words for attribute in layer.attributes.values()},
        layer.first,
        f"{layer.name} has no attribute",
    )
    names = {argument.name for argument in step.arguments}
    for attribute in layer.attributes.values():
        if attribute.required and attribute.name not in names:
            message = f"{layer.name} needs `{attribute.name}`"
            reading.findings.add("missing-attribute", message, step.place, help=f"a {attribute.kind.said}")
    _check_alternatives(reading, step, layer, names)
    step.constants = _constants(reading, step, layer)


def _check_alternatives(reading: Reading, step: Step, layer: Layer, names: set[str]) -> None:
    """Of the attributes that say the same in several ways, one is given."""
    given = [name for name in layer.one_of if name in names]
    message = f"{layer.name} needs {' or '.join(f'`{name}`' for name in layer.one_of)}"
    if layer.one_of and not given:
        reading.findings.add("missing-attribute", message, step.place)
    elif len(given) > 1:
        reading.findings.add("conflicting-attributes", f"{message}, not both", step.place)


def block_arguments(reading: Reading, step: Step, block: Block, given: Value | None, known: Known) -> None:
    """What a step gives a block, checked against its signature.

    A bare value is the first argument; but a list is a row of arguments, in order, where the block needs several.
    """
    if given is not None and not is_empty(given) and not isinstance(given, Mapping) and len(block.needed) > 1:
        row = read_formula(reading, given, known)
        if row.constant is None or isinstance(row.constant, tuple):
            step.row = row
            return
    names: dict[str, tuple[str, ...]] = {parameter.name: () for parameter in block.parameters}
    first = block.parameters[0].name if block.parameters else None
    step.arguments = _arguments(reading, step, given, known, names, first, f"{block.name} has no parameter")
    bound = {argument.name for argument in step.arguments}
    for parameter in block.needed:
        if parameter.name not in bound:
            message = f"{block.name} needs `{parameter.name}`"
            reading.findings.add("missing-argument", message, step.place, help=f"it is {block.signature}")


def _arguments(
    reading: Reading,
    step: Step,
    given: Value | None,
    known: Known,
    names: dict[str, tuple[str, ...]],
    first: str | None,
    complaint: str,
) -> tuple[Argument, ...]:
    """The arguments of a step; `names` are those that it can have, with the words that each can be."""
    if given is None or is_empty(given):
        return ()
    if not isinstance(given, Mapping):
        if first is None:
            reading.findings.add("unknown-attribute", f"{step.name} takes no values", reading.place(given))
            return ()
        formula = read_formula(reading, given, known, names[first])
        return (Argument(first, formula),)
    made = []
    split = False
    for key, value in given.entries:
        if split and is_empty(value):  # the rest of an expression that a comma has split, which is found already
            split = ")" not in key.text
            continue
        split = isinstance(value, Scalar) and value.text.count("(") > value.text.count(")")
        name = key.text
        if name not in names:
            meant, hint = _meant(step, name, names)
            reading.findings.add("unknown-attribute", f"{complaint} `{name[:80]}`", reading.place(key), help=hint)
            if meant is None:  # nobody knows what its value would have to be
                continue
            name = meant  # that what was meant is missing is not another finding
        made.append(Argument(name, read_formula(reading, value, known, names[name])))
    return tuple(made)


def _meant(step: Step, name: str, names: Iterable[str]) -> tuple[str | None, str | None]:
    """What a step was to be given by a name that it does not know, None if nobody can tell; and a help text."""
    from archcalc.layers.other_names import not_an_attribute, other_attribute

    if name in STEP_KEYS:
        return None, f"`{name}` belongs to the step: write it beside `{step.name}:`"
    meant = other_attribute(name, names)
    elsewhere = None if meant else not_an_attribute(name)
    meant = meant if meant or elsewhere else closest(name, names)
    if meant:
        return meant, f"did you mean `{meant}`?"
    return None, elsewhere or (f"it has {', '.join(names)}" if names else None)


def _constants(reading: Reading, step: Step, layer: Layer) -> dict[str, Any] | None:
    """The attributes of a step that has only constants, typed once and for all."""
    typed = {}
    for argument in step.arguments:
        attribute = layer.attributes.get(argument.name)
        if attribute is None or argument.formula.constant is None:
            return None
        try:
            typed[argument.name] = attribute.kind.accept(argument.formula.constant)
        except Refused as refused:
            reading.findings.add("bad-value", f"{argument.name} {refused}", argument.formula.place)
            return None
    return typed
