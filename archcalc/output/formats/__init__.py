"""The output formats of a report, a file each: `render` gives the pieces of a report's text, `SUFFIX` is the ending of
a file that is written in the format. A new file here is a new choice of `--format`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from archcalc.output.layout import Report

DEFAULT = "text"


@cache
def names() -> tuple[str, ...]:
    """The formats, by the names of their files; the default first."""
    found = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return (DEFAULT, *(name for name in found if name != DEFAULT))


def of_file(path: Path) -> str:
    """The format that the ending of a file tells; the default for any other ending."""
    suffixes = {importlib.import_module(f"{__name__}.{name}").SUFFIX: name for name in names()}
    return suffixes.get(path.suffix.lower(), DEFAULT)


def render(report: Report, name: str) -> Iterable[str]:
    """The pieces of a report in a format."""
    made: Iterable[str] = importlib.import_module(f"{__name__}.{name}").render(report)
    return made
