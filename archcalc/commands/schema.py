"""`archcalc schema`: a JSON Schema of the spec language, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from archcalc.cli.options import output_option, write_pieces


@click.command()
@output_option
def command(output: Path | None) -> None:
    """Print the JSON Schema by which editors check specs.

    \b
    Example:
      archcalc schema -o archcalc.schema.json
    """
    import json

    from archcalc.language.schema import json_schema

    write_pieces([json.dumps(json_schema(), indent=2), "\n"], output)
