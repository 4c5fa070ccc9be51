"""Integers that remember how they were made, so that a rule which runs on them can be shown as its arithmetic.

A traced number is an int that also has the sum, product, quotient or extreme it came from. `arithmetic` writes it out
as a lecture would: `(227 - 11 + 2*0)/4 + 1`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any


class Traced(int):
    """A number, the operation that made it ("given" for none), and the numbers that this was done to.

    A "sum" has pairs of a sign and a number; `word` is "min" or "max" for an extreme.
    """

    operation: str
    parts: tuple[Any, ...]
    word: str

    def __new__(cls, value: int, operation: str = "given", parts: tuple[Any, ...] = (), word: str = "") -> Traced:
        made = super().__new__(cls, value)
        made.operation, made.parts, made.word = operation, parts, word
        return made

    def __add__(self, other: int) -> Traced:
        return _sum(int(self) + int(other), ((1, self), (1, other)))

    def __radd__(self, other: int) -> Traced:
        return _sum(int(other) + int(self), ((1, other), (1, self)))

    def __sub__(self, other: int) -> Traced:
        return _sum(int(self) - int(other), ((1, self), (-1, other)))

    def __rsub__(self, other: int) -> Traced:
        return _sum(int(other) - int(self), ((1, other), (-1, self)))

    def __mul__(self, other: int) -> Traced:
        return _product(int(self) * int(other), (self, other))

    def __rmul__(self, other: int) -> Traced:
        return _product(int(other) * int(self), (other, self))

    def __floordiv__(self, other: int) -> Traced:
        return _quotient(int(self) // int(other), self, other)

    def __rfloordiv__(self, other: int) -> Traced:
        return _quotient(int(other) // int(self), other, self)

    def __mod__(self, other: int) -> Traced:
        return self - self // other * other


def _is_plain(number: int, value: int) -> bool:
    """Whether it is the rule's own constant of that value: a 0 or 1 that changes nothing is not shown."""
    return not isinstance(number, Traced) and number == value


def _sum(value: int, parts: tuple[tuple[int, int], ...]) -> Traced:
    (_, left), (sign, right) = parts
    if _is_plain(right, 0) and isinstance(left, Traced):
        return left
    if _is_plain(left, 0) and sign == 1 and isinstance(right, Traced):
        return right
    return Traced(value, "sum", parts)


def _product(value: int, factors: tuple[int, int]) -> Traced:
    left, right = factors
    if _is_plain(right, 1) and isinstance(left, Traced):
        return left
    if _is_plain(left, 1) and isinstance(right, Traced):
        return right
    return Traced(value, "product", factors)


def _quotient(value: int, size: int, divisor: int) -> Traced:
    if _is_plain(divisor, 1) and isinstance(size, Traced):
        return size
    return Traced(value, "quotient", (size, divisor))


def extreme(word: str, left: int, right: int) -> Traced:
    """The smaller ("min") or the larger ("max") of two numbers, one of them traced."""
    choose: Callable[[int, int], int] = min if word == "min" else max
    return Traced(choose(int(left), int(right)), "extreme", (left, right), word)


def grouped(number: Traced) -> Traced:
    """The product of several sizes of one kind, such as a kernel's, which keeps its parentheses in a larger one."""
    return Traced(number, "product", (number,)) if number.operation == "product" else number


def remembered(value: Any) -> Any:
    """A number, or each number of a tuple, as one that remembers; anything else as it is."""
    if isinstance(value, tuple):
        return tuple(map(remembered, value))
    return Traced(value) if type(value) is int else value


def arithmetic(number: int, known: Collection[int] = ()) -> str:
    """How a number was made. Those whose `id` is in `known` have been shown before and stand as their value."""
    return _written(number, known, top=True)


def _written(number: int, known: Collection[int], *, top: bool = False) -> str:
    if not isinstance(number, Traced) or number.operation == "given" or (id(number) in known and not top):
        return format(int(number), ",")
    if number.operation == "sum":
        return _written_sum(number, known)
    if number.operation == "product":
        return "*".join(_factor(factor, known) for factor in _factors(number, known))
    if number.operation == "quotient":
        return _written_quotient(number, known)
    left, right = (_written(part, known) for part in number.parts)
    return f"{number.word}({left}, {right})"


def _in_parentheses(number: int, known: Collection[int], above: int) -> str:
    """The number, in parentheses where it binds weaker than what stands around it."""
    text = _written(number, known)
    shown = isinstance(number, Traced) and id(number) not in known and _shape(text) < above
    return f"({text})" if shown else text


def _shape(text: str) -> int:
    """How strongly the outermost operation of a text binds: what was simplified may bind stronger than before."""
    depth, weakest = 0, 3
    for before, character in zip(" " + text, text, strict=False):
        depth += (character == "(") - (character == ")")
        if depth == 0 and character in "+-" and before == " ":
            weakest = 1
        elif depth == 0 and character in "*/":
            weakest = min(weakest, 2)
    return weakest


def _factors(number: Traced, known: Collection[int]) -> list[int]:
    """The factors of a product, nested ones flattened; one made by `grouped` stays together beside others."""
    found: list[int] = []
    for part in number.parts:
        nested = isinstance(part, Traced) and part.operation == "product" and id(part) not in known
        if nested and isinstance(part, Traced) and (len(part.parts) > 1 or len(number.parts) == 1):
            found += _factors(part, known)
        else:
            found.append(part)
    return found


def _factor(number: int, known: Collection[int]) -> str:
    """A factor; anything that is not a single number or call is put in parentheses, a group of factors too."""
    text = _written(number, known)
    return f"({text})" if _shape(text) < 3 else text


def _written_quotient(number: Traced, known: Collection[int]) -> str:
    size, divisor = number.parts
    if int(divisor) == 1 and _is_given(size):
        return _written(size, known)
    text = f"{_in_parentheses(size, known, 2)}/{_in_parentheses(divisor, known, 3)}"
    return text if int(size) % int(divisor) == 0 else f"floor({text})"


def _is_given(number: int) -> bool:
    return not isinstance(number, Traced) or number.operation == "given"


def _written_sum(number: Traced, known: Collection[int]) -> str:
    """The terms in the order in which they first appear, equal ones together, the rule's own constant last."""
    constant = 0
    terms: dict[int, list[Any]] = {}
    for sign, term in _terms(number, 1, known):
        if isinstance(term, Traced):
            terms.setdefault(id(term), [term, 0])[1] += sign
        else:
            constant += sign * int(term)
    parts = []
    for term, times in terms.values():
        if times:
            text = _in_parentheses(term, known, 2)
            parts.append((times, text if abs(times) == 1 else f"{abs(times)}*{_in_parentheses(term, known, 3)}"))
    if constant or not parts:
        parts.append((constant, format(abs(constant), ",")))
    first, *rest = parts
    lead = f"-{first[1]}" if first[0] < 0 else first[1]
    return lead + "".join(f" {'-' if times < 0 else '+'} {text}" for times, text in rest)


def _terms(number: int, sign: int, known: Collection[int], *, top: bool = True) -> list[tuple[int, int]]:
    if not isinstance(number, Traced) or number.operation != "sum" or (id(number) in known and not top):
        return [(sign, number)]
    return [term for own, part in number.parts for term in _terms(part, sign * own, known, top=False)]
