"""`archcalc fold`: a spec with its repetitions as blocks and repeats, the inverse of `resolve`."""

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
    """Rewrite a flat spec with blocks and repeats.

    The inverse of resolve: the same layers in the same order. Parameters are filled in, and claims are left out.

    \b
    Example:
      archcalc fold vgg16_flat.yaml -o vgg16.yaml
    """
    from archcalc import api
    from archcalc.language.folding import fold

    write_pieces(fold(api.load(spec, **settings).expand()), output)
