"""`[tool.archcalc]` in pyproject.toml: what a project checks, the warnings it leaves out, what every spec must keep.

[tool.archcalc]
paths = ["specs"]
ignore = ["unused-parameter"]
strict = true

[tool.archcalc.budget]
params = "<= 25M"
training_peak_bytes = {value = "<= 8 GB", with = {batch = 32, optimizer = "adam"}}
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from archcalc.claims.read import Claim, claims_in
from archcalc.commands.check.targets import Target, at, each_once
from archcalc.diagnostics.diagnostic import (
    Diagnostic,
    MisconfiguredError,
    Place,
    Source,
    SpecError,
    UsageError,
    did_you_mean,
)
from archcalc.diagnostics.rules import rules
from archcalc.language.source import Mapping, Scalar, Sequence, Value, read_text
from archcalc.records import Record

FILE = "pyproject.toml"
_KEYS = ("paths", "ignore", "strict", "budget")


class Project(Record):
    """What a project says of its checks."""

    folder: Path = Path()
    #: Files and folders, from the project's folder, each with the place that names it.
    paths: tuple[tuple[str, Place], ...] = ()
    #: Names of the warnings that are left out.
    ignore: frozenset[str] = frozenset()
    strict: bool = False
    #: What is claimed of every spec.
    budget: tuple[Claim, ...] = ()

    def targets(self) -> list[Target]:
        """What its paths stand for, each once. MisconfiguredError for those that stand for nothing."""
        found: list[Target] = []
        problems = []
        for text, place in self.paths:
            try:
                found += at(Path(os.path.relpath(self.folder / text)))
            except UsageError as error:
                problems.append(Diagnostic("bad-project", str(error), place))
        if problems:
            raise MisconfiguredError(problems)
        return each_once(found)


def project(folder: Path) -> Project | None:
    """What the next pyproject.toml that has the table says, in a folder or above, up to the root of its repository.

    MisconfiguredError where it is no text, is not TOML, or the table is malformed.
    """
    for path in files(folder):
        from archcalc.commands.check.toml import parse

        try:
            source = read_text(path, name=Path(os.path.relpath(path)).as_posix())
            tool = parse(source).get("tool")
        except SpecError as error:
            raise MisconfiguredError(error.diagnostics) from None
        table = tool.get("archcalc") if isinstance(tool, Mapping) else None
        if table is not None:
            return _Reader(source).project(path.parent, table)
    return None


def files(folder: Path) -> Iterator[Path]:
    """Each pyproject.toml in a folder or above, up to the root of its repository."""
    for above in (folder, *folder.parents):
        if (above / FILE).is_file():
            yield above / FILE
        if (above / ".git").exists():
            return


class _Reader:
    """Reads the table, and keeps what is malformed in it, so that one run shows all of that."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Diagnostic] = []

    def project(self, folder: Path, table: Value) -> Project:
        """What the table says. MisconfiguredError for all that is malformed."""
        if not isinstance(table, Mapping):
            self.problem("[tool.archcalc] is a table", table)
            raise MisconfiguredError(self.problems)
        for key, _ in table.entries:
            if key.text not in _KEYS:
                hint = did_you_mean(key.text, _KEYS) or f"it has {', '.join(_KEYS)}"
                self.problem(f"[tool.archcalc] has no `{key.text[:60]}`", key, hint)
        made = Project(
            folder,
            tuple((path.text, self.place(path)) for path in self.words(table, "paths")),
            frozenset(self.ignored(table)),
            self.flag(table, "strict"),
            tuple(self.budget(table.get("budget"))),
        )
        if self.problems:
            raise MisconfiguredError(self.problems)
        return made

    def words(self, table: Mapping, key: str) -> list[Scalar]:
        stated = table.get(key) or Sequence([], 0, 0)
        items = stated.items if isinstance(stated, Sequence) else [stated]
        words = [item for item in items if isinstance(item, Scalar) and not item.plain and item.text]
        if not isinstance(stated, Sequence) or len(words) != len(items):
            self.problem(f'{key} is a list of texts, as in {key} = ["..."]', stated)
        return words

    def ignored(self, table: Mapping) -> Iterator[str]:
        known = [name for name, rule in rules().items() if rule.severity == "warning"]
        for word in self.words(table, "ignore"):
            if word.text not in known:
                hint = did_you_mean(word.text, known) or f"the warnings are {', '.join(known)}"
                self.problem(f"there is no warning `{word.text[:60]}` to ignore", word, hint)
            yield word.text

    def flag(self, table: Mapping, key: str) -> bool:
        stated = table.get(key) or Scalar("false", 0, 0, True)
        if not isinstance(stated, Scalar) or not stated.plain or stated.text not in ("true", "false"):
            self.problem(f"{key} is true or false", stated)
            return False
        return stated.text == "true"

    def budget(self, table: Value | None) -> Iterator[Claim]:
        if table is not None and not isinstance(table, Mapping):
            self.problem("[tool.archcalc.budget] is a table of quantities and bounds", table)
            return
        found, malformed = claims_in(self.source, table, ())
        self.problems += malformed
        for claim in found:
            if not claim.figure.text.startswith(("<", ">")):
                limit = claim.figure.text if claim.figure.text[:1].isdigit() else "25M"
                message = f'{claim.quantity.name}: a budget is a bound, as in "<= {limit}"'
                self.problems.append(Diagnostic("bad-project", message, claim.place))
            if claim.erratum:
                message = f"{claim.quantity.name}: a budget is kept or not, and is no erratum"
                self.problems.append(Diagnostic("bad-project", message, claim.place))
            yield claim

    def place(self, value: Value) -> Place:
        return Place(self.source, value.start, value.end)

    def problem(self, message: str, value: Value, hint: str | None = None) -> None:
        self.problems.append(Diagnostic("bad-project", message, self.place(value), help=hint))
