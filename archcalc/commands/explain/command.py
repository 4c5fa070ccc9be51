"""`archcalc explain`: the arithmetic of any figure, or the meaning of a rule."""

from __future__ import annotations

from typing import Any

import click

from archcalc.cli import known
from archcalc.cli.command import Command
from archcalc.cli.options import reporting, set_option
from archcalc.cli.types import Name, SpecType
from archcalc.output.layout import Report


@click.command(cls=Command)
@click.argument("spec", type=SpecType(), metavar="SPEC|RULE")
@click.argument("layer", type=Name(known.layer_paths), required=False)
@click.option(
    "--quantity",
    type=Name(known.totals),
    metavar="NAME",
    help="Explain this figure only: params, macs, receptive_field, ...",
)
@click.option("--full", is_flag=True, help="Every layer, equal copies too.")
@set_option
@reporting
def command(spec: str, layer: str | None, quantity: str | None, settings: dict[str, Any], *, full: bool) -> Report:
    """Show the arithmetic behind a figure.

    For a layer the arithmetic, for a network or a block the largest contributions; for a block that is one layer with
    its normalisation and activation, both.

    With the name of a rule of archcalc check, say what the rule means and how to fix what breaks it.

    \b
    Examples:
      archcalc explain alexnet conv1
      archcalc explain vgg16 fc6
      archcalc explain vgg16 --quantity params
      archcalc explain resnet50 --quantity receptive_field
      archcalc explain groups-divide
    """
    from archcalc import api
    from archcalc.commands.explain import answer
    from archcalc.commands.explain import tables as reports
    from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
    from archcalc.diagnostics.rules import rules
    from archcalc.quantities.registry import Part

    if layer is None and spec in rules():
        return reports.of_rule(rules()[spec])
    try:
        architecture = api.load(spec, **settings)
    except UsageError as error:
        hint = did_you_mean(spec, rules()) if layer is None else None
        if hint is None:
            raise
        raise UsageError(f"there is no spec and no rule `{spec}`: {hint}") from error
    analysis = architecture.analyse()
    if layer is None:
        return reports.of_part(Part(analysis), quantity, full=full)
    found = answer.find(analysis, layer)
    if len(found) > 1:
        return reports.of_part(Part(analysis, found), quantity, layer, full=full)
    return reports.of_layer(analysis, found[0], quantity)
