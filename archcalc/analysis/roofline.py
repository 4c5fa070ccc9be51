"""Arithmetic intensity, and the time that a device needs at the least: the roofline.

A layer run by itself is taken to read its inputs and parameters once, whole, and to write its output once; it cannot
be faster than its operations at the device's peak rate, nor than these bytes at its bandwidth. Fusing layers saves
bytes, real kernels reach neither limit.
Source: Williams, Waterman & Patterson 2009, "Roofline: an insightful visual performance model", CACM 52(4).
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.diagnostics.diagnostic import UsageError, did_you_mean

#: Bytes of a value in float32.
_BYTES = 4


class Device(NamedTuple):
    """A device: the float32 operations that it makes a second at its peak, without tensor cores, and the bytes a second
    between it and its memory, as its maker states them."""

    name: str
    flops: int
    bandwidth: int
    source: str

    @property
    def ridge(self) -> Fraction:
        """FLOPs per byte above which a layer is bound by computing, below which by moving bytes."""
        return Fraction(self.flops, self.bandwidth)


def _device(name: str, gigaflops: int, tenths_of_gigabytes: int, source: str) -> Device:
    return Device(name, gigaflops * 10**9, tenths_of_gigabytes * 10**8, source)


#: By the names that `archcalc fit` has for them.
DEVICES: dict[str, Device] = {
    device.name: device
    for device in (
        _device("gtx580", 1_581, 1_924, "NVIDIA GTX 580: 512 cores x 2 x 1.544 GHz; 384 bits x 4.008 Gbit/s"),
        _device("t4", 8_100, 3_200, "NVIDIA T4 data sheet"),
        _device("v100", 15_700, 9_000, "NVIDIA V100 data sheet, SXM2"),
        _device("rtx3090", 35_600, 9_360, "NVIDIA RTX 3090 specifications; 384 bits x 19.5 Gbit/s"),
        _device("rtx4090", 82_600, 10_080, "NVIDIA RTX 4090 specifications; 384 bits x 21 Gbit/s"),
        _device("a100-40gb", 19_500, 15_550, "NVIDIA A100 data sheet, 40 GB"),
        _device("a100-80gb", 19_500, 20_390, "NVIDIA A100 data sheet, SXM, 80 GB"),
        _device("h100", 67_000, 33_500, "NVIDIA H100 data sheet, SXM"),
    )
}


class Work(NamedTuple):
    """What a layer (or a network) does for one batch at inference."""

    name: str
    macs: int
    flops: int
    bytes_moved: int

    @property
    def intensity(self) -> Fraction:
        """Multiply-accumulates per byte moved; 0 where nothing is moved."""
        return Fraction(self.macs, self.bytes_moved) if self.bytes_moved else Fraction(0)

    def seconds(self, device: Device) -> Fraction:
        """The time that the device needs at the least."""
        return max(Fraction(self.flops, device.flops), Fraction(self.bytes_moved, device.bandwidth))

    def bound(self, device: Device) -> str:
        """Which limit that time comes from."""
        if not self.flops and not self.bytes_moved:
            return ""
        computing = Fraction(self.flops, device.flops) > Fraction(self.bytes_moved, device.bandwidth)
        return "computing" if computing else "bandwidth"


def device(name: str) -> Device:
    """The device of that name; UsageError if it is not in the table."""
    found = DEVICES.get(name.lower())
    if found is None:
        hint = did_you_mean(name.lower(), DEVICES) or f"the devices are {', '.join(DEVICES)}"
        raise UsageError(f"there is no device `{name}` in the table: {hint}")
    return found


def work(analysis: Analysis, row: AnalysedLayer, batch: int = 1) -> Work:
    """What one layer does for a batch: parameters are read once for all of its samples."""
    return Work(row.name, batch * row.macs, batch * row.flops, _bytes(analysis, row, batch))


def _bytes(analysis: Analysis, row: AnalysedLayer, batch: int) -> int:
    """Nothing for a view, and for a layer that acts in training only.

    A layer that computes nothing (a look-up) reads no more of its parameters than it puts out.
    """
    outcome = row.outcome
    if outcome.storage in ("view", "training"):
        return 0
    values = sum(volume.elements for volume in analysis.input_volumes(row)) + row.output.elements
    stored = sum(tensor.elements for tensor in (*outcome.params, *outcome.buffers))
    if not row.flops:
        stored = min(stored, batch * row.output.elements)
    return _BYTES * (batch * values + stored)
