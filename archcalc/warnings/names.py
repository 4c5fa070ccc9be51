"""What of its own names a document uses: shared by the rules about unused ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archcalc.language.document import Block, Document, Formula, Parameter, Step
from archcalc.language.source import Mapping, Sequence, Value


def steps_within(steps: tuple[Step, ...]) -> Iterator[Step]:
    """The steps, and those of their branches."""
    for step in steps:
        yield step
        for branch in step.branches or ():
            yield from steps_within(branch.steps)


def mentioned(steps: tuple[Step, ...]) -> set[str]:
    """Every name in the arguments, repeats and conditions of steps."""
    within = steps_within(steps)
    return chosen(steps) | {name for step in within for formula in _formulas(step) for name, _ in formula.names}


def chosen(steps: tuple[Step, ...]) -> set[str]:
    """The parameters whose values say what steps call."""
    return {step.name for step in steps_within(steps) if step.bind is not None}


def _formulas(step: Step) -> Iterator[Formula]:
    yield from (argument.formula for argument in step.arguments)
    conditions = (branch.when for branch in step.branches or ())
    formulas = (step.repeat, step.when, step.row, step.trainable, *conditions)
    yield from (formula for formula in formulas if formula is not None)


def called(document: Document) -> set[Block]:
    """The blocks that a document's layers call, also through other blocks; all of its own where it has no layers.

    A block that is an argument, or the value of a parameter, counts as called; so does one that a claim sets.
    """
    if not document.steps:
        waiting = list(document.blocks.values())
    else:
        waiting = [*_callees(document, document.steps), *_named(document, in_defaults(document.parameters))]
        waiting += _named(document, _set_by_claims(document.expect))
    reached: set[Block] = set()
    while waiting:
        block = waiting.pop()
        if block not in reached:
            reached.add(block)
            waiting += _callees(block.document, block.steps)
            waiting += _named(block.document, in_defaults(block.parameters))
    return reached


def _callees(document: Document, steps: tuple[Step, ...]) -> Iterator[Block]:
    yield from (step.callee for step in steps_within(steps) if isinstance(step.callee, Block))
    yield from _named(document, mentioned(steps))


def _named(document: Document, names: Iterable[str]) -> Iterator[Block]:
    """The blocks among what expressions mention."""
    return (block for name in names if (block := document.block(name)) is not None)


def _set_by_claims(value: Value | None, *, inside: bool = False) -> Iterator[str]:
    """Every word under a key `with`: what the parameters of a claim are set to."""
    if isinstance(value, Mapping):
        for key, each in value.entries:
            yield from _set_by_claims(each, inside=inside or key.text == "with")
    elif isinstance(value, Sequence):
        for each in value.items:
            yield from _set_by_claims(each, inside=inside)
    elif value is not None and inside:
        yield value.text


def in_defaults(parameters: tuple[Parameter, ...]) -> set[str]:
    """Every name in the defaults of parameters."""
    defaults = (parameter.default for parameter in parameters)
    return {name for default in defaults if default is not None for name, _ in default.names}
