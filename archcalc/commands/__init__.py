"""The commands: a file each, or a folder whose `command.py` holds the options, `answer.py` what is worked out, and
`tables.py` how it is laid out. The function `command`, a `Command` of `cli/command.py`, is what `archcalc NAME` runs; a
new file or folder is found by itself."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from archcalc.discovery import found_in

if TYPE_CHECKING:
    import click

#: The questions that commands answer, as `archcalc --help` lists them; a command stands under one of them.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "Look": ("report", "serve", "compare", "diff", "list", "show"),
    "Count": ("explain", "quantities", "count", "formula"),
    "Memory and time": ("memory", "fit", "roofline"),
    "Design": ("new", "sweep", "solve"),
    "Check": ("check",),
    "Language": ("layers", "resolve", "fold"),
    "Models": ("import", "export"),
    "Editor, shell, help": ("schema", "completion", "help"),
}


def names() -> list[str]:
    """The names of the commands, in order."""
    return [*found_in(__name__)]  # `list` is a command here


def load(name: str) -> click.Command | None:
    """A command, loaded with all that it imports; None if there is none of that name."""
    if name not in found_in(__name__):
        return None
    home = importlib.import_module(found_in(__name__)[name])
    if hasattr(home, "__path__"):  # a folder
        home = importlib.import_module(f"{home.__name__}.command")
    command: click.Command = home.command
    return command
