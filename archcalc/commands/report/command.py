"""`archcalc report`: an architecture layer by layer, and its totals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from archcalc.cli import known
from archcalc.cli.command import Command
from archcalc.cli.options import batch_option, counting_option, partial_option, reporting, set_option, spec_argument
from archcalc.cli.types import Name, Names, Whole
from archcalc.output.layout import Report

if TYPE_CHECKING:
    from archcalc.counting.count import Profile
    from archcalc.pictures.page import Section
    from archcalc.pictures.svg import Drawing


@click.command(cls=Command)
@spec_argument
@set_option
@batch_option
@counting_option
@partial_option
@click.option("--full", is_flag=True, help="One line for every layer, with its whole path.")
@click.option("--depth", type=Whole(1), metavar="N", help="Fold blocks below depth N into one row each.")
@click.option(
    "--columns", type=Names(known.report_columns), metavar="KEYS", help="Columns to show, separated by commas."
)
@click.option(
    "--heat",
    type=Name(known.sums),
    metavar="QUANTITY",
    help="In a picture: colour by macs, params, ..., not by kind of layer.",
)
@reporting
def command(
    spec: str,
    settings: dict[str, Any],
    batch: int,
    counting: Profile | None,
    partial: bool,
    depth: int | None,
    full: bool,
    columns: list[str] | None,
    heat: str | None,
) -> Report:
    """Show an architecture layer by layer, with totals.

    Output volumes, parameters, MACs, memory and receptive fields.

    \b
    Examples:
      archcalc report vgg16
      archcalc report resnet50:image=288 --depth 1 --batch 32
      archcalc report resnet50 --counting fvcore
      archcalc report ./mine.yaml --columns inputs,output,params -o mine.md
      archcalc report resnet50 -o resnet50.svg
      archcalc report resnet50 -o resnet50.html
      archcalc report resnet50 --columns params --heat macs -o resnet50.svg
    """
    from archcalc import api
    from archcalc.commands.report import tables
    from archcalc.commands.report.columns import chosen
    from archcalc.memory.setup import Setup
    from archcalc.quantities.registry import Part

    if full and depth is not None:
        raise click.UsageError("--full and --depth exclude each other")
    made = None if columns is None else chosen(columns)
    loaded = api.load_partly(spec, **settings) if partial else api.load(spec, **settings)
    analysis = loaded.analyse()
    network = Part(analysis, setup=Setup(batch=batch))
    report = tables.build(network, depth=depth, columns=made, counting=counting, full=full)
    colours = None
    if heat is not None:
        from archcalc.commands.report.picture import by_quantity

        colours = by_quantity(network, heat)

    def draw() -> Drawing:  # only a picture loads what draws it
        from archcalc.commands.report import picture

        return picture.draw(network, depth=depth, columns=made or [], heat=colours)

    def sections() -> Iterator[Section]:
        from archcalc.commands.report import page

        return page.sections(network, columns=made, heat=colours)

    return report._replace(picture=draw, sections=sections)
