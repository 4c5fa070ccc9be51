"""Code and drawings of a network, for other programs to read: a file or folder for each target, found by itself.

Each has `ENDING`, which a file of that kind has, and `write`, from an analysis to pieces of text; what the user has to
know of the file beside it is said.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.discovery import found_in, loaded_from


def targets() -> list[str]:
    """The names of the targets, in order."""
    return list(found_in(__name__))


def endings() -> list[str]:
    """The endings of the targets' files, each once."""
    return list(dict.fromkeys(each.ENDING for each in loaded_from(__name__)))


def writer(target: str | None, path: Path | None) -> ModuleType:
    """The writer of a target, which the ending of a file tells where none is named and one target alone has such files.
    UsageError if neither does, or if they disagree."""
    writers = dict(zip(targets(), loaded_from(__name__), strict=True))
    told = [name for name, each in writers.items() if path and path.suffix.lower() == each.ENDING]
    if target is None and len(told) > 1:
        raise UsageError(f"{path} may be code of {' or '.join(told)}: name one with --to")
    if target is None and not told:
        raise UsageError(f"name a target: --to {', '.join(writers)}, or a file that ends in {', '.join(endings())}")
    if target is not None and told and target not in told:
        raise UsageError(f"--to {target} and the ending of {path} disagree: {' or '.join(told)} is what ends so")
    return writers[target or told[0]]
