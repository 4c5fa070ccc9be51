"""The command line: the group that finds the commands of `archcalc.commands`, and what they share."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

import click

from archcalc import __version__
from archcalc.cli.command import Command, says
from archcalc.diagnostics.diagnostic import (
    Diagnostic,
    LeftOut,
    MisconfiguredError,
    NoAnswer,
    PartialAnswer,
    SpecError,
    UsageError,
    plain,
)


class _Commands(Command, click.Group):
    """The commands, found by their names and loaded only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from archcalc.commands import names

        return names()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under the questions that they answer."""
        from archcalc.commands import QUESTIONS

        width = max(len(name) for names in QUESTIONS.values() for name in names)
        for question, names in QUESTIONS.items():
            commands = ((name, self.get_command(ctx, name)) for name in names)
            rows = [
                (name.ljust(width), command.get_short_help_str(formatter.width - width - 6))
                for name, command in commands
                if command is not None
            ]
            with formatter.section(question):
                formatter.write_dl(rows)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from archcalc.commands import load

        return load(cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from archcalc.diagnostics.diagnostic import did_you_mean

            hint = did_you_mean(args[0], self.list_commands(ctx)) or "`archcalc --help` lists them"
            message = _of_a_spec(args[0]) or f"there is no command `{args[0]}`: {hint}"
            raise click.UsageError(message, ctx) from None


def _of_a_spec(word: str) -> str | None:
    """What to say where a spec stands in the place of a command."""
    from archcalc import catalogue
    from archcalc.exchange import is_model

    name = catalogue.split(word).name
    if name in catalogue.names() or name.endswith((".yaml", ".yml")) or is_model(name):
        return f"`{word}` is a spec, not a command: try `archcalc report {word}`"
    return None


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="A SPEC is a name of the catalogue (archcalc list), a path to a YAML or model file, or - for standard "
    "input; parameters are set after a colon: resnet50:width=128,image=288.",
)
@click.option("--version", help="Show the version and exit.", **says(lambda ctx: f"archcalc, version {__version__}"))
def group() -> None:
    """Shapes, parameters, operations and memory of neural networks, from a YAML spec, exactly.

    \b
    Example:
      archcalc report vgg16
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Exit codes: 0 fine, 1 findings in a spec or "no" to a question, 2 what cannot be run."""
    sys.stdout = sys.stdout or _Closed()
    sys.stderr = sys.stderr or _Closed()
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


class _Closed(io.TextIOBase):
    """Stands for a standard stream that is closed, and says so to whoever writes."""

    def write(self, _: str) -> int:
        raise OSError(errno.EBADF, "it is closed")


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code."""
    try:
        result = _called(arguments)
    except click.ClickException as error:
        _say_misuse(error)
        return 2
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        return 130
    except PartialAnswer as error:
        code = max(_said(each) for each in {str(each): each for each in error.errors.values()}.values())
        if error.given:
            say(f"error: {', '.join(error.errors)} {'are' if len(error.errors) > 1 else 'is'} left out")
        return code
    except (UsageError, SpecError) as error:
        return _said(error)
    except BrokenPipeError:
        _discard(sys.stdout)  # whoever read our output has seen enough
        return 0
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:  # files are opened where their names are known
            _discard(sys.stdout)
            say(f"error: cannot write to standard output: {error.strerror}")
            return 2
        # A defect of archcalc: say so, without a traceback.
        if os.environ.get("ARCHCALC_TRACEBACK"):
            raise
        say(f"error: archcalc failed: {type(error).__name__}: {error} (ARCHCALC_TRACEBACK=1 shows where)")
        return 2
    return result if isinstance(result, int) else 0


def _said(error: UsageError | SpecError) -> int:
    """Say an error, and return its exit code."""
    if isinstance(error, UsageError):
        say_error(error)
        return 1 if isinstance(error, NoAnswer) else 2
    _say_findings(error.diagnostics)
    return 1


def _called(arguments: list[str]) -> Any:
    """What the command returns, once all it wrote is written."""
    if asked := os.environ.get("_ARCHCALC_COMPLETE"):
        from archcalc.cli.shells import completions

        for line in completions(group, asked):
            print(line)
        return 0
    # Not by `main`, which makes exit code 1, ours for findings, of a reader who stops early.
    with _warnings_said(), group.make_context("archcalc", list(arguments)) as context:
        result = group.invoke(context)
    sys.stdout.flush()
    return result


@contextmanager
def _warnings_said() -> Iterator[None]:
    """Figures that leave something out are said to on standard error, once, whatever the format of the answer."""
    said: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", LeftOut)
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if not issubclass(category, LeftOut):
                usual(message, category, *where, **more)
            elif str(message) not in said:
                said.add(str(message))
                say(f"warning: {message}")

        warnings.showwarning = show
        yield


def _discard(stream: IO[str]) -> None:
    """Let what a stream still holds go nowhere: the interpreter would complain when it closes it."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _say_misuse(error: click.ClickException) -> None:
    """What is wrong with a command line, as all errors are said, and how the command is used."""
    message = re.sub(r"'([^'`]*)'", r"`\1`", error.format_message())
    if isinstance(error, click.NoSuchOption):  # whose words are others in other releases of click
        near = " or ".join(f"`{each}`" for each in sorted(error.possibilities or ()))
        message = f"no such option `{error.option_name}`" + (f": did you mean {near}?" if near else "")
    say(f"error: {message[:1].lower()}{message[1:].rstrip('.')}")
    if isinstance(error, click.NoSuchOption) and error.option_name.startswith("-:"):
        say("set parameters of the spec on standard input with --set NAME=VALUE")
    context = getattr(error, "ctx", None)
    if context is not None and "--help" not in message:
        say(f"{context.get_usage().replace('Usage', 'usage', 1)} (`{context.command_path} --help` says more)")


#: A line of a message is no longer.
_LONGEST_LINE = 2000


def say_error(error: UsageError) -> None:
    """Why a request cannot be run, on standard error."""
    if isinstance(error, MisconfiguredError):
        _say_findings(error.diagnostics)
    else:
        say(f"error: {error}")


def say(message: str) -> None:
    """A message on standard error, its first word coloured on a terminal that wants colour."""
    from archcalc.diagnostics.text import wrapped
    from archcalc.output.terminal import painting, width

    lines = [plain(line.expandtabs(), _LONGEST_LINE) for line in message.split("\n")]
    fitted = [part for line in lines for part in wrapped(line, width(sys.stderr), "  ")]
    head, colon, rest = "\n".join(fitted).partition(":")
    if head == "error":
        head = painting(sys.stderr)("error", head)
    _print(head + colon + rest)


def _say_findings(found: Sequence[Diagnostic]) -> None:
    from archcalc.diagnostics.text import render_all
    from archcalc.output.terminal import painting, width

    _print(render_all(found, painting(sys.stderr), width(sys.stderr)))


def _print(message: str) -> None:
    encoding = sys.stderr.encoding or "utf-8"
    try:
        print(message.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr, flush=True)
    except OSError:  # nobody can be told
        _discard(sys.stderr)
