"""Parameters that change nothing."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.language.document import Document, Parameter
from archcalc.warnings.names import in_defaults, mentioned
from archcalc.warnings.registry import Found, about_document


@about_document
def unused_parameter(document: Document) -> Iterator[Found]:
    """A parameter of the spec, or of a block, is mentioned nowhere: setting it changes nothing. Most often a number
    stands where the parameter was meant.

    Use the parameter or remove it.
    """
    used = mentioned(document.steps) | in_defaults(document.parameters)
    used |= {name for formula in document.inputs.values() for name, _ in formula.names}
    for block in document.blocks.values():
        own = {parameter.name for parameter in block.parameters}
        inside = mentioned(block.steps) | in_defaults(block.parameters)
        used |= inside - own
        yield from _unused(block.parameters, inside, f"the block `{block.name}`")
    yield from _unused(document.parameters, used, "the spec")


def _unused(parameters: tuple[Parameter, ...], used: set[str], owner: str) -> Iterator[Found]:
    for parameter in parameters:
        if parameter.name not in used:
            yield Found(parameter.place, f"{owner} does not use its parameter `{parameter.name}`")
