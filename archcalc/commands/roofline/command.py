"""`archcalc roofline`: how much each layer computes for what it moves, and the least time on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from archcalc.cli import known
from archcalc.cli.command import Command
from archcalc.cli.options import batch_option, reporting, set_option, spec_argument
from archcalc.cli.types import Name
from archcalc.output.layout import Report

if TYPE_CHECKING:
    from archcalc.pictures.svg import Drawing


@click.command(cls=Command)
@spec_argument
@set_option
@batch_option
@click.option(
    "--gpu",
    type=Name(known.rated_cards),
    metavar="NAME",
    help="A card whose rate and bandwidth are known: v100, a100-80gb.",
)
@click.option("--full", is_flag=True, help="Every layer, in order.")
@reporting
def command(spec: str, settings: dict[str, Any], batch: int, gpu: str | None, full: bool) -> Report:
    """Show bytes moved, FLOPs per byte and a lower bound on time.

    For each layer at inference, in float32; the time is that of a named card.

    \b
    Examples:
      archcalc roofline resnet50
      archcalc roofline vgg16 --gpu v100 --batch 32
      archcalc roofline resnet50 --gpu v100 -o roofline.svg
    """
    from archcalc import api
    from archcalc.commands.roofline import tables as roofline
    from archcalc.memory.setup import setup
    from archcalc.quantities.registry import Part

    analysis = api.load(spec, **settings).analyse()
    network = Part(analysis, setup=setup(analysis.network, batch=batch, gpu=gpu))

    def draw() -> Drawing:  # only a picture loads what draws it
        from archcalc.commands.roofline import picture

        return picture.draw(network)

    return roofline.build(network, full=full)._replace(picture=draw)
