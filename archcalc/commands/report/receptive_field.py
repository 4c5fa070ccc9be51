"""Receptive fields as text and as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archcalc.analysis.receptive_field import NOTHING, Field, LastMap
from archcalc.analysis.totals import Analysis
from archcalc.layers.attributes import decimal

if TYPE_CHECKING:
    from fractions import Fraction

_UNKNOWN = "not followed"


def text(field: Field) -> str:
    """The window as a cell of a table: `195x195`; `whole` where all of the input is seen."""
    if field is NOTHING:
        return "none"
    if field.whole or field.size is None:
        return "whole" if field.whole else _UNKNOWN
    return "x".join(map(str, field.size))


def data(field: Field) -> Mapping[str, Any]:
    """The window as an object: numbers where the axes agree, lists where they differ, null where there is none."""
    return {
        "size": _axes(field.size),
        "stride": _axes(field.stride and [_plain(stride) for stride in field.stride]),
        "padding": _axes(field.padding),
        "smallest": _axes(field.smallest),
        "whole": field.whole,
    }


def data_of_network(analysis: Analysis) -> dict[str, Any] | None:
    """The window of the last spatial map, where it is, and the share of the input it sees; None without a map."""
    last = _last(analysis)
    if last is None:
        return None
    seen, positions = last.field.seen(analysis.network.input.space), analysis.network.input.positions
    return {
        **data(last.field),
        "layer": analysis.layers[last.node].name,
        "share": None if seen is None else seen / positions,
        "exceeds_input": bool(_exceeding(analysis, last)),
    }


def of_network(analysis: Analysis) -> str:
    """What a value of the last spatial map sees; empty for a network without one."""
    last = _last(analysis)
    if last is None:
        return ""
    field = last.field
    if field.whole or field.size is None:
        return "the whole input" if field.whole else _UNKNOWN
    stride = "" if field.stride is None else f", stride {_joined(field.stride)}"
    return f"{_joined(field.size)} positions{stride}"


def warnings(analysis: Analysis) -> tuple[str, ...]:
    """A warning where the window is larger than the input."""
    last = _last(analysis)
    axes = [] if last is None else _exceeding(analysis, last)
    if not axes:
        return ()
    size, available = axes[0]
    return (f"warning: the receptive field exceeds the input: {size} is more than {available} positions",)


def _last(analysis: Analysis) -> LastMap | None:
    return analysis.last_map


def _exceeding(analysis: Analysis, last: LastMap) -> list[tuple[int, int]]:
    """The axes along which the window is larger than the input: both sizes."""
    axes = zip(last.field.size or (), analysis.network.input.space, strict=False)
    return [(size, available) for size, available in axes if size > available]


def _plain(stride: int | Fraction) -> Any:
    return stride.numerator if stride.denominator == 1 else stride


def _axes(values: Sequence[Any] | None) -> Any:
    if values is None:
        return None
    return values[0] if len(set(values)) == 1 else list(values)


def _joined(values: Sequence[int | Fraction]) -> str:
    """One number where the axes agree, and else `2x1`."""
    texts = [decimal(value) for value in values]
    return texts[0] if len(set(texts)) == 1 and len(texts) > 1 else "x".join(texts)
