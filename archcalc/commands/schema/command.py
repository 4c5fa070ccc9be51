"""`archcalc schema`: a JSON Schema of the spec language, or of lists of figures, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from archcalc.cli.command import Command
from archcalc.cli.options import output_option, write_pieces
from archcalc.cli.types import SpecType


@click.command(cls=Command)
@click.argument("specs", nargs=-1, type=SpecType())
@click.option("--figures", is_flag=True, help="The schema of a list of figures, figures.yaml, instead.")
@output_option(".json")
def command(specs: tuple[str, ...], figures: bool, output: Path | None) -> None:
    """Print a JSON Schema for editors.

    SPECS are files, folders or names of the catalogue: editors then complete the blocks in them, and flag every other
    step. Without any, a step that is not a layer may be a block.

    \b
    Examples:
      archcalc schema -o archcalc.schema.json
      archcalc schema specs/ -o specs/archcalc.schema.json
      archcalc schema --figures -o figures.schema.json
    """
    import json

    from archcalc.commands.schema.answer import blocks_of, json_schema, list_schema

    if figures and specs:
        raise click.UsageError("--figures is the schema of any list of figures: name no specs beside it")
    made = list_schema() if figures else json_schema(blocks_of(specs) if specs else None)
    write_pieces([json.dumps(made, indent=1), "\n"], output)
