"""`archcalc diff`: what is different between two networks, and what it costs."""

from __future__ import annotations

import click

from archcalc.cli.options import reporting
from archcalc.cli.types import SpecType
from archcalc.output.layout import Report


@click.command()
@click.argument("old", type=SpecType())
@click.argument("new", type=SpecType())
@reporting
def command(old: str, new: str) -> Report:
    """Show what is different between two architectures.

    Layer by layer: added, removed, changed, and what each difference costs.

    \b
    Examples:
      archcalc diff vgg16 vgg19
      archcalc diff resnet50 resnet50:width=128
    """
    from archcalc.api import load
    from archcalc.commands.diff.tables import build

    return build(load(old).analyse(), load(new).analyse(), old, new)
