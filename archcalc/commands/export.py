"""`archcalc export`: a spec as code, as a graph or as a drawing for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from archcalc.cli.command import Command
from archcalc.cli.options import output_option, set_option, spec_argument, write_pieces
from archcalc.cli.types import Choice
from archcalc.exchange.writers import endings, targets, writer


@click.command(cls=Command)
@spec_argument
@click.option(
    "--to",
    "target",
    type=Choice(targets()),
    help="Target.  [default: from the file's ending, if one target has it]",
)
@set_option
@output_option(*endings())
def command(spec: str, target: str | None, settings: dict[str, Any], output: Path | None) -> None:
    """Write a spec as code, a model or a flow chart.

    PyTorch: a class for each block, with what differs between its calls as constructor arguments. Keras: a function for
    each block, channels last. A layer that cannot be written is an error, never left out. ONNX: a graph whose weights
    are shapes alone. Mermaid and DOT: a flow chart, with equal blocks once. Netron: an attachment with figures for each
    node of an ONNX model.

    \b
    Examples:
      archcalc export resnet50 --to pytorch -o resnet50.py
      archcalc export resnet50 --to keras -o resnet50.py
      archcalc export resnet50 -o resnet50.onnx
      archcalc export googlenet --to mermaid
      archcalc export model.onnx --to netron -o model.json
    """
    from archcalc import api

    chosen = writer(target, output)
    said: list[str] = []
    write_pieces(chosen.write(api.load(spec, **settings).analyse(), said.append), output)
    for message in said:
        click.echo(message, err=True)
