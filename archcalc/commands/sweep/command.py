"""`archcalc sweep`: the figures of every combination of some parameters' values."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from archcalc.cli import known, say
from archcalc.cli.command import Command
from archcalc.cli.options import Output, format_options, layer_option, quantities_option, set_option, spec_argument
from archcalc.cli.setup import with_option
from archcalc.cli.types import Name, Names, Whole
from archcalc.diagnostics.diagnostic import SpecError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from archcalc.commands.sweep.choose import Piece
    from archcalc.commands.sweep.parts import Parts
    from archcalc.commands.sweep.run import Sweep
    from archcalc.output.layout import Report
    from archcalc.pictures.svg import Drawing


#: From so many architectures on it is said why each is analysed by itself: that takes seconds, or hours.
_MANY = 1000


class _Shard(click.ParamType):  # type: ignore[type-arg]
    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", str(value))
        if match is None:
            self.fail(f"`{value}` is not a shard: write 1/8 for the first of eight", param, ctx)
        return int(match.group(1)), int(match.group(2))


@click.command(cls=Command)
@spec_argument
@click.option(
    "--over",
    type=Name(known.settings),
    multiple=True,
    required=True,
    metavar="NAME=VALUES",
    help="16:512:16 (ends included), or 1,2.",
)
@click.option("--zip", "zipped", is_flag=True, help="Pair the values up instead of combining them.")
@click.option("--sample", type=Whole(1), metavar="N", help="Draw N combinations at random, without repetition.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the sample.")
@quantities_option("--columns")
@layer_option
@click.option("--where", metavar="BOUNDS", help='Keep what meets bounds: "params <= 5M and macs <= 300M".')
@click.option(
    "--sort", type=Name(known.quantities), metavar="NAME", help="Sort by a column; -NAME sorts in descending order."
)
@click.option("--top", type=Whole(1), metavar="N", help="Keep the first N rows.")
@click.option(
    "--pareto",
    type=Names(known.quantities),
    metavar="NAMES",
    help="Keep the Pareto front: less is better, or more with -NAME.",
)
@click.option("--shard", type=_Shard(), default="1/1", help="Compute part I of N of the sweep.")
@click.option("--jobs", type=Whole(1, 1024), default=1, show_default=True, metavar="N", help="Use N cores.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted sweep: repeat its command with this.")
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
    jobs: int,
    resume: bool,
    why: bool,
    settings: dict[str, Any],
    words: dict[str, str],
    out: Output,
) -> None:
    """Compute figures over a grid of parameters.

    Combinations that are not valid are left out and counted. NAME[0] is an element of a list, NAME[*] each of them.

    A long sweep that is written to a file keeps what it has computed in FILE.parts until it is done.

    \b
    Examples:
      archcalc sweep mobilenet --over "width=[1, 0.75, 0.5, 0.25]" \\
        --over "image=[224, 192, 160]"
      archcalc sweep resnet50 --over width=16:512:16 --over image=64:288:32 \\
        --where "macs <= 300M" --pareto -params,macs
      archcalc sweep nas_bench_201 -o cells.parquet \\
        --over "edges[*]=[zero, identity, conv1x1, conv3x3, pool3x3]"
      archcalc sweep resnet50 --over width=1:9000 --over image=1:9000 \\
        --jobs 8 -o resnets.parquet
      archcalc sweep resnet50 --over width=1:1000 --over image=1:1000 \\
        --shard 1/8 -o part1.csv
    """
    try:
        import numpy  # noqa: F401
    except ImportError:
        raise click.ClickException("a sweep needs NumPy: pip install 'archcalc[sweep]'") from None
    from archcalc.api import load
    from archcalc.cli.progress import Progress
    from archcalc.commands.sweep.choose import choice
    from archcalc.commands.sweep.run import Request, Sweep
    from archcalc.commands.sweep.tables import table
    from archcalc.commands.sweep.values import read
    from archcalc.commands.sweep.workers import parts_in_order

    if jobs > 1 and spec == "-":
        raise UsageError("standard input can be read by one process: write the spec to a file for --jobs")
    chosen = choice(where=where, sort=sort, top=top, pareto=pareto or ())
    axes = tuple(read(text) for text in over)
    if spec != "-":
        with suppress(SpecError, UsageError):  # it warns of what is left out; what is wrong the sweep says
            load(spec, **settings).analyse()
    request = Request(spec, axes, tuple(columns), chosen, settings, layer, words, zipped, sample, seed, shard)
    sweep = Sweep(request)
    progress = Progress(len(sweep.plan.picks), "combinations")
    sweep.watch = progress
    if sweep.visit.obstacle is not None and len(sweep.plan.picks) >= _MANY:
        click.echo(f"each architecture is analysed by itself: {sweep.visit.obstacle}", err=True)
    kept = _kept(sweep, out.path, why=why, resume=resume)
    pieces = sweep.pieces(parts_in_order(sweep, jobs, kept) if kept or jobs > 1 else None)
    if why:
        report = _reasons(sweep, pieces)
    else:
        report = table(sweep.architecture, sweep.names, (piece.columns for piece in pieces))
        drawn = (*request.quantities, *(order.column for order in chosen.pareto))
        every = Sweep(request._replace(quantities=drawn, choice=choice(where=where)))

        def draw() -> Drawing:  # only a picture loads what draws it
            from archcalc.commands.sweep import picture

            return picture.draw(sweep, pieces, every, chosen.pareto)

        report = report._replace(picture=draw)
    try:
        out.write(report)
    except BaseException:
        progress.close()
        if kept is not None and kept.empty:
            kept.remove()
        elif kept is not None:
            click.echo(f"what is computed lies in {kept.folder}: repeat the command with --resume to go on", err=True)
        raise
    progress.close()
    if kept is not None:
        kept.remove()
    invalid = sum(sweep.reasons.values())
    if invalid and not why:
        say(f"{invalid:,} of {sweep.visited:,} combinations are not valid: --why counts the reasons")


def _kept(sweep: Sweep, path: Path | None, *, why: bool, resume: bool) -> Parts | None:
    """Where the parts of a sweep are kept until its file is whole; None where there is no file, or one part."""
    from archcalc.commands.sweep.parts import Parts

    if path is None or why:
        if resume:
            raise UsageError("--resume goes on with a sweep that is written to a file: name it with --output")
        return None
    if sweep.parts < 2 or (path.exists() and not path.is_file()):
        return None
    kept = Parts.beside(path)
    kept.begin(sweep, resume=resume)
    return kept


def _reasons(sweep: Sweep, pieces: Iterable[Piece]) -> Report:
    from archcalc.commands.sweep.tables import reasons

    for _ in pieces:
        pass
    return reasons(sweep.architecture, sweep.visited, sweep.reasons)
