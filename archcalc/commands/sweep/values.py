"""The values that a parameter takes in a sweep, as a user writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from archcalc import catalogue
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.language.budget import Budget
from archcalc.language.document import Document
from archcalc.language.expand import parameter_values
from archcalc.layers.attributes import shown
from archcalc.records import Record
from archcalc.sizes.kinds import LARGEST

#: A parameter, or an element of one, or all elements.
_NAME = r"[A-Za-z_]\w*(?:\[(?:\d{1,6}|\*)\])*"


class Axis(Record):
    """A parameter, or an element of one that is a list, and the values it takes, in order: ints, exact fractions,
    booleans, words or tuples. Its name is `width`, or `edges[0]` for the first element; `edges[*]` stands for all."""

    name: str
    values: Sequence[Any]

    @property
    def parameter(self) -> str:
        """The name of the parameter."""
        return self.name.partition("[")[0]

    @property
    def indices(self) -> tuple[int, ...]:
        """Which element of the parameter it is, from the outermost list to the innermost; empty for the whole."""
        return tuple(int(index) for index in re.findall(r"\[(\d+)\]", self.name))

    @property
    def whole(self) -> bool:
        """Whether every value is a whole number, so that an array can hold them."""
        return isinstance(self.values, range) or all(type(value) is int for value in self.values)

    @property
    def ends(self) -> tuple[int, int]:
        """The least and the largest of whole values."""
        values = self.values
        ends = (values[0], values[-1]) if isinstance(values, range) else values
        return min(ends), max(ends)


def axis(name: str, values: Iterable[Any] | Any) -> Axis:
    """The axis of a parameter from Python values: whole numbers, decimals, booleans, words, tuples, or one of these.

    UsageError if there are none, or one of them cannot be a parameter's value.
    """
    if isinstance(values, range):
        made: Sequence[Any] = values
    elif isinstance(values, (str, bool, int, float, Fraction)):
        made = (_value(name, values),)
    else:
        made = tuple(_value(name, value) for value in values)
    if not made:
        raise UsageError(f"{name} has no values to sweep over")
    if isinstance(made, range) and max(abs(made[0]), abs(made[-1])) > LARGEST:
        raise UsageError(f"{name} goes up to {max(made[0], made[-1]):,}: no size is that large")
    return Axis(name, made)


def placed(document: Document, settings: Mapping[str, Any], axes: Iterable[Axis]) -> list[Axis]:
    """The axes of a spec's parameters, `edges[*]` as one for each element.

    UsageError for a parameter that the spec does not have, or an element that its list does not have.
    """
    axes = list(axes)
    known = {parameter.name: parameter for parameter in document.parameters}
    swept = {each.parameter for each in axes}
    made: list[Axis] = []
    for each in axes:
        name = each.parameter
        if re.fullmatch(_NAME, each.name, re.ASCII) is None or name not in known:
            raise document.no_parameter(each.name)
        if name == each.name:
            if any(other.parameter == name and other is not each for other in axes):
                raise UsageError(f"{name} is swept over twice: as a whole or by elements, or both")
            made.append(each)
            continue
        default = known[name].default
        if name not in settings and default is not None and (free := swept & {n for n, _ in default.names} - {name}):
            raise UsageError(f"{name} depends on {', '.join(sorted(free))}, which is swept over too: set it with --set")
        plain = parameter_values(document, settings, Budget())[name]
        made += [Axis(found, each.values) for found in _elements(name, each.name.removeprefix(name), plain)]
    return made


def _elements(name: str, indices: str, value: Any) -> list[str]:
    """The names of the elements that indices pick from a value."""
    if not indices:
        return [name]
    first, _, rest = indices[1:].partition("]")
    if not isinstance(value, tuple):
        raise UsageError(f"{name} is not a list: it has no elements to sweep over")
    if first != "*" and int(first) >= len(value):
        raise UsageError(f"there is no {name}[{first}]: {name} has {len(value)} elements, the first is {name}[0]")
    picked = range(len(value)) if first == "*" else [int(first)]
    return [found for i in picked for found in _elements(f"{name}[{i}]", rest, value[i])]


def assigned(document: Document, settings: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with a value for each axis, by its name: elements take their places in their lists."""
    made = {**settings, **{name: value for name, value in chosen.items() if "[" not in name}}
    elements = {name: value for name, value in chosen.items() if "[" in name}
    if elements:
        plain = parameter_values(document, made, Budget())
        for name, value in elements.items():
            each = Axis(name, (value,))
            made[each.parameter] = _with(made.get(each.parameter, plain[each.parameter]), each.indices, value)
    return made


def _with(listed: Any, indices: tuple[int, ...], value: Any) -> Any:
    if not indices:
        return value
    first, *rest = indices
    return (*listed[:first], _with(listed[first], tuple(rest), value), *listed[first + 1 :])


def _value(name: str, value: Any) -> Any:
    if getattr(value, "ndim", 0):
        raise UsageError(f"the values of {name} are an array of more than one axis: give them as a list")
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float):
        value = Fraction(str(value)) if value == value and abs(value) != float("inf") else None
    if isinstance(value, Fraction) and value.denominator == 1:
        value = value.numerator
    if isinstance(value, (list, tuple)):
        return tuple(_value(name, each) for each in value)
    if isinstance(value, (bool, str, Fraction)) or (type(value) is int and abs(value) <= LARGEST):
        return value
    raise UsageError(f"{shown(value)} is not a value for {name}")


def read(text: str) -> Axis:
    """`width=16:512:16` (the end is included), `image=128,160,192`, also in brackets, or `width=64` as an axis; so too
    `edges[0]=...` for an element of a list, and `edges[*]=...` for each.

    UsageError if it is none of these.
    """
    match = re.fullmatch(rf"\s*({_NAME})\s*=(.*)", text, re.ASCII | re.DOTALL)
    if match is None:
        raise UsageError(f"`{text}` is not a setting: write `name=value`, or `name[0]=value` for an element of a list")
    name, written = match[1], match[2].strip()
    if ".." in written:
        raise UsageError(f"`{written}` is not a range for {name}: write first:last or first:last:step")
    if "," in written and not written.startswith("["):
        written = f"[{written}]"
    if ":" not in written:
        value = catalogue.value(name, written)
        return axis(name, value if isinstance(value, tuple) else (value,))
    parts = [catalogue.value(name, part) for part in written.split(":")]
    if not 2 <= len(parts) <= 3 or not all(type(p) is int or isinstance(p, Fraction) for p in parts):
        raise UsageError(f"`{written}` is not a range for {name}: write first:last or first:last:step")
    first, last, step = (*parts, 1)[:3]
    if step <= 0 or last < first:
        raise UsageError(f"`{written}` is an empty range for {name}: it goes from the first to the last, upwards")
    if all(type(part) is int for part in (first, last, step)):
        return axis(name, range(first, last + 1, step))
    count = int((last - first) // step) + 1
    if count > 100_000:
        raise UsageError(f"{name} has {count:,} values that are not whole: 100,000 is the most")
    return axis(name, [first + step * i for i in range(count)])
