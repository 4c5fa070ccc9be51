"""No text of a spec steers a terminal or turns a line around, whatever it is written as."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from archcalc.cli import run
from archcalc.harmless import harmless, harmless_lines

#: Colour, a window's title, right-to-left override, an isolate, a line separator, a C1 control, a zero-width space.
NASTY = "\x1b[31m\x1b]0;x\x07\u202e\u2066\u2028\x9b\u200b"
BAD = r"\e[31m\e]0;x\a\u202e\u2066\L\x9b\u200b"
SPEC = f"""\
architecture: "n{BAD}"
source: "s{BAD}"
input: [3, 8, 8]
layers:
  - conv: {{out: 4, kernel: 3}}
expect:
  params: {{value: 0, source: "x{BAD}", note: "y{BAD}"}}
  macs: {{value: 0, source: "x{BAD}", erratum: "z{BAD}"}}
published:
  year: {{value: 2000, source: "x{BAD}"}}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (tmp_path / "bad.yaml").write_text(SPEC, encoding="utf-8")
    return "bad.yaml"


def steers(text: str) -> bool:
    return any(not c.isprintable() and c not in "\n\t" for c in text)


@pytest.mark.parametrize("format_", ["text", "markdown", "csv", "json", "jsonl", "github", "junit", "sarif"])
def test_a_check_is_harmless_in_every_format(spec: str, format_: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", spec, "--format", format_]) == 1
    assert not steers(capsys.readouterr().out)


@pytest.mark.parametrize("format_", ["text", "markdown", "csv", "json", "jsonl"])
@pytest.mark.parametrize(
    "command", [["report"], ["compare", "vgg11"], ["explain"], ["memory"], ["count"]], ids=" ".join
)
def test_commands_are_harmless_in_every_format(
    spec: str, command: list[str], format_: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, spec, "--format", format_]) == 0
    assert not steers(capsys.readouterr().out)


@pytest.mark.parametrize("format_", ["text", "latex", "python"])
def test_formulas_are_harmless_and_python_stays_python(
    spec: str, format_: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SPEC.replace(f"n{BAD}", 'n\\"\\"\\"\\nraise SystemExit(99)\\n\\\\')
    Path(spec).write_text(text, encoding="utf-8")
    assert run(["formula", spec, "--format", format_]) == 0
    out = capsys.readouterr().out
    assert not steers(out)
    if format_ == "python":
        exec(out, {})


@pytest.mark.parametrize("command", [["show"], ["resolve"], ["report"], ["check"], ["check", "-v"]], ids=" ".join)
def test_a_terminal_gets_no_character_that_steers_it(spec: str, command: list[str]) -> None:
    raw = on_terminal(*command, spec, NO_COLOR="1")
    assert raw
    assert not steers(re.sub(r"\x1b\[[0-3]m", "", raw))  # plain, bold, dim and italic are ours


def test_a_file_gets_the_text_of_a_spec_as_it_is(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", spec]) == 0
    assert capsys.readouterr().out == SPEC


def on_terminal(*arguments: str, **environment: str) -> str:
    """What the program writes to a terminal, without its carriage returns."""
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    program = subprocess.Popen(
        [sys.executable, "-m", "archcalc", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**clean, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", **environment},
    )
    os.close(theirs)
    pieces = []
    with contextlib.suppress(OSError):  # its end
        while piece := os.read(ours, 65_536):
            pieces.append(piece)
    os.close(ours)
    program.wait(60)
    return b"".join(pieces).decode("utf-8").replace("\r\n", "\n")


def test_a_finding_is_coloured_on_a_terminal(spec: str) -> None:
    coloured = on_terminal("check", spec)
    assert "\x1b[1;31merror[claim-failed]\x1b[0m: params: expected 0, got 112" in coloured


def test_no_message_runs_over_the_edge_of_a_terminal(spec: str) -> None:
    Path("good.yaml").write_text(SPEC.replace(BAD, " and more " * 10), encoding="utf-8")
    for command in (["check", "-v", "good.yaml"], ["report", f"{spec}:none=1"], ["compare", spec, "--columns", "no"]):
        lines = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(*command, COLUMNS="60")).split("\n")
        assert max(map(len, lines)) <= 60, command


def test_harmless_keeps_what_is_visible() -> None:
    assert harmless("größe 大 é 50 % 🚀") == "größe 大 é 50 % 🚀"
    assert harmless("a\tb\nc\u00a0d") == "a b c d"
    assert harmless(NASTY).replace("\N{REPLACEMENT CHARACTER}", "") == "[31m]0;x"
    assert harmless_lines("a\tb\r\nc\rd") == "a\tb\nc d"


def test_json_is_ascii_and_tells_the_text_as_it_is(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", spec, "--format", "json"]) == 1
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)["claims"][0]["source"] == f"x{NASTY}".replace("\u2028", " ")


def test_verdicts_are_coloured_on_a_terminal(spec: str) -> None:
    lines = on_terminal("check", spec, "-v").split("\n")
    assert any("\x1b[1;31mfailed" in line for line in lines)
    assert any("\x1b[2merratum" in line for line in lines)
    assert any("\x1b[32m" in line for line in on_terminal("check", "lenet5", "-v").split("\n"))
