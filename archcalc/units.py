"""Amounts of memory on the command line: `24GB` is 24 * 10^9 bytes, `24GiB` is 24 * 2^30."""

from __future__ import annotations

import re
from fractions import Fraction

from archcalc.diagnostics.diagnostic import UsageError

_UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
_BY_NAME = {name.lower(): factor for name, factor in _UNITS.items()}
_SIZE = re.compile(r"([0-9]{1,15}(?:[.][0-9]{1,15})?) ?([a-zA-Z]+)")


def memory_size(text: str) -> int:
    """The bytes that a text like `24GB` or `1.5 GiB` says; UsageError if it says none."""
    match = _SIZE.fullmatch(text.strip())
    factor = match and _BY_NAME.get(match.group(2).lower())
    if not match or not factor:
        raise UsageError(f"`{text}` is no amount of memory: write a number and a unit, {', '.join(_UNITS)}")
    size = int(Fraction(match.group(1)) * factor)
    if size < 1:
        raise UsageError(f"`{text}` is no amount of memory: it must be at least one byte")
    return size


def headroom(text: str, total: int) -> int:
    """The bytes of `total` that `10%` or `1GB` sets aside; UsageError if that is not a part of it."""
    percent = re.fullmatch(r"([0-9]{1,3}(?:[.][0-9]{1,9})?) ?%", text.strip())
    size = int(Fraction(percent.group(1)) * total / 100) if percent else memory_size(text) if text != "0" else 0
    if size >= total:
        raise UsageError(f"a headroom of {text} leaves nothing of {total:,} bytes")
    return size
