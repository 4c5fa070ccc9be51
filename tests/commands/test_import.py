"""`archcalc import` and `archcalc fold`: what they write, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from archcalc.cli import group, run

MODELS = Path(__file__).parent.parent / "data" / "exchange"


def test_an_imported_model_is_the_same_network(tmp_path: Path) -> None:
    model, spec = MODELS / "mobilenet.pt2", tmp_path / "mobilenet.yaml"

    assert CliRunner().invoke(group, ["import", str(model), "-o", str(spec)]).exit_code == 0

    result = CliRunner().invoke(group, ["report", str(model), "--columns", "params,macs"])
    again = CliRunner().invoke(group, ["report", str(spec), "--columns", "params,macs"])
    rows = [line for line in result.output.splitlines() if not line.startswith("warning")]  # of the mode of the file
    # The names of the layers are the spec's own.
    first, second = ([line.split()[-2:] for line in shown[-7:-2]] for shown in (rows, again.output.splitlines()))
    assert [first[0], first[1], first[2], first[4]] == [second[0], second[1], second[2], second[4]]
    assert first[4] == ["6,496", "1,046,528"]


def test_folding_sets_parameters() -> None:
    result = CliRunner().invoke(group, ["fold", "vgg16:classes=10"])

    assert result.output.endswith("  - linear: 10\n")


def test_what_is_no_model_is_refused() -> None:
    assert run(["import", "vgg16"]) == 2


def test_an_unknown_operation_is_a_finding() -> None:
    assert run(["import", str(MODELS / "sine.pt2")]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vgg16"], "a function is package.module:function"),
        (["torchvision.models:resnet50"], "a function needs the shape of one sample: --input 3,224,224"),
        (["torchvision.models:resnet50", "--input", "3,x"], "a function needs the shape of one sample"),
        (["tied.pt2", "--input", "3,16,16"], "says its input itself"),
    ],
)
def test_wrong_requests_are_explained(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_function_is_called_by_pytorch_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A stand-in for PyTorch, which exports whatever it is asked to as the model that is tied.
    model = MODELS / "tied.pt2"
    (tmp_path / "torch.py").write_text(
        f"""
import contextlib, shutil, types
device = lambda name: contextlib.nullcontext()
empty = lambda *sizes, device: sizes
def save(program, path):
    assert program == ("built", ((2, 3, 16, 16),))
    shutil.copy({str(model)!r}, path)
export = types.SimpleNamespace(export=lambda model, inputs: (model.name, inputs), save=save)
"""
    )
    (tmp_path / "mine.py").write_text(
        """
class Model:
    name = "built"
    def to(self, device): return self
    def eval(self): return self
def build(): return Model()
def fail(): raise ValueError("no such size")
"""
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert run(["import", "mine:build", "--input", "3,16,16"]) == 0
    assert "- conv: {out: 8, kernel: 3, padding: 1}" in capsys.readouterr().out
    assert run(["import", "mine:fail", "--input", "3,16,16"]) == 2
    assert "mine:fail could not be exported: ValueError: no such size" in capsys.readouterr().err


def test_without_pytorch_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert run(["import", "mine:build", "--input", "3,16,16"]) == 2
    assert "pip install torch" in capsys.readouterr().err
