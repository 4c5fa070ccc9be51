"""The question turned round: which value of a parameter meets bounds on some figures?

Where the figures have formulas that never fall while the parameter grows, the value is found by bisection; where the
parameter decides the structure, or a figure may fall, every value of a given range is tried by a sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from archcalc.api import load
from archcalc.claims.bounds import Limit, read_limits
from archcalc.claims.figure import Bound
from archcalc.commands.formula.answer import BATCH, Formulas, formula
from archcalc.commands.formula.conditions import smallest
from archcalc.diagnostics.diagnostic import SpecError, UsageError
from archcalc.layers.attributes import decimal, shown
from archcalc.quantities.registry import Part, quantity_named
from archcalc.sizes.kinds import LARGEST, is_concrete
from archcalc.sizes.symbols import Expression, never_falls, number

#: How many values next to a bound are tried for one that keeps the other conditions.
_NEIGHBOURS = 100_000


class Solution(NamedTuple):
    """Values that meet the bounds: `settings` are the parameters solved for, `figures` the quantities of the bounds.

    `beyond` are the settings next in line and `beyond_figures` their figures, which no longer meet the bounds; empty
    where the search ends there or the next is not valid. `method` is "bisection" or "sweep".
    """

    spec: str
    settings: dict[str, Any]
    figures: dict[str, Any]
    beyond: dict[str, Any]
    beyond_figures: dict[str, Any]
    method: str

    @property
    def reference(self) -> str:
        """The spec with these settings, as any command takes it: `resnet50:width=72`."""
        given = ",".join(f"{name}={_written(value)}" for name, value in self.settings.items())
        return f"{self.spec}{',' if ':' in self.spec.rpartition('/')[2] else ':'}{given}"


class _Question(NamedTuple):
    """What is asked: the spec, its other parameters, the bounds, and whether the smallest value is wanted."""

    spec: str | Path
    parameters: Mapping[str, Any]
    limits: tuple[Limit, ...]
    smallest: bool

    def figures(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The figures at some settings; SpecError if there is no such network."""
        part = Part(load(self.spec, **{**self.parameters, **settings}).analyse())
        return {
            limit.quantity: quantity_named(limit.quantity, of="network", numbers=True).measure(part)
            for limit in self.limits
        }

    def met(self, figures: Mapping[str, Any]) -> bool:
        """Whether figures keep all bounds."""
        return all(bound.admits(figures[limit.quantity]) for limit in self.limits for bound in limit.bounds)


def solve(
    spec: str | Path,
    name: str,
    target: str,
    *,
    smallest: bool = False,
    multiple: int = 1,
    within: Sequence[Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Solution:
    """The largest (or smallest) value of a parameter that meets bounds, such as "macs <= 300M and params <= 5M".

    Only multiples of `multiple` are taken. `within` are the values to try, in increasing order; it is needed only for
    a parameter that decides the structure and for figures that may fall while it grows. `settings` are values of the
    other parameters. UsageError if no value meets
    the bounds, or if the search has no end.

    >>> import archcalc
    >>> archcalc.solve("resnet50", "width", "params <= 10M").reference
    'resnet50:width=39'
    """
    question = _Question(spec, settings or {}, tuple(read_limits(target)), smallest)
    if multiple < 1:
        raise UsageError(f"a value is rounded to a multiple of at least 1: {multiple} is not")
    made = _formulas(question, name)
    whole = within is None or isinstance(within, range)
    if made is not None and whole and all(_grows(made, name, limit.quantity) for limit in question.limits):
        value = _bisected(question, made, name, multiple, within)
        method, after = "bisection", value - multiple if smallest else value + multiple
    else:
        value, after = _swept(question, name, multiple, within)
        method = "sweep"
    beyond = {} if after is None else {name: after}
    beyond_figures = _valid_figures(question, beyond) if beyond else {}
    found = {name: value}
    return Solution(str(spec), found, question.figures(found), beyond if beyond_figures else {}, beyond_figures, method)


def scale(
    spec: str | Path,
    rates: Mapping[str, Any],
    target: str,
    *,
    multiple: int = 1,
    settings: Mapping[str, Any] | None = None,
) -> Solution:
    """Compound scaling: parameters grow together, each from its default by its own rate to the power of one number.

    The largest power that meets the bounds is taken, in steps of a tenth up to 10. A whole parameter is rounded to
    the nearest multiple of `multiple`, another to hundredths.
    Source: Tan & Le 2019, arXiv:1905.11946, equation 3 (rates 1.2, 1.1 and 1.15 for depth, width and image).
    """
    question = _Question(spec, settings or {}, tuple(read_limits(target)), False)
    defaults = load(spec, **question.parameters).expand().parameters
    for name in rates:
        if name not in defaults:
            raise UsageError(f"{spec} has no parameter `{name}` to scale: it has {', '.join(defaults)}")
        if not is_concrete(defaults[name]) and not isinstance(defaults[name], Fraction):
            raise UsageError(f"{name} is {shown(defaults[name])}: only a number can be scaled")
    best: Solution | None = None
    for tenths in range(101):
        tried = {name: _scaled(defaults[name], rates[name], tenths, multiple) for name in rates}
        figures = _valid_figures(question, tried)
        if not figures:
            continue
        if not question.met(figures):
            if best is not None:
                return best._replace(beyond=tried, beyond_figures=figures)
            break
        best = Solution(str(spec), tried, figures, {}, {}, "sweep")
    if best is None:
        raise UsageError(f"{spec} misses {_told(question)} even before it is scaled up")
    return best


def _scaled(base: Any, rate: Any, tenths: int, multiple: int) -> Any:
    value = Fraction(base) * Fraction(float(rate) ** (tenths / 10))
    if type(base) is int:
        return max(multiple, (value / multiple + Fraction(1, 2)).__floor__() * multiple) if tenths else base
    return Fraction((100 * value + Fraction(1, 2)).__floor__(), 100)


def _formulas(question: _Question, name: str) -> Formulas | None:
    """The formulas of the bounded quantities; None where the parameter decides the structure."""
    try:
        return formula(
            question.spec, [name], [limit.quantity for limit in question.limits], settings=question.parameters
        )
    except SpecError:
        load(question.spec, **question.parameters).expand()  # a spec that is wrong by itself says so
        return None


def _grows(made: Formulas, name: str, quantity: str) -> bool:
    """Whether a quantity never falls while the parameter grows from its least value."""
    least = {name: made.conditions.least.get(name, 1)}
    return never_falls(_exact(made, quantity), least)


def _exact(made: Formulas, quantity: str) -> Expression:
    """The formula for one sample."""
    return made[quantity].exact.substitute({BATCH: number(1)})


def _bisected(question: _Question, made: Formulas, name: str, multiple: int, within: Sequence[Any] | None) -> int:
    first, last = made.conditions.least.get(name, 1), LARGEST
    if within:
        first, last = max(first, within[0]), min(last, within[-1])
    low, high = -(-first // multiple), last // multiple
    for limit in question.limits:
        for bound in limit.bounds:
            low, high = _narrowed(bound, _at(made, name, limit.quantity, multiple), low, high)
    if low > high:
        raise _nothing(question, name)
    if high * multiple > LARGEST - multiple and not question.smallest:
        raise UsageError(f"{name} can grow without end: {_told(question)} does not bound it from above")
    order = range(low, high + 1) if question.smallest else range(high, low - 1, -1)
    for candidate in order[:_NEIGHBOURS]:
        if made.conditions.hold({name: candidate * multiple}):
            return candidate * multiple
    raise _nothing(question, name)


def _at(made: Formulas, name: str, quantity: str, multiple: int) -> Callable[[int], int]:
    exact = _exact(made, quantity)
    return lambda candidate: int(exact.evaluate({name: candidate * multiple}))


def _narrowed(bound: Bound, value: Callable[[int], int], low: int, high: int) -> tuple[int, int]:
    """The candidates between `low` and `high` that keep one bound of a value that never falls."""
    if low > high:
        return low, high
    if bound.relation in (">=", ">"):
        first = smallest(lambda candidate: bound.admits(Fraction(value(candidate))), low)
        return (high + 1 if first is None else first), high
    first_too_large = smallest(lambda candidate: not bound.admits(Fraction(value(candidate))), low)
    return low, high if first_too_large is None else min(high, first_too_large - 1)


def _swept(question: _Question, name: str, multiple: int, within: Sequence[Any] | None) -> tuple[Any, Any]:
    """The value, and the one after it in the range."""
    if within is None:
        raise UsageError(
            f"{name} decides the structure, or a bounded figure may fall while it grows: give the range to search"
        )
    values = [value for value in within if multiple == 1 or value % multiple == 0]
    if not question.smallest:
        values.reverse()
    after = None
    for value in values:
        figures = _valid_figures(question, {name: value})
        if figures and question.met(figures):
            return value, after
        after = value
    raise _nothing(question, name)


def _valid_figures(question: _Question, settings: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return question.figures(settings)
    except SpecError:
        return {}


def _nothing(question: _Question, name: str) -> UsageError:
    return UsageError(
        f"no value of {name} meets {_told(question)}: whole numbers are tried, others must be given to look in "
        "(--within 0.05:1:0.05)"
    )


def _told(question: _Question) -> str:
    return " and ".join(limit.text for limit in question.limits)


def _written(value: Any) -> str:
    return decimal(value) if isinstance(value, Fraction) else shown(value)
