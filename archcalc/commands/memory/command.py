"""`archcalc memory`: what training a network needs, part by part, and when most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from archcalc.cli.command import Command
from archcalc.cli.options import batch_option, reporting, set_option, spec_argument
from archcalc.cli.setup import finds_checkpoints, training_options
from archcalc.diagnostics.diagnostic import NoAnswer, UsageError
from archcalc.output.layout import Report

if TYPE_CHECKING:
    from archcalc.analysis.interpret import Interpretation
    from archcalc.memory.setup import Setup
    from archcalc.pictures.svg import Drawing


@click.command(cls=Command)
@spec_argument
@set_option
@batch_option
@training_options
@click.option(
    "--memory", metavar="SIZE", help="A memory to fit, 12GB or 12GiB: for --checkpoint auto, and in a picture."
)
@click.option("--gpu", metavar="NAME", help="Card to fit: implies its device and memory.")
@click.option(
    "--headroom",
    metavar="PART",
    help="Memory that --checkpoint auto leaves free: 10% or 1GB.  [default: 10% of a card, 0 of --memory]",
)
@click.option("--timeline", is_flag=True, help="Show every step of a training pass and the live bytes.")
@reporting
def command(
    spec: str,
    settings: dict[str, Any],
    batch: int,
    memory: str | None,
    gpu: str | None,
    headroom: str | None,
    timeline: bool,
    **training: Any,
) -> Report:
    """Break down training memory and its peak.

    Parameters, gradients, optimizer state, saved tensors, and the transient tensors at the peak.

    --checkpoint auto finds the cheapest recomputation that fits --memory.

    \b
    Examples:
      archcalc memory resnet50 --batch 32
      archcalc memory vgg16 --batch 32 --dtype amp --optimizer adam --device cuda
      archcalc memory vgg16 --freeze stage1 --freeze stage2 --optimizer momentum
      archcalc memory resnet50 --batch 32 --checkpoint stage1 --checkpoint stage2
      archcalc memory resnet50 --batch 32 --checkpoint auto --memory 2GB
      archcalc memory alexnet --timeline --format csv
      archcalc memory resnet50 --batch 32 --gpu v100 -o memory.svg
    """
    from archcalc import api
    from archcalc.commands.memory import tables as reports
    from archcalc.devices import HEADROOM
    from archcalc.memory.setup import setup
    from archcalc.quantities.registry import Part

    auto = finds_checkpoints(training["checkpoint"])
    if auto and memory is None and gpu is None:
        raise UsageError("`--checkpoint auto` needs what it must fit: --memory SIZE or --gpu NAME")
    if headroom is not None and not auto:
        raise UsageError("--headroom is what --checkpoint auto leaves free: archcalc fit takes it for batches")
    if auto:
        training["checkpoint"] = ()
    analysis = api.load(spec, **settings).analyse()
    made = setup(analysis.network, batch=batch, memory=memory, gpu=gpu, **training)
    if auto:
        made = _checkpointed(analysis.interpretation, made, batch, headroom or (HEADROOM if memory is None else "0"))
    network = Part(analysis, setup=made)

    def draw() -> Drawing:  # only a picture loads what draws it
        from archcalc.commands.memory import picture

        return picture.draw(network)

    return reports.build(network, timeline=timeline)._replace(picture=draw)


def _checkpointed(interpretation: Interpretation, setup: Setup, batch: int, free: str) -> Setup:
    """The setup with the cheapest checkpoints that fit beside what is left free; UsageError if none do."""
    from archcalc.memory.recompute import cheapest
    from archcalc.units import bytes_decimal, headroom

    whole = setup.memory or 0
    limit = whole - headroom(free, whole)
    plan = cheapest(interpretation, setup, batch, limit)
    if plan is None:
        said = f"no checkpointing was found that brings training at batch {batch:,} below {bytes_decimal(limit)}"
        raise NoAnswer(said if batch == 1 else f"{said}: try a smaller batch")
    return setup._replace(checkpoints=plan.segments)
