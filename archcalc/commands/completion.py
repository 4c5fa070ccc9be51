"""`archcalc completion`: the script by which a shell completes archcalc's commands, options and names."""

from __future__ import annotations

import click

from archcalc.cli.command import Command
from archcalc.cli.shells import SCRIPTS
from archcalc.cli.types import Choice


@click.command(cls=Command)
@click.argument("shell", type=Choice(list(SCRIPTS)))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    In bash, put the line of the example into ~/.bashrc.

    \b
    Examples:
      eval "$(archcalc completion bash)"
      archcalc completion zsh > ~/.zfunc/_archcalc
      archcalc completion fish > ~/.config/fish/completions/archcalc.fish
    """
    click.echo(SCRIPTS[shell], nl=False)
