"""The command line: one file per command in `commands`, loaded only when it is called."""

from __future__ import annotations

import gc
import os
import pkgutil
import sys
from typing import Any

import click

from archcalc import __version__
from archcalc.diagnostics import SpecError, UsageError, render


class _Commands(click.Group):
    """The commands, found by the names of their files; each file has one function called `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        import archcalc.cli.commands as package

        return sorted(module.name for module in pkgutil.iter_modules(package.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        import importlib

        if not cmd_name.isidentifier():
            return None
        try:
            module = importlib.import_module(f"archcalc.cli.commands.{cmd_name}")
        except ModuleNotFoundError as error:
            if error.name == f"archcalc.cli.commands.{cmd_name}":
                return None
            raise
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from archcalc.diagnostics import did_you_mean

            hint = did_you_mean(args[0], self.list_commands(ctx)) or "`archcalc --help` lists them"
            raise click.UsageError(f"there is no command `{args[0]}`: {hint}", ctx) from None


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="A SPEC is a name of the catalogue (archcalc list), a path to a YAML file, or - for standard input; "
    "parameters are set after a colon: resnet50:width=128,image=288.",
)
@click.version_option(__version__, prog_name="archcalc")
def group() -> None:
    """Shapes, parameters, operations and memory of neural networks, from a YAML spec, exactly.

    \b
    Example:
      archcalc report vgg16
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Exit codes: 0 fine, 1 findings in a spec, 2 a request that cannot be run."""
    gc.set_threshold(100_000)  # a large network has many objects that last, and walking them often is in vain
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code; nothing but `SystemExit` of --help gets past it."""
    try:
        result: Any = group.main(arguments, prog_name="archcalc", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        return 130
    except UsageError as error:
        _say(f"error: {error}")
        return 2
    except SpecError as error:
        _say("\n\n".join(render(diagnostic) for diagnostic in error.diagnostics))
        return 1
    except BrokenPipeError:
        # Whoever read our output has seen enough; keep the interpreter from complaining when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # a defect of archcalc: say so, without a traceback
        if os.environ.get("ARCHCALC_TRACEBACK"):
            raise
        _say(f"error: archcalc failed: {type(error).__name__}: {error} (ARCHCALC_TRACEBACK=1 shows where)")
        return 2
    return result if isinstance(result, int) else 0


def _say(message: str) -> None:
    """A message on standard error, its first word coloured on a terminal that wants colour."""
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        message = "\n".join(_coloured(line) for line in message.split("\n"))
    encoding = sys.stderr.encoding or "utf-8"
    print(message.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr)


def _coloured(line: str) -> str:
    for word, colour in (("error", "red"), ("warning", "yellow")):
        if line.startswith((f"{word}[", f"{word}:")):
            head, colon, rest = line.partition(":")
            return click.style(head + colon, fg=colour, bold=True) + rest
    return line
