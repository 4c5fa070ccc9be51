"""What every command of archcalc is: click's, whose `--help` and `--version` are options of ours.

For the words of its own click looks for translations, which it does not have, and loads `locale` to do so. That takes
longer than any module of this program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def says(text: Callable[[click.Context], str]) -> dict[str, Any]:
    """What makes an option print a text, in the place of what its command does."""

    def say(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
        if asked and not ctx.resilient_parsing:
            click.echo(text(ctx), color=ctx.color)
            ctx.exit()

    return {"is_flag": True, "is_eager": True, "expose_value": False, "callback": say}


class Command(click.Command):
    """A command with our `--help`."""

    _ours: click.Option | None = None

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """The option under the names that the context has for it; made once, as click compares objects."""
        names = self.get_help_option_names(ctx)
        if self._ours is None and names:
            said = "Show this message and exit."
            self._ours = click.Option(names, help=said, **says(click.Context.get_help))
        return self._ours
