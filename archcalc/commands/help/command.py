"""`archcalc help`: a command's help, or a page of the guide."""

from __future__ import annotations

import sys

import click
from click.shell_completion import CompletionItem

from archcalc.cli.command import Command
from archcalc.cli.options import write_pieces
from archcalc.output.terminal import is_terminal


class _TopicType(click.ParamType):  # type: ignore[type-arg]
    name = "topic"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from archcalc.commands import names
        from archcalc.guide import pages

        return [CompletionItem(name) for name in (*names(), *pages()) if name.startswith(incomplete)]


@click.command(cls=Command)
@click.argument("topic", type=_TopicType(), required=False, metavar="[COMMAND|TOPIC]")
@click.pass_context
def command(context: click.Context, topic: str | None) -> None:
    """Show help on a command, or a page of the guide.

    Without a name, list both.

    \b
    Examples:
      archcalc help
      archcalc help fit
      archcalc help tutorial
      archcalc help language
    """
    from archcalc.commands.help import answer

    program = context.parent
    assert program is not None
    if topic is None:
        write_pieces([program.get_help(), "\n\n", answer.contents(program.make_formatter())], None)
        return
    assert isinstance(program.command, click.Group)
    if (subject := program.command.get_command(program, topic)) is not None:
        # `formatter_class` and widths come from the program's own context, as for `archcalc COMMAND --help`.
        write_pieces([click.Context(subject, program, topic).get_help(), "\n", answer.see_also(topic)], None)
        return
    page = answer.page(topic)
    if is_terminal(sys.stdout):
        from archcalc.commands.help.screen import show

        show(page)
    else:
        write_pieces([answer.plain(page)], None)
