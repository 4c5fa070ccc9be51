"""Sweeps in parts: on several cores, and gone on with after an interrupt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy
import pytest

from archcalc.cli import run
from archcalc.commands.sweep.choose import Piece, choice
from archcalc.commands.sweep.parts import Parts
from archcalc.commands.sweep.run import Request, Sweep
from archcalc.commands.sweep.values import read
from archcalc.commands.sweep.workers import parts_in_order

CELLS = "edges[*]=[zero, identity, conv1x1, conv3x3, pool3x3]"
#: Depth is found network by network, so that parts take a while.
SLOW = ["nas_bench_201", "--over", CELLS, "--columns", "depth,params", "--sample", "600", "--seed", "4"]


def process(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "archcalc", "sweep", *SLOW, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # what runs in the background may ignore it
    )


def wait_for_a_part(folder: Path) -> None:
    until = time.monotonic() + 60
    while not list(folder.glob("part-*.npz")):
        assert time.monotonic() < until, "no part was written"
        time.sleep(0.002)  # the sweep must not end before it is stopped


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("whole") / "cells.csv"
    assert run(["sweep", *SLOW, "-o", str(path)]) == 0
    assert [each.name for each in path.parent.iterdir()] == ["cells.csv"]
    return path.read_text()


@pytest.mark.parametrize(("stopped", "jobs"), [(signal.SIGKILL, 2), (signal.SIGINT, 1)])
def test_what_is_resumed_is_what_is_not_interrupted(whole: str, stopped: int, jobs: int, tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    running = process("-o", str(path), "--jobs", str(jobs))
    wait_for_a_part(tmp_path / "cells.csv.parts")
    os.killpg(running.pid, stopped)
    _, said = running.communicate(timeout=60)
    assert not path.exists()
    assert running.returncode == (130 if stopped == signal.SIGINT else -stopped)
    if stopped == signal.SIGINT:
        assert "repeat the command with --resume to go on" in said
        assert "Traceback" not in said
    left = sorted((tmp_path / "cells.csv.parts").glob("part-*.npz"))
    assert left
    assert run(["sweep", *SLOW, "-o", str(path), "--resume", "--jobs", "2"]) == 0
    assert path.read_text() == whole
    assert not (tmp_path / "cells.csv.parts").exists()


def interrupted(folder: Path, *over: str) -> Path:
    """A file whose sweep has one of its parts."""
    path = folder / "out.csv"
    sweep = Sweep(Request("lenet5", tuple(map(read, over)), ("depth",), choice(where=FEW)))
    kept = Parts.beside(path)
    kept.begin(sweep, resume=False)
    kept.save(0, sweep.part(0))
    return path


OVER = "classes=1:3000000"
FEW = "classes > 2999990"


def test_parts_that_are_there_are_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = interrupted(tmp_path, OVER)
    computed: list[int] = []
    plain = Sweep.part
    monkeypatch.setattr(Sweep, "part", lambda self, number: computed.append(number) or plain(self, number))
    made = ["sweep", "lenet5", "--over", OVER, "--columns", "depth", "--where", FEW, "-o", str(path), "--resume"]
    assert run(made) == 0
    assert computed == [1, 2]
    assert path.read_text() == "classes,depth\n" + "".join(f"{n},5\n" for n in range(2999991, 3000001))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "holds parts of a sweep that was interrupted: go on with it with --resume"),
        (["--resume", "--columns", "depth,params"], "holds parts of another sweep"),
        (["--resume", "--set", "image=30"], "holds parts of another sweep"),
        (["--resume", "--shard", "1/1", "--why"], "--resume goes on with a sweep that is written to a file"),
    ],
)
def test_parts_are_those_of_one_sweep(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = interrupted(tmp_path, OVER)
    columns = [] if "--columns" in arguments else ["--columns", "depth"]
    assert run(["sweep", "lenet5", "--over", OVER, *columns, "--where", FEW, "-o", str(path), *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not path.exists()


def test_parts_are_those_of_the_spec_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, blocks = tmp_path / "small.yaml", tmp_path / "blocks.yaml"
    spec.write_text("import: {blocks.yaml: [end]}\nparameters: {n: 1}\ninput: [3]\nlayers:\n  - end: n\n")
    blocks.write_text("blocks:\n  end(n):\n    - linear: n\n")
    sweep = Sweep(Request(spec, (read("n=1:3000000"),), ("params",), choice(where="n < 3")))
    kept = Parts.beside(tmp_path / "out.csv")
    kept.begin(sweep, resume=False)
    kept.save(0, sweep.part(0))
    resume = ["sweep", str(spec), "--over", "n=1:3000000", "--columns", "params", "--where", "n < 3", "--resume"]
    blocks.write_text("blocks:\n  end(n):\n    - linear: {out: n, bias: false}\n")
    assert run([*resume, "-o", str(tmp_path / "out.csv")]) == 2
    assert "holds parts of another sweep" in " ".join(capsys.readouterr().err.split())
    blocks.write_text("blocks:\n  end(n):\n    - linear: n\n")
    assert run([*resume, "-o", str(tmp_path / "out.csv")]) == 0
    assert (tmp_path / "out.csv").read_text() == "n,params\n1,4\n2,8\n"


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out.csv.parts"
    folder.mkdir()
    (folder / "mine").write_text("mine")
    path = str(tmp_path / "out.csv")
    assert run(["sweep", "lenet5", "--over", OVER, "--columns", "depth", "-o", path, "--resume"]) == 2
    assert "it has no manifest" in " ".join(capsys.readouterr().err.split())
    assert (folder / "mine").exists()


def test_a_part_is_read_as_it_was_written(tmp_path: Path) -> None:
    values = [2**80, -1, Fraction(1, 3), None, "a word", "[0, 1]"]
    odd = numpy.empty(len(values), dtype=object)
    odd[:] = values
    columns: dict[str, Any] = {
        "a[0]": numpy.array([1, 2**62, 3, 4, 5, 6]),
        "flag": numpy.array([True, False] * 3),
        "alpha": numpy.array([0.25, 0.1, 1, 2, 3, 4]),
        "odd": odd,
    }
    kept = Parts(tmp_path)
    kept.save(3, Piece(columns, 9, Counter({"rule: message": 3})))
    found = kept.load(3)
    assert (found.visited, found.reasons) == (9, Counter({"rule: message": 3}))
    assert {name: (column.dtype, column.tolist()) for name, column in found.columns.items()} == {
        name: (column.dtype, column.tolist()) for name, column in columns.items()
    }


@pytest.mark.parametrize(
    "options",
    [{}, {"where": "params <= 20M"}, {"sort": "-macs", "top": 9}, {"pareto": ["-params", "macs"]}, {"top": 4}],
)
def test_processes_give_the_same_rows_in_the_same_order(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request("resnet50", (read("width=1:90"), read("image=30:50")), ("params", "macs"), choice(**options))
    alone = Sweep(request)
    expected = [piece.columns for piece in alone.pieces()]
    for jobs in (1, 2):
        sweep = Sweep(request)
        sweep.visit.stretch = 700
        made = [piece.columns for piece in sweep.pieces(parts_in_order(sweep, jobs, None))]
        assert [
            [value for columns in pieces for value in columns[name].tolist()]
            for name in sweep.names
            for pieces in (made,)
        ] == [[value for columns in expected for value in columns[name].tolist()] for name in sweep.names]
        assert sweep.reasons == alone.reasons or "top" in options


def test_nothing_is_left_of_a_sweep_that_cannot_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [
        "sweep",
        "lenet5",
        "--over",
        "classes=1:300",
        "--columns",
        "roofline_seconds",
        "-o",
        str(tmp_path / "a.csv"),
    ]
    assert run(asked) == 2
    assert "depends on a card" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_it_is_said_why_architectures_are_analysed_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", *SLOW[:3], "--columns", "depth", "--top", "1"]) == 0
    said = capsys.readouterr().err
    assert said == "each architecture is analysed by itself: depth depends on the network as a whole\n"
    assert run(["sweep", *SLOW[:3], "--top", "1"]) == 0
    assert capsys.readouterr().err == ""


def test_standard_input_is_read_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", "-", "--over", "width=1:2", "--jobs", "2"]) == 2
    assert "standard input can be read by one process" in capsys.readouterr().err


def test_a_manifest_says_of_which_sweep_the_parts_are(tmp_path: Path) -> None:
    path = interrupted(tmp_path, OVER)
    manifest = json.loads((tmp_path / f"{path.name}.parts" / "manifest.json").read_text())
    assert manifest["parts"] == 3
    assert set(manifest) == {"archcalc", "sweep", "parts"}
