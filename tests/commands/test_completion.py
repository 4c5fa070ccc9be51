"""Completion, driven by a real bash with the script that `archcalc completion bash` prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from archcalc.cli import group, run
from archcalc.cli.shells import SCRIPTS, completions

SPEC = """\
architecture: mine
parameters: {width: 4, image: 8}
input: [3, image, image]
blocks:
  stage(out):
    - conv: {out: out, kernel: 3}
    - relu
layers:
  - stage: width
  - stage: width
  - flatten
"""
#: What bash breaks words at.
BREAKS = " \t\n\"'><=;|&(:"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "my nets").mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "model.pt2").touch()
    return tmp_path


def completed(line: str, monkeypatch: pytest.MonkeyPatch, shell: str = "bash") -> list[str]:
    monkeypatch.setenv("_ARCHCALC_LINE", line)
    monkeypatch.setenv("_ARCHCALC_BREAKS", BREAKS)
    return list(completions(group, f"{shell}_complete"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("archcalc rep", ["report "]),
        ("archcalc report vgg1", ["vgg11 ", "vgg13 ", "vgg16 ", "vgg19 "]),
        ("archcalc report mi", ["mine.yaml "]),
        ("archcalc import mod", ["model.pt2 "]),
        ("archcalc report ./m", ["./mine.yaml ", "./model.pt2 ", "./my\\ nets/"]),
        # bash takes what stands before the colon for words of its own
        ("archcalc report mine.yaml:", ["width=", "image="]),
        ("archcalc report mine.yaml:im", ["image="]),
        ("archcalc report mine.yaml:image=", ["8 "]),
        ("archcalc report mine.yaml:image=16,", ["16,width="]),
        ("archcalc report 'mine.yaml:im", ["mine.yaml:image="]),
        ("archcalc report mine.yaml --set w", ["width="]),
        ("archcalc report mine.yaml --columns params,out", ["params,output ", "params,output_bytes "]),
        ("archcalc report mine.yaml --columns=kern", ["kernel "]),
        ("archcalc report mine.yaml --counting fv", ["fvcore "]),
        ("archcalc compare alexnet --columns year,dep", ["year,depth "]),
        ("archcalc compare alexnet --sort dep", ["depth "]),
        ("archcalc explain mine.yaml ", ["stage.1/", "stage.2/", "flatten "]),
        ("archcalc explain mine.yaml stage.1/", ["stage.1/conv ", "stage.1/relu "]),
        ("archcalc explain mine.yaml --quantity para", ["params ", "params_bytes "]),
        ("archcalc fit mine.yaml --gpu a100-80gb,v10", ["a100-80gb,v100 ", "a100-80gb,v100-32gb "]),
        ("archcalc formula mine.yaml --free width,", ["width,image "]),
        ("archcalc formula mine.yaml --quantity params,mac", ["params,macs "]),
        ("archcalc formula mine.yaml --layer sta", ["stage.1/", "stage.2/"]),
        ("archcalc memory mine.yaml --freeze stage.1/co", ["stage.1/conv "]),
        ("archcalc solve mine.yaml --for w", ["width "]),
        ("archcalc sweep mine.yaml --over im", ["image="]),
        ("archcalc layers conv_t", ["conv_transpose "]),
        ("archcalc completion ", ["bash ", "zsh ", "fish "]),
        ("archcalc report vgg16 --format mark", ["markdown "]),
        ("archcalc report vgg16 -o note", ["notes.txt "]),
        ("archcalc report broken.yaml:x", []),
    ],
)
def test_what_is_completed(line: str, expected: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = completed(line, monkeypatch)
    missing = [word for word in expected if word not in found]
    assert not missing, found
    assert len(found) >= len(expected)
    if not expected:
        assert found == []


def test_a_setting_is_offered_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert completed("archcalc report mine.yaml:width=8,", monkeypatch) == ["8,image="]
    assert completed("archcalc report mine.yaml:width=8,", monkeypatch, "zsh") == ["mine.yaml:width=8,image="]
    assert completed("archcalc formula mine.yaml --free image,", monkeypatch) == ["image,width "]


def test_zsh_and_fish_get_whole_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert completed("archcalc report mine.yaml:im", monkeypatch, "zsh") == ["mine.yaml:image="]
    assert completed("archcalc report mine.yaml:im", monkeypatch, "fish") == ["mine.yaml:image="]
    # fish sets spaces by itself, and quotes
    assert completed("archcalc report ./my", monkeypatch, "fish") == ["./my nets/"]
    assert completed("archcalc report vgg16 --format=mark", monkeypatch, "fish") == ["--format=markdown"]


def test_bash_itself(folder: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    (folder / "bin").mkdir()
    program = folder / "bin/archcalc"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m archcalc "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    script = """
    eval "$(archcalc completion bash)"
    complete -p archcalc
    ask() {
        COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
        _archcalc_completion archcalc
        printf '<%s>' "${COMPREPLY[@]}"; echo
    }
    ask 'archcalc report alexnet_'
    ask 'archcalc report mine.yaml:im'
    ask 'archcalc report ./m'
    ask 'archcalc compare resnet18 resnet3'
    """
    found = subprocess.run(
        [bash, "--norc", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
    )
    assert found.stderr == ""
    assert found.stdout.splitlines() == [
        "complete -o nospace -F _archcalc_completion archcalc",
        "<alexnet_torchvision ><alexnet_two_gpu >",
        "<image=>",
        "<./mine.yaml ><./model.pt2 ><./my\\ nets/>",
        "<resnet32 ><resnet34 >",
    ]


def test_a_script_is_printed_for_every_shell(capsys: pytest.CaptureFixture[str]) -> None:
    for shell, script in SCRIPTS.items():
        assert run(["completion", shell]) == 0
        assert capsys.readouterr().out == script
    assert run(["completion", "tcsh"]) == 2
