"""Expressions as LaTeX."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from archcalc.sizes.symbols import Atom, Expression, Extreme, Monomial, Variable


def latex(expression: Expression) -> str:
    """The expression in LaTeX's mathematics mode: `27 C^{2}`, floors as such, names of several letters upright."""
    text = ""
    for monomial, coefficient in expression.sorted_terms():
        term = _term(monomial, abs(coefficient))
        if text:
            text += f" {'-' if coefficient < 0 else '+'} {term}"
        else:
            text = f"-{term}" if coefficient < 0 else term
    return text or "0"


def _term(monomial: Monomial, coefficient: Any) -> str:
    top, bottom = Fraction(coefficient).as_integer_ratio()
    above = [_power(atom, power) for atom, power in monomial if power > 0]
    below = [_power(atom, -power) for atom, power in monomial if power < 0]
    if top != 1 or not above:
        above.insert(0, str(top))
    if bottom != 1:
        below.insert(0, str(bottom))
    product, divisor = (r" \, ".join(factors) for factors in (above, below))
    return rf"\frac{{{product or 1}}}{{{divisor}}}" if below else product


def _power(atom: Atom, power: int) -> str:
    text = _atom(atom)
    return text if power == 1 else f"{text}^{{{power}}}"


def _atom(atom: Atom) -> str:
    if isinstance(atom, Variable):
        name = atom.name.replace("_", r"\_")
        return name if len(name) == 1 else rf"\mathrm{{{name}}}"
    if isinstance(atom, Extreme):
        return rf"\{atom.which}\left({latex(atom.left)}, {latex(atom.right)}\right)"
    return rf"\left\lfloor \frac{{{latex(atom.numerator)}}}{{{latex(atom.denominator)}}} \right\rfloor"
