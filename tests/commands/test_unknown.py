"""Operations that are not known: every command says that its figures leave them out, and no claim rests on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import archcalc
from archcalc.cli import run
from archcalc.diagnostics.diagnostic import LeftOut

SPEC = """
architecture: partly
parameters: {width: 8}
input: [3, 32, 32]
layers:
  - conv: {out: width, kernel: 3}
  - unknown: {shape: [8, 30, 30]}
    as: scan
  - flatten
  - linear: 10
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "partly.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "command",
    [
        "report SPEC", "report SPEC --format csv", "memory SPEC", "fit SPEC --gpu t4", "compare SPEC vgg16",
        "formula SPEC --free width", "count SPEC", "roofline SPEC", "explain SPEC conv",
        "diff SPEC vgg16 --format json", "solve SPEC --for width --target macs<=10M", "sweep SPEC --over width=[8,16]",
    ],
)  # fmt: skip
def test_every_command_says_what_its_figures_leave_out(
    command: str, spec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([spec if word == "SPEC" else word for word in command.split()]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("partly has unknown operations (`scan`): MACs and FLOPs are lower bounds") == 1


def test_the_row_of_an_unknown_operation_counts_nothing_and_says_so(
    spec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", spec, "--columns", "name,params,macs,saved_bytes", "--format", "csv"]) == 0
    assert "scan,0,,\n" in capsys.readouterr().out.replace("\r", "")
    assert run(["report", spec, "--format", "json"]) == 0
    row = json.loads(capsys.readouterr().out)["layers"][1]
    assert (row["params"], row["output"], row["macs"], row["saved_bytes"]) == (0, [8, 30, 30], None, None)


def test_a_library_warns(spec: str) -> None:
    with pytest.warns(LeftOut, match="`scan`"):
        archcalc.load(spec).analyse()


@pytest.mark.parametrize(
    ("claim", "met"),
    [
        ('{macs: ">= 266_400"}', True),  # 3*3*3*8*30*30 + 7200*10, and whatever the operation adds
        ("{macs: 266_400}", False),
        ('{macs: "<= 10M"}', False),
        ("{saved_bytes: 1}", False),
        ('{inference_peak_bytes: "> 1"}', False),
        ("{params: 72_234}", True),
        ('{layers: {linear: {macs: "50%"}}}', False),
        ("{layers: {linear: {macs: 72_000}}}", True),
        ('{macs: {value: ">= 0.1x", over: vgg16}}', False),
    ],
)
def test_a_claim_is_met_only_where_what_is_known_decides_it(
    claim: str, met: bool, spec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(spec).write_text(f"{SPEC}expect: {claim}\n", encoding="utf-8")
    assert run(["check", spec]) == (0 if met else 1)
    assert ("cannot be checked: `scan` is an unknown operation" in capsys.readouterr().out) is not met


def test_a_bound_that_what_is_known_exceeds_has_failed(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(spec).write_text(f'{SPEC}expect: {{macs: "< 266_400"}}\n', encoding="utf-8")
    assert run(["check", spec]) == 1
    assert "macs: expected < 266_400, got 266,400" in capsys.readouterr().out
