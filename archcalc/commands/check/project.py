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

import re
from pathlib import Path
from typing import Any

from archcalc.claims.read import Claim, claims_in
from archcalc.diagnostics.diagnostic import Source, SpecError, UsageError, did_you_mean
from archcalc.diagnostics.rules import rules
from archcalc.language.source import Mapping, Scalar, Sequence, Value, read_text
from archcalc.records import Record

FILE = "pyproject.toml"
_KEYS = ("paths", "ignore", "strict", "budget")


class Project(Record):
    """What a project says of its checks."""

    folder: Path
    paths: tuple[str, ...] = ()
    #: Names of the warnings that are left out.
    ignore: frozenset[str] = frozenset()
    strict: bool = False
    #: What is claimed of every spec.
    budget: tuple[Claim, ...] = ()


def project(folder: Path) -> Project | None:
    """What the next pyproject.toml that has the table says, in a folder or above, up to the root of its repository.

    UsageError where it is not TOML or the table is malformed, SpecError for a budget that is.
    """
    for above in (folder, *folder.parents):
        path = above / FILE
        if path.is_file():
            source = read_text(path, name=_shown(path))
            table = _table(source)
            if table is not None:
                return _read(above, source, table)
        if (above / ".git").exists():
            break
    return None


def _shown(path: Path) -> str:
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path)


def _table(source: Source) -> dict[str, Any] | None:
    import tomllib

    try:
        tool = tomllib.loads(source.text).get("tool", {})
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{source.name} is not TOML: {error}") from None
    table = tool.get("archcalc") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{source.name}: [tool.archcalc] is a table")
    return table


def _read(folder: Path, source: Source, table: dict[str, Any]) -> Project:
    for key in table:
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS) or f"it has {', '.join(_KEYS)}"
            raise UsageError(f"{source.name}: [tool.archcalc] has no `{key[:60]}`: {hint}")
    ignore = _words(source, table, "ignore")
    known = [name for name, rule in rules().items() if rule.severity == "warning"]
    for name in ignore:
        if name not in known:
            hint = did_you_mean(name, known) or f"the warnings are {', '.join(known)}"
            raise UsageError(f"{source.name}: there is no warning `{name[:60]}` to ignore: {hint}")
    strict = table.get("strict", False)
    if not isinstance(strict, bool):
        raise UsageError(f"{source.name}: strict is true or false")
    budget = tuple(_budget(source, table.get("budget", {})))
    return Project(folder, _words(source, table, "paths"), frozenset(ignore), strict, budget)


def _words(source: Source, table: dict[str, Any], key: str) -> tuple[str, ...]:
    words = table.get(key, [])
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise UsageError(f'{source.name}: {key} is a list of texts, as in {key} = ["..."]')
    return tuple(words)


def _budget(source: Source, table: Any) -> list[Claim]:
    if not isinstance(table, dict):
        raise UsageError(f"{source.name}: [tool.archcalc.budget] is a table of quantities and bounds")
    entries = [_entry(source, key, value) for key, value in table.items()]
    found, malformed = claims_in(source, Mapping(entries, 0, 0), ())
    if malformed:
        raise SpecError(malformed)
    for claim in found:
        if not claim.figure.text.startswith(("<", ">")):
            message = f'{claim.quantity.name}: a budget is a bound, as in "<= {claim.figure.text}"'
            raise UsageError(f"{source.name}: {message}")
    return found


def _entry(source: Source, key: str, value: Any) -> tuple[Scalar, Value]:
    """A key and what it is set to, at the line that sets it, or names its table."""
    name = re.escape(key)
    own_line = rf"""^[ \t]*(?:\[[\w.]*\.)?["']?{name}["']?[ \t]*(?:=|\])[^\n]*"""
    within_one = rf"""^[ \t]*budget[ \t]*=[^\n]*\b{name}\b[^\n]*"""
    line = re.search(own_line, source.text, re.MULTILINE) or re.search(within_one, source.text, re.MULTILINE)
    start, end = line.span() if line else (0, 0)
    start += len(source.text[start:end]) - len(source.text[start:end].lstrip())
    return Scalar(key, start, end, True), _value(value, start, end)


def _value(value: Any, start: int, end: int) -> Value:
    """A value of TOML as one of YAML."""
    if isinstance(value, dict):
        entries = [(Scalar(key, start, end, True), _value(each, start, end)) for key, each in value.items()]
        return Mapping(entries, start, end)
    if isinstance(value, list):
        return Sequence([_value(each, start, end) for each in value], start, end)
    return Scalar(str(value).lower() if isinstance(value, bool) else str(value), start, end, False)
