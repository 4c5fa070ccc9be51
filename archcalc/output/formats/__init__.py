"""The output formats of a report, a file each, which is named as `--format` names it and found by itself.

A format states `ENDINGS`, those of the files that are written in it, and `render(report)`, which gives the file's
pieces: text, or bytes for a format that is not text. It raises UsageError for a report that it cannot show. It may have
`on_terminal(report, stream)`, which writes to a terminal.

A command has formats of its own in a package of the same kind, which `own` names (LaTeX for formulas, SARIF for
findings); what they show is the report's `answer`. One of the name of a general format takes its place.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, TypeAlias

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.discovery import found_in
from archcalc.output.layout import Report
from archcalc.records import Record

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = "text"

#: What a file is written from, piece by piece.
Pieces: TypeAlias = Iterable[str] | Iterable[bytes]


class Format(Record):
    """A format, loaded: `on_terminal` is None where a terminal gets the same text as a file."""

    name: str
    endings: tuple[str, ...]
    render: Callable[[Report], Pieces]
    on_terminal: Callable[[Report, IO[str]], None] | None


def names(own: str | None = None) -> list[str]:
    """The formats, the default first; with those of a command's own package."""
    return sorted(_homes(own), key=lambda name: (name != DEFAULT, name))


def load(name: str, own: str | None = None) -> Format:
    """A format by its name."""
    module = importlib.import_module(_homes(own)[name])
    return Format(name, module.ENDINGS, module.render, getattr(module, "on_terminal", None))


def of_file(path: Path, own: str | None = None) -> Format:
    """The format that the ending of a file tells; the default for a file without one, such as /dev/stdout.

    UsageError for an ending that no format has.
    """
    loaded = [load(name, own) for name in names(own)]
    endings = {ending: format_ for format_ in loaded for ending in format_.endings}
    fitting = [ending for ending in endings if path.name.lower().endswith(ending) and path.name.lower() != ending]
    if fitting:
        return endings[max(fitting, key=len)]
    if path.suffix:
        known = ", ".join(endings)
        raise UsageError(f"no format for files that end in {path.suffix}: use {known}, or name one with --format")
    return load(DEFAULT, own)


def _homes(own: str | None) -> dict[str, str]:
    return {**found_in(__name__), **(found_in(own) if own else {})}
