"""`archcalc compare`: which network costs what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import click

from archcalc.cli import known
from archcalc.cli.command import Command
from archcalc.cli.options import Output, counting_option, format_options
from archcalc.cli.progress import told
from archcalc.cli.setup import with_option
from archcalc.cli.types import Name, Names, SpecType
from archcalc.diagnostics.diagnostic import PartialAnswer, SpecError, UsageError

if TYPE_CHECKING:
    from archcalc.counting.count import Profile
    from archcalc.pictures.svg import Drawing

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


@click.command(cls=Command)
@click.argument("specs", nargs=-1, type=SpecType(), metavar="[SPECS]...")
@click.option("--all", "all_", is_flag=True, help="Compare the whole catalogue.")
@click.option("--base", type=SpecType(), metavar="SPEC", help="Spec that ratios are relative to.  [default: the first]")
@click.option(
    "--columns",
    type=Names(known.compared),
    metavar="NAMES",
    help="Quantities and published facts, separated by commas.",
)
@click.option(
    "--sort", type=Name(known.compared), metavar="NAME", help="Sort by a column; -NAME sorts in descending order."
)
@click.option(
    "--axes",
    type=Names(known.compared),
    metavar="X,Y[,SIZE]",
    help="What a picture shows: across, up, and as the size of circles.  "
    "[default: macs, an error or activation_bytes, params]",
)
@with_option
@counting_option
@format_options()
def command(
    specs: tuple[str, ...],
    all_: bool,
    base: str | None,
    columns: list[str] | None,
    sort: str | None,
    axes: list[str] | None,
    words: dict[str, str],
    counting: Profile | None,
    out: Output,
) -> None:
    """Compare architectures in a table.

    Parameters, MACs, activation memory, depth, receptive field, published error and year. A spec that cannot be read is
    left out and named, with exit code 1, or 2 if it does not exist.

    \b
    Examples:
      archcalc compare alexnet vgg16 googlenet resnet152
      archcalc compare resnet50 resnet50:width=128 --columns params,macs
      archcalc compare resnet50 mobilenet --counting fvcore
      archcalc compare resnet50 mobilenet --batch 32 --with optimizer=adam \\
        --columns training_peak_bytes
      archcalc compare --all --sort macs --base resnet50
      archcalc compare --all --axes macs,top5_error,params -o chart.svg
    """
    from archcalc import catalogue
    from archcalc.commands.compare import answer as engine
    from archcalc.commands.compare.tables import build
    from archcalc.quantities.counting import counted_by, name_of

    chosen = [*specs, *(catalogue.names() if all_ else ())]
    if not chosen:
        raise click.UsageError("name the specs to compare, or use --all")
    errors: dict[str, SpecError | UsageError] = {}
    opened = list(_each({name: name for name in chosen}, engine.opened, errors).values())
    asked = [*(columns or engine.default_columns(opened)), *([sort.removeprefix("-")] if sort else [])]
    own = [name_of(counting)] if counting else []
    names = engine.columns([*(counted_by(name, counting) for name in asked), *own])
    if sort:
        sort = sort.replace(sort.removeprefix("-"), counted_by(sort.removeprefix("-"), counting))
    against = None if base is None else engine.measured(engine.opened(base), names, words)
    measured = _each({spec.name: spec for spec in opened}, lambda spec: engine.measured(spec, names, words), errors)
    if not measured:
        raise PartialAnswer(errors, given=False)
    rows = engine.with_ratios(measured.values(), against or next(iter(measured.values())))
    report = build(engine.ordered(rows, sort) if sort else rows, base or next(iter(measured)), words)
    shown = engine.columns([counted_by(name, counting) for name in axes]) if axes else None

    def draw() -> Drawing:  # only a picture loads what draws it
        from archcalc.commands.compare import picture

        drawn = [spec for spec in opened if spec.name in measured]
        return picture.draw(drawn, shown or picture.default_axes(drawn), words)

    out.write(report._replace(picture=draw))
    if errors:
        raise PartialAnswer(errors, given=True)


def _each(
    items: Mapping[str, _Item], work: Callable[[_Item], _Made], errors: dict[str, SpecError | UsageError]
) -> dict[str, _Made]:
    """What comes of each item, by name; what cannot be done with one is added to the errors."""
    made = {}
    for name, item in told(items.items(), len(items), "specs"):
        try:
            made[name] = work(item)
        except (SpecError, UsageError) as error:
            errors[name] = error
    return made
