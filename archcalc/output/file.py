"""Files are written whole or not at all: beside the old one, which is replaced at the end."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.harmless import harmless


def write_file(pieces: Iterable[str] | Iterable[bytes], path: Path) -> None:
    """Write pieces of text (as UTF-8) or of bytes to a file, which keeps its mode, and through a link its place.

    Whatever stops the writing, an error of a piece or an interrupt, leaves the old file as it was. What is no regular
    file, such as /dev/stdout or a pipe, is written directly. UsageError if the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = _mode(target)
        if mode is None or stat.S_ISREG(mode):
            _replace(pieces, target, mode)
        else:
            _write(pieces, os.open(target, os.O_WRONLY))
    except OSError as error:
        raise UsageError(f"cannot write {harmless(str(path))}: {error.strerror}") from None


def check_writable(path: Path) -> None:
    """UsageError for a file that cannot be written because of its folder, before any work is done for it."""
    folder = Path(os.path.realpath(path)).parent
    if not os.path.isdir(folder):
        raise UsageError(f"cannot write {harmless(str(path))}: there is no folder {harmless(str(path.parent))}")
    if os.path.isdir(path):
        raise UsageError(f"cannot write {harmless(str(path))}: it is a folder")
    try:
        _mode(path)
    except OSError as error:  # a name that is too long
        raise UsageError(f"cannot write {harmless(str(path))}: {error.strerror}") from None


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _replace(pieces: Iterable[str] | Iterable[bytes], target: Path, mode: int | None) -> None:
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(0, "the file is read-only")
    # In the same folder: only there is replacing one step.
    beside = target.with_name(f".archcalc-{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        if mode is not None:
            os.chmod(beside, stat.S_IMODE(mode))
        _write(pieces, descriptor)
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _write(pieces: Iterable[str] | Iterable[bytes], descriptor: int) -> None:
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            file.write(piece.encode("utf-8", "backslashreplace") if isinstance(piece, str) else piece)
