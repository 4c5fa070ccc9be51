"""What commands share: naming a spec, setting parameters, choosing a format, writing a result."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.output import formats
from archcalc.output.layout import Report


class SpecType(click.ParamType):  # type: ignore[type-arg]
    """A catalogue name, a path or `-`, with settings after a colon; completes the catalogue and files."""

    name = "spec"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from archcalc.language import catalogue

        found = [CompletionItem(name) for name in catalogue.names() if name.startswith(incomplete)]
        return [*found, CompletionItem(incomplete, type="file")]


spec_argument = click.argument("spec", type=SpecType())


def set_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--set NAME=VALUE`, any number of times; the function receives `settings`, a dict of values."""

    @click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set a parameter of the spec.")
    @functools.wraps(function)
    def wrapped(*args: Any, settings: tuple[str, ...], **kwargs: Any) -> Any:
        from archcalc.language import catalogue

        values = {name: catalogue.value(name, text) for name, text in catalogue.settings(settings).items()}
        return function(*args, settings=values, **kwargs)

    return wrapped


batch_option = click.option(
    "--batch",
    type=click.IntRange(1, 10**9),
    default=1,
    show_default=True,
    metavar="N",
    help="Samples in a batch: MACs, FLOPs and bytes are for all of them.",
)


def counting_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--counting PROFILE`; the function receives `counting`, a profile, or None where none is named."""

    @click.option("--counting", metavar="PROFILE", help="Count operations as a tool does: see archcalc counting.")
    @functools.wraps(function)
    def wrapped(*args: Any, counting: str | None, **kwargs: Any) -> Any:
        from archcalc.counting.count import profile

        return function(*args, counting=None if counting is None else profile(counting), **kwargs)

    return wrapped


def reporting(function: Callable[..., Report]) -> Callable[..., None]:
    """`--format` and `--output` for a command that returns a report, which is then rendered and written."""

    @click.option(
        "--format", "format_", type=click.Choice(formats.names()), help="How to write the result.  [default: text]"
    )
    @click.option(
        "-o", "--output", type=click.Path(path_type=Path), help="Write to a file; .md, .csv and .json tell the format."
    )
    @functools.wraps(function)
    def wrapped(*args: Any, format_: str | None, output: Path | None, **kwargs: Any) -> None:
        write(function(*args, **kwargs), format_, output)

    return wrapped


def write(report: Report, format_: str | None, output: Path | None) -> None:
    """Write a report to a file or to standard output. UsageError if the file cannot be written."""
    if format_ is None:
        format_ = formats.of_file(output) if output else formats.DEFAULT
    if output is None and format_ == "text" and sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        from archcalc.output.formats.text import write_to_terminal

        write_to_terminal(report, sys.stdout)
    else:
        write_text(formats.render(report, format_), output)


def write_text(pieces: Iterable[str], output: Path | None) -> None:
    """Write pieces of text to a file as UTF-8, or to standard output in its encoding.

    UsageError if the file cannot be written.
    """
    if output is None:
        encoding = sys.stdout.encoding or "utf-8"
        for piece in pieces:
            sys.stdout.write(piece.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
        return
    try:
        with output.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None
