"""`archcalc new`: a spec to begin with."""

from __future__ import annotations

import re
from pathlib import Path

import click

from archcalc.cli.command import Command
from archcalc.diagnostics.diagnostic import UsageError

_SCHEMA = "archcalc.schema.json"


@click.command(cls=Command)
@click.argument("name")
def command(name: str) -> None:
    """Write a commented starter spec.

    NAME.yaml is a small residual network, and archcalc.schema.json beside it lets an editor complete and check it.
    Files that exist are left as they are.

    \b
    Examples:
      archcalc new mynet
      archcalc new specs/mynet
    """
    import json

    from archcalc.commands.schema.answer import json_schema
    from archcalc.output.file import check_writable, write_file

    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if not re.fullmatch(r"[A-Za-z_][\w-]*", path.stem, re.ASCII):
        raise UsageError(f"`{path.stem}` is not a name: write letters, digits, `_` and `-`, beginning with a letter")
    check_writable(path)
    if path.exists():
        raise UsageError(f"{path} exists: choose another name")
    write_file([starter(path.stem)], path)
    click.echo(f"wrote {path}")
    schema = path.with_name(_SCHEMA)
    if not schema.exists():
        write_file([json.dumps(json_schema(), indent=2), "\n"], schema)
        click.echo(f"wrote {schema}, for your editor")
    click.echo(f"next: archcalc report {path}; archcalc help language")


def starter(name: str) -> str:
    """The text of a small residual network with comments, to begin with."""
    return (Path(__file__).parent / "start.yaml").read_text(encoding="utf-8").replace("NAME", name)
