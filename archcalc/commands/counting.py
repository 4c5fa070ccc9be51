"""`archcalc counting`: the counting profiles and what each includes."""

from __future__ import annotations

import click

from archcalc.cli.options import reporting
from archcalc.output.layout import Report


@click.command()
@reporting
def command() -> Report:
    """List the counting profiles.

    Each says whose figure it gives, what it includes, and which faults of the tool it has.

    \b
    Example:
      archcalc counting
    """
    from archcalc.commands.count import tables as counting

    return counting.index()
