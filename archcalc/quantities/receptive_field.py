"""What a value sees of the network's input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcalc.analysis.receptive_field import Field, last_map
from archcalc.quantities.registry import Part, quantity
from archcalc.units import EXTENT

if TYPE_CHECKING:
    from fractions import Fraction


def _field(part: Part) -> Field | None:
    """The field of the last of some layers; of a whole network, that of its last spatial map."""
    if not part.whole:
        return part.analysis.receptive_fields[part.layers[-1].node.index]
    last = last_map(part.analysis.interpretation, part.analysis.receptive_fields)
    return None if last is None else last.field


@quantity(EXTENT, kinds="ints", bound="none")
def receptive_field(part: Part) -> tuple[int, ...] | None:
    """Input positions that one value sees along each axis, at the last spatial map or at a layer; not cut off at the
    edges of the input."""
    field = _field(part)
    return None if field is None else field.size


@quantity(EXTENT, kinds="ints", bound="none")
def receptive_field_stride(part: Part) -> tuple[int | Fraction, ...] | None:
    """Input positions from the window of one value to that of the next, along each axis."""
    field = _field(part)
    return None if field is None else field.stride


@quantity(EXTENT, kinds="ints", bound="none")
def receptive_field_padding(part: Part) -> tuple[int, ...] | None:
    """How far before the input the window of the first value begins, along each axis."""
    field = _field(part)
    return None if field is None else field.padding
