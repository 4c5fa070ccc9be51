"""`archcalc formula`: figures as closed formulas in free parameters."""

from __future__ import annotations

from typing import Any

import click

from archcalc.cli.options import Output, format_options, set_option, spec_argument


@click.command()
@spec_argument
@click.option("--free", default="", metavar="NAMES", help="Parameters to leave free, separated by commas.")
@click.option("--let", multiple=True, metavar="NAME=EXPRESSION", help="Set a parameter to an expression: image=32*m.")
@click.option("--quantity", default="params,macs", show_default=True, metavar="NAMES", help="Quantities, with commas.")
@click.option("--layer", metavar="PATH", help="Of a layer, of the layers of a block, or of a pattern with *.")
@set_option
@format_options("archcalc.commands.formula.formats")
def command(
    spec: str,
    free: str,
    let: tuple[str, ...],
    quantity: str,
    layer: str | None,
    settings: dict[str, Any],
    out: Output,
) -> None:
    """Show quantities as exact formulas in free parameters.

    With the conditions under which they hold.

    \b
    Examples:
      archcalc formula resnet50 --free width
      archcalc formula resnet50 --quantity macs --let image=32*m
      archcalc formula vgg16 --free image --format python -o vgg16_figures.py
    """
    from archcalc.commands.formula.answer import formula
    from archcalc.commands.formula.tables import build
    from archcalc.language import catalogue

    made = formula(
        spec, _names(free), _names(quantity), let=dict(map(catalogue.setting, let)), layer=layer, settings=settings
    )
    out.write(build(made))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
