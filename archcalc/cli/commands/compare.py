"""`archcalc compare`: which network costs what."""

from __future__ import annotations

import click

from archcalc.cli.options import SpecType, reporting
from archcalc.reports.layout import Report


@click.command()
@click.argument("specs", nargs=-1, type=SpecType(), metavar="[SPECS]...")
@click.option("--all", "all_", is_flag=True, help="Compare the whole catalogue.")
@click.option("--base", type=SpecType(), metavar="SPEC", help="Ratios are to this one.  [default: the first]")
@click.option("--columns", metavar="NAMES", help="Quantities and published facts, separated by commas.")
@click.option("--sort", metavar="NAME", help="Order by a column; -NAME from large to small.")
@reporting
def command(specs: tuple[str, ...], all_: bool, base: str | None, columns: str | None, sort: str | None) -> Report:
    """Compare architectures: parameters, MACs, activation memory, depth, receptive field, published error and year.

    \b
    Examples:
      archcalc compare alexnet vgg16 googlenet resnet152
      archcalc compare resnet50 resnet50:width=128 --columns params,macs
      archcalc compare --all --sort macs --base resnet50
    """
    from archcalc import compare as engine
    from archcalc.reports.compare import build
    from archcalc.spec import catalogue

    chosen = [*specs, *(catalogue.names() if all_ else ())]
    if not chosen:
        raise click.UsageError("name the specs to compare, or say --all")
    given = [name.strip() for name in columns.split(",") if name.strip()] if columns else engine.COLUMNS
    names = engine.columns([*given, sort.removeprefix("-")] if sort else given)
    rows = engine.compare(chosen, names, base=base)
    return build(engine.ordered(rows, sort) if sort else rows, base or chosen[0])
