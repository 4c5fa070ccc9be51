"""Values as expressions: the spec's own formulas, or what follows from a class's names, checked on every call."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

from archcalc.exchange.code.text import literal
from archcalc.language.document import Formula
from archcalc.language.expression import ExpressionError

#: The values of a name, or of a setting, one for each call of a block.
Values = Sequence[Any]


class _Any:
    """A value that no call says: a run of one copy has no second, and a layer that is not there has no settings."""


ANY = _Any()


def same(one: Any, other: Any) -> bool:
    """Equal, and `true` is not 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def equal(given: Values, values: Values) -> bool:
    """Whether a name has the values wanted, where any is wanted."""
    return all(b is ANY or same(a, b) for a, b in zip(given, values, strict=True))


def is_plain(value: Any) -> bool:
    """Whether Python can say it: numbers, truth values, and tuples of them."""
    if isinstance(value, tuple):
        return all(map(is_plain, value))
    return isinstance(value, int | Fraction)


def from_formula(
    formula: Formula, words: Mapping[str, Values], values: Values, called: Mapping[str, str] | None = None
) -> str:
    """The spec's own formula in Python, if it has the values wanted and names nothing else; else nothing. Some names
    are `called` others here."""
    names = {name for name, _ in formula.names}
    if formula.asks_volume or formula.constant is not None or not names or not names <= words.keys():
        return ""
    for number, value in enumerate(values):
        try:
            if value is not ANY and not same(formula.evaluate({name: words[name][number] for name in names}), value):
                return ""
        except ExpressionError:
            return ""
    place = formula.place
    return _python(place.source.text[place.start : place.end], names, called or {})


#: What an expression of a spec may hold to be Python of the same meaning.
_NODES = (
    ast.Expression,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.FloorDiv,
    ast.Mod,
    ast.Pow,
    ast.UnaryOp,
    ast.USub,
    ast.Not,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.IfExp,
    ast.Subscript,
    ast.Slice,
    ast.Load,
    ast.Name,
    ast.Call,
    ast.Constant,
)
_FUNCTIONS = frozenset({"len", "max", "min", "sum"})


def _python(text: str, names: set[str], called: Mapping[str, str]) -> str:
    """The text of a formula as Python that is formatted, made from its tree; nothing if Python means something else."""
    try:
        tree = ast.parse(text.strip().strip("\"'"), mode="eval")
    except (SyntaxError, ValueError):
        return ""
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            return ""
        if isinstance(node, ast.Name) and node.id not in names and node.id not in _FUNCTIONS:
            return ""
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS):
            return ""
        if isinstance(node, ast.Constant) and type(node.value) is not int:
            return ""
        if isinstance(node, ast.Name):
            node.id = called.get(node.id, node.id)
    return re.sub(r"(?<=[\w\])]) \*\* (?=\w+)", "**", ast.unparse(tree))


def from_words(words: Mapping[str, Values], values: Values) -> str:
    """How values follow from those of one or two names; nothing if they do not."""
    for word, given in words.items():
        if equal(given, values):
            return word
    for word, given in words.items():
        found = _element(word, given, values)
        if found:
            return found
    if not all(value is ANY or type(value) is int for value in values):
        return _list(words, values)
    terms = list(_whole_numbers(words))
    for text, given in terms:
        found = _multiple(text, given, values)
        if found:
            return found
    varied = [(word, given) for word, given in terms if word in words and len(set(given)) > 1]
    for term in varied:
        found = _sum((term,), values)
        if found:
            return found
    for pair in combinations(varied, 2):
        found = _product(pair, values) or _sum(pair, values)
        if found:
            return found
    return ""


def _element(word: str, given: Values, values: Values) -> str:
    if all(isinstance(value, tuple) for value in given):
        for index in range(min(map(len, given))):
            if equal([value[index] for value in given], values):
                return f"{word}[{index}]"
    return ""


def _list(words: Mapping[str, Values], values: Values) -> str:
    """Lists of whole numbers of which each follows from the names or is always the same."""
    said = [value for value in values if value is not ANY]
    if not all(isinstance(value, tuple) and len(value) == len(said[0]) for value in said):
        return ""
    items = []
    for index in range(len(said[0])):
        wanted = [value if value is ANY else value[index] for value in values]
        constant = all(same(value[index], said[0][index]) for value in said)
        text = literal(said[0][index]) if constant else from_words(words, wanted)
        if not text:
            return ""
        items.append(text)
    return f"({', '.join(items)}{',' * (len(items) == 1)})"


def _whole_numbers(words: Mapping[str, Values]) -> Iterator[tuple[str, Values]]:
    """The names of whole numbers, and the elements of lists of them."""
    for word, given in words.items():
        if all(type(value) is int for value in given):
            yield word, given
        elif all(isinstance(value, tuple) for value in given):
            for index in range(min(map(len, given))):
                if all(type(value[index]) is int for value in given):
                    yield f"{word}[{index}]", [value[index] for value in given]


def _multiple(text: str, given: Values, values: Values) -> str:
    """Twice, half, or one less or more."""
    pairs = [(a, b) for a, b in zip(given, values, strict=True) if b is not ANY]
    if all(a > 0 and b % a == 0 for a, b in pairs):
        factors = {b // a for a, b in pairs}
        if len(factors) == 1 and min(factors) > 1:
            return f"{factors.pop()} * {text}"
    # Of the network itself, whose values come first, the quotient is whole.
    a, b = pairs[0]
    part = a // b if b > 0 and a % b == 0 else 0
    return f"{text} // {part}" if part > 1 and all(a // part == b for a, b in pairs) else ""


def _product(pair: Sequence[tuple[str, Values]], values: Values) -> str:
    (one, first), (other, second) = pair
    product = [a * b for a, b in zip(first, second, strict=True)]
    if len(set(product)) > 2 and equal(product, values):
        return f"{one} * {other}"
    return ""


def _sum(terms: Sequence[tuple[str, Values]], values: Values) -> str:
    """A sum of multiples and a number, where the calls are more than enough to tell them."""
    columns = [given for _, given in terms]
    rows = [(*column, value) for *column, value in zip(*columns, values, strict=True) if value is not ANY]
    distinct = sorted(set(rows))
    if len(distinct) < len(terms) + 2:
        return ""
    factors = _solved(distinct, len(terms))
    if factors is None:
        return ""
    *slopes, constant = factors
    said = [f"{slope} * {text}" if slope > 1 else text for slope, (text, _) in zip(slopes, terms, strict=True)]
    if constant > 0:
        said.append(str(constant))
    return " + ".join(said) + (f" - {-constant}" if constant < 0 else "")


def _solved(rows: Sequence[tuple[int, ...]], count: int) -> tuple[int, ...] | None:
    """Positive whole factors and a number that make the last of each row of the others; None if there are none."""
    matrix: list[list[Fraction]] = []
    pivots: list[int] = []
    for row in rows:
        line = [Fraction(value) for value in (*row[:-1], 1, row[-1])]
        for pivot, other in zip(pivots, matrix, strict=True):
            line = [a - line[pivot] * b for a, b in zip(line, other, strict=True)]
        place = next((place for place in range(count + 1) if line[place]), None)
        if place is not None:
            line = [value / line[place] for value in line]
            matrix = [[a - other[place] * b for a, b in zip(other, line, strict=True)] for other in matrix]
            matrix.append(line)
            pivots.append(place)
        elif line[-1]:
            return None
        if len(pivots) == count + 1:
            break
    factors = [line[-1] for _, line in sorted(zip(pivots, matrix, strict=True))]
    if len(factors) <= count or any(each.denominator > 1 for each in factors) or min(factors[:count]) < 1:
        return None
    whole = tuple(int(factor) for factor in factors)
    fits = all(sum(a * b for a, b in zip(whole, (*row[:-1], 1), strict=True)) == row[-1] for row in rows)
    return whole if fits else None


def is_progression(values: Values) -> bool:
    """Whether values grow in equal steps."""
    return all(after - before == values[1] - values[0] for before, after in pairwise(values))
