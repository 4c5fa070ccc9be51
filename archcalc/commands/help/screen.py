"""A page of the guide on a terminal: laid out by rich, in a pager where it is longer than the screen."""

from __future__ import annotations

import io
import posixpath
import re
import shutil
import sys

import click

from archcalc.commands.help.answer import plain
from archcalc.guide import Page

#: Lines of text are no longer, however wide the terminal is.
_WIDEST = 100

_LINK = re.compile(r"\[([^\]]+)\]\(([^):]+)\.md(?:#[^)]*)?\)")


def show(page: Page) -> None:
    """Show a page on the terminal."""
    from rich.console import Console
    from rich.markdown import Markdown

    size = shutil.get_terminal_size()
    text = _LINK.sub(lambda match: f"{match.group(1)} (`archcalc help {_topic(page, match.group(2))}`)", plain(page))
    laid_out = io.StringIO()
    console = Console(
        file=laid_out,
        width=min(size.columns, _WIDEST),
        force_terminal=True,
        color_system="standard",
    )
    console.print(Markdown(text, code_theme="ansi_dark", hyperlinks=False))
    lines = laid_out.getvalue()
    if lines.count("\n") < size.lines:
        sys.stdout.write(lines)
    else:
        click.echo_via_pager(lines, color=None)


def _topic(page: Page, target: str) -> str:
    """The topic that a relative link of a page leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page.topic), target))
