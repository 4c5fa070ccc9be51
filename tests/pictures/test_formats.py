"""`-o FILE.svg` and `-o FILE.png`: the picture of a result, where it has one."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from archcalc.cli import run


def test_a_report_is_drawn_as_svg_by_the_ending_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "net.svg"
    assert run(["report", "lenet5", "-o", str(file)]) == 0
    root = ElementTree.fromstring(file.read_text("utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme:dark" in file.read_text("utf-8")


def test_a_report_is_drawn_as_png_on_white(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    file = tmp_path / "net.png"
    assert run(["report", "lenet5", "-o", str(file)]) == 0
    assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_png_without_its_library_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert run(["report", "lenet5", "-o", str(tmp_path / "net.png")]) == 2
    assert "pip install 'archcalc[png]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_png_knows_no_variables(tmp_path: Path) -> None:
    from archcalc.pictures import svg

    assert "var(" not in svg.style("light")
    assert "@media" not in svg.style("light")
    assert "var(--blue)" in svg.style()


@pytest.mark.parametrize("format_", ["svg", "png"])
def test_a_result_without_a_picture_is_refused(format_: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["count", "lenet5", "--format", format_]) == 2
    assert "no picture" in capsys.readouterr().err


def test_columns_that_are_asked_for_stand_in_the_boxes(tmp_path: Path) -> None:
    file = tmp_path / "net.svg"
    assert run(["report", "vgg16", "--columns", "params", "-o", str(file)]) == 0
    assert "params 1,792" in file.read_text("utf-8")  # 64 * (3*3*3 + 1)
    assert run(["report", "vgg16", "-o", str(file)]) == 0
    assert "1,792" not in file.read_text("utf-8")


def test_heat_colours_by_a_quantity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "net.svg"
    assert run(["report", "vgg16", "--heat", "params", "-o", str(file)]) == 0
    text = file.read_text("utf-8")
    # The box with most, 25088 * 4096 + 4096 parameters, is as dark as any: 0.9.
    assert text.count('fill-opacity="0.9"') == 2  # it, and the legend's
    assert run(["report", "vgg16", "--heat", "parms", "-o", str(file)]) == 2
    assert "did you mean `params`" in capsys.readouterr().err


def test_depth_closes_blocks(tmp_path: Path) -> None:
    file = tmp_path / "net.svg"
    assert run(["report", "resnet50", "--depth", "1", "-o", str(file)]) == 0
    text = file.read_text("utf-8")
    assert "bottleneck" not in text
    assert "stage1" in text
