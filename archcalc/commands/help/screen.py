"""A page of the guide on a terminal: laid out by rich, in a pager where it is longer than the screen."""

from __future__ import annotations

import io
import posixpath
import re
import shutil
import sys
from typing import Any, ClassVar

import click

from archcalc.commands.help.answer import plain
from archcalc.guide import Page

#: Lines of text are no longer, however wide the terminal is.
_WIDEST = 100

_LINK = re.compile(r"\[([^\]]+)\]\(([^):]+)\.md(?:#[^)]*)?\)")


def show(page: Page) -> None:
    """Show a page on the terminal."""
    from rich.console import Console

    size = shutil.get_terminal_size()
    text = _LINK.sub(lambda match: f"{match.group(1)} (`archcalc help {_topic(page, match.group(2))}`)", plain(page))
    laid_out = io.StringIO()
    console = Console(
        file=laid_out,
        width=min(size.columns, _WIDEST),
        force_terminal=True,
        color_system="standard",
    )
    console.print(_laid_out(text))
    lines = laid_out.getvalue()
    if lines.count("\n") < size.lines:
        sys.stdout.write(lines)
    else:
        click.echo_via_pager(lines, color=None)


def _topic(page: Page, target: str) -> str:
    """The topic that a relative link of a page leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page.topic), target))


def _laid_out(text: str) -> Any:
    """Markdown whose examples begin at the left edge: their output has 80 columns, and no room for a margin."""
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.markdown import CodeBlock, Markdown
    from rich.syntax import Syntax

    class Code(CodeBlock):
        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            yield Syntax(str(self.text).rstrip(), self.lexer_name, theme=self.theme, word_wrap=True)

    class Page(Markdown):
        elements: ClassVar = {**Markdown.elements, "fence": Code, "code_block": Code}

    return Page(text, code_theme="ansi_dark", hyperlinks=False)
