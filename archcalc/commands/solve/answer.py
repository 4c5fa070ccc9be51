"""The question turned round: which value of a parameter meets bounds on some figures?

Where the figures have formulas that never fall while the parameter grows, the value is found by bisection; where the
parameter decides the structure, or a figure may fall, every value of a given range is tried by a sweep: whole numbers
that leave the structure as it is many at a time.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from archcalc.api import load
from archcalc.claims.bounds import Limit, read_limits
from archcalc.claims.figure import Bound
from archcalc.commands.formula.answer import BATCH, Formulas, NoFormula, formula
from archcalc.diagnostics.diagnostic import NoAnswer, SpecError, UsageError
from archcalc.layers.attributes import decimal, shown
from archcalc.memory.setup import stated
from archcalc.quantities.registry import Part, quantities, quantity_named
from archcalc.records import Record
from archcalc.sizes.kinds import LARGEST, is_concrete
from archcalc.sizes.symbols import Expression, never_falls, number

#: How many values next to a bound are tried for one that keeps the other conditions.
_NEIGHBOURS = 100_000
#: Where each value is a network of its own, so many layers are looked at; one that is refused counts as some, and one
#: that is refused for its size as all of them: there is no second.
_MOST_LAYERS = 100_000
_OF_REFUSED, _OF_TOO_LARGE = 100, _MOST_LAYERS
#: Where all values have one structure, so many are tried, and so many of them at a time.
_MOST_VALUES, _AT_A_TIME = 10_000, 2_500


class Solution(Record):
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


class _Question(Record):
    """What is asked: the spec, its other parameters, the bounds, whether the smallest value is wanted, and what is
    stated of the setup."""

    spec: str | Path
    parameters: Mapping[str, Any]
    limits: tuple[Limit, ...]
    smallest: bool
    words: Mapping[str, str]

    def figures(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The figures at some settings; SpecError if there is no such network."""
        return self.measured(settings)[0]

    def measured(self, settings: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        """The figures at some settings, and how many layers the network has."""
        analysis = load(self.spec, **{**self.parameters, **settings}).analyse()
        part = Part(analysis, setup=stated(analysis.network, self.words))
        known = {limit.quantity: quantity_named(limit.quantity, of="network", numbers=True) for limit in self.limits}
        return {name: quantity.measure(part) for name, quantity in known.items()}, len(analysis.layers)

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
    words: Mapping[str, str] | None = None,
) -> Solution:
    """The largest (or smallest) value of a parameter that meets bounds, such as "macs <= 300M and params <= 5M".

    Only multiples of `multiple` are taken. `within` are the values to choose from; it is needed only for a parameter
    that decides the structure and for figures that may fall while it grows. `settings` are values of the other
    parameters; `words` state how the network is run, as a claim's `with` does. NoAnswer if no value meets the
    bounds, or if the search has no end.

    >>> import archcalc
    >>> archcalc.solve("resnet50", "width", "params <= 10M").reference
    'resnet50:width=39'
    """
    question = _Question(spec, settings or {}, tuple(read_limits(target)), smallest, words or {})
    if multiple < 1:
        raise UsageError(f"a value is rounded to a multiple of at least 1: {multiple} is not")
    values = None if within is None else _candidates(name, within, multiple)
    made = _formulas(question, name) if values is None or _are_ints(values) else None
    if made is not None and all(_grows(made, name, limit.quantity) for limit in question.limits):
        candidates = _from_least(made, name, values, multiple)
        value, after = _bisected(question, made, name, candidates, every=within is None)
        method = "bisection"
    elif values is None:
        stated(load(spec, **question.parameters).expand(), question.words)  # a setup that is wrong says so itself
        raise UsageError(
            f"{name} decides the structure, or a bounded figure may fall while it grows: say which values to try, "
            "as --within 1:64"
        )
    else:
        value, after = _swept(question, name, values)
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
    words: Mapping[str, str] | None = None,
) -> Solution:
    """Compound scaling: parameters grow together, each from its default by its own rate to the power of one number.

    The largest power that meets the bounds is taken, in steps of a tenth up to 10. A whole parameter is rounded to
    the nearest multiple of `multiple`, another to hundredths.
    Source: Tan & Le 2019, arXiv:1905.11946, equation 3 (rates 1.2, 1.1 and 1.15 for depth, width and image).
    """
    question = _Question(spec, settings or {}, tuple(read_limits(target)), False, words or {})
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
        raise NoAnswer(f"{spec} misses {_told(question)} even before it is scaled up")
    return best


def _scaled(base: Any, rate: Any, tenths: int, multiple: int) -> Any:
    value = Fraction(base) * Fraction(float(rate) ** (tenths / 10))
    if type(base) is int:
        return max(multiple, (value / multiple + Fraction(1, 2)).__floor__() * multiple) if tenths else base
    return Fraction((100 * value + Fraction(1, 2)).__floor__(), 100)


def _candidates(name: str, within: Sequence[Any], multiple: int) -> Sequence[Any]:
    """The values to choose from, in increasing order where they have one. UsageError if there is none."""
    if multiple > 1 and not _are_ints(within):
        raise UsageError(f"only whole numbers are multiples of {multiple}: {name} is looked for among others")
    values: Sequence[Any]
    if isinstance(within, range):
        values = _multiples(within, multiple)
    else:
        values = [value for value in within if multiple == 1 or value % multiple == 0]
        if all(type(value) is int or isinstance(value, Fraction) for value in values):
            values = sorted(values)
    if not values:
        raise UsageError(f"there is no value of {name} to try")
    return values


def _are_ints(values: Sequence[Any]) -> bool:
    return isinstance(values, range) or all(type(value) is int for value in values)


def _multiples(values: range, multiple: int) -> range:
    """The values of a range that are multiples, as a range: they come at equal distances."""
    first = next((value for value in values[:multiple] if value % multiple == 0), None)
    return range(0) if first is None else range(first, values.stop, math.lcm(values.step, multiple))


def _from_least(made: Formulas, name: str, values: Sequence[int] | None, multiple: int) -> Sequence[int]:
    """The values from the least at which the formulas hold; every multiple where no values are given."""
    least = made.conditions.least.get(name, 1)
    if values is None:
        return range(-(-least // multiple) * multiple, LARGEST + 1, multiple)
    return values[bisect_left(values, least) :]


def _formulas(question: _Question, name: str) -> Formulas | None:
    """The formulas of the bounded quantities; None where the parameter decides the structure, or a quantity has no
    formula in this setup."""
    names = [limit.quantity for limit in question.limits]
    bounded = [quantity_named(each, of="network", numbers=True) for each in names]
    if any(quantity.kinds != "all" or (question.words and quantity.depends) for quantity in bounded):
        return None
    try:
        return formula(question.spec, [name], names, settings=question.parameters)
    except (SpecError, NoFormula):
        load(question.spec, **question.parameters).expand()  # a spec that is wrong by itself says so
        return None


def _grows(made: Formulas, name: str, quantity: str) -> bool:
    """Whether a quantity never falls while the parameter grows from its least value."""
    least = {name: made.conditions.least.get(name, 1)}
    return never_falls(_exact(made, quantity), least)


def _exact(made: Formulas, quantity: str) -> Expression:
    """The formula for one sample."""
    return made[quantity].exact.substitute({BATCH: number(1)})


def _bisected(
    question: _Question, made: Formulas, name: str, values: Sequence[int], *, every: bool
) -> tuple[int, int | None]:
    """The value, and the next one that is beyond the bounds."""
    low, high = 0, len(values) - 1
    for limit in question.limits:
        for bound in limit.bounds:
            low, high = _narrowed(bound, _at(made, name, limit.quantity, values), low, high)
    if low > high:
        raise _nothing(question, name, values, every=every)
    if high == len(values) - 1 and values[high] > LARGEST - (values[high] - values[high - 1]) and not question.smallest:
        raise UsageError(f"{name} can grow without end: {_told(question)} does not bound it from above")
    order = range(low, high + 1) if question.smallest else range(high, low - 1, -1)
    for candidate in order[:_NEIGHBOURS]:
        if made.conditions.hold({name: values[candidate]}):
            after = candidate - 1 if question.smallest else candidate + 1
            return values[candidate], values[after] if 0 <= after < len(values) else None
    raise _nothing(question, name, values, every=every)


def _at(made: Formulas, name: str, quantity: str, values: Sequence[int]) -> Callable[[int], int]:
    exact = _exact(made, quantity)
    return lambda candidate: int(exact.evaluate({name: values[candidate]}))


def _narrowed(bound: Bound, value: Callable[[int], int], low: int, high: int) -> tuple[int, int]:
    """The candidates between `low` and `high` that keep one bound of a value that never falls."""
    if low > high:
        return low, high
    numbers = range(low, high + 1)
    if bound.relation in (">=", ">"):
        return low + bisect_left(numbers, True, key=lambda each: bound.admits(Fraction(value(each)))), high
    return low, low + bisect_left(numbers, True, key=lambda each: not bound.admits(Fraction(value(each)))) - 1


def _swept(question: _Question, name: str, values: Sequence[Any]) -> tuple[Any, Any]:
    """The value, and the one after it in the range."""
    if _are_ints(values) and _has_one_structure(question, name) and find_spec("numpy"):
        return _swept_together(question, name, values)
    after, layers = None, 0
    for tried, value in enumerate(values if question.smallest else reversed(values), 1):
        try:
            figures, of_one = question.measured({name: value})
        except SpecError as error:
            too_large = any(finding.rule == "too-many-layers" for finding in error.diagnostics)
            figures, of_one = {}, _OF_TOO_LARGE if too_large else _OF_REFUSED
        if figures and question.met(figures):
            return value, after
        layers += of_one
        if layers > _MOST_LAYERS:
            raise _too_many(question, name, tried, value)
        after = value
    raise _nothing(question, name, values, every=False)


def _has_one_structure(question: _Question, name: str) -> bool:
    """Whether the network has the same layers whatever the parameter is."""
    try:
        formula(question.spec, [name], ["params"], settings=question.parameters)
    except (SpecError, NoFormula):
        return False
    return True


def _swept_together(question: _Question, name: str, values: Sequence[int]) -> tuple[int, int | None]:
    """The same for whole numbers that do not decide the structure: many of them are one run of the rules."""
    from archcalc.commands.sweep.run import sweep

    order = values if question.smallest else values[::-1]
    for start in range(0, min(len(order), _MOST_VALUES), _AT_A_TIME):
        found = sweep(
            question.spec,
            {name: order[start : start + _AT_A_TIME]},
            [limit.quantity for limit in question.limits],
            where=_told(question),
            settings=question.parameters,
            words=question.words,
        )
        if found.count:
            value = int(found[name][0])  # they come in the order in which they are asked for
            place = order.index(value)
            return value, order[place - 1] if place else None
    if len(order) > _MOST_VALUES:
        raise _too_many(question, name, _MOST_VALUES, order[_MOST_VALUES - 1])
    raise _nothing(question, name, values, every=False)


def _too_many(question: _Question, name: str, tried: int, last: Any) -> UsageError:
    """That there are more values than are tried."""
    way = "up" if question.smallest else "down"
    which = f"none of the {tried:,} values of {name} {way} to {last} meets" if tried > 1 else f"{name} = {last} misses"
    return UsageError(f"{which} {_told(question)}: narrow the range")


def _valid_figures(question: _Question, settings: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return question.figures(settings)
    except SpecError:
        return {}


def _nothing(question: _Question, name: str, values: Sequence[Any], *, every: bool) -> NoAnswer:
    """That none of the values is the answer, with the figures at the end that comes closest; `every` says that they
    are all whole numbers."""
    sides = {bound.relation[0] for limit in question.limits for bound in limit.bounds}
    closest = ""
    if values and len(sides) == 1:
        end = values[0 if sides == {"<"} else -1]
        figures = _valid_figures(question, {name: end})
        reached = ", ".join(
            f"no {key}" if value is None else f"{key} {quantities()[key].unit.full(value)}"
            for key, value in figures.items()
        )
        closest = f": {name} = {shown(end)} has {reached}" if figures else ""
    how = "; only whole numbers are tried, and --within 0.05:1:0.05 tries others" if every else ""
    return NoAnswer(f"no value of {name} meets {_told(question)}{closest}{how}")


def _told(question: _Question) -> str:
    return " and ".join(limit.text for limit in question.limits)


def _written(value: Any) -> str:
    return decimal(value) if isinstance(value, Fraction) else shown(value)
