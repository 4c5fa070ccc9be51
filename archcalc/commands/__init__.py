"""The commands: a file each, or a folder whose `command.py` holds the options, `answer.py` what is worked out, and
`tables.py` how it is laid out. The function `command` is what `archcalc NAME` runs; a new file or folder is found by
itself."""

from __future__ import annotations

import pkgutil


def names() -> list[str]:
    """The names of the commands, in order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def home(name: str) -> str | None:
    """The module that holds a command; None if there is no such command."""
    for module in pkgutil.iter_modules(__path__):
        if module.name == name:
            return f"{__name__}.{name}.command" if module.ispkg else f"{__name__}.{name}"
    return None
