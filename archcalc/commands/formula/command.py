"""`archcalc formula`: figures as closed formulas in free parameters."""

from __future__ import annotations

from typing import Any

import click

from archcalc.cli import known
from archcalc.cli.command import Command
from archcalc.cli.options import Output, format_options, layer_option, quantities_option, set_option, spec_argument
from archcalc.cli.types import Name, Names


@click.command(cls=Command)
@spec_argument
@click.option(
    "--free", type=Names(known.parameters), metavar="NAMES", help="Parameters to leave free, separated by commas."
)
@click.option(
    "--let",
    type=Name(known.settings),
    multiple=True,
    metavar="NAME=EXPRESSION",
    help="Set a parameter to an expression: image=32*m.",
)
@quantities_option("--quantity")
@layer_option
@set_option
@format_options("archcalc.commands.formula.formats")
def command(
    spec: str,
    free: list[str] | None,
    let: tuple[str, ...],
    quantity: list[str],
    layer: str | None,
    settings: dict[str, Any],
    out: Output,
) -> None:
    """Write figures as exact formulas in free parameters.

    With the conditions under which they hold.

    \b
    Examples:
      archcalc formula resnet50 --free width
      archcalc formula resnet50 --quantity macs --let image=32*m
      archcalc formula vgg16 --free image --format python -o vgg16_figures.py
    """
    from archcalc import catalogue
    from archcalc.commands.formula.answer import formula
    from archcalc.commands.formula.tables import build

    made = formula(spec, free or (), quantity, let=dict(map(catalogue.setting, let)), layer=layer, settings=settings)
    out.write(build(made))
