"""`archcalc count`: what each tool prints for a network, and why they differ."""

from __future__ import annotations

from typing import Any

import click

from archcalc.cli import known
from archcalc.cli.options import reporting, set_option, spec_argument
from archcalc.cli.types import Name
from archcalc.output.layout import Report


@click.command()
@spec_argument
@set_option
@click.option(
    "--counting",
    "names",
    type=Name(known.profiles),
    multiple=True,
    metavar="PROFILE",
    help="Show only these profiles; with two, explain the difference.",
)
@reporting
def command(spec: str, settings: dict[str, Any], names: tuple[str, ...]) -> Report:
    """Count operations the way each tool does, side by side.

    With two profiles, the difference is explained: which operations one counts and the other does not.

    \b
    Examples:
      archcalc count resnet50
      archcalc count resnet50 --counting fvcore --counting ptflops
      archcalc count mobilenet --format json
    """
    from archcalc import api
    from archcalc.commands.count import tables as counting
    from archcalc.counting.profiles import profile

    chosen = [profile(name) for name in dict.fromkeys(names)]
    return counting.side_by_side(api.load(spec, **settings).analyse(), chosen)
