"""`archcalc compare` and `archcalc diff`: networks side by side, and what their differences cost."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from inline import analysed, layers

import archcalc
from archcalc import catalogue
from archcalc.cli import run
from archcalc.commands.compare.answer import COLUMNS, Opened, columns, compare, default_columns, opened, ordered
from archcalc.commands.compare.tables import build, ratio
from archcalc.commands.diff.answer import FIGURES, costing, diff
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.output.formats.text import on_terminal
from archcalc.quantities.registry import Part, figure

ONE = """\
architecture: one
parameters: {width: 8}
input: [3, 8, 8]
layers:
  - conv: {out: width, kernel: 1}
published:
  year: 2001
  top5_error:
    - {value: 5 %, erratum: somebody else's}
    - {value: 10 %, source: table 1, note: 3 networks}
"""
TWO = """\
architecture: two
input: [3, 8, 8]
layers:
  - conv: {out: 8, kernel: 1}
  - conv: {out: 8, kernel: 1}
"""


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.yaml").write_text(ONE, encoding="utf-8")
    (tmp_path / "two.yaml").write_text(TWO, encoding="utf-8")


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(list(arguments)) == code
        return capsys.readouterr().out

    return call


# --- compare


def every(specs: Sequence[str]) -> list[Opened]:
    return [opened(spec) for spec in specs]


def test_figures_stand_beside_their_ratios_to_the_first(specs: None) -> None:
    # one: 3 * 8 + 8 = 32 parameters, 24 * 64 = 1,536 MACs; two: 72 parameters and 64 * 64 = 4,096 MACs more.
    one, two = compare(every(["one.yaml", "two.yaml"]), ["params", "macs", "depth"])

    assert {name: (value.value, value.ratio) for name, value in one.values.items()} == {
        "params": (32, 1),
        "macs": (1_536, 1),
        "depth": (1, 1),
    }
    assert {name: (value.value, value.ratio) for name, value in two.values.items()} == {
        "params": (104, Fraction(104, 32)),
        "macs": (5_632, Fraction(5_632, 1_536)),
        "depth": (2, 2),
    }


def test_ratios_may_be_to_another_spec(specs: None) -> None:
    one, two = compare(every(["one.yaml", "two.yaml"]), ["params"], base=opened("two.yaml"))
    assert (one.values["params"].ratio, two.values["params"].ratio) == (Fraction(32, 104), 1)

    (one,) = compare(every(["one.yaml"]), ["params"], base=opened("one.yaml:width=16"))
    assert one.values["params"].ratio == Fraction(1, 2)


def test_a_published_fact_is_the_first_that_is_no_erratum(specs: None) -> None:
    one, two = compare(every(["one.yaml", "two.yaml"]), ["top5_error", "year"])

    assert (one.values["top5_error"].value, one.values["year"].value) == (10, 2001)
    assert one.values["top5_error"].fact is not None
    assert one.values["top5_error"].fact.note == "3 networks"
    assert (two.values["top5_error"].value, two.values["top5_error"].ratio) == (None, None)
    assert one.values["year"].ratio is None  # a year has no ratio


def test_rows_are_ordered_by_a_column_and_those_without_it_are_last(specs: None) -> None:
    rows = compare(every(["one.yaml", "two.yaml", "one.yaml:width=16"]), ["params", "top5_error"])

    def names(by: str) -> list[str]:
        return [row.spec for row in ordered(rows, by)]

    assert names("params") == ["one.yaml", "one.yaml:width=16", "two.yaml"]
    assert names("-params") == ["two.yaml", "one.yaml:width=16", "one.yaml"]
    assert names("top5_error")[-1] == "two.yaml"
    assert names("-top5_error")[-1] == "two.yaml"


def test_rows_have_no_order_by_a_volume(specs: None) -> None:
    with pytest.raises(UsageError, match="output is a volume, and volumes have no order: sort by a number"):
        ordered(compare(every(["one.yaml", "two.yaml"]), ["output"]), "-output")


def test_the_error_that_is_compared_is_one_that_the_networks_have(specs: None) -> None:
    assert default_columns(every(["one.yaml", "two.yaml"]))[-2:] == ("top5_error", "year")
    assert default_columns(every(["resnet20", "wrn_28_10"]))[-2:] == ("cifar10_error", "year")
    assert default_columns(every(["two.yaml"]))[-2:] == ("top5_error", "year")


def test_an_unknown_column_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="did you mean `params`"):
        columns(["parms"])


def test_every_format_has_the_figures(specs: None, printed: Any) -> None:
    arguments = ("compare", "one.yaml", "two.yaml", "--columns", "params,top5_error")

    assert "one.yaml 32 1.00x 10% 1.00x 3 networks" in " ".join(printed(*arguments).split())
    assert "| two.yaml | 104 | 3.25x | n/a | n/a |  |" in printed(*arguments, "--format", "markdown")
    (first, second) = csv.DictReader(io.StringIO(printed(*arguments, "--format", "csv")))
    assert (first["params"], second["params"], second["params_ratio"]) == ("32", "104", "3.25")
    data = json.loads(printed(*arguments, "--format", "json"))
    assert data["base"] == "one.yaml"
    assert data["specs"][1]["params"] == {"value": 104, "ratio": 3.25}
    assert data["specs"][0]["top5_error"] == {"value": 10, "ratio": 1.0, "source": "table 1", "note": "3 networks"}


@pytest.mark.parametrize(("width", "last"), [(80, "top-5 error"), (54, "top-5 error"), (12, "params")])
def test_on_a_narrow_terminal_names_stay_whole_and_what_is_asked_for_most_stays(
    monkeypatch: pytest.MonkeyPatch, width: int, last: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    specs, out = ["alexnet", "alexnet_torchvision"], io.StringIO()
    on_terminal(build(compare(every(specs), default_columns(every(specs))), "alexnet"), out)

    head, _, first, second = (line.replace("|", " ").rstrip() for line in out.getvalue().strip().split("\n")[:4])
    assert head.endswith(last)
    assert ("ratio" in head) == (width == 80)
    assert "depth" not in head
    assert first.startswith("alexnet              62.38 M")
    assert second.startswith("alexnet_torchvision  61.10 M")
    assert width < 27 or len(head) <= width


def test_what_no_network_has_published_gives_way_to_what_all_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    specs, out = ["convnext", "swin_t"], io.StringIO()
    on_terminal(build(compare(every(specs), default_columns(every(specs))), "convnext"), out)

    head = out.getvalue().strip().split("\n")[0]
    assert "depth" in head
    assert "error" not in head


def test_the_whole_catalogue_can_be_compared(printed: Any) -> None:
    data = json.loads(printed("compare", "--all", "--base", "vgg16", "--sort", "-params", "--format", "json"))

    assert [row["spec"] for row in data["specs"]] != sorted(catalogue.names())
    assert {row["spec"] for row in data["specs"]} == set(catalogue.names())
    assert all({*COLUMNS, "top5_error", "year"} <= set(row) for row in data["specs"])
    params = [row["params"]["value"] for row in data["specs"]]
    assert params == sorted(params, reverse=True)


def test_nothing_to_compare_is_a_usage_error(printed: Any) -> None:
    printed("compare", code=2)
    printed("compare", "vgg61", code=2)
    printed("compare", "vgg16", "--sort", "beauty", code=2)
    printed("compare", "vgg16", "--columns", ",", code=2)


def test_one_network_has_no_ratio_to_itself(specs: None, printed: Any) -> None:
    assert "ratio" not in printed("compare", "one.yaml", "--columns", "params")
    assert "1.00x" in printed("compare", "one.yaml", "--columns", "params", "--base", "one.yaml:width=8")


def test_what_cannot_be_read_is_left_out_and_named(specs: None, capsys: pytest.CaptureFixture[str]) -> None:
    Path("wrong.yaml").write_text(ONE.replace("conv", "cnov"), encoding="utf-8")
    compared = ["compare", "wrong.yaml", "one.yaml", "two.yaml", "--columns", "params", "--format", "csv"]

    assert run(compared) == 1
    shown, said = capsys.readouterr()
    # The first that can be read takes the place of the first: 32 and 104 parameters.
    assert [line.split(",")[:2] for line in shown.splitlines()[1:]] == [["one.yaml", "32"], ["two.yaml", "104"]]
    assert "wrong.yaml:5:5" in said
    assert said.endswith("\nerror: wrong.yaml is left out\n")

    assert run([*compared, "three.yaml"]) == 2  # there is no such file
    assert capsys.readouterr().err.endswith("\nerror: wrong.yaml, three.yaml are left out\n")


def test_a_setup_that_only_some_networks_have_leaves_out_the_others(
    specs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--with", "freeze=conv.2", "--columns", "training_peak_bytes", "--format", "csv")
    assert run(["compare", "one.yaml", "two.yaml", *words]) == 2
    shown, said = capsys.readouterr()
    assert [line.split(",")[0] for line in shown.splitlines()[1:]] == ["two.yaml"]
    assert "no layer `conv.2`" in said


def test_where_nothing_can_be_compared_each_reason_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "vgg16", "lenet5", "--with", "dtype=foo"]) == 2
    shown, said = capsys.readouterr()
    assert shown == ""
    assert said.count("unknown dtype `foo`") == 1
    assert "left out" not in said


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1), "1.00x"),
        (Fraction(0), "0x"),
        (Fraction(1, 9), "0.111x"),
        (Fraction(27, 49), "0.551x"),
        (Fraction(197, 10), "19.7x"),
        (Fraction(9_996, 10), "1,000x"),
        (Fraction(1, 3_000), "0.000333x"),
    ],
)
def test_a_ratio_has_three_digits(value: Fraction, text: str) -> None:
    assert ratio(value) == text


# --- diff

BASE = "- conv: {out: 8, kernel: 3}\n- relu\n- conv: {out: 8, kernel: 3}"


def changes(old: str, new: str) -> list[tuple[str, str, tuple[str, ...], int]]:
    found = diff(Part(layers("3, 16, 16", old)), Part(layers("3, 16, 16", new)), costing(FIGURES)).differences
    return [(each.kind, each.path, each.what, each.cost[0]) for each in found]


def test_equal_networks_have_no_differences() -> None:
    assert changes(BASE, BASE) == []
    # a default that is written out changes nothing
    assert changes(BASE, BASE.replace("kernel: 3}", "kernel: 3, stride: 1}", 1)) == []


def test_a_changed_attribute_is_named_with_both_values() -> None:
    # 3*3*3*8 + 8 = 224; with a kernel of 5: 600 + 8 = 608. What follows it has a smaller input.
    assert changes(BASE, BASE.replace("kernel: 3", "kernel: 5", 1)) == [
        ("changed", "conv.1", ("kernel: 3 -> 5",), 384),
        ("affected", "relu", ("input 14x14x8 -> 12x12x8",), 0),
        ("affected", "conv.2", ("input 14x14x8 -> 12x12x8",), 0),
    ]


def test_what_a_change_costs_further_on_stands_where_it_is_paid() -> None:
    # 16 maps: 448 - 224 = 224 parameters more; the second convolution has 8 * 72 = 576 more weights.
    assert changes(BASE, BASE.replace("out: 8", "out: 16", 1)) == [
        ("changed", "conv.1", ("out: 8 -> 16",), 224),
        ("affected", "relu", ("input 14x14x8 -> 14x14x16",), 0),
        ("affected", "conv.2", ("input 14x14x8 -> 14x14x16",), 576),
    ]


def test_another_layer_under_the_same_name_is_a_change() -> None:
    old, new = "- relu:\n  as: act", "- tanh:\n  as: act"
    assert changes(old, new) == [("changed", "act", ("relu -> tanh",), 0)]


def test_layers_are_added_and_removed_without_disturbing_the_others() -> None:
    assert changes("- conv: {out: 8, kernel: 1}\n- relu", "- conv: {out: 8, kernel: 1}\n- batch_norm\n- relu") == [
        ("added", "batch_norm", (), 16)
    ]
    assert changes("- batch_norm\n- relu", "- relu") == [("removed", "batch_norm", (), -6)]
    # the only convolution stays the first when a second comes
    assert changes("- conv: {out: 8, kernel: 1}", "- conv: {out: 8, kernel: 1}\n- conv: {out: 8, kernel: 1}") == [
        ("added", "conv.2", (), 72)
    ]


def test_another_input_is_a_change() -> None:
    old = "- relu:\n  as: a\n- tanh:\n  as: b\n- sigmoid"
    assert changes(old, f"{old}:\n  from: a") == [("changed", "sigmoid", ("reads b -> a",), 0)]


def test_a_block_that_was_added_is_one_difference() -> None:
    text = """
    parameters: {blocks: 2}
    input: [4, 8, 8]
    blocks:
      pair:
        - conv: {out: 4, kernel: 1}
        - relu
    layers:
      - pair:
        repeat: blocks
    """
    found = diff(Part(analysed(text)), Part(analysed(text, blocks=3)), costing(FIGURES)).differences
    assert [(each.kind, each.path, each.layers, each.cost[0]) for each in found] == [("added", "pair.3", 2, 20)]


@pytest.mark.parametrize(
    ("old", "new"),
    [("vgg16", "vgg19"), ("resnet50", "resnet101"), ("alexnet", "googlenet"), ("resnet50", "resnet50:image=288")],
)
def test_the_costs_of_all_differences_add_up_to_the_difference_of_the_totals(old: str, new: str) -> None:
    before, after = archcalc.load(old).analyse(), archcalc.load(new).analyse()
    found = diff(Part(before), Part(after), costing(FIGURES)).differences
    for number, name in enumerate(FIGURES):
        assert sum(each.cost[number] for each in found) == figure(after, name) - figure(before, name)


def test_the_report_of_a_diff_has_signed_costs_and_a_total(printed: Any) -> None:
    found = printed("diff", "vgg16", "vgg19")
    assert "added   stage3/conv3.4  2 layers    +590,080" in found
    data = json.loads(printed("diff", "vgg16", "vgg19", "--format", "json"))
    assert data["total"]["params"] == 143_667_240 - 138_357_544
    assert {each["change"] for each in data["differences"]} == {"added"}
    assert printed("diff", "vgg16", "vgg16").strip() == "vgg16 and vgg16 are the same, layer by layer"


def test_the_exit_code_of_a_diff_says_whether_there_are_differences(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", "vgg16", "vgg16", "--exit-code"]) == 0
    assert run(["diff", "vgg16", "vgg19"]) == 0
    assert run(["diff", "vgg16", "vgg19", "--exit-code"]) == 1
    assert "added" in capsys.readouterr().out


def test_a_comparison_says_in_which_setup(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "lenet5", "alexnet", "--columns", "macs", "--batch", "3", "--with", "dtype=amp"]) == 0
    assert "with dtype = amp, batch = 3" in capsys.readouterr().out


def test_a_file_of_blocks_is_named_with_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "blocks.yaml"]) == 2
    assert "in the catalogue: " in (said := capsys.readouterr().err)
    assert "`densenet/blocks.yaml`" in said


@pytest.mark.parametrize(
    ("column", "hint"),
    [
        ("errors", "did you mean `top5_error`, `top1_error`, `cifar10_error`, `cifar100_error` or `svhn_error`?"),
        ("largest", "did you mean `largest_training_batch` or `largest_inference_batch`?"),
        ("memory", "did you mean `inference_memory_bytes`?"),
        ("top5_error_of", "did you mean `top5_error`?"),
        ("nosuch", "`archcalc quantities` lists the computed ones, and published are year, top5_error, "),
    ],
)
def test_a_wrong_column_gets_the_likely_ones(column: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "lenet5", "--columns", column]) == 2
    assert f"error: there is no column `{column}`: {hint}" in capsys.readouterr().err
