"""Files are written whole or not at all, never over what is read, and whatever they are called."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from archcalc.cli import run
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.output.file import write_file

SPEC = "architecture: tiny\nimport: {blocks.yaml: [twice]}\ninput: [3]\nlayers:\n  - twice\n"
BLOCKS = "blocks:\n  twice:\n    - relu\n    - relu\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "blocks.yaml").write_text(BLOCKS, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("stop", [KeyboardInterrupt, UsageError, ValueError])
def test_what_stops_the_writing_leaves_the_old_file(tmp_path: Path, stop: type[BaseException]) -> None:
    old = tmp_path / "old.csv"
    old.write_text("old\n", encoding="utf-8")

    def pieces() -> Iterator[str]:
        yield "new\n"
        raise stop("in the middle")

    with pytest.raises(stop):
        write_file(pieces(), old)
    assert old.read_text(encoding="utf-8") == "old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"]


def test_a_sweep_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    old = tmp_path / "old.md"
    old.write_text("old\n", encoding="utf-8")
    # 2,000 rows are more than people read, which shows only after the first piece
    assert run(["sweep", "lenet5", "--over", "classes=1:2000", "-o", str(old)]) == 2
    assert old.read_text(encoding="utf-8") == "old\n"


def test_a_file_keeps_its_mode_and_a_link_its_target(tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o640)
    link.symlink_to(target)

    write_file(["new"], link)
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_that_new_files_have(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    write_file(["x"], tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode == usual.stat().st_mode


def test_what_is_no_regular_file_is_written_to() -> None:
    write_file(["gone"], Path("/dev/null"))
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize(
    "command",
    [
        ["resolve", "tiny.yaml", "-o", "tiny.yaml"],
        ["resolve", "tiny.yaml", "-o", "./tiny.yaml"],
        ["resolve", "tiny.yaml", "-o", "blocks.yaml"],
        ["import", "model.pt2", "-o", "model.pt2"],
        ["report", "tiny.yaml", "--format", "json", "-o", "tiny.yaml"],
        ["compare", "vgg11", "tiny.yaml", "--format", "json", "-o", "link.yaml"],
        ["check", ".", "--format", "json", "-o", "tiny.yaml"],
        ["check", "--format", "json", "-o", "tiny.yaml"],
        ["check", "tiny.yaml", "--baseline", "old.json", "-o", "old.json"],
    ],
    ids=" ".join,
)
def test_no_command_writes_over_what_it_reads(
    command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "link.yaml").symlink_to("tiny.yaml")
    (folder / "model.pt2").write_bytes(b"PK")
    (folder / "old.json").write_text('{"specs": []}', encoding="utf-8")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert run(command) == 2
    assert "is read by this command" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_names_that_are_not_utf_8_work(folder: Path) -> None:
    name = b"r\xe9sum\xe9.json"
    found = subprocess.run(
        [sys.executable, "-m", "archcalc", "report", "lenet5", "-o", name], capture_output=True, check=False, timeout=60
    )
    assert (found.returncode, found.stderr) == (0, b"")
    with open(os.path.join(os.fsencode(folder), name), encoding="utf-8") as file:
        assert '"architecture": "lenet5"' in file.read()
    found = subprocess.run(
        [sys.executable, "-m", "archcalc", "report", "lenet5", "-o", b"\xe9/x.json"],
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert found.returncode == 2
    assert b"there is no folder" in found.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["report", "lenet5", "-o", "LONG.csv"],
        ["sweep", "lenet5", "--over", "classes=1:3", "-o", "LONG.csv"],
        ["export", "lenet5", "--to", "dot", "-o", "LONG"],
        ["new", "LONG"],
        ["report", "LONG.yaml"],
        ["check", "tiny.yaml", "--baseline", "LONG"],
    ],
    ids=" ".join,
)
def test_a_name_that_is_too_long_is_said_to_be(
    folder: Path, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ARCHCALC_TRACEBACK", "1")
    assert run([word.replace("LONG", "x" * 3000) for word in command]) == 2
    assert "too long" in capsys.readouterr().err


def test_a_star_in_a_name_is_a_star(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "**.yaml"]) == 2
    assert "cannot read **.yaml: No such file" in capsys.readouterr().err
    assert run(["report", "*.yaml"]) == 2
    assert "in the catalogue" not in capsys.readouterr().err
