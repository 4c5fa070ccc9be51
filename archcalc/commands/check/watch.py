"""Waiting for a change of what is checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from archcalc import catalogue
from archcalc.diagnostics.diagnostic import SpecError, UsageError

#: Files, with the time and the size of each.
State: TypeAlias = dict[Path, tuple[int, int]]

#: Seconds between two looks at the files.
_PAUSE = 0.5


def changes(specs: Callable[[], Iterable[Path]], pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """One item at once, and one whenever a spec, or a file that it imports, has changed, is new or is gone.

    `specs` finds the specs, anew every time; their imports are read only after a change.
    """
    while True:
        found = list(specs())
        imported = [file for path in found for file in _files(path)]
        seen = _state([*found, *imported])  # before the check, during which a file may change
        yield
        while _state([*specs(), *imported]) == seen:
            pause(_PAUSE)


def _files(path: Path) -> Iterator[Path]:
    # A file that is half written or wrong is watched by itself.
    with suppress(UsageError, SpecError):
        yield from catalogue.files(str(path))


def _state(files: Iterable[Path]) -> State:
    state = {}
    for file in files:
        with suppress(OSError):
            status = file.stat()
            state[file] = (status.st_mtime_ns, status.st_size)
    return state
