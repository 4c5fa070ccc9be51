"""The smallest spec that still parts in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from oracle.figures import Question
from oracle.generate import Case, Step, network, stretches

from archcalc.analysis.interpret import Interpretation
from archcalc.diagnostics.diagnostic import SpecError

JOINS = frozenset({"add", "mean", "concat", "multiply", "head"})


def shrunk(case: Case, still: Callable[[Case], bool], tries: int = 400) -> Case:
    """The case made smaller, piece by piece, as long as `still` holds; at most that many tries."""
    while True:
        for smaller in _smaller(case):
            tries -= 1
            if tries < 0:
                return case
            if still(smaller):
                case = smaller
                break
        else:
            return case


def _smaller(case: Case) -> Iterator[Case]:
    spec, question = case
    if question.frozen or question.checkpoints:
        yield Case(spec, question._replace(frozen=(), checkpoints=()))
    for steps in _fewer(spec.steps):
        if steps:
            yield from _renumbered(Case(spec._replace(steps=steps), question))
    if question.batch > 1:
        yield Case(spec, question._replace(batch=question.batch - 1))
    for axis, size in enumerate(spec.input):
        if size > 1:
            shape = (*spec.input[:axis], size - 1, *spec.input[axis + 1 :])
            yield Case(spec._replace(input=shape), question)


def _renumbered(case: Case) -> Iterator[Case]:
    """The case with what is frozen and checkpointed chosen anew: numbers of layers change with the steps."""
    question = case.question
    if not (question.frozen or question.checkpoints):
        yield case
        return
    try:
        made = network(case.spec)
    except SpecError:
        return
    for frozen in _choices(made) if question.frozen else [()]:
        for checkpoints in [(one,) for one in stretches(made)] if question.checkpoints else [()]:
            yield Case(case.spec, question._replace(frozen=frozen, checkpoints=checkpoints))


def _choices(made: Interpretation) -> Iterator[tuple[int, ...]]:
    for index, outcome in enumerate(made.outcomes):
        if outcome.params:
            yield (index,)


def _fewer(steps: tuple[Step, ...] | list[Step]) -> Iterator[tuple[Step, ...]]:
    """The steps with one left out, one replaced by a branch of its own, or one made simpler."""
    for i in range(len(steps)):
        yield (*steps[:i], *steps[i + 1 :])
    for i, step in enumerate(steps):
        for smaller in _simpler(step):
            yield (*steps[:i], *smaller, *steps[i + 1 :])


def _simpler(step: Step) -> Iterator[list[Step]]:
    layer, value = next(iter(step.items()))
    if len(step) > 1:
        yield [{layer: value}]
    if layer in JOINS:
        branches: dict[str, list[Step]] = value
        for name, inside in branches.items():
            if layer != "head":
                yield list(inside)
            if len(branches) > 2:
                yield [{**step, layer: {other: each for other, each in branches.items() if other != name}}]
            for fewer in _fewer(inside):
                if fewer or layer != "head":
                    yield [{**step, layer: {**branches, name: list(fewer)}}]
    elif isinstance(value, dict):
        for name in value:
            left = {other: each for other, each in value.items() if other != name}
            yield [{**step, layer: left or None}]
        for name, each in value.items():
            if type(each) is int and each > 1:
                yield [{**step, layer: {**value, name: each - 1}}]


def described(case: Case) -> str:
    """The case as a person would type it."""
    text = case.spec.text()
    question = case.question
    changed: dict[str, Any] = {
        name: value for name, value in question._asdict().items() if value != getattr(Question(), name)
    }
    return text + (f"# {', '.join(f'{name} = {value}' for name, value in changed.items())}\n" if changed else "")
