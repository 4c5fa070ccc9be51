"""`archcalc fit`: the largest batch that a memory takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from archcalc.cli import known
from archcalc.cli.options import reporting, set_option, spec_argument
from archcalc.cli.setup import training_options
from archcalc.cli.types import Names
from archcalc.output.layout import Report

if TYPE_CHECKING:
    from archcalc.commands.fit.answer import Available
    from archcalc.devices import Card


@click.command()
@spec_argument
@set_option
@click.option(
    "--memory", type=Names(known.nothing), metavar="SIZES", help="Memory sizes, separated by commas: 24GB, 80GiB."
)
@click.option(
    "--gpu", type=Names(known.cards), metavar="NAMES", help="Cards, separated by commas: gtx580, v100, a100-80gb, h100."
)
@click.option("--headroom", default="0", show_default=True, metavar="PART", help="Memory to leave free: 10% or 1GB.")
@click.option(
    "--batch", type=click.IntRange(1, 10**9), metavar="N", help="Check whether training at this batch size fits."
)
@training_options
@reporting
def command(
    spec: str,
    settings: dict[str, Any],
    memory: list[str] | None,
    gpu: list[str] | None,
    headroom: str,
    batch: int | None,
    device: str | None,
    **training: Any,
) -> Report:
    """Find the largest batch that fits in memory.

    For training, for inference, and by the lecture's count. Without --memory and --gpu, for every card that archcalc
    knows.

    \b
    Examples:
      archcalc fit resnet50 --memory 24GB --optimizer adam
      archcalc fit resnet50 --gpu v100,a100-80gb,h100 --dtype amp --device cuda --headroom 10%
      archcalc fit alexnet --gpu gtx580 --optimizer momentum --batch 128
    """
    from archcalc import api
    from archcalc.commands.fit import tables as reports
    from archcalc.commands.fit.answer import budgets
    from archcalc.devices import card
    from archcalc.memory.setup import setup
    from archcalc.quantities.registry import Part

    analysis = api.load(spec, **settings).analyse()
    cards = [card(name) for name in gpu or ()]
    if device is None and cards:
        device = cards[0].runtime
    network = Part(analysis, setup=setup(analysis.network, device=device, **training))
    return reports.build(network, budgets(network), _available(memory, cards, headroom), batch)


def _available(memory: list[str] | None, cards: list[Card], headroom: str) -> list[Available]:
    """The memories asked for, or those of all cards."""
    from archcalc import units
    from archcalc.commands.fit.answer import Available
    from archcalc.devices import CARDS

    sizes = [(text, units.memory_size(text), "") for text in memory or ()]
    if not sizes and not cards:
        cards = list(CARDS.values())
    sizes += [(made.name, made.memory, made.source) for made in cards]
    return [Available(name, total, total - units.headroom(headroom, total), source) for name, total, source in sizes]
