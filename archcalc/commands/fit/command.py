"""`archcalc fit`: the largest batch that a memory takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from archcalc.cli import known
from archcalc.cli.command import Command
from archcalc.cli.options import Output, format_options, set_option, spec_argument
from archcalc.cli.setup import finds_checkpoints, training_options
from archcalc.cli.types import Names, Whole
from archcalc.diagnostics.diagnostic import UsageError

if TYPE_CHECKING:
    from archcalc.commands.fit.answer import Available
    from archcalc.devices import Card


@click.command(cls=Command)
@spec_argument
@set_option
@click.option(
    "--memory", type=Names(known.nothing), metavar="SIZES", help="Memory sizes, separated by commas: 24GB, 80GiB."
)
@click.option(
    "--gpu",
    type=Names(known.cards),
    metavar="NAMES",
    help="Cards, separated by commas, such as v100, rtx4090, h100; without any, all are shown.",
)
@click.option(
    "--headroom",
    metavar="PART",
    help="Memory to leave free for what is not counted: 10% or 1GB.  [default: 10% of a card, 0 of --memory]",
)
@click.option("--batch", type=Whole(1, 10**9), metavar="N", help="Check whether training at this batch size fits.")
@training_options
@format_options()
def command(
    spec: str,
    settings: dict[str, Any],
    memory: list[str] | None,
    gpu: list[str] | None,
    headroom: str | None,
    batch: int | None,
    device: str | None,
    out: Output,
    **training: Any,
) -> int:
    """Find the largest batch that fits in memory.

    For training, for inference, and by the lecture's count. Without --memory and --gpu, for every card that archcalc
    knows.

    Where the batch does not fit, other options with which it does are listed. --checkpoint auto finds checkpoints for
    each memory.

    The exit code is 1 if the batch (1, unless --batch says otherwise) does not fit in one of the memories and cards
    that are named; where none is named, if it fits on no card.

    \b
    Examples:
      archcalc fit resnet50 --memory 24GB --optimizer adam
      archcalc fit resnet50 --gpu v100,a100-80gb,h100 --dtype amp --headroom 1GB
      archcalc fit alexnet --gpu gtx580 --optimizer momentum --batch 128
    """
    from archcalc import api
    from archcalc.cli.progress import told
    from archcalc.commands.fit import tables as reports
    from archcalc.commands.fit.answer import Configuration, Fitting
    from archcalc.devices import card
    from archcalc.memory.network import network_memory
    from archcalc.memory.setup import setup

    auto = finds_checkpoints(training["checkpoint"])
    if auto:
        training["checkpoint"] = ()
    analysis = api.load(spec, **settings).analyse()
    _told_apart(memory or (), gpu or ())
    cards = [card(name) for name in gpu or ()]
    configuration = Configuration(setup(analysis.network, device=device, **training), auto)
    if auto and configuration.setup.stores_fewer_bits:
        raise UsageError(network_memory(analysis, configuration.setup).why_not_trained)
    fitting, memories = Fitting(analysis), _available(memory, cards, headroom, device)
    fits = [fitting.fit(configuration, each) for each in told(memories, len(memories), "memories")]
    if batch is not None and batch < fits[0].least:
        raise UsageError(network_memory(analysis, configuration.setup._replace(batch=batch)).why_not_trained)
    out.write(reports.build(fitting, fits, batch))
    takes = [found.takes(batch or found.least) for found in fits]
    return int(not (all(takes) if memory or cards else any(takes)))


def _told_apart(memory: Sequence[str], gpu: Sequence[str]) -> None:
    """UsageError for a card among the memory sizes, or a memory size among the cards, with the option that takes it."""
    from archcalc.devices import CARDS

    for text in memory:
        if text.strip().lower() in CARDS:
            raise UsageError(f"`{text}` is a card: --gpu {text}")
    for text in gpu:
        if re.fullmatch(r"[0-9.]+ ?[kmgt]i?b?", text.strip().lower()):
            raise UsageError(f"`{text[:60]}` is a memory size: --memory {text[:60]}")


def _available(
    memory: list[str] | None, cards: list[Card], headroom: str | None, device: str | None
) -> list[Available]:
    """The memories asked for, or those of all cards, each on the device that is asked for, or on its own."""
    from archcalc import units
    from archcalc.commands.fit.answer import Available
    from archcalc.devices import CARDS, HEADROOM
    from archcalc.memory.setup import Setup

    sizes = [(text, units.memory_size(text), headroom or "0", "", Setup().device) for text in memory or ()]
    if not sizes and not cards:
        cards = list(CARDS.values())
    sizes += [(made.name, made.memory, headroom or HEADROOM, made.source, made.runtime) for made in cards]
    return [
        Available(name, total, total - units.headroom(free, total), source, device or own)
        for name, total, free, source, own in sizes
    ]
