"""Bytes moved, and the time that a card needs at the least: the roofline.

A layer run by itself is taken to read its inputs and parameters once, whole, and to write its output once; it cannot
be faster than its operations at the card's peak rate, nor than these bytes at its bandwidth. Fusing layers saves
bytes, real kernels reach neither limit.
Source: Williams, Waterman & Patterson 2009, "Roofline: an insightful visual performance model", CACM 52(4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.exact import fraction
from archcalc.sizes.kinds import Size, minimum, total

if TYPE_CHECKING:
    from fractions import Fraction

    from archcalc.devices import Card

#: Bytes of a value in float32.
_BYTES = 4

#: Which limit a layer's least time comes from.
Bound: TypeAlias = Literal["compute", "memory"]


def bytes_moved(analysis: Analysis, row: AnalysedLayer, batch: Size = 1) -> Size:
    """Bytes that one layer reads and writes for a batch at inference, in float32.

    Nothing for a view, for a layer that acts in training only, and for what is stored already; a constant that is made
    anew is written once for all samples. Parameters are read once for all samples; a layer
    that computes nothing (a look-up) reads no more of them than it puts out.
    """
    outcome = row.outcome
    if outcome.storage in ("view", "training", "parameter"):
        return 0
    if not outcome.reads_input:
        return _BYTES * row.output.elements
    values = total(volume.elements for volume in analysis.input_volumes(row)) + row.output.elements
    stored = total(tensor.elements for tensor in (*outcome.params, *outcome.buffers))
    if type(row.flops) is int and not row.flops:
        stored = minimum(stored, batch * row.output.elements)
    return _BYTES * (batch * values + stored)


def _limits(flops: int, moved: int, card: Card) -> tuple[Fraction, Fraction]:
    """Seconds by the rate, and seconds by the bandwidth."""
    if card.flops is None:
        raise UsageError(f"{card.name} has no stated rate: its maker gives none, so no roofline follows")
    return fraction(flops, card.flops), fraction(moved, card.bandwidth)


def seconds(flops: int, moved: int, card: Card) -> Fraction:
    """The time that the card needs at the least for so many operations and bytes of one layer."""
    return max(_limits(flops, moved, card))


def bound(flops: int, moved: int, card: Card) -> Bound | None:
    """Which limit that time comes from; None for a layer that does nothing."""
    computing, moving = _limits(flops, moved, card)
    if not computing and not moving:
        return None
    return "compute" if computing > moving else "memory"
