"""`archcalc resolve`: a spec with its blocks inlined and its repeats written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from archcalc.cli.command import Command
from archcalc.cli.options import output_option, set_option, spec_argument, write_pieces


@click.command(cls=Command)
@spec_argument
@set_option
@output_option(".yaml", ".yml")
def command(spec: str, settings: dict[str, Any], output: Path | None) -> None:
    """Print a spec with blocks inlined and repeats written out.

    Every layer is a step of its own; it is a spec with the same figures.

    \b
    Example:
      archcalc resolve vgg16:classes=10 -o vgg16_flat.yaml
    """
    from archcalc import api
    from archcalc.language.write import resolve

    write_pieces(resolve(api.load(spec, **settings).expand()), output)
