"""`archcalc check`: are specs consistent, and are the figures that they claim true?"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archcalc.cli import say, say_error
from archcalc.cli.command import Command
from archcalc.cli.options import Output, counting_option, format_options
from archcalc.cli.types import SpecType
from archcalc.diagnostics.diagnostic import UsageError

if TYPE_CHECKING:
    from archcalc.commands.check.run import Checked, SpecCheck
    from archcalc.commands.check.targets import Target
    from archcalc.counting.count import Profile
    from archcalc.output.layout import Report


@click.command(cls=Command)
@click.argument("paths", nargs=-1, type=SpecType(), metavar="[PATHS]...")
@click.option("--catalogue", "whole", is_flag=True, help="Check the whole catalogue.")
@click.option("-v", "--verbose", is_flag=True, help="Show every claim and budget, not only what is wrong.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing: the exit code is the answer.")
@click.option("--fix", is_flag=True, help="Rewrite exact figures that are stale and have no source.")
@click.option("--watch", is_flag=True, help="Check again whenever a file changes.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option("--isolated", is_flag=True, help="Ignore [tool.archcalc] in pyproject.toml.")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="OLD", help="Show what changed since OLD.")
@click.option("--max-growth", metavar="PERCENT", help="With --baseline: fail if a figure grew by more than this.")
@counting_option
@format_options("archcalc.commands.check.formats")
def command(
    paths: tuple[str, ...],
    whole: bool,
    verbose: bool,
    quiet: bool,
    fix: bool,
    watch: bool,
    strict: bool,
    isolated: bool,
    baseline: Path | None,
    max_growth: str | None,
    counting: Profile | None,
    out: Output,
) -> int:
    """Check specs and the figures they claim.

    PATHS are files (- is standard input), folders (searched recursively) or names from the catalogue; the default is
    the paths of [tool.archcalc] in pyproject.toml, or else the current folder. OLD is a folder of specs, or a report
    saved with --format json. The exit code is 0 if nothing is wrong, 1 if there are findings, 2 if the check could not
    run.

    --fix replaces a wrong figure with the computed one where the claim is exact, has no source and is not an erratum,
    and lists what it replaced; comments and layout are kept.

    \b
    Examples:
      archcalc check
      archcalc check mine.yaml -v --counting fvcore
      archcalc check specs/ --fix
      archcalc check specs/ --strict --format github
      archcalc check specs/ --baseline old/ --max-growth 1
    """
    from archcalc.cli.progress import Progress
    from archcalc.commands.check import run
    from archcalc.commands.check.project import Project, files, project
    from archcalc.commands.check.targets import in_catalogue, targets

    allowed = None if max_growth is None else _percent(max_growth)
    if allowed is not None and baseline is None:
        raise click.UsageError("--max-growth needs --baseline: growth since when?")
    if verbose and quiet:
        raise click.UsageError("--verbose and --quiet exclude each other")
    if whole and paths:
        raise click.UsageError("--catalogue checks the whole catalogue: name no paths beside it")

    def rules() -> Project:
        return (None if isolated or whole else project(Path.cwd())) or Project()

    def chosen(own: Project) -> list[Target]:
        if whole:
            return in_catalogue()
        return targets(paths) if paths or not own.paths else own.targets()

    def checked() -> int:
        own = rules()
        found = chosen(own)
        out.spare(target.path for target in found)
        progress = Progress(len(found), "specs")

        def check() -> list[SpecCheck]:
            try:
                return run.check(
                    found, strict=strict or own.strict, counting=counting, budget=own.budget, ignore=own.ignore,
                    watch=None if quiet else progress,
                )  # fmt: skip
            finally:
                progress.close()

        result = _checked(check, baseline, allowed, fix=fix, quiet=quiet)
        _write(result, out, verbose=verbose, quiet=quiet)
        return 0 if all(each.passed for each in result.specs) else 1

    def watched() -> list[Path]:
        """The files to watch; while an editor has one elsewhere, those that can say what there is."""
        own = [] if isolated or whole else list(files(Path.cwd()))
        with suppress(UsageError):
            return [*own, *(target.path for target in chosen(rules()))]
        return own

    if not watch:
        return checked()
    from archcalc.commands.check.watch import changes

    for _ in changes(watched):
        click.clear()
        try:
            checked()
        except UsageError as error:  # the next change may mend it
            say_error(error)
    return 0


def _checked(
    check: Callable[[], list[SpecCheck]], baseline: Path | None, allowed: Fraction | None, *, fix: bool, quiet: bool
) -> Checked:
    """The check, with what is fixed before it and what changed since a baseline."""
    from archcalc.commands.check.baseline import changes, need_common, read, with_growth
    from archcalc.commands.check.run import Checked

    old = None if baseline is None else read(baseline)
    specs = check()
    if fix:
        from archcalc.commands.check import fix as fixing

        if fixed := fixing.fix(specs):
            if not quiet:
                rewritten = f"rewrote {len(fixed):,} figure{'s' * (len(fixed) != 1)}"
                say("\n".join([*map(str, fixed), rewritten]))
            specs = check()
    if old is None:
        return Checked(specs)
    changed = changes(specs, old)
    if allowed is not None:
        need_common(specs, old)
        specs = with_growth(specs, changed, allowed)
    return Checked(specs, changed)


def _write(checked: Checked, out: Output, *, verbose: bool, quiet: bool) -> None:
    from archcalc.commands.check.tables import build, summary

    report = build(checked)
    if out.format.name == "text":
        report = report if verbose else report._replace(tables=())
    if not (quiet and out.format.name == "text"):
        out.write(report)
    if out.path is not None and not quiet:
        say(summary(checked))
    if out.format.name == "github":
        _write_step_summary(report)


def _percent(text: str) -> Fraction:
    from archcalc.claims.figure import FigureError, read

    try:
        figure = read(text.removesuffix("%").strip())
    except FigureError:
        figure = None
    if figure is None or figure.value is None or figure.unit:
        raise click.UsageError(f"--max-growth takes a percentage: `{text}` is not one")
    return figure.value / 100


def _write_step_summary(report: Report) -> None:
    """GitHub shows the Markdown in the file that it names beside the log."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    from archcalc.output.formats.markdown import render

    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(render(report))
    except OSError as error:
        raise UsageError(f"cannot write the step summary {path}: {error.strerror}") from None
