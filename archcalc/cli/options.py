"""What commands share: naming a spec, setting parameters, choosing a format, writing a result."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from archcalc.cli import known
from archcalc.cli.types import Choice, FileType, ModelType, Name, Names, SpecType, Whole
from archcalc.diagnostics.diagnostic import SpecError, UsageError
from archcalc.harmless import harmless_lines
from archcalc.output import formats
from archcalc.output.formats import Format
from archcalc.output.layout import Report
from archcalc.records import Record

if TYPE_CHECKING:
    from pathlib import Path

spec_argument = click.argument("spec", type=SpecType())


def set_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--set NAME=VALUE`, any number of times; the function receives `settings`, a dict of values."""

    @click.option(
        "--set",
        "settings",
        type=Name(known.settings),
        multiple=True,
        metavar="NAME=VALUE",
        help="Set a parameter of the spec.",
    )
    @functools.wraps(function)
    def wrapped(*args: Any, settings: tuple[str, ...], **kwargs: Any) -> Any:
        from archcalc import catalogue

        values = {name: catalogue.value(name, text) for name, text in catalogue.settings(settings).items()}
        return function(*args, settings=values, **kwargs)

    return wrapped


batch_option = click.option(
    "--batch",
    type=Whole(1, 10**9),
    default=1,
    show_default=True,
    metavar="N",
    help="Batch size: MACs, FLOPs and bytes are for the whole batch.",
)


partial_option = click.option(
    "--partial", is_flag=True, help="Read a model file in spite of unknown operations; totals leave them out."
)


layer_option = click.option(
    "--layer", type=Name(known.layer_paths), metavar="PATH", help="Restrict to a layer, a block, or a pattern with *."
)


def quantities_option(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--columns NAMES` or whatever its name is; the function receives a list of quantities' names."""
    return click.option(
        name,
        type=Names(known.quantities),
        default="params,macs",
        show_default=True,
        metavar="NAMES",
        help="Quantities, separated by commas.",
    )


def counting_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--counting PROFILE`; the function receives `counting`, a profile, or None where none is named."""

    @click.option(
        "--counting",
        type=Name(known.profiles),
        metavar="PROFILE",
        help="Count operations as a tool does: see archcalc count --list.",
    )
    @functools.wraps(function)
    def wrapped(*args: Any, counting: str | None, **kwargs: Any) -> Any:
        from archcalc.counting.profiles import profile

        return function(*args, counting=None if counting is None else profile(counting), **kwargs)

    return wrapped


def output_option(*endings: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`-o FILE` of a command that writes one format; the function receives `output`, a path that may be written, or
    None for standard output. A file that ends in none of `endings` is refused, one without an ending is not."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("-o", "--output", type=FileType(), help="Write to a file.")
        @functools.wraps(function)
        def wrapped(*args: Any, output: Path | None, **kwargs: Any) -> Any:
            _spare_inputs(output)
            if output is not None and output.suffix and output.suffix.lower() not in endings:
                raise UsageError(f"no format for files that end in {output.suffix}: use {', '.join(endings)}")
            return function(*args, output=output, **kwargs)

        return wrapped

    return decorate


def format_options(own: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--format` and `-o`; the function receives `out`, which says what is asked for and takes the report.

    `own` is a package of formats that only this command has.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option(
            "--format",
            "format_",
            type=Choice(formats.names(own)),
            metavar="NAME",
            help=f"Output format: {', '.join(formats.names(own))}.  [default: text, or from the file's ending]",
        )
        @click.option("-o", "--output", type=FileType(), help="Write to a file; its ending chooses the format.")
        @functools.wraps(function)
        def wrapped(*args: Any, format_: str | None, output: Path | None, **kwargs: Any) -> Any:
            _spare_inputs(output)
            return function(*args, out=Output.of(format_, output, own), **kwargs)

        return wrapped

    return decorate


def reporting(function: Callable[..., Report]) -> Callable[..., None]:
    """`--format` and `-o` for a command that returns a report, which is then rendered and written."""

    @format_options()
    @functools.wraps(function)
    def wrapped(*args: Any, out: Output, **kwargs: Any) -> None:
        out.write(function(*args, **kwargs))

    return wrapped


class Output(Record):
    """Where a report goes and how it is written. `asked` is whether the format was named, not told by a file."""

    format: Format
    path: Path | None
    asked: bool
    own: str | None

    @classmethod
    def of(cls, name: str | None, path: Path | None, own: str | None = None) -> Output:
        """What the options say. UsageError for an ending that no format has."""
        if name is not None:
            return cls(formats.load(name, own), path, True, own)
        format_ = formats.load(formats.DEFAULT, own) if path is None else formats.of_file(path, own)
        return cls(format_, path, False, own)

    def instead(self, name: str, option: str) -> Output:
        """The same in the format that an option stands for. UsageError if another was named."""
        if self.asked and self.format.name != name:
            raise UsageError(f"{option} is --format {name}, and --format {self.format.name} was given too")
        return self._replace(format=formats.load(name, self.own))

    def spare(self, files: Iterable[str | os.PathLike[str]]) -> None:
        """UsageError if what would be written is one of these files, which the command reads."""
        _spare(self.path, files)

    def write(self, report: Report) -> None:
        """Write a report. UsageError if the format cannot show it, or the file cannot be written."""
        if self.path is None and self.format.on_terminal:
            from archcalc.output.terminal import is_terminal

            if is_terminal(sys.stdout):
                return self.format.on_terminal(report, sys.stdout)
        return write_pieces(self.format.render(report), self.path)


def write_pieces(pieces: Iterable[str] | Iterable[bytes], path: Path | None) -> None:
    """Write pieces of text or bytes to a file as they are; to standard output text in its encoding.

    A terminal gets no bytes, and no character that steers it. UsageError if the file cannot be written.
    """
    if path is not None:
        from archcalc.output.file import write_file

        write_file(pieces, path)
        return
    terminal = sys.stdout.isatty()
    encoding = sys.stdout.encoding or "utf-8"
    for piece in pieces:
        if isinstance(piece, bytes):
            if terminal:
                raise UsageError("the format is not text: name a file with --output")
            sys.stdout.buffer.write(piece)
        else:
            piece = harmless_lines(piece) if terminal else piece
            sys.stdout.write(piece.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def _spare_inputs(output: Path | None) -> None:
    """UsageError if a file to be written is one that the command reads: a spec, what it imports, a baseline."""
    if output is None or not output.is_file():
        return
    context = click.get_current_context()
    for parameter in context.command.params:
        if isinstance(parameter.type, FileType) or not isinstance(parameter.type, (SpecType, ModelType, click.Path)):
            continue
        given = context.params.get(parameter.name or "")
        for one in given if isinstance(given, tuple) else (given,):
            if one is not None:
                _spare(output, _files(one))


def _files(reference: str | os.PathLike[str]) -> Iterator[str | os.PathLike[str]]:
    """The files that an argument stands for."""
    from archcalc import catalogue

    if not isinstance(reference, str):
        yield reference
    elif reference == "-":
        yield "/dev/stdin"
    else:
        # What cannot be read is the command's to report.
        with suppress(UsageError, SpecError):
            yield catalogue.split(reference).name
            yield from catalogue.files(reference)


def _spare(output: Path | None, files: Iterable[str | os.PathLike[str]]) -> None:
    for path in files:
        with suppress(OSError):
            if output is not None and output.samefile(path):
                raise UsageError(f"{output} is read by this command: write to another file")
