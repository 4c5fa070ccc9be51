"""Code and drawings of a network, for other programs to read: a file or folder for each target, found by itself.

Each has `ENDING`, which a file of that kind has, and `write`, from an analysis to pieces of text; what the user has to
know of the file beside it is said.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.discovery import found_in, loaded_from

#: Takes a message to the user.
Say: TypeAlias = Callable[[str], None]


def nothing_said(_: str) -> None:
    """Takes messages that nobody reads."""


def targets() -> list[str]:
    """The names of the targets, in order."""
    return list(found_in(__name__))


def endings() -> list[str]:
    """The endings of the targets' files, in the same order."""
    return [each.ENDING for each in loaded_from(__name__)]


def writer(target: str | None, path: Path | None) -> ModuleType:
    """The writer of a target, which the ending of a file tells where none is named. UsageError if neither does, or if
    they disagree."""
    writers = dict(zip(targets(), loaded_from(__name__), strict=True))
    told = next((name for name, each in writers.items() if path and path.suffix.lower() == each.ENDING), None)
    if target is None and told is None:
        raise UsageError(f"name a target: --to {', '.join(writers)}, or a file that ends in {', '.join(endings())}")
    if target is not None and told not in (None, target):
        raise UsageError(f"--to {target} and the ending of {path} disagree: {told} is what ends so")
    return writers[target or told or ""]
