"""`archcalc show`: the text of a spec."""

from __future__ import annotations

import click

from archcalc.cli.command import Command
from archcalc.cli.options import spec_argument, write_pieces


@click.command(cls=Command)
@spec_argument
def command(spec: str) -> None:
    """Print a spec, or a file of blocks, as it is written.

    \b
    Examples:
      archcalc show resnet50
      archcalc show resnet/blocks.yaml
    """
    from archcalc import catalogue

    write_pieces([catalogue.read_source(spec).text], None)
