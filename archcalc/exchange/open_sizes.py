"""Sizes that are open in a graph, as expressions over symbols: closed for a reading, and parameters of its spec.

A graph is read at some sizes, and again at others: what differs between the readings follows from the symbols, and is
written as the expression that gives all of the values.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from archcalc.diagnostics.diagnostic import Diagnostic, SpecError, plain
from archcalc.exchange.flat import Flat, FlatStep
from archcalc.exchange.graph import Graph, Name, Operation, Symbol
from archcalc.exchange.translate import translate
from archcalc.layers.registry import words

#: The longest expression of a size that is read.
_LONGEST = 2000
#: How far a symbol is looked for of which only a multiple is stated.
_FARTHEST = 100_000


class Formula(str):
    """An expression over the spec's parameters, as a spec has it."""

    __slots__ = ()


class _Unreadable(Exception):
    """An expression that is not one of sizes."""


def read_open(graph: Graph, shown: str, *, partial: bool) -> Flat:
    """The flat network of a graph; its open sizes are parameters. Errors as `translate` has them, and a SpecError where
    a layer depends on a symbol in a way that no spec can say."""
    symbols = _symbols(graph)
    if not symbols:
        return translate(graph, shown, partial=partial)
    try:
        values = _values(graph, symbols)
        points = [values, *_others(graph, values)]
        flats = [translate(_closed(graph, point), shown, partial=partial) for point in points]
        names = _names(graph, values)
        return _opened(graph, flats, points, names)
    except (_Unreadable, ArithmeticError, RecursionError):
        message = f"{shown} cannot be read: what its open sizes are is not said in expressions over whole numbers"
        raise SpecError([Diagnostic("bad-model", message)]) from None
    except _Varies as varies:
        message = f"{shown} cannot be read: `{varies}` depends on its open sizes in a way that a spec cannot say"
        raise SpecError([Diagnostic("bad-model", message, help="export the model with fixed sizes")]) from None


class _Varies(Exception):
    """A step that is another one at other sizes."""


# --- expressions


def _parsed(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise _Unreadable
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError):
        raise _Unreadable from None


def _symbol(node: ast.expr) -> str | None:
    """The symbol that a part of an expression is: `s0`, or `Symbol('s0', ...)`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Symbol" and node.args:
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.isidentifier():
            return first.value
    return None


def _parts(node: ast.expr) -> tuple[str, list[ast.expr]]:
    """What an expression does, by a sign or the name of a function, and with which parts."""
    if isinstance(node, ast.BinOp):
        signs = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Mod: "%"}
        sign = signs.get(type(node.op))
        if sign is not None:
            return sign, [node.left, node.right]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        called = {"Add": "+", "Mul": "*", "FloorDiv": "//", "Mod": "%", "PythonMod": "%", "Max": "max", "Min": "min"}
        if node.func.id in called and node.args:
            return called[node.func.id], node.args
    raise _Unreadable


def _number(node: ast.expr) -> int | None:
    """The whole number that a part of an expression is: `3`, `-3` or `Integer(3)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Integer":
        return _number(node.args[0]) if len(node.args) == 1 else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = _number(node.operand)
        return None if number is None else -number
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


#: What the signs and functions of `_parts` do.
_DONE: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "max": max,
    "min": min,
}


def _evaluated(node: ast.expr, values: Mapping[str, int]) -> int:
    number, symbol = _number(node), _symbol(node)
    if number is not None:
        return number
    if symbol is not None:
        if symbol not in values:
            raise _Unreadable
        return values[symbol]
    sign, parts = _parts(node)
    made, *rest = (_evaluated(part, values) for part in parts)
    for each in rest:
        if sign in ("//", "%") and each < 1:
            raise _Unreadable
        made = _DONE[sign](made, each)
        if abs(made) > 10**15:
            raise _Unreadable
    return made


def _written(node: ast.expr, names: Mapping[str, str], *, inner: bool = False) -> str:
    """An expression as a spec has it."""
    number, symbol = _number(node), _symbol(node)
    if number is not None:
        return str(number)
    if symbol is not None:
        return names[symbol]
    sign, parts = _parts(node)
    texts = [_written(part, names, inner=True) for part in parts]
    if sign in ("max", "min"):
        return f"{sign}({', '.join(texts)})"
    text = texts[0]
    for each in texts[1:]:
        text += f" - {each[1:]}" if sign == "+" and each.startswith("-") else f" {sign} {each}"
    return f"({text})" if inner else text


def _all_symbols(node: ast.expr) -> Iterator[str]:
    symbol = _symbol(node)
    if symbol is not None:
        yield symbol
    elif _number(node) is None:
        for part in _parts(node)[1]:
            yield from _all_symbols(part)


# --- symbols, and sizes to read at


def _expressions(graph: Graph) -> dict[str, None]:
    """Every size of the graph that is open."""
    found = {size: None for tensor in graph.tensors.values() for size in tensor.sizes if isinstance(size, Symbol)}
    found.update({number: None for number in graph.numbers.values() if isinstance(number, Symbol)})
    return {str(text): None for text in found}


def _symbols(graph: Graph) -> list[str]:
    try:
        return list(dict.fromkeys(s for text in _expressions(graph) for s in _all_symbols(_parsed(text))))
    except _Unreadable:
        return ["?"]


def _values(graph: Graph, symbols: Sequence[str]) -> dict[str, int]:
    """A value for each symbol: the one that the model was exported with, where the file says it."""
    values: dict[str, int] = {}
    for text, hint in graph.hints.items():
        node = _parsed(text)
        found = set(_all_symbols(node)) - values.keys()
        if len(found) == 1:
            (symbol,) = found
            candidates = range(1, min(hint, _FARTHEST) + 1)
            value = next((n for n in candidates if _evaluated(node, {**values, symbol: n}) == hint), None)
            if value is not None:
                values[symbol] = value
    for symbol in symbols:
        if symbol not in values:
            least, _ = graph.ranges.get(symbol, (None, None))
            values[symbol] = max(least or 2, 2)
    return values


def _others(graph: Graph, values: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Two more values for each symbol but that of the batch, no two alike, within their ranges."""
    batch = _batch(graph)
    for times in (1, 2):
        point = dict(values)
        for number, symbol in enumerate(values, 1):
            least, most = graph.ranges.get(symbol, (None, None))
            more, less = values[symbol] + number * times, values[symbol] - number * times
            if symbol != batch:
                point[symbol] = more if most is None or more <= most else less
                if point[symbol] < (least or 1):
                    raise _Unreadable
        yield point


def _batch(graph: Graph) -> str | None:
    """The symbol that is the batch."""
    tensor = graph.tensors.get(graph.inputs[0]) if graph.inputs else None
    size = tensor.sizes[0] if tensor is not None and tensor.sizes else None
    return _symbol(_parsed(size)) if isinstance(size, Symbol) else None


def _closed(graph: Graph, values: Mapping[str, int]) -> Graph:
    """The graph with a number for each symbol."""
    known: dict[str, int] = {}

    def size(value: Any) -> Any:
        if isinstance(value, Symbol):
            if value not in known:
                known[value] = _evaluated(_parsed(value), values)
            return known[value]
        return value

    numbers = {name: size(value) for name, value in graph.numbers.items()}

    def argument(value: Any) -> Any:
        if isinstance(value, list):
            return [argument(each) for each in value]
        return numbers[value] if isinstance(value, Name) and value in numbers else value

    tensors = {
        name: tensor._replace(sizes=tuple(map(size, tensor.sizes)), strides=tuple(map(size, tensor.strides)))
        for name, tensor in graph.tensors.items()
    }
    operations: list[Operation] = [
        operation._replace(arguments={name: argument(value) for name, value in operation.arguments.items()})
        for operation in graph.operations
        if not operation.outputs or any(name in graph.tensors for name in operation.outputs)
    ]
    return graph._replace(tensors=tensors, operations=operations, numbers={})


# --- parameters of the spec


def _names(graph: Graph, values: Mapping[str, int]) -> dict[str, str]:
    """A name for each symbol: that of the axis of an input that it is."""
    names: dict[str, str] = {}
    batch = _batch(graph)
    for name in graph.inputs:
        sizes = graph.tensors[name].sizes
        axes = {3: ("", "", "length"), 4: ("", "", "height", "width"), 2: ("", "length")}.get(len(sizes), ())
        for axis, size in zip(axes, sizes, strict=False):
            symbol = _symbol(_parsed(size)) if isinstance(size, Symbol) else None
            if symbol is not None and symbol != batch and axis:
                names[symbol] = "image" if names.get(symbol) == "height" else names.get(symbol, axis)
    taken: set[str] = set()
    for symbol in values:
        wanted = names.get(symbol, symbol)
        if wanted in taken or (wanted in words() and symbol not in names):
            wanted = f"{wanted}_{symbol}"
        names[symbol] = wanted
        taken.add(wanted)
    return names


def _opened(graph: Graph, flats: Sequence[Flat], points: Sequence[Mapping[str, int]], names: Mapping[str, str]) -> Flat:
    """One network of several readings: what differs is a formula."""
    by_values: dict[tuple[int, ...], Formula] = {}
    batch = _batch(graph)
    for text in _expressions(graph):
        node = _parsed(text)
        if batch not in set(_all_symbols(node)):
            at = tuple(_evaluated(node, point) for point in points)
            written = Formula(_written(node, names))
            if at not in by_values or len(written) < len(by_values[at]):
                by_values[at] = written

    def joined(where: str, values: Sequence[Any]) -> Any:
        first = values[0]
        if all(type(value) is type(first) and value == first for value in values):
            return first
        if all(isinstance(value, tuple) and len(value) == len(first) for value in values):
            return tuple(joined(where, each) for each in zip(*values, strict=True))
        if all(type(value) is int for value in values) and tuple(values) in by_values:
            return by_values[tuple(values)]
        raise _Varies(where)

    steps: list[FlatStep] = []
    if len({len(flat.steps) for flat in flats}) > 1:
        raise _Varies(plain(flats[0].name, 80))
    for same in zip(*(flat.steps for flat in flats), strict=True):
        first = same[0]
        if any((each.layer, each.inputs, each.attributes.keys()) != (first.layer, first.inputs, first.attributes.keys())
               for each in same):  # fmt: skip
            raise _Varies(plain(first.path, 80))
        attributes = {
            name: joined(plain(first.path, 80), [each.attributes[name] for each in same]) for name in first.attributes
        }
        steps.append(first._replace(attributes=attributes))
    inputs = {name: joined(name, [flat.inputs[name] for flat in flats]) for name in flats[0].inputs}
    parameters = {name: points[0][symbol] for symbol, name in names.items() if symbol != batch}
    return flats[0]._replace(
        steps=steps, inputs=inputs, parameters=parameters, notes=(*flats[0].notes, *_ranges(graph, names, batch))
    )


def _ranges(graph: Graph, names: Mapping[str, str], batch: str | None) -> Iterator[str]:
    """For whom the spec is meant: the sizes that the model was exported for."""
    for symbol, name in names.items():
        least, most = graph.ranges.get(symbol, (None, None))
        if symbol != batch and most is not None:
            yield f"{name} is from {least or 1:,} to {most:,}"
