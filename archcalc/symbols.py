"""Exact symbolic integers: polynomials with integer coefficients over variables, floors and extremes.

Everything is exact for integers of any size. Two identities keep the expressions small: whole multiples leave a
floor, `(m*q + r)//m == q + r//m`, and floors nest, `((x//n) + c)//m == (x + c*n)//(n*m)`, for positive `m`, `n`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias


class Undecided(Exception):
    """A question about symbols that depends on their values."""


class Variable(NamedTuple):
    """A free name."""

    name: str

    def __str__(self) -> str:
        return self.name


class Quotient(NamedTuple):
    """`numerator // denominator`, which neither identity simplifies further."""

    numerator: Expression
    denominator: Expression

    def __str__(self) -> str:
        return f"{_wrapped(self.numerator)}//{_wrapped(self.denominator)}"


class Extreme(NamedTuple):
    """`min(left, right)` or `max(left, right)`."""

    which: str
    left: Expression
    right: Expression

    def __str__(self) -> str:
        return f"{self.which}({self.left}, {self.right})"


Atom: TypeAlias = Variable | Quotient | Extreme
Monomial: TypeAlias = tuple[tuple[Atom, int], ...]


def _wrapped(expression: Expression) -> str:
    text = str(expression)
    return text if text.isalnum() else f"({text})"


def _order(atom: Atom) -> tuple[int, str]:
    return (0 if isinstance(atom, Variable) else 1, str(atom))


def _times(left: Monomial, right: Monomial) -> Monomial:
    powers = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(((a, p) for a, p in powers.items() if p), key=lambda item: _order(item[0])))


class Expression:
    """A polynomial: `terms` maps each monomial (atoms with their powers) to a coefficient other than 0."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        self.terms: dict[Monomial, int] = {m: c for m, c in terms.items() if c}
        self._hash: int | None = None

    # --- what it is

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    def __eq__(self, other: object) -> bool:
        """The same polynomial; a question of form, not of the values of its variables."""
        if isinstance(other, int):
            return self.terms == ({(): int(other)} if other else {})
        return isinstance(other, Expression) and self.terms == other.terms

    @property
    def constant(self) -> int | None:
        """The number it is, or None while a variable is in it."""
        if not self.terms:
            return 0
        return self.terms.get(()) if len(self.terms) == 1 else None

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        text = ""
        for monomial, coefficient in sorted(self.terms.items(), key=_printing_order):
            factors = [f"{_factor(a)}**{p}" if p > 1 else _factor(a) for a, p in monomial]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            sign = "-" if coefficient < 0 else "+"
            text += f" {sign} {'*'.join(factors)}" if text else f"{'-' if coefficient < 0 else ''}{'*'.join(factors)}"
        return text

    __repr__ = __str__

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Its value where each variable has the int (or integer array) given."""
        result: Any = 0
        for monomial, coefficient in self.terms.items():
            term: Any = coefficient
            for atom, power in monomial:
                term = term * _value(atom, values) ** power
            result = result + term
        return result

    # --- arithmetic

    def __add__(self, other: object) -> Expression:
        right = lift(other)
        if right is None:
            return NotImplemented
        terms = dict(self.terms)
        for monomial, coefficient in right.terms.items():
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return Expression(terms)

    __radd__ = __add__

    def __neg__(self) -> Expression:
        return Expression({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: object) -> Expression:
        right = lift(other)
        return NotImplemented if right is None else self + -right

    def __rsub__(self, other: object) -> Expression:
        return -self + other

    def __mul__(self, other: object) -> Expression:
        right = lift(other)
        if right is None:
            return NotImplemented
        terms: dict[Monomial, int] = {}
        for m, c in self.terms.items():
            for n, d in right.terms.items():
                key = _times(m, n)
                terms[key] = terms.get(key, 0) + c * d
        return Expression(terms)

    __rmul__ = __mul__

    def __pow__(self, power: int) -> Expression:
        result = Expression({(): 1})
        for _ in range(power):
            result = result * self
        return result

    def __floordiv__(self, other: object) -> Expression:
        right = lift(other)
        return NotImplemented if right is None else _floor(self, right)

    def __rfloordiv__(self, other: object) -> Expression:
        left = lift(other)
        return NotImplemented if left is None else _floor(left, self)

    def __mod__(self, other: object) -> Expression:
        right = lift(other)
        return NotImplemented if right is None else self - right * _floor(self, right)

    def __rmod__(self, other: object) -> Expression:
        left = lift(other)
        return NotImplemented if left is None else left - self * _floor(left, self)


def variable(name: str) -> Expression:
    """The expression that is just this name."""
    return Expression({((Variable(name), 1),): 1})


def lift(value: object) -> Expression | None:
    """An int or an expression as an expression; None for anything else."""
    if isinstance(value, Expression):
        return value
    return Expression({(): value}) if type(value) is int else None


def _printing_order(term: tuple[Monomial, int]) -> tuple[int, str]:
    monomial, _ = term
    return (-sum(power for _, power in monomial), "*".join(f"{a}**{p}" for a, p in monomial))


def _factor(atom: Atom) -> str:
    return f"({atom})" if isinstance(atom, Quotient) else str(atom)


def _value(atom: Atom, values: Mapping[str, Any]) -> Any:
    if isinstance(atom, Variable):
        return values[atom.name]
    if isinstance(atom, Quotient):
        return atom.numerator.evaluate(values) // atom.denominator.evaluate(values)
    left, right = atom.left.evaluate(values), atom.right.evaluate(values)
    if type(left) is int and type(right) is int:
        return min(left, right) if atom.which == "min" else max(left, right)
    import numpy

    return numpy.minimum(left, right) if atom.which == "min" else numpy.maximum(left, right)


def _floor(numerator: Expression, denominator: Expression) -> Expression:
    exact = _exact_quotient(numerator, denominator)
    if exact is not None:
        return exact
    divisor = denominator.constant
    if divisor is None:
        return Expression({((Quotient(numerator, denominator), 1),): 1})
    if divisor <= 0:
        raise ZeroDivisionError("a floor needs a positive divisor")
    whole: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for monomial, coefficient in numerator.terms.items():
        q, r = divmod(coefficient, divisor)
        whole[monomial], rest[monomial] = q, r
    remainder = Expression(rest)
    return Expression(whole) + _proper_floor(remainder, divisor)


def _proper_floor(remainder: Expression, divisor: int) -> Expression:
    """The floor of what is left once the whole multiples are out."""
    constant = remainder.constant
    if constant is not None:
        return Expression({(): constant // divisor})
    inner = {m: c for m, c in remainder.terms.items() if m}
    if len(inner) == 1:
        ((monomial, coefficient),) = inner.items()
        atom, power = monomial[0]
        nested = len(monomial) == 1 and power == 1 and coefficient == 1 and isinstance(atom, Quotient)
        if nested and isinstance(atom, Quotient) and atom.denominator.constant is not None:
            n = atom.denominator.constant
            return _floor(atom.numerator + remainder.terms.get((), 0) * n, Expression({(): n * divisor}))
    return Expression({((Quotient(remainder, Expression({(): divisor})), 1),): 1})


def _exact_quotient(numerator: Expression, denominator: Expression) -> Expression | None:
    """The quotient where it is a polynomial whatever the variables are; None otherwise."""
    if len(denominator.terms) != 1:
        return Expression({(): 1}) if numerator.terms == denominator.terms and denominator.terms else None
    ((monomial, coefficient),) = denominator.terms.items()
    powers = dict(monomial)
    terms: dict[Monomial, int] = {}
    for term, factor in numerator.terms.items():
        have = dict(term)
        if factor % coefficient or any(have.get(a, 0) < p for a, p in powers.items()):
            return None
        left = _times(term, tuple((a, -p) for a, p in powers.items()))
        terms[left] = factor // coefficient
    return Expression(terms)


def extreme(which: str, left: object, right: object) -> Expression:
    """`min` or `max` of two expressions, decided where their difference is a number."""
    a, b = lift(left), lift(right)
    if a is None or b is None:
        raise TypeError("symbols do not mix with arrays")
    difference = (a - b).constant
    if difference is not None:
        return a if (difference <= 0) == (which == "min") else b
    return Expression({((Extreme(which, a, b), 1),): 1})


def decide(relation: str, left: object, right: object) -> bool:
    """Whether a relation holds whatever the variables are (or fails whatever they are); Undecided otherwise."""
    a, b = lift(left), lift(right)
    if a is None or b is None:
        raise TypeError("symbols do not mix with arrays")
    if relation == "divides":
        if _exact_quotient(b, a) is not None:
            return True
        raise Undecided
    difference = (a - b).constant
    if difference is None:
        raise Undecided
    return {"equal": difference == 0, "at_least": difference >= 0, "at_most": difference <= 0}[relation]
