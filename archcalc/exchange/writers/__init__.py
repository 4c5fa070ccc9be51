"""Code and drawings of a network, for other programs to read: a file or folder for each target, found by itself.

Each has `ENDING`, which a file of that kind has, and `write`, from an analysis to pieces of text.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.discovery import found_in, loaded_from


def targets() -> list[str]:
    """The names of the targets, in order."""
    return list(found_in(__name__))


def writer(target: str | None, path: Path | None) -> ModuleType:
    """The writer of a target, which the ending of a file tells where none is named; UsageError if neither does."""
    writers = dict(zip(targets(), loaded_from(__name__), strict=True))
    if target is not None:
        return writers[target]
    if path is None:
        raise UsageError(f"name a target: --to {' or '.join(writers)}, or a file with --output")
    for each in writers.values():
        if path.name.lower().endswith(each.ENDING):
            return each
    endings = ", ".join(f"{each.ENDING} ({name})" for name, each in writers.items())
    raise UsageError(f"the ending of {path.name} is of no target: it may be {endings}, or name one with --to")
