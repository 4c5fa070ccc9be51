"""`archcalc show`: the text of a spec."""

from __future__ import annotations

import click

from archcalc.cli.options import spec_argument, write_text


@click.command()
@spec_argument
def command(spec: str) -> None:
    """Print a spec as it is written.

    \b
    Example:
      archcalc show resnet50
    """
    from archcalc.spec import catalogue

    write_text([catalogue.read_source(spec).text], None)
