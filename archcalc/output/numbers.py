"""Numbers as text, each with its unit: exact with thousands marked, or shortened to four digits.

All shortening is done in integers, so that a figure of any size is rounded right.
"""

from __future__ import annotations

from typing import Any

_DECIMAL = ((10**18, "E"), (10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "K"))
_BINARY = ((1 << 60, "EiB"), (1 << 50, "PiB"), (1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def exact(value: Any) -> str:
    """A whole number with its thousands marked: 138,357,544."""
    return format(value, ",") if type(value) is int else str(value)


def short(value: int) -> str:
    """Four digits and a decimal prefix: 138.4 M, 15.47 G. Below 1,000 it is exact."""
    for unit, name in _DECIMAL:
        if value >= unit:
            return f"{_four_digits(value, unit)} {name}"
    return str(value)


def bytes_decimal(value: int) -> str:
    """Bytes in decimal units, four digits: 12.85 MB (MB = 10^6 bytes)."""
    for unit, name in _DECIMAL:
        if value >= unit:
            return f"{_four_digits(value, unit)} {'k' if name == 'K' else name}B"
    return f"{value} B"


def bytes_binary(value: int) -> str:
    """Bytes in binary units, four digits: 58.13 MiB (MiB = 2^20 bytes)."""
    for unit, name in _BINARY:
        if value >= unit:
            return f"{_four_digits(value, unit)} {name}"
    return f"{value} B"


def _four_digits(value: int, unit: int) -> str:
    decimals = max(0, 4 - len(str(value // unit)))
    scaled = (2 * value * 10**decimals + unit) // (2 * unit)
    text = str(scaled)
    return f"{text[:-decimals]}.{text[-decimals:]}" if decimals else format(scaled, ",")


def percent(value: float) -> str:
    """A share of 1 as a percentage with one decimal: 74.3 %."""
    return f"{100 * value:.1f} %"


def barred(value: float) -> str:
    """A share of 1 as a percentage with a bar that is ten signs long for the whole."""
    return f"{percent(value)} {'#' * round(10 * value):<10}"


def share(part: int, whole: int) -> float:
    """part / whole; 0 where the whole is 0."""
    return part / whole if whole else 0.0
