"""`archcalc schema`: a JSON Schema of the spec language, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from archcalc.cli.options import write_text


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file.")
def command(output: Path | None) -> None:
    """Print the JSON Schema by which editors check specs.

    \b
    Example:
      archcalc schema -o archcalc.schema.json
    """
    import json

    from archcalc.language.schema import json_schema

    write_text([json.dumps(json_schema(), indent=2), "\n"], output)
