"""Graphics cards and their like: memory, peak rate and bandwidth, as their makers state them.

Memory is in GiB, since memory chips come in powers of two; what a driver reports is up to 1% less, and what a framework
can allocate is less again. The rate is that of float32 without tensor cores or sparsity, the bandwidth that between the
device and its memory. A laptop card's rate depends on the power that the laptop gives it, and Apple states none: such
cards have no rate, and no roofline.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, TypeAlias

from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.records import Record

_GIB = 1 << 30

#: Whose rules a framework follows on the card; ROCm calls itself cuda too.
Runtime: TypeAlias = Literal["cuda", "cpu"]


class Card(Record):
    """A graphics card, or an accelerator like it."""

    name: str
    #: Bytes of memory.
    memory: int
    #: Float32 operations a second at its peak; None where its maker states none.
    flops: int | None
    #: Bytes a second between it and its memory.
    bandwidth: int
    #: Where these figures are from.
    source: str
    runtime: Runtime = "cuda"

    @property
    def ridge(self) -> Fraction | None:
        """FLOPs per byte above which a layer is compute-bound, below which memory-bound."""
        return None if self.flops is None else Fraction(self.flops, self.bandwidth)


def _card(name: str, gib: int, gigaflops: int | None, gigabytes: str, source: str, runtime: Runtime = "cuda") -> Card:
    flops = None if gigaflops is None else gigaflops * 10**9
    return Card(name, gib * _GIB, flops, int(Fraction(gigabytes) * 10**9), source, runtime)


_APPLE = "Apple's specifications; memory is shared with the processor, which by default leaves the GPU about 3/4 of it"

#: The part of a card that the CUDA context, the allocator and kernels' workspaces may take, unless another is given.
HEADROOM = "10%"

#: The cards of the papers and those that are common today, by name.
CARDS: dict[str, Card] = {
    made.name: made
    for made in (
        _card(
            "gtx580",
            3,
            1_581,
            "192.4",
            "Krizhevsky et al. 2012, section 3.2: 3 GB; NVIDIA GTX 580: 512 cores x 2 x 1.544 GHz",
        ),
        _card(
            "titan-black",
            6,
            5_121,
            "336",
            "NVIDIA GTX Titan Black; Simonyan & Zisserman 2014, section 3.3",
        ),
        _card("k40", 12, 4_290, "288", "NVIDIA Tesla K40 data sheet"),
        _card("gtx1080ti", 11, 11_340, "484", "NVIDIA GTX 1080 Ti specifications"),
        _card("rtx2080ti", 11, 13_450, "616", "NVIDIA RTX 2080 Ti specifications"),
        _card("rtx3060", 12, 12_740, "360", "NVIDIA RTX 3060 specifications, 12 GB version"),
        _card("rtx3090", 24, 35_600, "936", "NVIDIA RTX 3090 specifications; 384 bits x 19.5 Gbit/s"),
        _card("rtx4080", 16, 48_700, "716.8", "NVIDIA RTX 4080 specifications; 256 bits x 22.4 Gbit/s"),
        _card("rtx4090", 24, 82_600, "1008", "NVIDIA RTX 4090 specifications; 384 bits x 21 Gbit/s"),
        _card("rtx5080", 16, 56_300, "960", "NVIDIA RTX 5080 specifications; 256 bits x 30 Gbit/s"),
        _card("rtx5090", 32, 104_800, "1792", "NVIDIA RTX 5090 specifications; 512 bits x 28 Gbit/s"),
        _card("rtx3060-laptop", 6, None, "336", "NVIDIA RTX 3060 laptop specifications; 192 bits x 14 Gbit/s"),
        _card("rtx4060-laptop", 8, None, "256", "NVIDIA RTX 4060 laptop specifications; 128 bits x 16 Gbit/s"),
        _card("rtx4070-laptop", 8, None, "256", "NVIDIA RTX 4070 laptop specifications; 128 bits x 16 Gbit/s"),
        _card("rtx4080-laptop", 12, None, "432", "NVIDIA RTX 4080 laptop specifications; 192 bits x 18 Gbit/s"),
        _card("rtx4090-laptop", 16, None, "576", "NVIDIA RTX 4090 laptop specifications; 256 bits x 18 Gbit/s"),
        _card("t4", 16, 8_100, "320", "NVIDIA T4 data sheet"),
        _card("l4", 24, 30_300, "300", "NVIDIA L4 data sheet"),
        _card("a10", 24, 31_200, "600", "NVIDIA A10 data sheet"),
        _card("a6000", 48, 38_700, "768", "NVIDIA RTX A6000 data sheet"),
        _card("l40s", 48, 91_600, "864", "NVIDIA L40S data sheet"),
        _card("v100", 16, 15_700, "900", "NVIDIA V100 data sheet, SXM2, 16 GB"),
        _card("v100-32gb", 32, 15_700, "900", "NVIDIA V100 data sheet, SXM2, 32 GB"),
        _card("a100-40gb", 40, 19_500, "1555", "NVIDIA A100 data sheet, 40 GB"),
        _card("a100-80gb", 80, 19_500, "2039", "NVIDIA A100 data sheet, SXM, 80 GB"),
        _card("h100", 80, 67_000, "3350", "NVIDIA H100 data sheet, SXM"),
        _card("h200", 141, 67_000, "4800", "NVIDIA H200 data sheet, SXM"),
        _card("b200", 180, 75_000, "7700", "NVIDIA HGX B200 data sheet: 1.4 TB, 600 TFLOP/s and 62 TB/s for eight"),
        _card("mi300x", 192, 163_400, "5300", "AMD Instinct MI300X data sheet"),
        _card("m1-8gb", 8, None, "68.25", _APPLE, "cpu"),
        _card("m1-max-32gb", 32, None, "400", _APPLE, "cpu"),
        _card("m2-ultra-192gb", 192, None, "800", _APPLE, "cpu"),
        _card("m3-max-128gb", 128, None, "400", _APPLE, "cpu"),
        _card("m4-max-128gb", 128, None, "546", _APPLE, "cpu"),
    )
}


def card(name: str) -> Card:
    """The card of that name, whatever its case; UsageError if it is not in the table."""
    found = CARDS.get(name.strip().lower())
    if found is None:
        hint = did_you_mean(name.strip().lower(), CARDS) or f"the cards are {', '.join(CARDS)}"
        raise UsageError(f"unknown card `{name[:60]}`: {hint}")
    return found
