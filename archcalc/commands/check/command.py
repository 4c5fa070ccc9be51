"""`archcalc check`: are specs consistent, and are the figures that they claim true?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archcalc.cli.options import counting_option, write, write_text
from archcalc.diagnostics.diagnostic import UsageError

if TYPE_CHECKING:
    from archcalc.commands.check.baseline import Change
    from archcalc.commands.check.run import SpecCheck
    from archcalc.counting.count import Profile

_FORMATS = ("text", "json", "github", "junit", "sarif", "markdown")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file.")
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="OLD", help="Print what changed since OLD.")
@click.option("--max-growth", metavar="PERCENT", help="With --baseline: fail if a figure grew by more.")
@counting_option
def command(
    paths: tuple[str, ...],
    format_: str,
    output: Path | None,
    strict: bool,
    baseline: Path | None,
    max_growth: str | None,
    counting: Profile | None,
) -> int:
    """Check that specs are consistent and that their claims are true.

    PATHS are files, folders (every spec in them and below) or names of the catalogue; without any, the whole
    catalogue is checked. OLD is a folder of specs, or a report saved with --format json. The exit code is 0 if nothing
    is wrong, 1 if something is, 2 if the check could not be run.

    \b
    Examples:
      archcalc check
      archcalc check mine.yaml --counting fvcore
      archcalc check specs/ --strict --format github
      archcalc check specs/ --baseline old/ --max-growth 1
    """
    from archcalc.commands.check.baseline import changes, read, with_growth
    from archcalc.commands.check.run import check
    from archcalc.commands.check.targets import targets

    allowed = None if max_growth is None else _percent(max_growth)
    if allowed is not None and baseline is None:
        raise click.UsageError("--max-growth needs --baseline: growth since when?")
    old = None if baseline is None else read(baseline)
    checks = check(targets(paths), strict=strict, counting=counting)
    changed = None if old is None else changes(checks, old)
    if allowed is not None and changed is not None:
        checks = with_growth(checks, changed, allowed)
    _write(checks, changed, format_, output)
    return 0 if all(each.passed for each in checks) else 1


def _percent(text: str) -> Fraction:
    from archcalc.claims.figure import FigureError, read

    try:
        figure = read(text.removesuffix("%").strip())
    except FigureError:
        figure = None
    if figure is None or figure.value is None or figure.unit:
        raise click.UsageError(f"--max-growth takes a percentage: `{text}` is not one")
    return figure.value / 100


def _write(checks: Sequence[SpecCheck], changed: Sequence[Change] | None, format_: str, output: Path | None) -> None:
    from archcalc.commands.check import tables as reports

    if format_ in ("json", "markdown"):
        write(reports.build(checks, changed), format_, output)
    elif format_ == "text":
        claims = reports.claims(checks)
        rest = reports.paragraphs(checks, changed)
        if output is None and claims.tables:
            write(claims, "text", None)
            write_text("\n", None)
        elif claims.tables:
            from archcalc.output.formats.text import render

            rest.insert(0, "".join(render(claims)).rstrip("\n"))
        write_text("\n\n".join(rest) + "\n", output)
    else:
        write_text(_rendered(checks, changed, format_), output)
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if format_ == "github" and summary:
            from archcalc.output.formats.markdown import render as markdown

            _append("".join(markdown(reports.build(checks, changed))), Path(summary))


def _rendered(checks: Sequence[SpecCheck], changed: Sequence[Change] | None, format_: str) -> str:
    if format_ == "github":
        from archcalc.commands.check import github

        return github.render(checks, changed)
    if format_ == "junit":
        from archcalc.commands.check import junit

        return junit.render(checks)
    from archcalc.commands.check import sarif

    return sarif.render(checks)


def _append(text: str, path: Path) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write the step summary {path}: {error.strerror}") from None
