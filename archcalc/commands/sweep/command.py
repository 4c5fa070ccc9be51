"""`archcalc sweep`: the figures of every combination of some parameters' values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from archcalc.cli import known, say
from archcalc.cli.options import Output, format_options, layer_option, quantities_option, set_option, spec_argument
from archcalc.cli.setup import with_option
from archcalc.cli.types import Name, Names

if TYPE_CHECKING:
    from archcalc.commands.sweep.run import Sweep
    from archcalc.output.layout import Report
    from archcalc.pictures.svg import Drawing


class _Shard(click.ParamType):  # type: ignore[type-arg]
    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", str(value))
        if match is None:
            self.fail(f"`{value}` is not a shard: write 1/8 for the first of eight", param, ctx)
        return int(match.group(1)), int(match.group(2))


@click.command()
@spec_argument
@click.option(
    "--over",
    type=Name(known.settings),
    multiple=True,
    required=True,
    metavar="NAME=VALUES",
    help="16:512:16 (ends included) or [1, 2].",
)
@click.option("--zip", "zipped", is_flag=True, help="Pair the values up instead of combining them.")
@click.option(
    "--sample", type=click.IntRange(1), metavar="N", help="Draw N combinations at random, without repetition."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the sample.")
@quantities_option("--columns")
@layer_option
@click.option("--where", metavar="BOUNDS", help='Keep what meets bounds: "params <= 5M and macs <= 300M".')
@click.option(
    "--sort", type=Name(known.quantities), metavar="NAME", help="Sort by a column; -NAME sorts in descending order."
)
@click.option("--top", type=click.IntRange(1), metavar="N", help="Keep the first N rows.")
@click.option(
    "--pareto",
    type=Names(known.quantities),
    metavar="NAMES",
    help="Keep the Pareto front: less is better, or more with -NAME.",
)
@click.option("--shard", type=_Shard(), default="1/1", help="Compute part I of N of the sweep.")
@click.option("--why", is_flag=True, help="Count invalid combinations by the first rule they break.")
@set_option
@with_option
@format_options()
def command(
    spec: str,
    over: tuple[str, ...],
    zipped: bool,
    sample: int | None,
    seed: int,
    columns: list[str],
    layer: str | None,
    where: str | None,
    sort: str | None,
    top: int | None,
    pareto: list[str] | None,
    shard: tuple[int, int],
    why: bool,
    settings: dict[str, Any],
    words: dict[str, str],
    out: Output,
) -> None:
    """Compute figures over a grid of parameters.

    Combinations that are not valid are left out and counted.

    \b
    Examples:
      archcalc sweep mobilenet --over width=[1, 0.75, 0.5, 0.25] --over image=[224, 192, 160, 128]
      archcalc sweep resnet50 --over width=16:512:16 --over image=64:288:32 --where "macs <= 300M" --pareto -params,macs
      archcalc sweep resnet50 --over width=1:1000 --over image=1:1000 --shard 1/8 -o part1.csv
    """
    try:
        import numpy  # noqa: F401
    except ImportError:
        raise click.ClickException("a sweep needs NumPy: pip install 'archcalc[sweep]'") from None
    from archcalc.cli.progress import Progress
    from archcalc.commands.sweep.choose import choice
    from archcalc.commands.sweep.plan import plan
    from archcalc.commands.sweep.run import Sweep
    from archcalc.commands.sweep.tables import table
    from archcalc.commands.sweep.values import read

    made = plan([read(text) for text in over], zipped=zipped, sample=sample, seed=seed, shard=shard)
    chosen = choice(where=where, sort=sort, top=top, pareto=pareto or ())
    progress = Progress(len(made.picks), "combinations")
    sweep = Sweep(spec, settings, made, columns, chosen, layer, watch=progress, words=words)
    if why:
        report = _reasons(sweep)
    else:
        report = table(sweep.architecture, sweep.names, (piece.columns for piece in sweep.pieces()))
        every = Sweep(spec, settings, made, columns, choice(where=where), layer, words=words)

        def draw() -> Drawing:  # only a picture loads what draws it
            from archcalc.commands.sweep import picture

            return picture.draw(sweep, every, chosen.pareto)

        report = report._replace(picture=draw)
    try:
        out.write(report)
    finally:
        progress.close()
    invalid = sum(sweep.reasons.values())
    if invalid and not why:
        say(f"{invalid:,} of {sweep.visited:,} combinations are not valid: --why counts the reasons")


def _reasons(sweep: Sweep) -> Report:
    from archcalc.commands.sweep.tables import reasons

    for _ in sweep.pieces():
        pass
    return reasons(sweep.architecture, sweep.visited, sweep.reasons)
