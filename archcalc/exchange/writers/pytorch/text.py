"""Lines of Python as `ruff format` leaves them, with its default width."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from archcalc.records import Record

WIDTH = 88

#: Variables that are added up or multiplied.
_SUM = re.compile(r"\w+( [+*] \w+)+")

#: An argument that is a tuple of plain values, or an element of one.
_TUPLE = re.compile(r"(\w+=|)\(([^()]+, [^()]+)\)(\[i\]|)")


class Group(Record):
    """Items in brackets, after `opening`: a call's arguments, or a collection's elements."""

    opening: str
    items: tuple[Code, ...]
    closing: str

    @property
    def is_call(self) -> bool:
        """Whether the items may stand on one line of their own."""
        return self.opening.endswith("(") and self.opening != "("


Code: TypeAlias = "str | Group"


def flat(code: Code) -> str:
    """The code in one line."""
    if isinstance(code, str):
        return code
    return f"{code.opening}{', '.join(map(flat, code.items))}{code.closing}"


def filled(code: Code, inputs: Sequence[str], module: str) -> Code:
    """The code with its placeholders filled in: `{0}` the first input, `{m}` the module."""
    if isinstance(code, str):
        return code.format(*inputs, m=module)
    return code._replace(
        opening=code.opening.format(*inputs, m=module),
        items=tuple(filled(item, inputs, module) for item in code.items),
    )


def statement(depth: int, start: str, code: Code, comment: str = "") -> Iterator[str]:
    """The lines of `start` and an expression, a level of indentation being four spaces. A comment that does not fit
    beside a line stands above it."""
    pad = " " * 4 * depth
    line = f"{pad}{start}{flat(code)}"
    remark = f"  # {comment}" if comment else ""
    if len(line + remark) <= WIDTH:
        yield f"{line}{remark}\n"
        return
    if comment:
        yield f"{pad}# {comment}\n"
    yield from _broken(pad, start, code, "")


def _broken(pad: str, start: str, code: Code, end: str) -> Iterator[str]:
    line = f"{pad}{start}{flat(code)}{end}"
    if len(line) > WIDTH and isinstance(code, str) and _SUM.fullmatch(code):
        first, *others = re.split(r" (?=[+*] )", code)
        yield f"{pad}{start}(\n"
        yield from (f"{pad}    {operand}\n" for operand in (first, *others))
        yield f"{pad}){end}\n"
        return
    row = _TUPLE.fullmatch(code) if len(line) > WIDTH and isinstance(code, str) else None
    if row:
        yield f"{pad}{start}{row[1]}(\n"
        yield from (f"{pad}    {item},\n" for item in row[2].split(", "))
        yield f"{pad}){row[3]}{end}\n"
        return
    if len(line) <= WIDTH or isinstance(code, str) or not code.items:
        yield f"{line}\n"
        return
    yield f"{pad}{start}{code.opening}\n"
    inner = f"{pad}    {', '.join(map(flat, code.items))}"
    if code.is_call and len(inner) <= WIDTH:
        yield f"{inner}\n"
    else:
        for item in code.items:
            yield from _broken(f"{pad}    ", "", item, ",")
    yield f"{pad}{code.closing}{end}\n"


def literal(value: Any) -> str:
    """A value as Python writes it."""
    if isinstance(value, Fraction):
        return str(value.numerator) if value.denominator == 1 else repr(float(value))
    if isinstance(value, tuple):
        items = ", ".join(map(literal, value))
        return f"({items},)" if len(value) == 1 else f"({items})"
    return repr(value).replace("'", '"') if isinstance(value, str) else repr(value)


def simple(values: Sequence[Any]) -> Any:
    """One value for all axes where they are alike, else a tuple with one for each."""
    return values[0] if len(set(values)) == 1 else tuple(values)
