"""`archcalc serve`: the report of a spec in a browser, live while the spec is written."""

from __future__ import annotations

from contextlib import suppress

import click

from archcalc.cli.command import Command
from archcalc.cli.types import SpecType, Whole

#: What is served where no port is asked for; unassigned by IANA, and no default of another tool of the field.
_PORT = 8137


@click.command(cls=Command)
@click.argument("spec", type=SpecType(), required=False)
@click.option(
    "--port",
    type=Whole(0, 65535),
    default=_PORT,
    show_default=True,
    metavar="N",
    help="Port on 127.0.0.1; 0 takes any that is free.",
)
@click.option("--no-open", is_flag=True, help="Do not open a browser.")
def command(spec: str | None, port: int, no_open: bool) -> None:
    """Edit a spec in the browser, with its report beside it.

    Findings stand under their lines and the report follows while you type. Only this machine can reach the page. The
    only file that it can write is SPEC, when you save; a spec of the catalogue is a draft to begin with.

    \b
    Examples:
      archcalc serve mine.yaml
      archcalc serve resnet50:width=128 --port 0 --no-open
    """
    from archcalc.commands.serve import server
    from archcalc.commands.serve.opened import Opened

    opened = Opened.of(spec)
    with suppress(KeyboardInterrupt), server.listening(opened, port) as listening:
        click.echo(f"serving {opened.shown} at {listening.address} (Ctrl-C stops it)")
        if not no_open:
            import threading
            import webbrowser

            # A browser without windows runs until it is closed, and wants to be served meanwhile.
            threading.Thread(target=webbrowser.open, args=[listening.address], daemon=True).start()
        listening.serve_forever()
    click.echo("stopped")
