"""Arithmetic intensity layer by layer, and the least time on a device."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from archcalc.analysis.roofline import Device, Work, work
from archcalc.analysis.totals import Analysis
from archcalc.output.layout import Column, Report, Table
from archcalc.output.numbers import bytes_decimal, exact, share, short

_BOUND = "a lower bound: each layer by itself at the device's peak rate or bandwidth, whichever takes longer"


def build(analysis: Analysis, device: Device | None, batch: int) -> Report:
    """What each layer moves and computes for a batch at inference, and how long that takes at the least."""
    layers = [work(analysis, row, batch) for row in analysis.layers]
    total = Work("total", *(sum(amounts) for amounts in zip(*(one[1:] for one in layers), strict=True)))
    columns = [
        Column("layer", "layer", right=False),
        Column("macs", "MACs", exact, rank=2),
        Column("bytes_moved", "bytes moved", bytes_decimal, rank=1),
        Column("macs_per_byte", "MACs/byte", _two_digits),
    ]
    if device is not None:
        columns += [Column("seconds", "at least", time), Column("bound", "bound by", right=False, rank=3)]
    data: dict[str, Any] = {
        "architecture": analysis.architecture,
        "batch": batch,
        "device": device and device._asdict(),
        "totals": _data(total, layers, device),
        "layers": [{"name": one.name, **_data(one, [one], device)} for one in layers],
    }
    per = "a sample" if batch == 1 else f"a batch of {batch:,}"
    facts = [
        ("bytes moved", f"{exact(total.bytes_moved)} for {per} at inference: inputs, parameters and outputs, float32"),
        ("intensity", f"{_two_digits(total.intensity)} MACs per byte moved"),
    ]
    if device is not None:
        facts += [
            ("device", f"{device.name}: {short(device.flops)}FLOP/s in float32, {bytes_decimal(device.bandwidth)}/s"),
            ("ridge", f"{_two_digits(device.ridge)} FLOPs per byte: below it a layer is bound by bandwidth"),
            ("time", f"at least {time(_seconds(layers, device))} for {per}, {_BOUND}"),
            ("source", device.source),
        ]
    rows = [_row(one, [one], device) for one in layers]
    return Report(
        f"{analysis.architecture}: arithmetic intensity",
        tuple(facts),
        (Table(tuple(columns), rows, _row(total, layers, device)),),
        ("inputs and parameters are read and outputs written once by each layer; fused layers move less",),
        data,
    )


def _seconds(layers: Sequence[Work], device: Device) -> Fraction:
    """The layers run one after the other."""
    return sum((one.seconds(device) for one in layers), Fraction(0))


def _row(one: Work, parts: Sequence[Work], device: Device | None) -> tuple[Any, ...]:
    cells = (one.name, one.macs, one.bytes_moved, one.intensity)
    if device is None:
        return cells
    return (*cells, _seconds(parts, device), one.bound(device) if len(parts) == 1 else None)


def _data(one: Work, parts: Sequence[Work], device: Device | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "macs": one.macs,
        "flops": one.flops,
        "bytes_moved": one.bytes_moved,
        "macs_per_byte": one.intensity,
    }
    if device is not None:
        computing = sum(part.flops for part in parts if part.bound(device) == "computing")
        found["seconds_at_least"] = _seconds(parts, device)
        found["share_of_flops_bound_by_computing"] = share(computing, one.flops)
    return found


def _two_digits(value: Fraction) -> str:
    """Two decimals, rounded in integers."""
    hundredths = (200 * value.numerator + value.denominator) // (2 * value.denominator)
    return f"{hundredths // 100:,}.{hundredths % 100:02}"


def time(seconds: Fraction) -> str:
    """Seconds with the unit in which they are at least 1: 262.5 us."""
    for unit, name in ((Fraction(1), "s"), (Fraction(1, 10**3), "ms")):
        if seconds >= unit:
            return f"{_two_digits(seconds / unit)} {name}"
    return f"{_two_digits(seconds * 10**6)} us"
