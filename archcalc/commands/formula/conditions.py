"""Conditions on free parameters: put into their shortest form, and what they say about each variable.

Everything is derived from the rules' own conditions, exactly: a condition that the others imply is left out, and one
about a floor becomes one about the variable (`(image + 31)//32 >= 7` is `image >= 193`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import gcd, lcm

from archcalc.records import Record
from archcalc.sizes.conditions import Condition
from archcalc.sizes.symbols import (
    Expression,
    Quotient,
    Variable,
    atom_of,
    exact_quotient,
    lift,
    lower_bound,
    never_falls,
    number,
    variable,
)

#: No bound on a variable is looked for beyond this: it is larger than any size.
_FAR = 1 << 62


class Constraint(Record):
    """`left divides right`, `left = right` or `left >= right`."""

    relation: str
    left: Expression
    right: Expression

    def __str__(self) -> str:
        word = {"divides": "divides", "equal": "=", "at_least": ">=", "at_most": "<="}[self.relation]
        return f"{self.left} {word} {self.right}"

    def holds(self, values: Mapping[str, int]) -> bool:
        """Whether it holds for these values of the variables."""
        left, right = self.left.evaluate(values), self.right.evaluate(values)
        if self.relation == "divides":
            return bool(left > 0 and right % left == 0)
        if self.relation == "equal":
            return bool(left == right)
        return bool(left >= right if self.relation == "at_least" else left <= right)


class Conditions(Record):
    """All constraints in their shortest form, the shortest first; `least` is the least value of each variable that
    they give one."""

    constraints: tuple[Constraint, ...]
    least: dict[str, int]

    def hold(self, values: Mapping[str, int]) -> bool:
        """Whether all of them hold for these values of the variables."""
        return all(constraint.holds(values) for constraint in self.constraints)


def conditions(given: Iterable[Condition]) -> Conditions:
    """The conditions that rules have left open, in their shortest form."""
    all_of_them = [_constraint(each) for each in given]
    divisions = [d for d in map(_as_division, all_of_them) if d is not None]
    others = [each for each in all_of_them if _as_division(each) is None]
    divides = _merged(divisions)
    least, most, compared = _bounds([each for each in others if each.relation == "at_least"])
    bounds = [Constraint("at_least", variable(name), number(value)) for name, value in least.items()]
    bounds += [Constraint("at_most", variable(name), number(value)) for name, value in most.items()]
    equal = [each for each in others if each.relation == "equal"]
    found = dict.fromkeys([*divides, *bounds, *equal, *compared])
    return Conditions(tuple(sorted(found, key=lambda each: (len(str(each)), str(each)))), least)


def _constraint(condition: Condition) -> Constraint:
    left, right = lift(condition.left), lift(condition.right)
    assert left is not None
    assert right is not None
    if condition.relation == "at_most":
        return Constraint("at_least", right, left)
    return Constraint(condition.relation, left, right)


# --- divisions


def _as_division(constraint: Constraint) -> Constraint | None:
    """The division that a constraint is: itself, or an equality of floors that holds for whole quotients alone."""
    if constraint.relation == "divides":
        return _reduced(constraint.left, constraint.right)
    if constraint.relation != "equal":
        return None
    difference = constraint.left - constraint.right
    for atom in difference.atoms:
        if not isinstance(atom, Quotient):
            continue
        floor = Expression({((atom, 1),): 1})
        times = -difference.terms.get(((atom, 1),), 0)
        if times < 0:
            times, difference = -times, -difference
        whole = difference + times * floor
        if times > 1 and whole // times == floor:
            return _reduced(number(times), whole)  # n = d * (n//d)
        if times == 1 and whole == (atom.numerator - 1) // atom.denominator + 1:
            return _reduced(atom.denominator, atom.numerator)  # n//d = (n - 1)//d + 1
    return None


def _reduced(divisor: Expression, dividend: Expression) -> Constraint:
    """A division without common factors, its coefficients less than its divisor."""
    d = divisor.constant
    if d is None or d <= 0:
        return Constraint("divides", divisor, dividend)
    remainders = {monomial: coefficient % d for monomial, coefficient in dividend.terms.items()}
    common = gcd(d, *remainders.values())
    dividend = Expression({monomial: r // common for monomial, r in remainders.items()})
    return Constraint("divides", number(d // common), dividend)


def _merged(divisions: list[Constraint]) -> list[Constraint]:
    """The divisions, those of one dividend put together, without those that others imply."""
    known: dict[Expression, int] = {}
    symbolic: list[Constraint] = []
    for each in dict.fromkeys(divisions):
        divisor = each.left.constant
        if divisor is None or divisor <= 0:
            symbolic.append(each)
        else:
            known[each.right] = lcm(known.get(each.right, 1), divisor)
    _unnest(known)
    made = [Constraint("divides", number(d), dividend) for dividend, d in known.items() if d > 1] + symbolic
    return [each for each in made if not _implied(each, [other for other in made if other is not each])]


def _unnest(known: dict[Expression, int]) -> None:
    """`b` divides `n` and `a` divides `n//b`: together `a*b` divides `n`. Repeated until nothing changes."""
    changed = True
    while changed:
        changed = False
        for dividend, divisor in list(known.items()):
            inner = atom_of(dividend)
            if not isinstance(inner, Quotient):
                continue
            b, n = inner.denominator.constant, inner.numerator
            if b is not None and n in known and known[n] % b == 0:
                del known[dividend]
                known[n] = lcm(known[n], divisor * b)
                changed = True


def _implied(constraint: Constraint, others: list[Constraint]) -> bool:
    """Whether a division follows from others of which each says what a variable is a multiple of."""
    return any(_follows(constraint, other) for other in others)


def _follows(constraint: Constraint, other: Constraint) -> bool:
    if constraint.left == other.left and exact_quotient(constraint.right, other.right) is not None:
        return True
    known = multiple(other)
    return known is not None and exact_quotient(constraint.right.substitute(dict([known])), constraint.left) is not None


def multiple(constraint: Constraint) -> tuple[str, Expression] | None:
    """For `d divides variable + c`: the variable, and what it is with a new variable for the quotient.

    That is `d * quotient - c`; the new variable has the name of the division.
    """
    names = constraint.right.names
    if constraint.relation != "divides" or len(names) != 1 or names & constraint.left.names:
        return None
    if len(constraint.left.terms) != 1:
        return None
    (name,) = names
    shift = (constraint.right - variable(name)).constant
    if shift is None:
        return None
    return name, constraint.left * variable(str(constraint)) - shift


# --- bounds


def _bounds(compared: list[Constraint]) -> tuple[dict[str, int], dict[str, int], list[Constraint]]:
    """The least and the largest value of each variable, and the comparisons that say more than these."""
    least: dict[str, int] = {}
    most: dict[str, int] = {}
    waiting = list(dict.fromkeys(compared))
    progress = True
    while progress:
        progress = False
        for each in list(waiting):
            difference = each.left - each.right
            if lower_bound(difference, least) is not None and (lower_bound(difference, least) or 0) >= 0:
                waiting.remove(each)  # it follows from the bounds
                progress = True
                continue
            if len(difference.names) != 1:
                continue
            (name,) = difference.names
            low = _first(difference, name, least)
            high = _last(difference, name) if low is None else None
            if low is not None:
                least[name] = max(low, least.get(name, low))
            elif high is not None:
                most[name] = min(high, most.get(name, high))
            else:
                continue
            waiting.remove(each)
            progress = True
    return least, most, waiting


def _linear(difference: Expression, name: str) -> tuple[int, int] | None:
    """Slope and constant of an expression that is linear in its only variable."""
    slope = difference.terms.get(((Variable(name), 1),), 0)
    constant = difference.terms.get((), 0)
    return (slope, constant) if slope and difference == slope * variable(name) + constant else None


def _first(difference: Expression, name: str, least: Mapping[str, int]) -> int | None:
    """The value of the variable from which on the difference is not negative, if it never falls."""
    linear = _linear(difference, name)
    if linear is not None:
        slope, constant = linear
        return -(constant // slope) if slope > 0 else None
    start = least.get(name)
    if start is None or not never_falls(difference, least):
        return None
    return smallest(lambda value: bool(difference.evaluate({name: value}) >= 0), start)


def _last(difference: Expression, name: str) -> int | None:
    """The value of the variable up to which the difference is not negative, if it is linear and falls."""
    linear = _linear(difference, name)
    if linear is None or linear[0] > 0:
        return None
    return linear[1] // -linear[0]


def smallest(holds: Callable[[int], bool], start: int) -> int | None:
    """The smallest value from `start` on that something holds for, if it then holds for all larger ones; None if it
    does for none that is a size."""
    if holds(start):
        return start
    low, step = start, 1
    while not holds(low + step):
        low, step = low + step, 2 * step
        if low > _FAR:
            return None
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
