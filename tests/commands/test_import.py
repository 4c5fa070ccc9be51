"""`archcalc import` and `archcalc fold`: what they write, and what they refuse."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from archcalc.cli import group, run

MODELS = Path(__file__).parent.parent / "data" / "exchange"


def test_an_imported_model_is_the_same_network(tmp_path: Path) -> None:
    model, spec = MODELS / "mobilenet.pt2", tmp_path / "mobilenet.yaml"

    assert CliRunner().invoke(group, ["import", str(model), "-o", str(spec)]).exit_code == 0

    result = CliRunner().invoke(group, ["report", str(model), "--columns", "params,macs"])
    again = CliRunner().invoke(group, ["report", str(spec), "--columns", "params,macs"])
    assert result.output.splitlines()[-5:] == again.output.splitlines()[-5:]


def test_folding_sets_parameters() -> None:
    result = CliRunner().invoke(group, ["fold", "vgg16:classes=10"])

    assert result.output.endswith("  - linear: 10\n")


def test_what_is_no_model_is_refused() -> None:
    assert run(["import", "vgg16"]) == 2


def test_an_unknown_operation_is_a_finding() -> None:
    assert run(["import", str(MODELS / "sine.pt2")]) == 1
