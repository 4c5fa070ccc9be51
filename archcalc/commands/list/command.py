"""`archcalc list`: the catalogue, one line of facts for each spec."""

from __future__ import annotations

import click

from archcalc.cli import known
from archcalc.cli.command import Command
from archcalc.cli.options import reporting
from archcalc.cli.types import Name
from archcalc.output.layout import Report


@click.command(cls=Command)
@click.argument("groups", metavar="[GROUP]...", nargs=-1, type=Name(known.groups))
@reporting
def command(groups: tuple[str, ...]) -> Report:
    """List the catalogue, or some groups of it.

    Each with its input, parameters, MACs, depth and source. A group is what lies in one folder: vgg, resnet, llama.

    \b
    Examples:
      archcalc list
      archcalc list vgg resnet
    """
    from archcalc.commands.list import tables as catalogue

    return catalogue.build(groups)
