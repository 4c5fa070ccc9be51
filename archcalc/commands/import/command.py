"""The options of `archcalc import`."""

from __future__ import annotations

from pathlib import Path

import click

from archcalc.cli.options import output_option, write_pieces
from archcalc.cli.types import SpecType


@click.command()
@click.argument("model", type=SpecType())
@output_option
def command(model: str, output: Path | None) -> None:
    """Convert a model file to a spec.

    MODEL is a file that torch.export.save has written (.pt2). It is read without PyTorch, and no code in it is run.
    Modules and equal structures become blocks, runs become repeats, and paths become branches; every other command
    takes the file itself as its SPEC.

    \b
    Example:
      archcalc import resnet50.pt2 -o resnet50.yaml
    """
    from archcalc.diagnostics.diagnostic import UsageError
    from archcalc.exchange import ENDINGS, folded, is_model

    if not is_model(model):
        raise UsageError(f"{model} is not a model file: its name ends in {' or '.join(ENDINGS)}")
    write_pieces(folded(Path(model), model), output)
