"""`archcalc sweep`: the figures of every combination of some parameters' values."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archcalc.cli.options import set_option, spec_argument, write

if TYPE_CHECKING:
    from archcalc.commands.sweep.run import Sweep

FORMATS = ("text", "markdown", "json", "csv", "jsonl", "parquet")
_BY_SUFFIX = {".md": "markdown", ".json": "json", ".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}


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
    "--over", multiple=True, required=True, metavar="NAME=VALUES", help="16:512:16 (ends included) or [1, 2]."
)
@click.option("--zip", "zipped", is_flag=True, help="Go through the values together instead of combining them.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Draw so many combinations, none twice.")
@click.option("--seed", type=int, default=0, show_default=True, help="What the sample depends on.")
@click.option("--columns", default="params,macs", show_default=True, metavar="NAMES", help="Quantities, with commas.")
@click.option("--layer", metavar="PATH", help="Of a layer, of the layers of a block, or of a pattern with *.")
@click.option("--where", metavar="BOUNDS", help='Keep what meets bounds: "params <= 5M and macs <= 300M".')
@click.option("--sort", metavar="NAME", help="Order by a column; -NAME puts the largest first.")
@click.option("--top", type=click.IntRange(1), metavar="N", help="Keep the first N.")
@click.option("--pareto", default="", metavar="NAMES", help="Keep what nothing betters; less is better, with - more.")
@click.option("--shard", type=_Shard(), default="1/1", help="The i-th of n parts, which together are the sweep.")
@click.option("--why", is_flag=True, help="Count the combinations that are not valid by the rule they break first.")
@set_option
@click.option("--format", "format_", type=click.Choice(FORMATS), help="How to write the result.  [default: text]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file; its ending tells the format.")
def command(
    spec: str,
    over: tuple[str, ...],
    zipped: bool,
    sample: int | None,
    seed: int,
    columns: str,
    layer: str | None,
    where: str | None,
    sort: str | None,
    top: int | None,
    pareto: str,
    shard: tuple[int, int],
    why: bool,
    settings: dict[str, Any],
    format_: str | None,
    output: Path | None,
) -> None:
    """Show the figures of many combinations of parameters.

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
    from archcalc.commands.sweep.values import read

    made = plan([read(text) for text in over], zipped=zipped, sample=sample, seed=seed, shard=shard)
    chosen = choice(where=where, sort=sort, top=top, pareto=_names(pareto))
    progress = Progress(len(made.picks), "combinations")
    sweep = Sweep(spec, settings, made, _names(columns), chosen, layer, watch=progress)
    if format_ is None:
        format_ = _BY_SUFFIX.get(output.suffix.lower(), "text") if output else "text"
    try:
        if why:
            _write_reasons(sweep, format_, output)
        else:
            _write_columns(sweep, format_, output)
    finally:
        progress.close()
    invalid = sum(sweep.reasons.values())
    if invalid and not why:
        click.echo(f"{invalid:,} of {sweep.visited:,} combinations are not valid: --why counts the reasons", err=True)


def _write_reasons(sweep: Sweep, format_: str, output: Path | None) -> None:
    from archcalc.commands.sweep.tables import reasons

    for _ in sweep.pieces():
        pass
    if format_ in ("jsonl", "parquet"):
        raise click.UsageError(f"--why is a report: write it as text, markdown, csv or json, not {format_}")
    write(reasons(sweep.architecture, sweep.visited, sweep.reasons), format_, output)


def _write_columns(sweep: Sweep, format_: str, output: Path | None) -> None:
    from archcalc.commands.sweep import tables as columns

    pieces: Iterator[Any] = (piece.columns for piece in sweep.pieces())
    if format_ == "parquet":
        if output is None:
            raise click.UsageError("Parquet is not text: name a file with --output")
        columns.write_parquet(pieces, output)
    elif format_ not in ("csv", "jsonl"):
        write(columns.table(sweep.architecture, sweep.names, pieces), format_, output)
    else:
        write_rows = columns.write_csv if format_ == "csv" else columns.write_json_lines
        if output is None:
            write_rows(sweep.names, pieces, sys.stdout)
            return
        try:
            with output.open("w", encoding="utf-8") as stream:
                write_rows(sweep.names, pieces, stream)
        except OSError as error:
            raise click.ClickException(f"cannot write {output}: {error.strerror}") from None


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
