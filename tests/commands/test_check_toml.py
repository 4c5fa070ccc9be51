"""TOML with places: the tree has the values that `tomllib` reads, and each stands where its place says."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from archcalc.commands.check.toml import parse
from archcalc.diagnostics.diagnostic import Source, SpecError
from archcalc.language.source import Mapping, Scalar, Sequence, Value

EVERYTHING = (
    r'''
title = "a # that is no comment \" ] }" # one that is ]
'quoted "key"' = 'C:\no escape'
"a.b" . c = 1979-05-27 07:32:00.5 # a date with a space
empty = ""
several = """
One "two" \""" three
four"""" # the fourth quote belongs to it
raw = '''
    + "'''"
    + r"""it's raw \'"""
    + "''"
    + r"""
[ fruit . apple ]
numbers = [ 1_000, -0.5e3, inf, 0xff, # a comment ]
  [true, "two, three"], ] #
inline = { a = 1, b.c = [], d = { e = "}" } }
[[fruit.variety]]
name = "red"
[fruit.variety.size]
cm=3
[[fruit.variety]]
[a]
[a.b]
"""
)
ROOT = Path(__file__).resolve().parents[2]


def values(written: Value, source: str) -> Any:
    """A tree as Python values, each read from where it stands."""
    if isinstance(written, Mapping):
        return {key.text: values(value, source) for key, value in written.entries}
    if isinstance(written, Sequence):
        return [values(item, source) for item in written.items]
    value = tomllib.loads(f"v = {source[written.start : written.end]}")["v"]
    assert (written.text == value and not written.plain) if isinstance(value, str) else written.plain
    return value


@pytest.mark.parametrize(
    "text",
    ["", "# nothing", EVERYTHING, EVERYTHING.replace("\n", "\r\n"), (ROOT / "pyproject.toml").read_text("utf-8")],
    ids=["empty", "comment", "everything", "windows", "ours"],
)
def test_the_tree_has_the_values_that_python_reads(text: str) -> None:
    assert values(parse(Source("a.toml", text)), text) == tomllib.loads(text)


def test_keys_have_places() -> None:
    text = '[a."b c"]\nd.e = 1\n'
    (first, below), *_ = parse(Source("a.toml", text)).entries
    keys = [first]
    while isinstance(below, Mapping):
        ((key, below),) = below.entries
        keys.append(key)
    assert [text[key.start : key.end] for key in keys] == ["a", '"b c"', "d", "e"]
    assert below == Scalar("1", len(text) - 2, len(text) - 1, True)


@pytest.mark.parametrize(
    ("text", "line", "column"), [("a = 1\nb = = 2\n", 2, 5), ("a = 1\na = 2\n", 2, 6), ("a = [1,\n", 2, 1)]
)
def test_what_is_not_toml_has_a_place(text: str, line: int, column: int) -> None:
    with pytest.raises(SpecError) as caught:
        parse(Source("a.toml", text))
    (finding,) = caught.value.diagnostics
    assert finding.place is not None
    assert (finding.place.line, finding.place.column) == (line, column)
    assert "line" not in finding.message
