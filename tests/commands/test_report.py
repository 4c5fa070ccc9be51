"""What a report shows people: figures first, then a tree in which a line is what papers call a layer."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from archcalc import api
from archcalc.analysis.main_layer import main_layer
from archcalc.cli import run
from archcalc.output.formats import text
from archcalc.output.layout import Report


@pytest.fixture(autouse=True)
def natural_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """No width is set, as in a plain shell."""
    monkeypatch.delenv("COLUMNS", raising=False)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert run(["report", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def row(lines: list[str], name: str) -> list[str]:
    """The cells of the one line that has a name, however deep."""
    (found,) = (line for line in lines if line.lstrip().startswith(f"{name} "))
    return found.split()


def spec(folder: Path, *layers: str, blocks: str = "", size: str = "[2, 4, 4]") -> str:
    path = folder / "spec.yaml"
    path.write_text(f"input: {size}\n{blocks}layers:\n" + "".join(f"  - {layer}\n" for layer in layers))
    return str(path)


def test_the_first_screen_of_80_by_24_has_all_figures_and_the_first_stages(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = shown(capsys, "vgg16")
    screen = "\n".join(lines[:23])
    assert max(map(len, lines)) <= 80
    for figure in ("138,357,544", "15.47 G", "60.95 MB", "training peak", "212 positions", "conv3.2", "stage3"):
        assert figure in screen
    for title in ("kernel", "output", "params", "MACs", "activations"):
        assert title in screen


def test_a_report_is_a_tree_in_which_equal_blocks_stand_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "resnet50")
    # Three convolutions of 256 to 64, 64 to 64 and 64 to 256 maps, and their normalisations, twice: 2 * 70,400.
    (run_of_two,) = (line for line in lines if line.startswith("  bottleneck.2 x 2 ") and "56x56x256" in line)
    assert "140,800" in run_of_two
    assert len(lines) < len(shown(capsys, "resnet50", "--full")) * 2 / 3


def test_a_block_of_one_name_needs_no_line_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = spec(tmp_path, "one:\n    repeat: 3", "relu", blocks="blocks:\n  one:\n    - linear: 3\n", size="[3]")
    lines = shown(capsys, path, "--columns", "name,params")
    # 3 * (3*3 weights + 3 biases)
    assert row(lines, "one.1") == ["one.1", "x", "3/linear", "36"]
    assert row(lines, "relu") == ["relu", "0"]


CONV_BN = "blocks:\n  conv_bn:\n    - conv: {out: 4, kernel: 3, padding: 1}\n    - batch_norm\n    - relu\n"


def test_a_convolution_and_what_is_element_wise_around_it_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(capsys, spec(tmp_path, "conv_bn", "maxpool: 2", blocks=CONV_BN), "--columns", "name,kernel,params")
    # 3*3*2*4 weights, 4 biases; 4 scales and 4 shifts
    assert row(lines, "conv_bn") == ["conv_bn", "3x3", "84"]
    assert not any(line.lstrip().startswith(("conv ", "batch_norm", "relu")) for line in lines)
    assert any(
        "conv_bn/batch_norm" in line for line in shown(capsys, spec(tmp_path, "conv_bn", blocks=CONV_BN), "--full")
    )


@pytest.mark.parametrize(
    "steps",
    [
        ["conv: {out: 4, kernel: 3}", "conv: {out: 4, kernel: 1}"],  # two that multiply
        ["conv: {out: 4, kernel: 3, padding: 1}", "maxpool: 2"],  # two with a kernel
        ["conv: {out: 4, kernel: 3}", "flatten"],  # the volume changes behind it
        ["relu", "tanh"],  # none that multiplies
        ["add: {a: [{conv: {out: 2, kernel: 1}}], b: []}"],  # no chain
    ],
)
def test_no_layer_stands_for_a_block_of_several(tmp_path: Path, steps: list[str]) -> None:
    analysis = api.load(spec(tmp_path, *steps)).analyse()
    assert main_layer(analysis, analysis.layers) is None


def test_the_layer_that_stands_for_a_block_is_the_one_that_multiplies(tmp_path: Path) -> None:
    analysis = api.load(spec(tmp_path, "relu", "conv: {out: 4, kernel: 3}", "batch_norm")).analyse()
    main = main_layer(analysis, analysis.layers)
    assert main is not None
    assert main.name == "conv"


def test_the_largest_are_said_with_the_copies_of_their_block(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    block = "blocks:\n  pair:\n    - linear: 4\n    - linear: {out: 4, bias: false}\n"
    path = spec(tmp_path, "linear: 4", "pair:\n    repeat: 3", "linear: 10", blocks=block, size="[4]")
    lines = shown(capsys, path, "--columns", "name,params")
    # 4 to 4 has 16 weights and 4 biases, the last layer 4*10 + 10 = 50, and that of the pairs is there three times:
    # 3*20 of 20 + 3*(20 + 16) + 50 = 178.
    assert lines[3].split() == ["largest", "33.7%", "of", "params", "in", "`pair.1", "x", "3/linear.1`"]


def test_a_zero_is_written_and_what_does_not_exist_is_not_a_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(capsys, spec(tmp_path, "relu"), "--columns", "name,kernel,params,macs,receptive_field_stride")
    assert row(lines, "relu") == ["relu", "0", "0", "1x1"]
    lines = shown(capsys, spec(tmp_path, "flatten"), "--columns", "name,params,receptive_field_stride")
    assert row(lines, "flatten") == ["flatten", "0", "n/a"]
    assert row(lines, "total") == ["total", "0"]


def test_the_lecture_s_table_has_its_arithmetic(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "vgg16", "--columns", "lecture")
    assert row(lines, "fc6") == ["fc6", "4096=4.096K", "512*(7*7)*4,096=102,760,448"]
    first, *_ = (line.split() for line in lines if "conv3.1" in line)
    assert first == ["conv3.1", "3x3", "224*224*64=3.211M", "(3*3*3)*64=1,728"]
    # 15,237,608 values with the input, in float32; 138,357,544 parameters without 13,416 biases
    assert row(lines, "total") == ["total", "15.24M*4=60.95", "MB", "138,344,128"]


def test_the_lecture_s_table_of_a_batch_and_of_several_outputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(capsys, spec(tmp_path, "conv_bn", blocks=CONV_BN), "--columns", "lecture", "--batch", "3")
    # The convolution's output and the normalisation's, each for three samples: 6 * 64 values
    assert row(lines, "conv_bn") == ["conv_bn", "3x3", "6*(4*4*4)=384", "(3*3*2)*4=72"]


def test_figures_stand_side_by_side_where_there_is_room() -> None:
    report = Report("", [("input", "1x1")], (), (), {}, figures=[("a", "1"), ("long", "2"), ("c", "3")])
    assert text.render(report) == ["a      1\n", "long   2\n", "c      3\n", "input  1x1\n"]


def test_figures_in_two_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    def report() -> Report:
        return Report("", [("input", "1x1")], (), (), {}, figures=[("a", "1"), ("long", "2"), ("c", "3")])

    monkeypatch.setenv("COLUMNS", "16")  # input + 2 + 1, 2, c + 2 + 3
    assert text.render(report()) == ["a      1  c  3\n", "long   2\n", "input  1x1\n"]
    monkeypatch.setenv("COLUMNS", "13")
    assert text.render(report())[:3] == ["a      1\n", "long   2\n", "c      3\n"]
    stream = io.StringIO()
    monkeypatch.setenv("COLUMNS", "80")
    text.on_terminal(report(), stream)
    assert [line.split() for line in stream.getvalue().splitlines()] == [
        ["a", "1", "c", "3"],
        ["long", "2"],
        ["input", "1x1"],
    ]


def test_the_largest_stands_out_on_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from archcalc.commands.report import tables
    from archcalc.quantities.registry import Part

    analysis = api.load(spec(tmp_path, "linear: 3", "linear: 9", "relu", size="[3]")).analyse()
    (table,) = tables.build(Part(analysis)).tables
    assert len(list(table.rows)) == 3
    (params,) = (column for column in table.columns if column.key == "params")
    assert params.role is not None
    assert [params.role(value) for value in (12, 36, 0)] == [None, "most", "dim"]


class _Stream(io.StringIO):
    encoding = "utf-8"


@pytest.mark.parametrize(("stream", "sign"), [(_Stream(), "█"), (io.StringIO(), "#")], ids=["utf-8", "ascii"])
def test_bars_are_aligned_on_a_terminal(
    stream: io.StringIO, sign: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from archcalc.commands.report import tables
    from archcalc.commands.report.columns import chosen
    from archcalc.quantities.registry import Part

    monkeypatch.setenv("COLUMNS", "80")
    analysis = api.load(spec(tmp_path, "linear: 3", "linear: 9", "relu", size="[3]")).analyse()
    text.on_terminal(tables.build(Part(analysis), columns=chosen(["params_share"])), stream)
    lines = stream.getvalue().splitlines()
    bars = [line.partition("%")[2].strip(" |") for line in lines if line.startswith(("linear", "relu"))]
    assert bars == [sign * 2, sign * 8, ""]  # 12 and 36 of 48, to tenths
    assert len({line.index("%") for line in lines if "%" in line and "largest" not in line}) == 1


@pytest.mark.parametrize("command", [["report", "vgg16"], ["diff", "vgg16", "vgg19"]])
def test_a_fold_and_every_row_exclude_each_other(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--full", "--depth", "1"]) == 2
    assert "--full and --depth exclude each other" in capsys.readouterr().err


def test_chosen_figures_stand_beside_the_names_of_their_layers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec(tmp_path, "relu")
    assert shown(capsys, path, "--columns", "params") == shown(capsys, path, "--columns", "name,params")
    assert any(line.split() == ["params", "layer"] for line in shown(capsys, path, "--columns", "params,name"))


def test_the_end_of_a_columns_name_is_enough_for_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "vgg16", "--columns", "stride"]) == 2
    assert "no column `stride`: did you mean `receptive_field_stride`?" in capsys.readouterr().err


def test_heads_are_shown_with_their_volumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "heads.yaml"
    path.write_text(
        "input: [3, 8, 8]\nlayers:\n  - conv: {out: 4, kernel: 3}\n"
        "  - head: {map: [relu], classes: [flatten, {linear: 5}]}\n  - flatten\n  - linear: 10\n",
        encoding="utf-8",
    )
    assert run(["report", str(path)]) == 0
    assert "heads map 6x6x4, classes 5 " in " ".join(capsys.readouterr().out.split())


def test_a_report_warns_of_an_image_whose_channels_are_written_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conv = "conv: {out: 4, kernel: 3, padding: 1}"
    (warning,) = (x for x in shown(capsys, spec(tmp_path, conv, size="[32, 32, 3]")) if x.startswith("warning: ["))
    assert warning.endswith("32x32x3 is written [3, 32, 32]")
    lines = shown(capsys, spec(tmp_path, conv, size="[3, 32, 32]"))
    assert not any(line.startswith("warning: [") for line in lines)
