"""Units: suffixes as people write them, and numbers as text, each with its unit.

`24GB` is 24 * 10^9 bytes, `24GiB` 24 * 2^30, `5M` five million of whatever is counted. Numbers are written exactly with
their thousands marked, or shortened to four digits; all shortening is done in integers, so that a figure of any size is
rounded right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.exact import fraction, is_fraction
from archcalc.records import Record
from archcalc.sizes.volume import Volume

if TYPE_CHECKING:
    from fractions import Fraction

_DECIMAL = ((10**18, "E"), (10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "K"))
_BINARY = tuple((1 << 10 * power, f"{letter}i") for power, letter in zip(range(6, 0, -1), "EPTGMK", strict=True))

#: What a suffix multiplies by, in lower case: `k`, `mi`; with a `b` behind it is bytes.
_FACTORS = {"": 1, **{name.lower(): factor for factor, name in (*_DECIMAL, *_BINARY)}}

#: How suffixes are written where they are listed.
SUFFIXES = ("K", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB")


def suffix(text: str) -> tuple[int, str] | None:
    """The factor and the unit ("bytes" or "") that a suffix stands for, whatever its case; None if it is not one."""
    word = text.lower()
    if word in _FACTORS:
        return _FACTORS[word], ""
    factor = _FACTORS.get(word.removesuffix("b")) if word.endswith("b") else None
    return None if factor is None else (factor, "bytes")


#: Who states a memory, or a bound of a figure in bytes, by a smaller number without a unit has forgotten the unit.
LEAST_MEMORY, LEAST_BOUND = 10**6, 1000


def unit_forgotten(text: str, number: Fraction, least: int, *units: str) -> str | None:
    """What to write instead of a number without a unit that stands for bytes; None where it is at least so large, or
    0. `units` are others that it may have."""
    if number >= least or not number:
        return None
    units += ("GB" if number < 1000 else "MiB",)  # as cards are sold, and as their driver tells
    count = f"{decimal(number)} byte{'s' * (number != 1)}"
    return f"`{text}` is {count}: write {' or '.join(text + unit for unit in units)}, or {text}B if bytes are meant"


def memory_size(text: str, *units: str) -> int:
    """The bytes that a text states: `24GB`, `24gb`, `24G`, `1.5 GiB`, or a plain number of bytes, of at least a
    million; UsageError if it states none. `units` are others that the number may have where it is asked for."""
    match = re.fullmatch(r"([0-9][0-9_]{0,20}(?:[.][0-9]{1,15})?) ?([a-zA-Z]*)", text.strip())
    known = match and suffix(match.group(2))
    if not match or not known:
        raise UsageError(f"`{text[:60]}` is not a memory size; try 8GB or 8GiB")
    number = fraction(match.group(1).replace("_", ""))
    if not match.group(2) and (hint := unit_forgotten(match.group(1), number, LEAST_MEMORY, *units)):
        raise UsageError(hint)
    size = int(number * known[0])
    if not 1 <= size < 1 << 80:
        raise UsageError(f"`{text[:60]}` is not a memory size: it must be at least one byte, and fit a machine")
    return size


def headroom(text: str, total: int) -> int:
    """The bytes of `total` that `10%` or `1GB` sets aside; UsageError if that is not a part of it."""
    part = re.fullmatch(r"([0-9]{1,3}(?:[.][0-9]{1,9})?) ?%", text.strip())
    size = int(fraction(part.group(1)) * total / 100) if part else memory_size(text, "%") if text.strip() != "0" else 0
    if size >= total:
        raise UsageError(f"a headroom of {text} leaves nothing of {total:,} bytes")
    return size


def exact(value: Any) -> str:
    """A whole number with its thousands marked: 138,357,544."""
    return format(value, ",") if type(value) is int else str(value)


def short(value: int) -> str:
    """Four digits and a decimal prefix: 138.4 M, 15.47 G. Below 1,000 it is exact."""
    return _shortened(value, _DECIMAL, "") or str(value)


def bytes_decimal(value: int) -> str:
    """Bytes in decimal units, four digits: 12.85 MB (MB = 10^6 bytes)."""
    return (_shortened(value, _DECIMAL, "B") or f"{value} B").replace("KB", "kB")


def bytes_binary(value: int) -> str:
    """Bytes in binary units, four digits: 58.13 MiB (MiB = 2^20 bytes)."""
    return _shortened(value, _BINARY, "B") or f"{value} B"


def bytes_in_full(value: int) -> str:
    """Bytes exactly, and shortened in both kinds of units where that is shorter."""
    if abs(value) < 1000:
        return f"{value} bytes"
    return f"{exact(value)} bytes ({bytes_decimal(value)}, {bytes_binary(value)})"


def bytes_in_both(value: int) -> str:
    """Bytes shortened in both kinds of units: 60.95 MB (58.13 MiB)."""
    return f"{value} B" if abs(value) < 1000 else f"{bytes_decimal(value)} ({bytes_binary(value)})"


def _shortened(value: int, scales: tuple[tuple[int, str], ...], behind: str) -> str | None:
    for unit, name in scales:
        if abs(value) >= unit:
            return f"{'-' if value < 0 else ''}{_four_digits(abs(value), unit)} {name}{behind}"
    return None


def _four_digits(value: int, unit: int) -> str:
    decimals = max(0, 4 - len(str(value // unit)))
    scaled = (2 * value * 10**decimals + unit) // (2 * unit)
    text = str(scaled)
    return f"{text[:-decimals]}.{text[-decimals:]}" if decimals else format(scaled, ",")


def decimal(value: Fraction) -> str:
    """A ratio or a mean to five digits, cut rather than rounded, so that it never shows a bound it does not reach."""
    whole = abs(value).__floor__()
    places = max(2, 5 - len(str(whole))) if whole else 5
    digits = (abs(value) * 10**places).__floor__()
    text = f"{digits // 10**places:,}.{digits % 10**places:0{places}}".rstrip("0").rstrip(".")
    return f"-{text}" if value < 0 else text


def two_digits(value: Fraction) -> str:
    """A ratio with two decimals, rounded: 12.35."""
    hundredths = (200 * value.numerator + value.denominator) // (2 * value.denominator)
    return f"{hundredths // 100:,}.{hundredths % 100:02}"


def time(seconds: Fraction) -> str:
    """Seconds with the unit in which they are at least 1: 262.50 us."""
    for unit, name in ((fraction(1), "s"), (fraction(1, 10**3), "ms")):
        if seconds >= unit:
            return f"{two_digits(seconds / unit)} {name}"
    return f"{two_digits(seconds * 10**6)} us"


def percent(value: float) -> str:
    """A share of 1 as a percentage with one decimal: 74.3%."""
    return f"{100 * value:.1f}%"


def barred(value: float) -> str:
    """A share of 1 as a percentage with a bar that is ten signs long for the whole."""
    return f"{percent(value):>6} {'#' * round(10 * value):<10}"


def share(part: int, whole: int) -> float:
    """part / whole; 0 where the whole is 0."""
    return part / whole if whole else 0.0


class Unit(Record):
    """The unit of a figure, and how values in it are written.

    `cell` is for a table of layers, exact where that is short; `short` for a table of networks; `full` says a figure
    that stands by itself, exactly and shortened; `brief` one that stands among others.
    """

    name: str
    cell: Callable[[Any], str]
    short: Callable[[Any], str]
    full: Callable[[Any], str]
    brief: Callable[[Any], str]

    def __str__(self) -> str:
        return self.name


def data(value: Any) -> Any:
    """A value for JSON: volumes channels first, sizes as lists, fractions as whole numbers where they are."""
    if type(value) is int:
        return value
    if is_fraction(value):
        return value.numerator if value.denominator == 1 else value
    if isinstance(value, Volume):
        return list(value.shape)
    return [data(each) for each in value] if isinstance(value, tuple) else value


def _count_short(value: Any) -> str:
    return decimal(value) if is_fraction(value) and value.denominator != 1 else short(int(value))


def _count_cell(value: Any) -> str:
    return decimal(value) if is_fraction(value) and value.denominator != 1 else exact(int(value))


def _count_full(value: Any) -> str:
    exactly, shortly = _count_cell(value), _count_short(value)
    return exactly if exactly == shortly else f"{exactly} ({shortly})"


def _sides(value: Any) -> str:
    return value if isinstance(value, str) else "x".join(map(str, value))


#: Plain numbers.
COUNT = Unit("count", _count_cell, _count_short, _count_full, _count_full)
#: Numbers so small that they are never shortened: layers, samples.
LAYERS = Unit("layers", _count_cell, _count_cell, _count_cell, _count_cell)
SAMPLES = Unit("samples", _count_cell, _count_cell, _count_cell, _count_cell)
BYTES = Unit("bytes", bytes_decimal, bytes_decimal, bytes_in_full, bytes_in_both)
#: A volume, written 55x55x96.
VOLUME = Unit("volume", str, str, str, str)
#: The same size along every axis (7), or one for each (7x7).
EXTENT = Unit("extent", _sides, _sides, _sides, _sides)
SECONDS = Unit("seconds", time, time, time, time)
FLOPS_PER_BYTE = Unit("FLOPs/byte", two_digits, two_digits, *[lambda value: f"{two_digits(value)} FLOPs per byte"] * 2)
