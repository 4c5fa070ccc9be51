"""`archcalc schema`: a JSON Schema of the spec language, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from archcalc.cli.options import output_option, write_pieces
from archcalc.cli.types import SpecType


@click.command()
@click.argument("specs", nargs=-1, type=SpecType())
@output_option(".json")
def command(specs: tuple[str, ...], output: Path | None) -> None:
    """Print a JSON Schema for editors.

    SPECS are files, folders or names of the catalogue: editors then complete the blocks in them, and flag every other
    step. Without any, a step that is not a layer may be a block.

    \b
    Examples:
      archcalc schema -o archcalc.schema.json
      archcalc schema specs/ -o specs/archcalc.schema.json
    """
    import json

    from archcalc.commands.schema.answer import blocks_of, json_schema

    write_pieces([json.dumps(json_schema(blocks_of(specs) if specs else None), indent=1), "\n"], output)
