"""`archcalc memory`: what training a network needs, part by part, and when most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from archcalc.cli.options import batch_option, reporting, set_option, spec_argument
from archcalc.cli.setup import training_options
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.output.layout import Report

if TYPE_CHECKING:
    from archcalc.analysis.interpret import Interpretation
    from archcalc.memory.setup import Setup


@click.command()
@spec_argument
@set_option
@batch_option
@training_options
@click.option("--memory", metavar="SIZE", help="With --checkpoint auto: the memory to fit, 12GB or 12GiB.")
@click.option("--timeline", is_flag=True, help="Show every step of the training pass and what is alive in it.")
@reporting
def command(
    spec: str, settings: dict[str, Any], batch: int, memory: str | None, timeline: bool, **training: Any
) -> Report:
    """Show what training needs, and where it peaks.

    Parameters, gradients, optimizer, what is saved for the backward pass, and the transients of the worst step.

    --checkpoint auto finds the stretches whose recomputation is the cheapest that fits --memory.

    \b
    Examples:
      archcalc memory resnet50 --batch 32
      archcalc memory resnet50 --batch 32 --dtype amp --optimizer adamw --device cuda
      archcalc memory vgg16 --freeze stage1 --freeze stage2 --optimizer momentum
      archcalc memory resnet50 --batch 32 --checkpoint stage1 --checkpoint stage2
      archcalc memory resnet50 --batch 32 --checkpoint auto --memory 2GB
      archcalc memory alexnet --timeline --format csv
    """
    from archcalc import api
    from archcalc.cli.setup import setup
    from archcalc.commands.memory import tables as reports
    from archcalc.memory.network import NetworkMemory

    auto = "auto" in training["checkpoint"]
    if auto and len(training["checkpoint"]) > 1:
        raise UsageError("`--checkpoint auto` finds all checkpoints itself: leave the others out")
    if auto != (memory is not None):
        raise UsageError("`--checkpoint auto` and `--memory SIZE` belong together: the memory is what it must fit")
    if auto:
        training["checkpoint"] = ()
    interpretation = (analysis := api.load(spec, **settings).analyse()).interpretation
    made = setup(interpretation, **training)
    if memory is not None:
        made = _checkpointed(interpretation, made, batch, memory)
    return reports.build(analysis, NetworkMemory(interpretation, made), batch, timeline=timeline)


def _checkpointed(interpretation: Interpretation, setup: Setup, batch: int, memory: str) -> Setup:
    """The setup with the cheapest checkpoints that fit; UsageError if none do."""
    from archcalc.memory.recompute import cheapest
    from archcalc.units import memory_size

    plan = cheapest(interpretation, setup, batch, memory_size(memory))
    if plan is None:
        raise UsageError(f"no checkpointing brings training at batch {batch:,} below {memory}: try a smaller batch")
    return setup._replace(checkpoints=plan.segments)
