"""What of its own names a document uses: shared by the rules about unused ones."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.language.document import Block, Document, Formula, Step


def steps_within(steps: tuple[Step, ...]) -> Iterator[Step]:
    """The steps, and those of their branches."""
    for step in steps:
        yield step
        for _, branch in step.branches or ():
            yield from steps_within(branch)


def mentioned(steps: tuple[Step, ...]) -> set[str]:
    """Every name in the arguments, repeats and conditions of steps."""
    return {name for step in steps_within(steps) for formula in _formulas(step) for name, _ in formula.names}


def _formulas(step: Step) -> Iterator[Formula]:
    yield from (argument.formula for argument in step.arguments)
    yield from (formula for formula in (step.repeat, step.when) if formula is not None)


def called(document: Document) -> set[Block]:
    """The blocks that a document's layers call, also through other blocks; all of its own where it has no layers."""
    waiting = list(_callees(document.steps)) if document.steps else list(document.blocks.values())
    reached: set[Block] = set()
    while waiting:
        block = waiting.pop()
        if block not in reached:
            reached.add(block)
            waiting += _callees(block.steps)
    return reached


def _callees(steps: tuple[Step, ...]) -> Iterator[Block]:
    return (step.callee for step in steps_within(steps) if isinstance(step.callee, Block))
