"""`archcalc count`: what each tool prints for a network, and why they differ."""

from __future__ import annotations

from typing import Any

import click

from archcalc.cli import known
from archcalc.cli.command import Command
from archcalc.cli.options import reporting, set_option
from archcalc.cli.types import Name, SpecType
from archcalc.output.layout import Report


@click.command(cls=Command)
@click.argument("spec", type=SpecType(), required=False)
@set_option
@click.option(
    "--list", "index", is_flag=True, help="List the profiles: what each counts, and which faults of its tool it has."
)
@click.option(
    "--counting",
    "names",
    type=Name(known.profiles),
    multiple=True,
    metavar="PROFILE",
    help="Show only these profiles; with two, explain the difference.",
)
@reporting
def command(spec: str | None, settings: dict[str, Any], index: bool, names: tuple[str, ...]) -> Report:
    """Count operations the way each tool does, side by side.

    With two profiles, the difference is explained: which operations one counts and the other does not.

    \b
    Examples:
      archcalc count resnet50
      archcalc count resnet50 --counting fvcore --counting ptflops
      archcalc count mobilenet --format json
      archcalc count --list
    """
    from archcalc import api
    from archcalc.commands.count import tables as counting
    from archcalc.counting.profiles import profile

    if index:
        return counting.index()
    if spec is None:
        raise click.UsageError("name the spec to count, or say --list")
    chosen = [profile(name) for name in dict.fromkeys(names)]
    return counting.side_by_side(api.load(spec, **settings).analyse(), chosen)
