"""The command line as a user meets it: streams, exit codes, formats, widths."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from archcalc.cli import group, run
from archcalc.cli.command import Command
from archcalc.commands import load, names
from archcalc.output.terminal import width

SPEC = """\
architecture: tiny
input: [3, 8, 8]
layers:
  - conv: {out: 4, kernel: 3}
  - relu
  - flatten
  - linear: 10
"""


@pytest.fixture(autouse=True)
def natural_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """No width is set, as in a plain shell."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return str(path)


def archcalc(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The program as a process of its own, its output in pipes."""
    clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    return subprocess.run(
        [sys.executable, "-m", "archcalc", *arguments],
        input=stdin,
        capture_output=True,
        env={**clean, **environment},
        check=False,
        timeout=60,
    )


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(list(arguments)) == 0
    return capsys.readouterr().out


def test_report_as_text_has_every_layer_and_the_totals(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, "report", spec).splitlines()
    assert lines[0] == "tiny"
    # 3*3*3*4 + 4 = 112 and 144*10 + 10 = 1,450
    assert any(line.split()[:4] == ["conv", "3x3", "6x6x4", "112"] for line in lines)
    (total,) = (line for line in lines if line.startswith("total"))
    assert "1,562" in total


def test_report_as_json_has_stable_keys(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(output(capsys, "report", spec, "--format", "json"))
    assert data["schema_version"] == 2
    assert data["architecture"] == "tiny"
    assert data["input"] == [3, 8, 8]
    assert data["batch"] == 1
    assert data["totals"]["params"] == data["totals"]["trainable_params"] == 1562
    assert data["totals"]["macs"] == 108 * 36 + 1440
    assert data["totals"]["depth"] == 2
    assert data["layers"][0]["name"] == "conv"
    assert data["layers"][0]["inputs"] == ["input"]
    assert data["layers"][0]["output"] == [4, 6, 6]
    assert data["layers"][0]["output_bytes"] == 4 * 144
    assert [layer["layer"] for layer in data["layers"]] == ["conv", "relu", "flatten", "linear"]


def test_report_as_csv_is_exact(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(output(capsys, "report", spec, "--format", "csv"))))
    assert [row["params"] for row in rows] == ["112", "0", "0", "1450"]
    assert rows[0]["output"] == "6x6x4"


def test_report_as_markdown_is_a_table(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "report", spec, "--format", "markdown")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 4 + 1
    assert len({line.count("|") for line in table}) == 1


@pytest.mark.parametrize("depth", ["1", "2", "9"])
def test_totals_do_not_change_with_the_depth(depth: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole = json.loads(output(capsys, "report", "resnet18", "--format", "json"))
    folded = json.loads(output(capsys, "report", "resnet18", "--format", "json", "--depth", depth))
    assert folded["totals"] == whole["totals"]
    for field in ("params", "macs", "flops", "buffers"):
        assert sum(layer[field] for layer in folded["layers"]) == whole["totals"][field]


def test_a_batch_multiplies_work_and_memory_and_no_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    one = json.loads(output(capsys, "report", "vgg11", "--format", "json"))["totals"]
    eight = json.loads(output(capsys, "report", "vgg11", "--format", "json", "--batch", "8"))["totals"]
    assert eight["params"] == one["params"]
    for field in ("macs", "flops", "activation_bytes", "input_bytes"):
        assert eight[field] == 8 * one[field]


def test_columns_are_chosen_and_suggested(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "report", spec, "--columns", "name,inputs,macs", "--format", "csv")
    assert text.splitlines()[0] == "name,inputs,macs"
    assert run(["report", spec, "--columns", "name,maks"]) == 2
    assert "did you mean `macs`?" in capsys.readouterr().err


def test_output_goes_to_a_file_whose_ending_tells_the_format(spec: str, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    assert run(["report", spec, "--output", str(target)]) == 0
    assert json.loads(target.read_text(encoding="utf-8"))["architecture"] == "tiny"
    assert run(["report", spec, "--output", str(tmp_path / "no" / "such" / "folder.md")]) == 2


def test_a_spec_on_standard_input() -> None:
    found = archcalc("report", "-", "--format", "json", stdin=SPEC.encode())
    assert found.returncode == 0
    assert json.loads(found.stdout)["totals"]["params"] == 1562


def test_settings_by_option_and_in_the_reference_agree(capsys: pytest.CaptureFixture[str]) -> None:
    by_option = output(capsys, "report", "resnet18", "--set", "classes=10", "--format", "json")
    assert by_option == output(capsys, "report", "resnet18:classes=10", "--format", "json")
    assert json.loads(by_option)["layers"][-1]["params"] == 512 * 10 + 10


def test_findings_go_to_standard_error_with_exit_code_1(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("input: [3]\nlayers: [nothing]\n", encoding="utf-8")
    found = archcalc("report", str(bad))
    assert found.returncode == 1
    assert found.stdout == b""
    assert found.stderr.startswith(b"error[unknown-layer]: there is no layer or block `nothing`")
    assert b"\x1b" not in found.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "vgg166"], "did you mean `vgg16`?"),
        (["reprot", "vgg16"], "did you mean `report`?"),
        (["report", "nowhere/at_all.yaml"], "cannot read nowhere/at_all.yaml"),
        (["report", "vgg16", "--batch", "0"], "invalid value for `--batch`: it must be 1 to 1,000,000,000, got 0\n"),
        (["report", "vgg16", "--depth", "-1"], "invalid value for `--depth`: it must be at least 1, got -1\n"),
        (["report", "vgg16", "--depth", "deep"], "error: invalid value for `--depth`: `deep` is not a whole number\n"),
        (["report", "vgg16", "--colums", "name"], "error: no such option `--colums`: did you mean `--columns`?\n"),
        (
            ["report"],
            "error: missing argument `SPEC`\nusage: archcalc report [OPTIONS] SPEC (`archcalc report --help` says",
        ),
        (["report", "vgg16:image"], "`image` is not a setting"),
        (["report", "vgg16:image=[["], "is not a value for image"),
        (["report", "vgg16:imag=3"], "did you mean `image`?"),
        (["layers", "cnov"], "did you mean `conv`?"),
        (["layers", "nn.Conv2d"], "there is no layer `nn.Conv2d`: it is called `conv` here"),
        (["layers", "unsqueeze"], "write `reshape`, with a 1 where the new axis stands"),
        (["layers", ""], "there is no layer ``"),
        (["report", "\x00"], "there is no spec"),
        (["report", "a" * 5_000], "there is no spec `aaa"),
        (["check", "a" * 5_000], "there is no spec `aaa"),
        (["report", "a/" + "a" * 5_000], "File name too long"),
        (["report", "."], "`.` is a folder: name a spec in it"),
        (["layers", "repeat"], "there is no layer `repeat`: it is a key of steps, see `archcalc help language`"),
        (["help", "expect"], "it is a word of specs, see `archcalc help language`"),
        (["quantities", "memory"], "did you mean `inference_memory_bytes`?"),
        (["import", "nothing.onnx"], "cannot read nothing.onnx: No such file"),
        (["report", "vgg16", "--set", "spec=3"], "vgg16 has no parameter `spec`"),
        (["formula", "vgg16", "--free", "batch"], "a spec is of one sample, and `--batch` says how many there are"),
        (["formula", "resnet50", "--free", "strides[1]"], "it is an element of `strides`, which `sweep` alone can set"),
        (["report", "vgg16", "--set", "image=\udcff"], "U+DCFF cannot stand in it"),
        (["report", "vgg16:image=foo"], "`foo` is not a value for image"),
        (["report", "vgg16:image=False"], "did you mean `false`?"),
        (["report", "vgg16:image=32,image=64"], "image is set twice: to `32` and to `64`"),
        (["report", "vgg16", "--set", "image=32", "--set", "image=64"], "image is set twice"),
        (["report", "-:image=32"], "set parameters of the spec on standard input with --set"),
        (["__init__"], "there is no command `__init__`"),
        (["alexnet"], "error: `alexnet` is a spec, not a command: try `archcalc report alexnet`"),
        (["mine.yaml"], "`archcalc report mine.yaml`"),
        (["sweep", "vgg16", "--over", "image=32..64"], "`32..64` is not a range for image: write first:last or"),
        (["report", "vgg16\x1b[2J"], "there is no spec `vgg16\N{REPLACEMENT CHARACTER}[2J`"),
    ],
)
def test_what_cannot_be_run_is_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.out == ""


def test_binary_and_large_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(bytes(range(256)))
    assert run(["report", str(binary)]) == 1
    assert "is not UTF-8 text" in capsys.readouterr().err
    large = tmp_path / "large.yaml"
    large.write_bytes(b"a" * 10_000_000)
    assert run(["report", str(large)]) == 1
    assert "larger than 8,000,000 bytes" in capsys.readouterr().err


def test_a_narrow_table_leaves_columns_out_and_never_cuts_a_number() -> None:
    narrow = archcalc("report", "vgg16", COLUMNS="60").stdout.decode()
    assert "138,357,544" in narrow
    assert "not shown for lack of width (use --columns)" in narrow
    table = [line for line in narrow.splitlines() if line.startswith(("stage", "hidden", "classifier", "linear"))]
    assert table
    assert all(len(line) <= 60 for line in table)
    wide = archcalc("report", "vgg16").stdout.decode()
    assert "not shown for lack of width" not in wide


def test_a_reader_who_stops_early_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "archcalc", "report", "resnet152"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=30) == 0
    process.stderr.close()


@pytest.mark.parametrize(
    ("redirected", "message"),
    [
        ("report lenet5 >&-", "cannot write to standard output: it is closed"),
        ("--help >&-", "cannot write to standard output: it is closed"),
        ("report lenet5 > /dev/full", "cannot write to standard output: No space left on device"),
        ("--help > /dev/full", "cannot write to standard output: No space left on device"),
        ("report - <&-", "cannot read standard input: it is closed"),
        ("report nothing 2>&-", ""),
        ("report nothing 2> /dev/full", ""),
    ],
)
def test_streams_that_cannot_be_used_are_said(redirected: str, message: str) -> None:
    found = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m archcalc {redirected}'], capture_output=True, text=True, check=False
    )
    assert found.returncode == 2
    assert found.stderr == (f"error: {message}\n" if message else "")
    assert found.stdout == ""


def test_a_pipe_can_be_a_spec_and_never_an_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = archcalc("report", "/dev/stdin", "--format", "json", stdin=SPEC.encode())
    assert json.loads(found.stdout)["totals"]["params"] == 1562
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "a.yaml").write_text(f"{SPEC}import: {{pipe.yaml: [x]}}\n", encoding="utf-8")
    assert run(["report", str(tmp_path / "a.yaml")]) == 1
    assert "cannot read `pipe.yaml`: it is not a file" in capsys.readouterr().err
    (tmp_path / "a.yaml").write_text(f"{SPEC}expect: {{params: {{value: 2x, over: pipe.yaml}}}}\n", encoding="utf-8")
    assert run(["check", str(tmp_path / "a.yaml")]) == 1
    assert "cannot read pipe.yaml: it is not a file" in capsys.readouterr().out
    assert run(["check", str(tmp_path)]) == 1


def test_a_dumb_terminal_gets_no_colours(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for term, coloured in (("xterm", True), ("dumb", False)):
        monkeypatch.setenv("TERM", term)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        assert run(["report", "nothing/at.all"]) == 2
        assert ("\x1b" in capsys.readouterr().err) is coloured


def test_a_dumb_terminal_has_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((72, 24)))
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(stream, "fileno", lambda: 1, raising=False)
    assert width(stream) == 72
    assert width(io.StringIO()) is None


def test_a_message_ends_its_lines_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert run(["report", "vgg17"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 1
    assert all(len(line.replace("\x1b[1;31m", "").replace("\x1b[0m", "")) <= 40 for line in lines)
    assert "did you" in " ".join(lines)


def test_ascii_output_has_no_other_characters() -> None:
    found = archcalc("report", "lenet5", PYTHONIOENCODING="ascii")
    assert found.returncode == 0
    assert found.stdout.isascii()


def test_resolve_gives_a_spec_with_the_same_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("googlenet:heads=true", "resnet50", "lenet5"):
        flat = tmp_path / "flat.yaml"
        assert run(["resolve", name, "-o", str(flat)]) == 0
        first = json.loads(output(capsys, "report", name, "--format", "json"))
        second = json.loads(output(capsys, "report", str(flat), "--format", "json"))
        assert second["totals"] == first["totals"]
        assert second["layers"] == first["layers"]


@pytest.mark.parametrize(
    "steps",
    [
        "- dropout: ratio(1, 3)",
        "- linear: 4\n- head: {aux: [{linear: 2}, relu]}",
        "- linear: 4\n- head: {aux: [{linear: 2}], aux2: []}\n- head: {aux: [relu]}\n  repeat: 2",
        "- head: {aux: [{linear: 2}]}\n- relu\n- head: {late: [{linear: 2}]}\n  from: input",
        "- avgpool: {kernel: 1, padding: [[0, 0]]}",
        "- relu:\n  when: false",
    ],
)
def test_a_resolved_spec_is_the_same_network(steps: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    original, flat = tmp_path / "original.yaml", tmp_path / "flat.yaml"
    volume = "[3, 4]" if "avgpool" in steps else "[3]"
    body = "".join(f"  {line}\n" for line in steps.splitlines())
    original.write_text(f"architecture: a\ninput: {volume}\nlayers:\n{body}", encoding="utf-8")
    assert run(["resolve", str(original), "-o", str(flat)]) == 0
    assert output(capsys, "report", str(flat), "--format", "json") == output(
        capsys, "report", str(original), "--format", "json"
    )


def test_show_prints_the_files_of_blocks_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # what a copied spec needs beside it
    copy = tmp_path / "resnet50.yaml"
    copy.write_text(output(capsys, "show", "resnet50"), encoding="utf-8")
    assert run(["report", str(copy)]) == 1
    assert "archcalc resolve" in capsys.readouterr().err
    (tmp_path / "blocks.yaml").write_text(output(capsys, "show", "resnet/blocks.yaml"), encoding="utf-8")
    assert output(capsys, "report", str(copy)) == output(capsys, "report", "resnet50")
    assert run(["show", "../README.md"]) == 2
    assert run(["show", "resnet/../../../pyproject.yaml"]) == 2


def test_show_prints_the_spec_itself(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, "show", spec) == SPEC


def test_list_has_a_line_of_facts_for_each_architecture(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(output(capsys, "list", "--format", "json"))["architectures"]
    facts = {entry["architecture"]: entry for entry in found}
    assert facts["vgg16"]["params"] == 138_357_544
    assert facts["vgg16"]["source"].startswith("Simonyan")


def test_list_shows_groups(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(output(capsys, "list", "vgg", "lenet", "--format", "json"))["architectures"]
    assert [entry["group"] for entry in found] == ["vgg"] * 6 + ["lenet"] * 2
    assert run(["list", "vg"]) == 2
    assert "did you mean `vgg`?" in capsys.readouterr().err
    assert run(["list", "mixtral"]) == 2
    assert "`mixtral_8x7b` is a spec of the group `llama`" in capsys.readouterr().err
    assert run(["report", "vgg"]) == 2
    assert "a group of that name has vgg11, vgg13, vgg16" in capsys.readouterr().err


def test_layers_lists_all_and_shows_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert "batch_norm" in output(capsys, "layers")
    page = output(capsys, "layers", "conv")
    for word in ("kernel", "required", "groups", "torch.nn.Conv2d"):
        assert word in page


def test_every_command_explains_itself_with_an_example() -> None:
    for name in group.list_commands(None):  # type: ignore[arg-type]
        shown = CliRunner().invoke(group, [name, "--help"])
        assert shown.exit_code == 0, name
        assert "Example" in shown.stdout, name
        assert f"archcalc {name}" in shown.stdout, name


def test_a_defect_of_ours_is_a_message_and_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("archcalc.commands.layers.reference.index", lambda: 1 // 0)
    monkeypatch.delenv("ARCHCALC_TRACEBACK", raising=False)
    assert run(["layers"]) == 2
    assert "archcalc failed: ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize("width", ["0", "1", "22", "40", "60", "100"])
def test_on_a_terminal_of_any_width_no_number_is_cut(width: str) -> None:
    import pty

    master, slave = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name != "TERM"}
    process = subprocess.Popen(
        [sys.executable, "-m", "archcalc", "report", "vgg16", "--depth", "1", "--columns", "name,output,params"],
        stdout=slave,
        stderr=slave,
        env={**clean, "COLUMNS": width, "NO_COLOR": "1", "TERM": "xterm"},
    )
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(master, 65536):
            shown += piece
    except OSError:  # the other end is closed
        pass
    assert process.wait(timeout=30) == 0
    os.close(master)
    # Where the table is wider than the terminal, numbers are shortened and not cut.
    for exact, short in ((b"38,720", b"38.72 K"), (b"123,642,856", b"123.6 M"), (b"138,357,544", b"138.4 M")):
        assert (exact in shown) or (int(width) < 60 and short in shown)
    assert b"112x112x64" in shown


def test_an_interrupt_while_loading_is_quiet(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")
    found = archcalc("list", PYTHONPATH=str(tmp_path))
    assert (found.returncode, found.stdout, found.stderr) == (130, b"", b"")


@pytest.mark.parametrize("option", ["--memory", "--gpu"])
@pytest.mark.parametrize("value", ["", ",", " , "])
def test_a_list_that_names_nothing_is_not_everything(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fit", "lenet5", option, value]) == 2
    assert f"it takes a list separated by commas, got `{value}`\n" in capsys.readouterr().err


@pytest.mark.parametrize("format_", ["json", "csv", "markdown"])
def test_a_report_loads_only_what_it_writes_with(format_: str) -> None:
    code = "import sys; from archcalc.cli import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    found = subprocess.run(
        [sys.executable, "-c", code, "report", "lenet5", "--format", format_],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    unasked = ("archcalc.pictures.", "archcalc.layers.composed.", "rich.", "numpy.", "fractions", "decimal", "locale")
    assert {name for name in found.stderr.split() if name.startswith(unasked)} == set()


def test_every_command_has_our_help_option() -> None:
    commands = {name: load(name) for name in names()}
    assert [name for name, made in commands.items() if not isinstance(made, Command)] == []
    assert isinstance(group, Command)


@pytest.mark.parametrize(
    ("name", "why"),
    [(".onnx", "No such file or directory"), ("nowhere.pt2", "No such file"), ("9" * 300 + ".onnx", "name too long")],
)
def test_a_model_file_that_cannot_be_read_is_said_to_be(
    name: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", name]) == 2
    assert why in capsys.readouterr().err
