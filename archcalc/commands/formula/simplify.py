"""A formula in its shortest form under its conditions: the floor of a multiple is an exact quotient."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import lcm
from typing import Any

from archcalc.commands.formula.conditions import Conditions, Constraint, multiple
from archcalc.sizes.symbols import Atom, Expression, Extreme, Quotient, Variable, exact_quotient, lift, lower_bound


def simplified(expression: Expression, known: Conditions) -> Expression:
    """The expression as it is read: equal to it wherever the conditions hold, with fractions that come out whole.

    `9*C*(C//32)` is `9*C**2/32` where 32 divides C. It is for reading: to compute, use the expression itself.
    """

    def image(atom: Atom) -> Expression:
        return _resolved(atom, known) if isinstance(atom, Quotient) else _itself(atom)

    return _mapped(_decided(expression, known.least), image)


def _itself(atom: Atom) -> Expression:
    return Expression({((atom, 1),): 1})


def _mapped(expression: Expression, image: Any) -> Expression:
    made = lift(expression.map_atoms(image))
    assert made is not None
    return Expression({m: int(c) if Fraction(c).denominator == 1 else c for m, c in made.terms.items()})


def _decided(expression: Expression, least: Mapping[str, int]) -> Expression:
    """Extremes replaced where the least values of the variables decide them."""

    def image(atom: Atom) -> Expression:
        if isinstance(atom, Quotient):
            return _decided(atom.numerator, least) // _decided(atom.denominator, least)
        if isinstance(atom, Extreme):
            for larger, smaller in ((atom.left, atom.right), (atom.right, atom.left)):
                bound = lower_bound(larger - smaller, least)
                if bound is not None and bound >= 0:
                    return _decided(larger if atom.which == "max" else smaller, least)
        return _itself(atom)

    return _mapped(expression, image)


def _resolved(floor: Quotient, known: Conditions) -> Expression:
    """What a floor is by the divisions that are known: without a floor, or else with the smallest numbers."""
    found = [_itself(floor)]
    for constraint in known.constraints:
        made = _by_division(floor, constraint)
        if made is not None:
            found.append(made)
    return min(found, key=lambda each: (any(isinstance(atom, Quotient) for atom in each.atoms), len(str(each))))


def _by_division(floor: Quotient, constraint: Constraint) -> Expression | None:
    """The floor where a variable is written as a multiple, and back; None if that has no form."""
    stated = constraint.relation == "divides" and floor.denominator == constraint.left
    if stated and len(constraint.left.terms) == 1 and exact_quotient(floor.numerator, constraint.right) is not None:
        return floor.numerator * constraint.left**-1
    known = multiple(constraint)
    if known is None or known[0] not in floor.numerator.names | floor.denominator.names:
        return None
    written = _itself(floor).substitute(dict([known]))
    return _back(written, str(constraint), constraint.right * constraint.left**-1)


def _back(expression: Expression, name: str, value: Expression) -> Expression | None:
    """The expression with the variable for a quotient replaced by the fraction that it stands for."""
    images: dict[Atom, Expression] = {}
    for atom in expression.atoms:
        made = value if atom == Variable(name) else _back_in(atom, name, value)
        if made is None:
            return None
        images[atom] = made
    return _mapped(expression, images.__getitem__)


def _back_in(atom: Atom, name: str, value: Expression) -> Expression | None:
    if name not in _itself(atom).names:
        return _itself(atom)
    if not isinstance(atom, Quotient):
        return None
    above = _back(atom.numerator, name, value)
    if above is None or name in atom.denominator.names or any(p < 0 for m in above.terms for _, p in m):
        return None
    scale = lcm(*(Fraction(c).denominator for c in above.terms.values()))
    whole = Expression({m: int(c * scale) for m, c in above.terms.items()})
    return whole // (atom.denominator * scale)
