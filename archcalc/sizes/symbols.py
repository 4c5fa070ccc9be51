"""Exact symbolic integers: polynomials with whole coefficients over variables, floors and extremes.

Everything is exact for integers of any size. A floor has one form: whole multiples leave it,
`(d*q + r)//d == q + r//d`, common factors cancel, `(k*a + c)//(k*d) == (a + c//k)//d`, and floors nest,
`(x//n + c)//m == (x + c*n)//(n*m)`, all for positive divisors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import gcd
from typing import Any, TypeAlias

from archcalc.exact import fraction, is_fraction
from archcalc.records import Record


class TooLong(ArithmeticError):
    """A formula of more terms than anyone reads."""


class Undecided(Exception):
    """A question about symbols that depends on their values."""


class Variable(Record):
    """A free name."""

    name: str

    def __str__(self) -> str:
        return self.name


class Quotient(Record):
    """`numerator // denominator`, which no identity simplifies further."""

    numerator: Expression
    denominator: Expression

    def __str__(self) -> str:
        return f"{_wrapped(self.numerator)}//{_wrapped(self.denominator)}"


class Extreme(Record):
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
    return text if text.isidentifier() or text.isdecimal() else f"({text})"


@lru_cache(maxsize=65536)
def _order(atom: Atom) -> tuple[int, int, str]:
    """Variables by name, floors by what they divide by, then all else."""
    if isinstance(atom, Quotient):
        return (1, atom.denominator.constant or 0, str(atom))
    return (0 if isinstance(atom, Variable) else 2, 0, str(atom))


#: A product of two formulas multiplies at most so many pairs of terms: a second's work, and no one reads the result.
MOST_PAIRS = 100_000


def _times(left: Monomial, right: Monomial) -> Monomial:
    if not left or not right:
        return left or right
    if len(left) == len(right) == 1 and left[0][0] == right[0][0] and left[0][1] + right[0][1]:
        return ((left[0][0], left[0][1] + right[0][1]),)
    powers = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(((a, p) for a, p in powers.items() if p), key=lambda item: _order(item[0])))


class Expression:
    """A polynomial: `terms` maps each monomial (atoms with their powers) to a coefficient other than 0.

    Rules make whole coefficients and positive powers; `divided` makes fractions, for a formula that is only read.
    """

    __slots__ = ("_hash", "terms")

    #: NumPy leaves arithmetic with arrays to this class, which refuses it.
    __array_ufunc__ = None

    def __init__(self, terms: Mapping[Monomial, Any]) -> None:
        self.terms: dict[Monomial, Any] = {m: c for m, c in terms.items() if c}
        self._hash: int | None = None

    # --- what it is

    def __hash__(self) -> int:
        if self._hash is None:
            constant = self.constant
            self._hash = hash(frozenset(self.terms.items()) if constant is None else constant)
        return self._hash

    def __eq__(self, other: object) -> bool:
        """The same polynomial; a question of form, not of the values of its variables."""
        right = lift(other)
        return right is not None and self.terms == right.terms

    @property
    def constant(self) -> int | None:
        """The number it is, or None while a variable is in it."""
        if not self.terms:
            return 0
        return self.terms.get(()) if len(self.terms) == 1 else None

    @property
    def atoms(self) -> frozenset[Atom]:
        """The variables, floors and extremes that its monomials are made of."""
        return frozenset(atom for monomial in self.terms for atom, _ in monomial)

    @property
    def names(self) -> frozenset[str]:
        """The variables in it, also inside floors and extremes."""
        return frozenset().union(*(_names(atom) for atom in self.atoms))

    def linear_in(self, name: str) -> tuple[Expression, Expression] | None:
        """`(a, b)` if the expression is `a + name * b`, with the name in neither; None otherwise."""
        rest, slope = {}, {}
        for monomial, coefficient in self.terms.items():
            power = dict(monomial).get(Variable(name), 0)
            if power == 1:
                slope[tuple(factor for factor in monomial if factor[0] != Variable(name))] = coefficient
            else:
                rest[monomial] = coefficient
        parts = Expression(rest), Expression(slope)
        return None if name in parts[0].names | parts[1].names else parts

    def sorted_terms(self) -> list[tuple[Monomial, Any]]:
        """Monomials with coefficients in the order they are printed: largest power first, then by name."""
        return sorted(self.terms.items(), key=_printing_order)

    def __str__(self) -> str:
        """The expression as Python writes it: `27*C**2 + 3*((C + 1)//2)`."""
        text = ""
        for monomial, coefficient in self.sorted_terms():
            if not text:
                text = _term(monomial, coefficient)
            else:
                text += f" {'-' if coefficient < 0 else '+'} {_term(monomial, abs(coefficient))}"
        return text or "0"

    __repr__ = __str__

    # --- its values

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Its value where each variable has the int (or integer array, or expression) given; KeyError for none."""
        return self.map_atoms(lambda atom: _value(atom, values))

    def substitute(self, values: Mapping[str, Any]) -> Expression:
        """The expression with some variables replaced."""
        known = {name: values.get(name, variable(name)) for name in self.names}
        result = lift(self.evaluate(known))
        assert result is not None
        return result

    def map_atoms(self, image: Callable[[Atom], Any]) -> Any:
        """The polynomial with each atom replaced by its image."""
        images = {atom: image(atom) for atom in self.atoms}
        result: Any = 0
        for monomial, coefficient in self.terms.items():
            term: Any = coefficient
            for atom, power in monomial:
                term = term * images[atom] ** power
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
        if len(self.terms) * len(right.terms) > MOST_PAIRS:
            raise TooLong(
                f"a formula grows too long: {len(self.terms):,} terms times {len(right.terms):,} are more than"
                f" {MOST_PAIRS:,} products"
            )
        terms: dict[Monomial, Any] = {}
        for m, c in self.terms.items():
            for n, d in right.terms.items():
                key = _times(m, n)
                terms[key] = terms.get(key, 0) + c * d
        return Expression(terms)

    __rmul__ = __mul__

    def __pow__(self, power: int) -> Expression:
        if power < 0:  # only a single variable's, in a formula that is read
            ((monomial, coefficient),) = self.terms.items()
            inverse = Expression({tuple((a, -p) for a, p in monomial): fraction(1, coefficient)})
            return inverse**-power
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
    """A number or an expression as an expression; None for anything else."""
    if isinstance(value, Expression):
        return value
    return Expression({(): value}) if type(value) is int or is_fraction(value) else None


def number(value: int) -> Expression:
    """A whole number as an expression."""
    return Expression({(): value})


def atom_of(expression: Expression) -> Atom | None:
    """The atom that the expression just is, or None."""
    if len(expression.terms) == 1:
        ((monomial, coefficient),) = expression.terms.items()
        if coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1:
            return monomial[0][0]
    return None


def _names(atom: Atom) -> frozenset[str]:
    if isinstance(atom, Variable):
        return frozenset((atom.name,))
    if isinstance(atom, Quotient):
        return atom.numerator.names | atom.denominator.names
    return atom.left.names | atom.right.names


def _printing_order(term: tuple[Monomial, Any]) -> tuple[int, list[tuple[tuple[int, int, str], int]]]:
    monomial, _ = term
    return (-sum(power for _, power in monomial), [(_order(atom), -power) for atom, power in monomial])


def _term(monomial: Monomial, coefficient: Any) -> str:
    if coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1:
        return str(monomial[0][0])
    above = [f"{_factor(a)}**{p}" if p > 1 else _factor(a) for a, p in monomial if p > 0]
    below = [f"{_factor(a)}**{-p}" if p < -1 else _factor(a) for a, p in monomial if p < 0]
    top, bottom = fraction(coefficient).as_integer_ratio()
    if top == -1 and above:
        above[0] = f"-{above[0]}"
    elif top != 1 or not above:
        above.insert(0, str(top))
    if bottom != 1:
        below.insert(0, str(bottom))
    if not below:
        return "*".join(above)
    divisor = "*".join(below)
    return f"{'*'.join(above)}/{f'({divisor})' if len(below) > 1 else divisor}"


def _factor(atom: Atom) -> str:
    return f"({atom})" if isinstance(atom, Quotient) else str(atom)


def _value(atom: Atom, values: Mapping[str, Any]) -> Any:
    if isinstance(atom, Variable):
        return values[atom.name]
    if isinstance(atom, Quotient):
        return atom.numerator.evaluate(values) // atom.denominator.evaluate(values)
    left, right = atom.left.evaluate(values), atom.right.evaluate(values)
    if isinstance(left, Expression) or isinstance(right, Expression):
        return extreme(atom.which, left, right)
    if all(isinstance(each, int) or is_fraction(each) for each in (left, right)):
        return min(left, right) if atom.which == "min" else max(left, right)
    import numpy

    return numpy.minimum(left, right) if atom.which == "min" else numpy.maximum(left, right)


# --- floors


def _floor(numerator: Expression, denominator: Expression) -> Expression:
    divisor = denominator.constant
    if divisor is not None and divisor <= 0:
        raise ZeroDivisionError("a floor needs a positive divisor")
    whole, rest = _split(numerator, denominator)
    return whole + _proper_floor(rest, denominator)


def _split(numerator: Expression, denominator: Expression) -> tuple[Expression, Expression]:
    """What the divisor divides whatever the variables are, divided by it, and the rest."""
    if len(denominator.terms) != 1:
        return (number(1), number(0)) if numerator == denominator else (number(0), numerator)
    ((monomial, divisor),) = denominator.terms.items()
    powers = dict(monomial)
    whole: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for term, coefficient in numerator.terms.items():
        have = dict(term)
        quotient = 0
        if all(have.get(atom, 0) >= power for atom, power in powers.items()):
            quotient = coefficient // divisor
            whole[_times(term, tuple((atom, -power) for atom, power in monomial))] = quotient
        rest[term] = coefficient - quotient * divisor
    return Expression(whole), Expression(rest)


def _proper_floor(rest: Expression, denominator: Expression) -> Expression:
    """The floor of what is left once the whole multiples are out."""
    divisor = denominator.constant
    if not rest.terms:
        return rest
    if divisor is not None:
        if rest.constant is not None:
            return number(rest.constant // divisor)
        common = gcd(divisor, *(c for m, c in rest.terms.items() if m))
        if common > 1:
            reduced = {m: c // common for m, c in rest.terms.items()}
            return _floor(Expression(reduced), number(divisor // common))
    floors = [atom for atom in rest.atoms if isinstance(atom, Quotient)]
    if len(floors) == 1 and rest.terms.get(((floors[0], 1),)) == 1:
        inner = floors[0]
        outside = rest - Expression({((inner, 1),): 1})
        if inner not in outside.atoms:
            return _floor(inner.numerator + outside * inner.denominator, inner.denominator * denominator)
    return Expression({((Quotient(rest, denominator), 1),): 1})


def exact_quotient(numerator: Expression, denominator: Expression) -> Expression | None:
    """The quotient where the divisor divides whatever the variables are; None otherwise."""
    if not denominator.terms:
        return None
    whole, rest = _split(numerator, denominator)
    return None if rest.terms else whole


# --- extremes and questions


def extreme(which: str, left: object, right: object) -> Expression:
    """`min` or `max` of two expressions, decided where their difference is a number."""
    a, b = _both(left, right)
    difference = (a - b).constant
    if difference is not None:
        return a if (difference <= 0) == (which == "min") else b
    return Expression({((Extreme(which, a, b), 1),): 1})


def decide(relation: str, left: object, right: object) -> bool:
    """Whether a relation holds whatever the variables are (or fails whatever they are); Undecided otherwise."""
    a, b = _both(left, right)
    if relation == "divides":
        if exact_quotient(b, a) is not None:
            return True
        divisor = a.constant
        rest = _split(b, a)[1].constant if divisor is not None and divisor > 0 else None
        if rest is None:
            raise Undecided
        return rest == 0
    difference = (a - b).constant
    if difference is None:
        raise Undecided
    return {"equal": difference == 0, "at_least": difference >= 0, "at_most": difference <= 0}[relation]


def _both(left: object, right: object) -> tuple[Expression, Expression]:
    a, b = lift(left), lift(right)
    if a is None or b is None:
        raise TypeError("symbols do not mix with arrays")
    return a, b


# --- growth


def growth(expression: Expression, least: Mapping[str, int]) -> Expression | None:
    """The expression in what each atom exceeds its least value by, if every atom grows with the variables.

    With every variable at its `least` or above, those excesses are 0 or more and grow with the variables. So where no
    coefficient of the result is negative, the expression never falls when a variable grows, and its constant term is
    its least value. None where an atom need not grow (a divisor is free), or a variable has no least value.
    """
    images = {atom: _excess(atom, least) for atom in expression.atoms}
    if any(image is None for image in images.values()):
        return None
    result = lift(expression.map_atoms(lambda atom: images[atom]))
    assert result is not None
    return result


def never_falls(expression: Expression, least: Mapping[str, int]) -> bool:
    """Whether the expression can be shown never to fall while its variables grow from their least values."""
    grown = growth(expression, least)
    return grown is not None and all(c >= 0 for m, c in grown.terms.items() if m)


def lower_bound(expression: Expression, least: Mapping[str, int]) -> int | None:
    """Its value where all variables are least, if it can be shown never to be less; None otherwise."""
    grown = growth(expression, least)
    if grown is None or any(c < 0 for m, c in grown.terms.items() if m):
        return None
    return int(grown.terms.get((), 0))


def _excess(atom: Atom, least: Mapping[str, int]) -> Expression | None:
    if isinstance(atom, Variable):
        if atom.name not in least:
            return None
        start = least[atom.name]
    else:
        if isinstance(atom, Quotient) and atom.denominator.constant is None:
            return None
        if not all(never_falls(part, least) for part in _parts(atom)):
            return None
        start = _value(atom, {name: least[name] for name in _names(atom)})
    return Expression({((atom, 1),): 1, (): start})


def _parts(atom: Quotient | Extreme) -> Iterator[Expression]:
    if isinstance(atom, Quotient):
        yield atom.numerator
    else:
        yield atom.left
        yield atom.right
