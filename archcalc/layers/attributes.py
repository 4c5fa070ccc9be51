"""What kinds of value a layer's attribute can take. A rule's annotations name them, and that is its schema.

Each kind types a value that a spec gives (`accept`), fits it to the axes of the input (`fit`), says which values
make sense (`domain`), and describes itself for the reference page and the JSON Schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from archcalc.exact import fraction, is_fraction
from archcalc.sizes.conditions import Condition, at_least, at_most, equal
from archcalc.sizes.kinds import Size, is_concrete, is_size
from archcalc.sizes.volume import AXIS_NAMES

if TYPE_CHECKING:
    from fractions import Fraction


class Refused(Exception):
    """A value of the wrong type for its attribute; the message follows the attribute's name."""


def whole(value: Any) -> Size:
    """The value as a size; Refused unless it is whole."""
    if is_size(value):
        return value  # type: ignore[no-any-return]
    if is_fraction(value):
        if value.denominator == 1:
            return value.numerator
        raise Refused(f"must be whole: {decimal(value)} is not (round it with floor, ceil, round or round_to)")
    raise Refused(f"must be a whole number: {shown(value)} is not")


def decimal(value: int | Fraction) -> str:
    """A fraction as the shortest decimal that shows it, or as a quotient."""
    if value.denominator == 1:
        return str(value.numerator)
    text = format(float(value), ".10g")
    if "e-" in text and len(text) < 8:  # a number of the language has no exponent
        text = format(float(value), ".16f").rstrip("0")
    return text if "e" not in text and fraction(text) == value else f"{value.numerator}/{value.denominator}"


def shown(value: Any) -> str:
    """A value as a spec would write it."""
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(shown, value))}]"
    if is_fraction(value):
        text = decimal(value)
        return f"ratio({value.numerator}, {value.denominator})" if "/" in text else text
    return str(value)


class Kind:
    """One kind of value."""

    words: tuple[str, ...] = ()
    #: Whether a bare number, word or list can be written for it without naming the attribute.
    said: str = ""

    def accept(self, value: Any) -> Any:
        """The value as the rule gets it; Refused if it is of another type."""
        raise NotImplementedError

    def fit(self, value: Any, rank: int) -> Any:
        """The accepted value, one entry for each spatial axis where the kind has axes."""
        return value

    def domain(self, name: str, value: Any) -> Iterator[Condition]:
        """The conditions under which a fitted value makes sense."""
        return iter(())

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema of what a spec may write."""
        raise NotImplementedError


#: Text first: an editor offers a value of the first type, and an expression is at least not a wrong number.
_NUMBER: dict[str, Any] = {"type": ["string", "integer"]}


class Whole(Kind):
    """A whole number of at least `least`."""

    def __init__(self, least: int) -> None:
        self.least = least
        self.said = f"whole number, at least {least}"

    def accept(self, value: Any) -> Size:
        return whole(value)

    def domain(self, name: str, value: Any) -> Iterator[Condition]:
        yield at_least("out-of-range", value, self.least, f"{name} must be at least {self.least}", name)

    def json_schema(self) -> dict[str, Any]:
        return _NUMBER


class Structure(Whole):
    """A whole number that says how many layers there are, which must be known and of a sensible size."""

    most = 1000

    def accept(self, value: Any) -> int:
        number = whole(value)
        if not is_concrete(number):
            raise Refused("must be one known number: structure cannot be free")
        if number > self.most:
            raise Refused(f"must be at most {self.most:,}: {number} is not")
        return number


class AnyWhole(Kind):
    """A whole number, negative ones too."""

    said = "whole number"

    def accept(self, value: Any) -> Size:
        return whole(value)

    def json_schema(self) -> dict[str, Any]:
        return _NUMBER


def _other_number(values: int, rank: int) -> Refused:
    many = f"{values} value{'s' * (values != 1)}"
    return Refused(f"has {many}, and the input has {rank} spatial {'axis' if rank == 1 else 'axes'}")


class PerAxis(Kind):
    """One whole number for every spatial axis, or a list with one for each."""

    def __init__(self, least: int) -> None:
        self.least = least
        self.said = f"whole number, at least {least}, or a list with one for each axis"

    def accept(self, value: Any) -> Any:
        return tuple(map(whole, value)) if isinstance(value, tuple) else whole(value)

    def fit(self, value: Any, rank: int) -> tuple[Size, ...]:
        if not isinstance(value, tuple):
            return (value,) * rank
        if len(value) != rank:
            raise _other_number(len(value), rank)
        return value

    def domain(self, name: str, value: Any) -> Iterator[Condition]:
        for size in value:
            yield at_least("out-of-range", size, self.least, f"{name} must be at least {self.least}", name)

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [_NUMBER, {"type": "array", "items": _NUMBER}]}


class Sides(Kind):
    """What is added at the sides of each axis: one number, one for each axis, or `[before, after]` for each axis."""

    def __init__(self, *words: str) -> None:
        self.words = words
        said = "whole number, a list with one for each axis, or a list with [before, after] for each axis"
        self.said = said + "".join(f", or `{word}`" for word in words)

    def accept(self, value: Any) -> Any:
        if isinstance(value, str):
            if value in self.words:
                return value
            raise Refused(f"must be a number{''.join(f' or `{w}`' for w in self.words)}: `{value}` is not")
        if not isinstance(value, tuple):
            return whole(value)
        return tuple(self._side(side) for side in value)

    def _side(self, side: Any) -> Any:
        if not isinstance(side, tuple):
            return whole(side)
        if len(side) != 2:
            raise Refused(f"takes [before, after] for an axis: {shown(side)} has {len(side)} values")
        return tuple(map(whole, side))

    def fit(self, value: Any, rank: int) -> Any:
        if isinstance(value, str):
            return value
        sides = value if isinstance(value, tuple) else (value,) * rank
        if len(sides) != rank:
            raise _other_number(len(sides), rank)
        return tuple(side if isinstance(side, tuple) else (side, side) for side in sides)

    def domain(self, name: str, value: Any) -> Iterator[Condition]:
        if not isinstance(value, str):
            for before, after in value:
                yield at_least("out-of-range", before, 0, f"{name} must be at least 0", name)
                yield at_least("out-of-range", after, 0, f"{name} must be at least 0", name)

    def json_schema(self) -> dict[str, Any]:
        side = {"anyOf": [_NUMBER, {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}]}
        return {"anyOf": [_NUMBER, {"type": "array", "items": side}]}


class Shape(Kind):
    """A list of whole numbers, each at least 1."""

    said = "list of whole numbers, each at least 1"

    def accept(self, value: Any) -> tuple[Size, ...]:
        if not isinstance(value, tuple) or not value:
            raise Refused(f"must be a list of whole numbers: {shown(value)} is not")
        return tuple(map(whole, value))

    def domain(self, name: str, value: Any) -> Iterator[Condition]:
        for size in value:
            yield at_least("out-of-range", size, 1, f"each size of {name} must be at least 1", name)

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": _NUMBER, "minItems": 1}]}


class ShapeToInfer(Shape):
    """A list of whole numbers, one of which may be -1: it follows from the others."""

    said = "list of whole numbers, each at least 1; one of them may be -1, and follows from the others"

    def domain(self, name: str, value: Any) -> Iterator[Condition]:
        inferred = sum(is_inferred(size) for size in value)
        yield at_most("reshape-keeps", inferred, 1, f"one size of {name} can follow from the others", name)
        yield from super().domain(name, tuple(size for size in value if not is_inferred(size)))


def is_inferred(size: Size) -> bool:
    """Whether a size is written as -1: it follows from the others."""
    return is_concrete(size) and size == -1


class AxisOrder(Shape):
    """The axes of the input, counted from 0 (the channels), in a new order."""

    said = "list of the axes in their new order; 0 is the channels"

    def domain(self, name: str, value: Any) -> Iterator[Condition]:
        return iter(())


class Axis(Kind):
    """One axis of the input: `channels`, a spatial axis by its name, or a number counted from 0 (the channels)."""

    words: tuple[str, ...] = ("channels", "length", "depth", "height", "width")
    said = f"{', '.join(f'`{word}`' for word in words)}, or the axis's number (0 is the channels)"

    def accept(self, value: Any) -> Any:
        if value in self.words if isinstance(value, str) else is_concrete(value):
            return value
        raise Refused(f"must be {', '.join(self.words)}, or an axis's number: {shown(value)} is not")

    def fit(self, value: Any, rank: int) -> Any:
        if value == "channels":
            return 0
        if isinstance(value, str):
            names = AXIS_NAMES.get(rank, ())
            if value not in names:
                raise Refused(f"is {value}, and the input has {_axes_of(rank)}")
            return names.index(value) + 1
        if not 0 <= value <= rank:
            raise Refused(f"is {value}, and the input's axes are counted from 0 (the channels) to {rank}")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.words)}, _NUMBER]}


class Axes(Axis):
    """Some axes of the input: one, a list of them, `positions` (all spatial axes), or `volume` (all there are)."""

    words = (*Axis.words, "positions", "volume")
    said = f"{', '.join(f'`{word}`' for word in words)}, an axis's number (0 is the channels), or a list of axes"

    def accept(self, value: Any) -> Any:
        return tuple(map(super().accept, value)) if isinstance(value, tuple) else super().accept(value)

    def fit(self, value: Any, rank: int) -> tuple[int, ...]:
        if value in ("positions", "volume"):
            return tuple(range(0 if value == "volume" else 1, rank + 1))
        axes = tuple(super(Axes, self).fit(axis, rank) for axis in (value if isinstance(value, tuple) else (value,)))
        if len(set(axes)) != len(axes) or not axes:
            raise Refused("must name each axis once")
        return tuple(sorted(axes))

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [super().json_schema(), {"type": "array", "items": super().json_schema(), "minItems": 1}]}


def _axes_of(rank: int) -> str:
    if rank in AXIS_NAMES:
        return f"channels, {', '.join(AXIS_NAMES[rank])}"
    return f"channels and {rank} more axes, which have numbers" if rank else "channels alone"


class Connections(Kind):
    """A connection table: for each output map, the numbers of the input maps it sees."""

    said = "list with, for each output map, the list of the input maps it sees; the first is 0"

    def accept(self, value: Any) -> tuple[tuple[int, ...], ...]:
        rows = value if isinstance(value, tuple) and value else (None,)
        for row in rows:
            if not isinstance(row, tuple) or not row or not all(map(is_concrete, row)):
                raise Refused(f"must be a list of lists of whole numbers: {shown(value)} is not")
        return rows

    def domain(self, name: str, value: Any) -> Iterator[Condition]:
        for row in value:
            yield at_least("out-of-range", min(row), 0, f"{name} counts the input maps from 0", name)
            yield equal("table-fits", len(set(row)), len(row), f"a row of {name} must name each input map once", name)

    def json_schema(self) -> dict[str, Any]:
        rows = {"type": "array", "items": {"type": "array", "items": _NUMBER, "minItems": 1}, "minItems": 1}
        return {"anyOf": [{"type": "string"}, rows]}


class Flag(Kind):
    """`true` or `false`."""

    said = "`true` or `false`"

    def accept(self, value: Any) -> bool:
        if value is True or value is False:
            return value
        raise Refused(f"must be true or false: {shown(value)} is neither")

    def json_schema(self) -> dict[str, Any]:
        return {"type": ["boolean", "string"]}


class Word(Kind):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.said = " or ".join(f"`{word}`" for word in words)

    def accept(self, value: Any) -> str:
        if isinstance(value, str) and value in self.words:
            return value
        raise Refused(f"must be {' or '.join(self.words)}: {shown(value)} is not")

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.words)}, {"type": "string"}]}


class ExactNumber(Kind):
    """An exact number: whole, or a decimal."""

    said = "number"

    def accept(self, value: Any) -> Fraction:
        if type(value) is int or is_fraction(value):
            return fraction(value)
        raise Refused(f"must be a number: {shown(value)} is not")

    def json_schema(self) -> dict[str, Any]:
        return {"type": ["number", "string"]}


class PositiveNumber(ExactNumber):
    """An exact number above 0."""

    said = "number above 0"

    def accept(self, value: Any) -> Fraction:
        number = super().accept(value)
        if number <= 0:
            raise Refused(f"must be above 0: {shown(value)} is not")
        return number


class Proportion(Kind):
    """An exact number from 0 to 1."""

    said = "number from 0 to 1"

    def accept(self, value: Any) -> Fraction:
        if type(value) is int or is_fraction(value):
            if 0 <= value <= 1:
                return fraction(value)
            raise Refused(f"must be from 0 to 1: {shown(value)} is not")
        raise Refused(f"must be a number from 0 to 1: {shown(value)} is not")

    def json_schema(self) -> dict[str, Any]:
        return {"type": ["number", "string"]}


# The annotations that rules use. To a type checker they are what the rule receives.
Positive: TypeAlias = Annotated[int, Whole(1)]
Stacked: TypeAlias = Annotated[int, Structure(1)]
Integer: TypeAlias = Annotated[int, AnyWhole()]
Count: TypeAlias = Annotated[int, Whole(0)]
Kernel: TypeAlias = Annotated[Any, PerAxis(1)]
Amount: TypeAlias = Annotated[Any, PerAxis(0)]
Padding: TypeAlias = Annotated[Any, Sides()]
PaddingOrSame: TypeAlias = Annotated[Any, Sides("same")]
Sizes: TypeAlias = Annotated[Any, Shape()]
SizesToInfer: TypeAlias = Annotated[Any, ShapeToInfer()]
Order: TypeAlias = Annotated[Any, AxisOrder()]
OneAxis: TypeAlias = Annotated[Any, Axis()]
SomeAxes: TypeAlias = Annotated[Any, Axes()]
ConnectionTable: TypeAlias = Annotated[Any, Connections()]
Switch: TypeAlias = Annotated[bool, Flag()]
Rate: TypeAlias = Annotated[Any, Proportion()]
Factor: TypeAlias = Annotated[Any, ExactNumber()]
# Those that may be left out, and are None then.
OptionalPositive: TypeAlias = Annotated[Any, Whole(1)]
OptionalNumber: TypeAlias = Annotated[Any, ExactNumber()]
OptionalLimit: TypeAlias = Annotated[Any, PositiveNumber()]
OptionalSwitch: TypeAlias = Annotated[Any, Flag()]
