"""`archcalc diff`: what is different between two networks, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from archcalc.cli import known
from archcalc.cli.command import Command
from archcalc.cli.options import Output, format_options
from archcalc.cli.setup import with_option
from archcalc.cli.types import Names, SpecType, Whole

if TYPE_CHECKING:
    from archcalc.output.layout import Report


@click.command(cls=Command)
@click.argument("old", type=SpecType())
@click.argument("new", type=SpecType())
@click.option("--columns", type=Names(known.sums), metavar="NAMES", help="Additive quantities, separated by commas.")
@click.option("--depth", type=Whole(1), metavar="N", help="Fold differences below depth N into one row each.")
@click.option("--full", is_flag=True, help="One row for every difference.")
@click.option(
    "--exit-code",
    is_flag=True,
    help="Make the exit code the answer: in CI, for a spec and its code.",
)
@with_option
@format_options()
def command(
    old: str,
    new: str,
    columns: list[str] | None,
    depth: int | None,
    full: bool,
    exit_code: bool,
    words: dict[str, str],
    out: Output,
) -> int:
    """Show the differences between two architectures.

    Layer by layer: added, removed, changed, and what each difference costs. Layers are matched by their paths, or by
    structure where the names differ. Attributes are compared as what they mean for the layer's input: with a kernel
    of 3, `padding: same` is `padding: 1`. Many differences are folded into those of their blocks.

    With --exit-code, the exit code is 0 if the two are the same, 1 if they differ, 2 if they cannot be compared.

    \b
    Examples:
      archcalc diff vgg16 vgg19
      archcalc diff resnet50 resnet50:width=128 --full
      archcalc diff vgg16 vgg16:image=288 --columns macs,saved_bytes --batch 32
      archcalc diff spec.yaml model.pt2 --exit-code
    """
    from archcalc.diagnostics.diagnostic import MisconfiguredError, SpecError

    if full and depth is not None:
        raise click.UsageError("--full and --depth exclude each other")
    try:
        report = _compared(old, new, words, columns, depth=depth, full=full)
    except SpecError as error:
        if exit_code:  # 1 is the answer that they differ
            raise MisconfiguredError(error.diagnostics) from None
        raise
    out.write(report)
    return int(exit_code and bool(report.data["differences"]))


def _compared(
    old: str, new: str, words: dict[str, str], columns: list[str] | None, *, depth: int | None, full: bool
) -> Report:
    from archcalc.api import load
    from archcalc.commands.diff.answer import FIGURES
    from archcalc.commands.diff.tables import build
    from archcalc.memory.setup import stated
    from archcalc.quantities.registry import Part

    before, after = (
        Part(each, setup=stated(each.network, words)) for each in (load(old).analyse(), load(new).analyse())
    )
    return build(before, after, old, new, columns or FIGURES, depth=depth, full=full)
