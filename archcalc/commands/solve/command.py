"""`archcalc solve`: the value of a parameter that meets bounds on figures."""

from __future__ import annotations

from typing import Any

import click

from archcalc.cli import known
from archcalc.cli.command import Command
from archcalc.cli.options import Output, format_options, set_option, spec_argument
from archcalc.cli.setup import with_option
from archcalc.cli.types import Name, Whole


@click.command(cls=Command)
@spec_argument
@click.option("--for", "name", type=Name(known.parameters), metavar="NAME", help="The parameter to solve for.")
@click.option(
    "--scale",
    type=Name(known.parameters),
    metavar="NAME=RATE,...",
    help="Scale parameters together: each by its rate to a common power.",
)
@click.option("--target", required=True, metavar="BOUNDS", help='What to meet: "macs <= 300M and params <= 5M".')
@click.option("--smallest", is_flag=True, help="Find the smallest value instead of the largest.")
@click.option("--round", "multiple", type=Whole(1), default=1, metavar="N", help="Try only multiples of N.")
@click.option("--within", metavar="VALUES", help="Values to try: 16:512:16 (ends included) or [1, 2].")
@click.option("--spec", "resolved", is_flag=True, help="Print the solution as a flat spec: --format yaml.")
@set_option
@with_option
@format_options("archcalc.commands.solve.formats")
def command(
    spec: str,
    name: str | None,
    scale: str | None,
    target: str,
    smallest: bool,
    multiple: int,
    within: str | None,
    resolved: bool,
    settings: dict[str, Any],
    words: dict[str, str],
    out: Output,
) -> None:
    """Find the parameter value that meets a budget.

    With --scale, parameters grow together from their defaults: EfficientNet's compound scaling is
    --scale depth=1.2,width=1.1,image=1.15 under a budget.

    \b
    Examples:
      archcalc solve resnet50 --for width --target "macs <= 300M" --round 8
      archcalc solve vgg16 --for image --target "macs >= 20G" --smallest
      archcalc solve resnet50 --for image --within 64:512:32 --batch 32 \\
        --target "training_peak_bytes <= 8GB"
      archcalc solve mobilenet --for width --within 0.05:2:0.05 \\
        --target "params <= 3M" --spec -o small.yaml
    """
    from archcalc import api
    from archcalc.commands.solve import answer as solver
    from archcalc.commands.solve.tables import build

    if resolved:
        out = out.instead("yaml", "--spec")
    if (name is None) == (scale is None):
        raise click.UsageError("say either --for NAME or --scale NAME=RATE,...")
    if name is not None:
        found = solver.solve(
            spec,
            name,
            target,
            smallest=smallest,
            multiple=multiple,
            within=_values(name, within),
            settings=settings,
            words=words,
        )
    else:
        if smallest or within is not None:
            raise click.UsageError("--scale finds the largest power: --smallest and --within are for --for")
        found = solver.scale(spec, _rates(scale or ""), target, multiple=multiple, settings=settings, words=words)
    out.write(build(found)._replace(answer=api.load(spec, **{**settings, **found.settings})))


def _values(name: str, within: str | None) -> Any:
    if within is None:
        return None
    from archcalc.commands.sweep.values import read

    return read(f"{name}={within}").values


def _rates(text: str) -> dict[str, Any]:
    from fractions import Fraction

    from archcalc import catalogue

    rates = {}
    for part in text.split(","):
        name, written = catalogue.setting(part)
        rate = catalogue.value(name, written)
        if not (type(rate) is int or isinstance(rate, Fraction)) or rate < 1:
            raise click.UsageError(f"`{written}` is not a rate for {name}: write a number of at least 1")
        rates[name] = rate
    return rates
