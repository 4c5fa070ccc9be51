"""`archcalc list`: the catalogue, one line of facts for each spec."""

from __future__ import annotations

import click

from archcalc.cli.options import reporting
from archcalc.output.layout import Report


@click.command()
@reporting
def command() -> Report:
    """List the architectures in the catalogue.

    Each with its input, parameters, MACs, depth and source.

    \b
    Example:
      archcalc list
    """
    from archcalc.commands.list import tables as catalogue

    return catalogue.build()
