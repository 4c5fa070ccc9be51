"""`archcalc new`: what it writes is a spec that holds, and nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from archcalc.cli import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_spec_passes_its_own_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "mynet"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "wrote mynet.yaml",
        "wrote archcalc.schema.json, for your editor",
        "next: archcalc report mynet.yaml; archcalc help language",
    ]
    assert run(["check", "--strict", "mynet.yaml"]) == 0
    assert "no errors" in capsys.readouterr().out


def test_the_schema_beside_it_accepts_it(folder: Path) -> None:
    assert run(["new", "mynet"]) == 0
    text = (folder / "mynet.yaml").read_text()
    name = text.partition("\n")[0].partition("$schema=")[2]
    jsonschema.validate(yaml.safe_load(text), yaml.safe_load((folder / name).read_text()))


def test_a_path_names_the_folder_and_the_architecture(folder: Path) -> None:
    (folder / "specs").mkdir()
    assert run(["new", "specs/wide.yaml"]) == 0
    assert "architecture: wide\n" in (folder / "specs" / "wide.yaml").read_text()


def test_a_spec_that_exists_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mynet.yaml").write_text("mine\n")
    (folder / "archcalc.schema.json").write_text("mine too\n")
    assert run(["new", "mynet"]) == 2
    assert capsys.readouterr().err == "error: mynet.yaml exists: choose another name\n"
    assert (folder / "mynet.yaml").read_text() == "mine\n"
    assert run(["new", "other"]) == 0
    assert (folder / "archcalc.schema.json").read_text() == "mine too\n"


@pytest.mark.parametrize("name", ["1net", "a:b", ".hidden", "no/folder/here"])
def test_other_names_are_refused(name: str, folder: Path) -> None:
    assert run(["new", name]) == 2
    assert list(folder.iterdir()) == []
