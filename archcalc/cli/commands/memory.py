"""`archcalc memory`: what training a network needs, part by part, and when most."""

from __future__ import annotations

from typing import Any

import click

from archcalc.cli.options import batch_option, reporting, set_option, spec_argument
from archcalc.cli.training import training_options
from archcalc.reports.layout import Report


@click.command()
@spec_argument
@set_option
@batch_option
@training_options
@click.option("--timeline", is_flag=True, help="Show every step of the training pass and what is alive in it.")
@reporting
def command(spec: str, settings: dict[str, Any], batch: int, timeline: bool, **training: Any) -> Report:
    """Show what training needs: parameters, gradients, optimizer, what is kept for the backward pass, and the peak.

    \b
    Examples:
      archcalc memory resnet50 --batch 32
      archcalc memory resnet50 --batch 32 --dtype amp --optimizer adamw --device cuda
      archcalc memory vgg16 --freeze stage.1 --freeze stage.2 --optimizer momentum
      archcalc memory alexnet --timeline --format csv
    """
    from archcalc import api
    from archcalc.analysis.memory.network import NetworkMemory
    from archcalc.cli.training import setting
    from archcalc.reports import memory as reports

    analysis = api.load(spec, **settings).analyse()
    return reports.build(
        analysis, NetworkMemory(analysis.interpretation, setting(**training)), batch, timeline=timeline
    )
