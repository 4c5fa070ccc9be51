"""`archcalc layers`: the language's layers, from the code itself."""

from __future__ import annotations

import click

from archcalc.cli import known
from archcalc.cli.command import Command
from archcalc.cli.options import reporting
from archcalc.cli.types import Name
from archcalc.output.layout import Report


@click.command(cls=Command)
@click.argument("layer", type=Name(known.layers), required=False)
@reporting
def command(layer: str | None) -> Report:
    """List the layers, or describe one.

    \b
    Examples:
      archcalc layers
      archcalc layers conv
    """
    from archcalc.commands.layers import reference

    return reference.index() if layer is None else reference.page(layer)
