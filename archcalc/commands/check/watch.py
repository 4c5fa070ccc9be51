"""Waiting for a change of what is checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from archcalc import catalogue
from archcalc.claims.library import path_in
from archcalc.claims.listed import is_list, listed
from archcalc.diagnostics.diagnostic import SpecError, UsageError
from archcalc.exchange import is_model
from archcalc.language.source import read_text

#: Files, with the time and the size of each.
State: TypeAlias = dict[Path, tuple[int, int]]

#: Seconds between two looks at the files.
_PAUSE = 0.5


def changes(specs: Callable[[], Iterable[Path]], pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """One item at once, and one whenever a spec, or a file that it imports or lists, has changed, is new or is gone.

    `specs` finds the specs, anew every time; what they import or list is read only after a change.
    """
    while True:
        found = list(specs())
        imported = [file for path in found for file in _files(path)]
        seen = _state([*found, *imported])  # before the check, during which a file may change
        yield
        while _state([*specs(), *imported]) == seen:
            pause(_PAUSE)


def _files(path: Path) -> Iterator[Path]:
    """A file and those that it is made of, or that a list of figures is about."""
    # A file that is half written or wrong is watched by itself.
    with suppress(UsageError, SpecError):
        source = None if is_model(path) else read_text(path)
        if source is None or not is_list(source.text):
            yield from map(Path, catalogue.files(str(path)))
            return
        for spec in dict.fromkeys(claim.spec for claim in listed(source)[0]):
            with suppress(UsageError, SpecError):
                yield from map(Path, catalogue.files(path_in(path.parent, spec)))


def _state(files: Iterable[Path]) -> State:
    state = {}
    for file in files:
        with suppress(OSError):
            status = file.stat()
            state[file] = (status.st_mtime_ns, status.st_size)
    return state
