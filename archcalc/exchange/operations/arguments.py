"""Arguments of operations as attributes of layers."""

from __future__ import annotations

from typing import Any

from archcalc.exchange.graph import Operation
from archcalc.exchange.operations.registry import Refusal


def whole(operation: Operation, name: str, default: int | None = None) -> int:
    """A whole number."""
    value = operation.arguments.get(name, default)
    if type(value) is not int:
        raise Refusal(f"its `{name}` is not a number")
    return value


def flag(operation: Operation, name: str, default: bool) -> bool:
    """True or false."""
    value = operation.arguments.get(name, default)
    if type(value) is not bool:
        raise Refusal(f"its `{name}` is not true or false")
    return value


def number(operation: Operation, name: str, default: float | None = None) -> float | int:
    """A number, whole or not."""
    value = operation.arguments.get(name, default)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise Refusal(f"its `{name}` is not a number")
    return value


def sizes(operation: Operation, name: str, rank: int, default: Any = ()) -> tuple[int, ...]:
    """A number for each of the axes; empty where there is none."""
    value = operation.arguments.get(name, default)
    items = [value] if type(value) is int else list(value or ())
    if any(type(item) is not int for item in items):
        raise Refusal(f"its `{name}` is not a list of numbers")
    return tuple(items * rank if len(items) == 1 else items)


def paddings(operation: Operation, rank: int) -> tuple[Any, ...]:
    """The padding of each axis: a number, or a pair for its two ends."""
    value = operation.arguments.get("padding", [0])
    if isinstance(value, list) and value and all(isinstance(item, tuple) for item in value):
        return tuple(value)
    return sizes(operation, "padding", rank, [0])


def dim(operation: Operation, name: str, rank: int, default: int | None = None) -> int:
    """An axis of a tensor that has `rank` of them, counted from 0."""
    return counted(whole(operation, name, default), rank)


def counted(number: int, rank: int) -> int:
    """An axis that may be counted from the end, counted from 0."""
    if not -rank <= number < rank:
        raise Refusal("it works along an axis that its input has not")
    return number % rank


def dims(operation: Operation, name: str, rank: int) -> tuple[int, ...]:
    """Axes of a tensor, counted from 0; all of them where none is said."""
    value = operation.arguments.get(name)
    if value is None or value == []:
        return tuple(range(rank))
    return tuple(counted(each, rank) for each in (value if isinstance(value, list) else [value]))


def given_self(operation: Operation) -> Any:
    """The argument that an operation works on, whichever name the schema has for it."""
    return operation.arguments["self" if "self" in operation.arguments else "input"]


def given(**attributes: tuple[Any, Any]) -> dict[str, Any]:
    """Attributes that differ from their defaults: each is a value and its default; equal numbers are one."""
    made = {}
    for name, (value, default) in attributes.items():
        alike = isinstance(value, tuple) and len(set(value)) == 1 and not isinstance(value[0], tuple)
        plain = value[0] if alike else value
        if plain != default:
            made[name] = plain
    return made
