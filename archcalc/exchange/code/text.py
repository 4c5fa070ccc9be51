"""Lines of Python as `ruff format` leaves them, with its default width."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

WIDTH = 88


def filled(text: str, inputs: Sequence[str], module: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled in: `{0}` the first input, `{m}` the module, others values by name.

    It is what a person writes: no tuple that is unpacked at once, and no slice from 0.
    """
    text = text.format(*inputs, m=module, **values)
    text = re.sub(r"\*\(([^()]+?),?\)", r"\1", text)
    return _spaced(re.sub(r"(?<=[\[ ])0:", ":", text))


def _spaced(text: str) -> str:
    """An expression with space around the colons of a slice that has more than names and numbers."""
    if ":" not in text:
        return text
    slices = [node for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Slice)]
    for node in sorted(slices, key=lambda node: -node.col_offset):
        parts = (node.lower, node.upper, node.step)
        if any(part is not None and not isinstance(part, ast.Name | ast.Constant | ast.UnaryOp) for part in parts):
            lower, upper, step = ((part and ast.get_source_segment(text, part)) or "" for part in parts)
            said = f"{lower} :{f' {upper}' if upper else ''}"
            said += f"{' ' if upper else ''}: {step}" if step else ""
            text = f"{text[: node.col_offset]}{said.strip()}{text[node.end_col_offset :]}"
    return text


def statement(depth: int, start: str, expression: str, comment: str = "", *, end: str = "") -> Iterator[str]:
    """The lines of `start`, an expression and `end`, a level of indentation being four spaces. A comment that does not
    fit beside a line stands above it."""
    pad = " " * 4 * depth
    line = f"{pad}{start}{expression}{end}"
    remark = f"  # {comment}" if comment else ""
    if len(line + remark) <= WIDTH:
        yield f"{line}{remark}\n"
        return
    if comment:
        yield f"{pad}# {comment}\n"
    yield from _broken(pad, start, expression, end, alone=True)


def _broken(pad: str, start: str, expression: str, end: str, *, alone: bool = False) -> Iterator[str]:
    """The lines of an expression that is too long for one: its brackets hold lines of their own. One that is `alone`,
    and not within brackets, gets them to be broken at its operators."""
    line = f"{pad}{start}{expression}{end}"
    node = ast.parse(expression.removeprefix("*"), mode="eval").body if len(line) > WIDTH else None
    if expression.startswith("*"):
        start, expression = f"{start}*", expression[1:]

    def part(inner: ast.expr | ast.keyword | ast.comprehension) -> str:
        return ast.get_source_segment(expression, inner) or ""

    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Tuple):
        value = part(node.value)
        yield from _broken(pad, start, value, f"{expression[len(value) :]}{end}")
    elif isinstance(node, ast.Call):
        items: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
        items.sort(key=lambda item: item.col_offset)
        called = part(node.func)
        opening = expression[: len(called) + 1]
        if isinstance(node.func, ast.Call) and len(f"{pad}{start}{opening}") > WIDTH:
            yield from _broken(pad, start, called, f"{expression[len(called) :]}{end}")
            return
        yield from _bracketed(pad, f"{start}{opening}", [part(item) for item in items], ")", end, together=True)
    elif isinstance(node, ast.Tuple | ast.List):
        items_of = [part(item) for item in node.elts]
        yield from _bracketed(pad, f"{start}{expression[0]}", items_of, expression[-1], end, together=False)
    elif isinstance(node, ast.ListComp):
        element = part(node.elt)
        yield f"{pad}{start}[\n"
        yield from _clauses(f"{pad}    ", element, expression[1 + len(element) : -1].strip())
        yield f"{pad}]{end}\n"
    elif isinstance(node, ast.IfExp) and alone:
        yield f"{pad}{start}(\n"
        if len(f"{pad}    {expression}") <= WIDTH:
            yield f"{pad}    {expression}\n"
        else:
            yield from _broken(f"{pad}    ", "", part(node.body), "")
            yield f"{pad}    if {part(node.test)}\n"
            yield f"{pad}    else {part(node.orelse)}\n"
        yield f"{pad}){end}\n"
    elif isinstance(node, ast.BinOp) and alone:
        first, *others = re.split(r" (?=[+*@/] )", expression)
        yield f"{pad}{start}(\n"
        yield from (f"{pad}    {operand}\n" for operand in (first, *others))
        yield f"{pad}){end}\n"
    else:
        yield f"{line}\n"


def _bracketed(
    pad: str, opening: str, items: Sequence[str], closing: str, end: str, *, together: bool
) -> Iterator[str]:
    """Items within brackets: on one line if they may be `together` and fit, else each on its own."""
    yield f"{pad}{opening}\n"
    inner = f"{pad}    {', '.join(items)}"
    if together and len(inner) <= WIDTH:
        yield f"{inner}\n"
    elif together and len(items) == 1 and items[0].startswith("*"):
        yield from _broken(f"{pad}    ", "", items[0], "")
    else:
        for item in items:
            yield from _broken(f"{pad}    ", *_named(item), ",")
    yield f"{pad}{closing}{end}\n"


def _named(item: str) -> tuple[str, str]:
    """An argument's name with its equals sign, and its value."""
    match = re.match(r"(\w+=)(?!=)", item)
    return (match[1], item[match.end() :]) if match else ("", item)


def _clauses(pad: str, element: str, clauses: str) -> Iterator[str]:
    """A comprehension: the element, and `for` on a line of its own if both do not fit on one."""
    if len(f"{pad}{element} {clauses}") <= WIDTH:
        yield f"{pad}{element} {clauses}\n"
        return
    yield from _broken(pad, "", element, "")
    yield f"{pad}{clauses}\n"


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
