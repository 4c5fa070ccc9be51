"""The roofline: bytes moved, operations per byte, and the least time on a card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcalc.analysis import roofline
from archcalc.analysis.totals import AnalysedLayer
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.exact import fraction
from archcalc.quantities.registry import Part, quantity, summed
from archcalc.quantities.totals import flops
from archcalc.sizes.kinds import Size
from archcalc.units import BYTES, FLOPS_PER_BYTE, SECONDS

if TYPE_CHECKING:
    from fractions import Fraction

    from archcalc.devices import Card


@summed(BYTES, depends=["batch"])
def bytes_moved(part: Part, row: AnalysedLayer) -> Size:
    """Bytes that each layer by itself reads and writes at inference: inputs and parameters read once, the output
    written once, in float32. Fused layers move less."""
    return roofline.bytes_moved(part.analysis, row, part.setup.batch)


@quantity(FLOPS_PER_BYTE, title="FLOPs/byte", depends=["batch"], kinds="ints", whole=False, bound="none")
def flops_per_byte(part: Part) -> Fraction:
    """Arithmetic intensity: floating-point operations, 2 per MAC, per byte moved; 0 where nothing is moved."""
    moved = bytes_moved(part)
    return fraction(flops(part), moved) if moved else fraction(0)


def card_of(part: Part) -> Card:
    """The card that bounds the time; UsageError where none is named."""
    if part.setup.card is None:
        raise UsageError("the least time depends on a card: name one with `gpu`")
    return part.setup.card


@summed(SECONDS, title="at least", depends=["batch", "gpu"], kinds="ints", whole=False)
def roofline_seconds(part: Part, row: AnalysedLayer) -> Fraction:
    """The least time at inference: each layer by itself at the card's peak float32 rate or at its bandwidth, whichever
    takes longer, one after the other. A lower bound, which real kernels do not reach."""
    moved = roofline.bytes_moved(part.analysis, row, part.setup.batch)
    return roofline.seconds(part.samples(row.flops), moved, card_of(part))
