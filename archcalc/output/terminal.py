"""What a terminal can show: whether a stream is one, and its colours."""

from __future__ import annotations

import os
from typing import IO

from archcalc.diagnostics.text import Paint, Role, unpainted

_CODES: dict[Role, str] = {
    "error": "1;31",
    "warning": "1;33",
    "frame": "1;34",
    "help": "1;36",
    "met": "32",
    "dim": "2",
    "most": "1",
}


def is_terminal(stream: IO[str]) -> bool:
    """Whether a stream is a terminal that can place text."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width(stream: IO[str]) -> int | None:
    """How many columns a stream has: of what COLUMNS says, else of the terminal that it is; None for any number."""
    if asked := asked_width():
        return asked
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL
    except OSError:
        return _USUAL


def asked_width() -> int | None:
    """How many columns COLUMNS asks for; None where it does not."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isascii() and columns.isdigit() and int(columns) > 0 else None


#: The columns of a terminal that does not say how many it has.
_USUAL = 80


def painting(stream: IO[str]) -> Paint:
    """How text is coloured on a stream: not at all where it is no terminal, or NO_COLOR is set.

    Source: https://no-color.org; FORCE_COLOR is what others call the opposite.
    """
    if os.environ.get("NO_COLOR"):
        return unpainted
    return _painted if os.environ.get("FORCE_COLOR") or is_terminal(stream) else unpainted


def _painted(role: Role, text: str) -> str:
    return f"\x1b[{_CODES[role]}m{text}\x1b[0m"
