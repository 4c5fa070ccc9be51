"""Findings as other programs read them: their order, the paths in them, how they are escaped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from archcalc.cli import run
from archcalc.diagnostics.diagnostic import Diagnostic, Place, Source, SpecError
from archcalc.diagnostics.github import annotation
from archcalc.diagnostics.json import data
from archcalc.diagnostics.junit import Case, Suite, document
from archcalc.diagnostics.repository import path_in_repository
from archcalc.diagnostics.text import render, render_all

WRONG = "input: [3, 8, 8]\nlayers:\n  - conv: {out: 4, kernel: 3}\nexpect: {params: 5}\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a wrong spec in nets/, and the working folder in it."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "nets/deep").mkdir(parents=True)
    (tmp_path / "nets/wrong.yaml").write_text(WRONG, encoding="utf-8")
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.chdir(tmp_path / "nets")
    return tmp_path


@pytest.mark.parametrize(
    ("folder", "argument"),
    [(".", "nets"), ("nets", "wrong.yaml"), ("nets", "."), ("nets/deep", "../wrong.yaml"), ("nets/deep", "ABSOLUTE")],
)
@pytest.mark.parametrize("workspace", [False, True])
def test_paths_are_those_of_the_repository(
    repository: Path,
    folder: str,
    argument: str,
    workspace: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(repository / folder)
    if workspace:  # on GitHub, where the folder above may be no repository
        (repository / ".git").rmdir()
        monkeypatch.setenv("GITHUB_WORKSPACE", str(repository))
    argument = argument.replace("ABSOLUTE", str(repository / "nets/wrong.yaml"))

    assert run(["check", argument, "--format", "github"]) == 1
    (command, *_) = capsys.readouterr().out.splitlines()
    assert ",file=nets/wrong.yaml,line=4," in command
    assert run(["check", argument, "--format", "sarif"]) == 1
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "nets/wrong.yaml"}


def test_a_file_in_a_repository_within_the_workspace_is_the_workspaces(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "nets/.git").touch()  # a submodule
    assert path_in_repository("wrong.yaml") == "wrong.yaml"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(repository))
    assert path_in_repository("wrong.yaml") == "nets/wrong.yaml"
    assert path_in_repository("<stdin>") == "<stdin>"


def test_findings_have_one_order_whatever_the_hash_seed(tmp_path: Path) -> None:
    spec = tmp_path / "two.yaml"
    spec.write_text("parameters: {width: 4}\ninput: [3, 8, 8]\nlayers:\n  - conv: {out: width, kernel: 3}\n")
    outputs = set()
    for seed in range(8):
        found = subprocess.run(
            [sys.executable, "-m", "archcalc", "count", str(spec), "--set", "width=[1]"],
            capture_output=True, check=False, timeout=60, env={**os.environ, "PYTHONHASHSEED": str(seed)},
        )  # fmt: skip
        assert found.returncode == 1
        outputs.add(found.stderr)
    assert len(outputs) == 1


def test_findings_at_one_place_are_told_apart_by_all_they_say() -> None:
    place = Place(Source("a.yaml", "abc"), 0, 1)
    found = [
        Diagnostic("b", "same", place),
        Diagnostic("a", "same", place),
        Diagnostic("a", "same", place, help="x"),
        Diagnostic("a", "same", place, label="l"),
        Diagnostic("a", "same", place._replace(end=2)),
    ]
    expected = SpecError(found).diagnostics
    assert SpecError(reversed(found)).diagnostics == expected
    assert len({finding.order() for finding in found}) == len(found)


_LINE = "  macs: {value: 195K, source: a table that is in a paper with a title that is long, table 3 on page 1234}"


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("pointed", ["macs", "195K", "1234", "}"])
def test_a_finding_is_fitted_to_a_width_and_its_carets_stay_below_their_place(width: int, pointed: str) -> None:
    start = _LINE.index(pointed)
    place = Place(Source("a.yaml", _LINE), start, start + len(pointed))
    finding = Diagnostic(
        "a-rule", "words " * 30, place, "194,400", ("note " * 30,), "help " * 30, definition="it " * 50
    )
    lines = render(finding, width=width).split("\n")
    assert max(map(len, lines)) <= width
    assert " ".join("\n".join(lines).split()).count("words") == 30
    at = next(number for number, line in enumerate(lines) if "^" in line)
    caret = lines[at].index("^")
    assert lines[at - 1][caret:].startswith(pointed)
    assert "194,400" in lines[at] + lines[at + 1]
    # Words go on below where they began.
    notes = lines[lines.index("  |", at) + 1 :]
    assert {line[:4] for line in notes} <= {"  = ", "    "}
    assert render(finding).split("\n")[0] == f"error[a-rule]: {finding.message}"


@pytest.mark.parametrize("at", [0, 20, 40, 79])
def test_wide_signs_keep_to_the_width_too(at: int) -> None:
    def columns(line: str) -> int:
        return sum(2 if unicodedata.east_asian_width(sign) == "W" else 1 for sign in line)

    place = Place(Source("a.yaml", "大小" * 40), at, at + 1)
    *_, line, carets = render(Diagnostic("a-rule", "wrong", place), width=40).split("\n")
    assert max(columns(line), len(carets)) <= 40
    index = next(i for i in range(len(line)) if columns(line[:i]) == carets.index("^"))
    assert (line[index], carets.count("^")) == (("大小" * 40)[at], 2)


def test_a_definition_is_said_at_the_first_finding_that_needs_it() -> None:
    one, two = Diagnostic("a", "one", definition="macs: products"), Diagnostic("b", "two", definition="params: values")
    text = render_all([one, two, one._replace(message="three")])
    assert text == "error[a]: one\n= macs: products\n\nerror[b]: two\n= params: values\n\nerror[a]: three"
    # Where a finding is shown by itself it has the definition with it.
    assert data(one)["notes"] == ["macs: products"]
    assert annotation(one).endswith("%0Amacs: products")


def test_junit_is_well_formed_whatever_a_finding_says() -> None:
    finding = Diagnostic("a-rule", "it is <wrong> \x07\ud800", Place(Source("a.yaml", "abc"), 0, 1))
    root = ElementTree.fromstring(
        document([Suite("a & b", [Case("x", []), Case("y", [finding]), Case("z", [], skipped=True)], [finding])])
    )
    assert [case.attrib["classname"] for case in root.iter("testcase")] == ["a & b"] * 3
    (failure,) = root.iter("failure")
    assert failure.attrib["message"].startswith("it is <wrong> ")
