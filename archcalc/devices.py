"""Graphics cards and their memory, as their makers state it: GiB, since memory chips come in powers of two.

What a driver reports as total is up to 1 % less, and what a framework can allocate is less again.
"""

from __future__ import annotations

from typing import NamedTuple

from archcalc.diagnostics.diagnostic import UsageError, did_you_mean

_GIB = 1 << 30


class Gpu(NamedTuple):
    """A card: its memory in bytes, and where that figure is from."""

    name: str
    memory: int
    source: str


def _card(name: str, gib: int, source: str) -> Gpu:
    return Gpu(name, gib * _GIB, source)


#: The cards of the papers, and those that are common today; by name.
GPUS: dict[str, Gpu] = {
    gpu.name: gpu
    for gpu in (
        _card("gtx580", 3, "Krizhevsky et al. 2012, section 3.2: a single GTX 580 has only 3 GB"),
        _card("titan-black", 6, "NVIDIA GTX Titan Black specifications; Simonyan & Zisserman 2014, section 3.3"),
        _card("k40", 12, "NVIDIA Tesla K40 data sheet"),
        _card("gtx1080ti", 11, "NVIDIA GTX 1080 Ti specifications"),
        _card("rtx2080ti", 11, "NVIDIA RTX 2080 Ti specifications"),
        _card("t4", 16, "NVIDIA T4 data sheet"),
        _card("v100", 16, "NVIDIA V100 data sheet, 16 GB version"),
        _card("v100-32gb", 32, "NVIDIA V100 data sheet, 32 GB version"),
        _card("rtx3090", 24, "NVIDIA RTX 3090 specifications"),
        _card("rtx4090", 24, "NVIDIA RTX 4090 specifications"),
        _card("l4", 24, "NVIDIA L4 data sheet"),
        _card("a10", 24, "NVIDIA A10 data sheet"),
        _card("a100-40gb", 40, "NVIDIA A100 data sheet, 40 GB version"),
        _card("a100-80gb", 80, "NVIDIA A100 data sheet, 80 GB version"),
        _card("l40s", 48, "NVIDIA L40S data sheet"),
        _card("h100", 80, "NVIDIA H100 data sheet"),
    )
}


def gpu(name: str) -> Gpu:
    """The card of that name; UsageError if it is not in the table."""
    found = GPUS.get(name.lower())
    if found is None:
        hint = did_you_mean(name.lower(), GPUS) or f"the cards are {', '.join(GPUS)}; --memory takes any size"
        raise UsageError(f"there is no card `{name}` in the table: {hint}")
    return found
