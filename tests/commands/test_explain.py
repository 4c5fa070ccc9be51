"""`archcalc explain`: the arithmetic that is shown is the rule's own, and true."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from arithmetic_value import value
from inline import layers

import archcalc
from archcalc.analysis.totals import Analysis
from archcalc.cli import run
from archcalc.commands.explain.answer import Explained, contributions, explain_layer, find, growth, traced_outcome
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.layers import registry
from archcalc.quantities.registry import Part, figure


def explained(analysis: Analysis, name: str) -> dict[str, Explained]:
    return {one.label: one for one in explain_layer(analysis, *find(analysis, name))}


def text(analysis: Analysis, name: str, quantity: str) -> str:
    return explained(analysis, name)[quantity].text


# --- the lecture's slide


def test_alexnets_first_layer_as_on_the_slide() -> None:
    analysis = archcalc.load("alexnet").analyse()
    shown = {one.label: one.text for one in explain_layer(analysis, *find(analysis, "conv1"))}

    assert shown["output height and width"] == "(227 - 11 + 2*0)/4 + 1 = 55"
    assert shown["output"] == "55x55x96: 96*(55*55) = 290,400 values"
    assert shown["parameters"] == "(11*11*3)*96 = 34,848 weights + 96 biases = 34,944"
    assert shown["MACs"] == "34,848*(55*55) = 105,415,200"
    assert shown["activations"] == "290,400 values * 4 bytes = 1,161,600 bytes in float32"
    assert shown["receptive field"] == "1 + (11 - 1)*1 = 11, stride 1*4 = 4, padding 0 + 0*1 = 0"
    assert shown["MACs backward"] == (
        "105,415,200 for the weight gradient + 0 for the input gradient (no trained layer precedes it) = 105,415,200"
    )
    assert shown["saved"] == "the network's input: 154,587 values"
    assert shown["saved in general"].startswith("the input")
    assert shown["source"].startswith("torch.nn.Conv2d; derivatives.yaml, convolution.")


def test_the_receptive_field_grows_from_layer_to_layer() -> None:
    analysis = archcalc.load("alexnet").analyse()
    assert text(analysis, "conv2", "receptive field") == "19 + (5 - 1)*8 = 51, stride 8*1 = 8, padding 0 + 2*8 = 16"
    assert [step.value for step in growth(analysis)] == [11, 19, 51, 67, 99, 131, 163, 195]


def test_a_window_that_is_not_square_grows_along_each_axis_by_itself() -> None:
    analysis = layers("4, 9, 9", "- conv: {out: 4, kernel: [1, 3], padding: [0, 1]}")
    shown = explained(analysis, "conv")
    assert shown["receptive field along the height"].value == 1
    assert shown["receptive field along the width"].text == "1 + (3 - 1)*1 = 3, stride 1*1 = 1, padding 0 + 1*1 = 1"
    assert growth(analysis)[0].text.endswith("padding 0 + 1*1 = 1 along the width")


def test_dilation_groups_and_transposition() -> None:
    dilated = layers("8, 20, 20", "- conv: {out: 4, kernel: 3, dilation: 2, groups: 2, bias: false}")
    assert text(dilated, "conv", "output height and width") == "(20 - 2*(3 - 1) + 2*0 - 1)/1 + 1 = 16"
    assert text(dilated, "conv", "parameters") == "(3*3*(8/2))*4 = 144 weights"

    transposed = layers("8, 5, 7", "- conv_transpose: {out: 4, kernel: 4, stride: 2, padding: 1}")
    assert text(transposed, "conv_transpose", "output height") == "(5 - 1)*2 - 2*1 + 4 = 10"
    assert text(transposed, "conv_transpose", "output width") == "(7 - 1)*2 - 2*1 + 4 = 14"
    assert text(transposed, "conv_transpose", "MACs") == "512*(5*7) = 17,920"


def test_a_join_adds_up_its_branches() -> None:
    analysis = archcalc.load("googlenet").analyse()
    assert text(analysis, "inception_3a/concat", "output channels") == "64 + 128 + 32 + 32 = 256"


# --- whatever is shown is true

NETWORKS = [
    "alexnet",
    "lenet5",
    "lenet5_1998",
    "googlenet_bn",
    "resnet18",
    "densenet40_k12",
    "mobilenet",
    "inception_v3",
]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_rule_gives_the_same_on_numbers_that_remember(name: str) -> None:
    analysis = archcalc.load(name).analyse()
    for row in analysis.layers:
        assert traced_outcome(analysis, row)._replace(conditions=()) == row.outcome._replace(conditions=())


#: Words and units between the numbers of an arithmetic; `min`, `max` and `floor` belong to it.
_WORDS = re.compile(r"\b(?!floor\b|min\b|max\b)[a-z][a-z_ ]*|`[^`]*`|\((?=[a-z ]*\))[^)]*\)")


def equations(line: str) -> list[tuple[str, str]]:
    """Each `left = right` of a line, without words: what stands left of the sign, and the number right of it."""
    found = []
    for clause in re.split(r"; |: |, (?=[a-z])", line):
        parts = clause.split(" = ")
        for left, right in pairwise(parts):
            number = re.match(r"-?[\d,]+", right)
            assert number, line
            found.append((_WORDS.sub("", left).strip(), number.group().rstrip(",")))
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_every_equation_that_is_shown_holds(name: str) -> None:
    analysis = archcalc.load(name).analyse()
    checked = 0
    for row in analysis.layers:
        for one in explain_layer(analysis, row):
            if one.label in ("source", "saved in general"):
                continue
            for left, right in equations(one.text):
                assert value(left) == value(right), (row.name, one)
                checked += 1
    assert checked > 3 * len(analysis.layers)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_values_are_those_of_the_analysis(name: str) -> None:
    analysis = archcalc.load(name).analyse()
    for row in analysis.layers:
        shown = {one.label: one.value for one in explain_layer(analysis, row)}
        assert shown["output"] == row.output.elements
        assert shown.get("MACs", 0) == row.macs
        assert shown.get("FLOPs", 0) == row.flops
        assert shown.get("parameters", 0) == row.params


# --- totals


def test_a_total_is_the_sum_of_its_contributions() -> None:
    analysis = archcalc.load("vgg16").analyse()
    parts = contributions(Part(analysis), "params")
    # Document 000: most parameters are in the first fully connected layer, 7*7*512*4096 + 4096.
    assert parts[0].amount == 7 * 7 * 512 * 4096 + 4096
    assert sum(part.amount for part in parts) == figure(analysis, "params")


# --- the command


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(list(arguments)) == 0
    return capsys.readouterr().out


def test_a_layer_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    found: Any = json.loads(printed(capsys, "explain", "alexnet", "conv1", "--quantity", "macs", "--format", "json"))
    assert found["steps"] == [
        {
            "quantity": "macs",
            "label": "MACs",
            "arithmetic": "34,848*(55*55) = 105,415,200",
            "value": 105415200,
            "unit": "MACs",
        },
    ]


def test_a_network_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(capsys, "explain", "vgg16", "--quantity", "params", "--format", "markdown")
    assert "102,764,544" in shown
    assert "138,357,544" in shown


def test_how_the_receptive_field_of_a_network_grew(capsys: pytest.CaptureFixture[str]) -> None:
    assert "163 + (3 - 1)*16 = 195" in printed(capsys, "explain", "alexnet", "--quantity", "receptive_field")


def test_the_end_of_a_path_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert "4,096" in printed(capsys, "explain", "vgg16", "fc6/linear")


def test_a_block_is_the_sum_of_its_layers(capsys: pytest.CaptureFixture[str]) -> None:
    found: Any = json.loads(printed(capsys, "explain", "vgg16", "stage1", "--quantity", "params", "--format", "json"))
    # 3*3*3*64 + 64 and 3*3*64*64 + 64.
    assert found["totals"]["params"]["sum"] == 1_792 + 36_928
    assert (found["layer"], found["layers"]) == ("stage1", 5)


def test_a_rule_of_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert "groups" in printed(capsys, "explain", "groups-divide")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alexnet", "conv9"], "no layer `conv9`: did you mean `conv"),
        (["resnet50", "residual"], "`residual` is the end of 16 paths: "),
        (["resnet50", "residual"], " and 10 more; `*/residual` is all of them"),
        (["resnet50", "bottleneck"], "`stage1/bottleneck.1` is one, and `*/bottleneck.*` is all 16 of them"),
        (["gpt2", "decoder"], "`decoder.1` is one, and `decoder.*` is all 12 of them"),
        # As CS231n's slides and Caffe's files number layers within a stage.
        (["vgg16", "conv3-1"], "no layer `conv3-1`: did you mean `stage3/conv3.1`?"),
        (["vgg16", "conv5_3"], "no layer `conv5_3`: did you mean `stage5/conv3.3`?"),
        (["vgg16", "conv5_4"], "did you mean `conv`, the end of 13 paths such as `stage1/conv3.1/conv`?"),
        (
            ["alexnet", "conv1", "--quantity", "MAC"],
            "the layer has no figure `MAC`: did you mean `macs`?",
        ),
        (["alexnet", "params"], "no layer `params`, it is a quantity: --quantity params"),
        (["alexnet", "--quantity", "depth"], "depth is a figure of a whole network"),
        (["groups-dvide"], "there is no spec and no rule `groups-dvide`: did you mean `groups-divide`"),
        (["nothing_like_it"], "there is no spec `nothing_like_it`"),
    ],
)
def test_what_cannot_be_explained(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert run(["explain", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_layer_is_found_by_its_path_alone() -> None:
    with pytest.raises(UsageError, match="the paths begin with relu"):
        find(layers("3, 8, 8", "- relu"), "zzzzzzzz")


@pytest.mark.parametrize("name", sorted(registry.layers()))
def test_every_layer_says_what_it_keeps_and_why(name: str) -> None:
    _, _, why = registry.layers()[name].doc.partition("Saved for backward: ")
    assert why.strip()


def test_a_block_that_is_one_layer_shows_its_arithmetic_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "vgg16", "fc6"]) == 0
    shown = capsys.readouterr().out
    assert "classifier/fc6/linear: linear {out: 4096}" in shown
    assert "512*(7*7)*4,096 = 102,760,448 weights + 4,096 biases = 102,764,544" in shown
    assert re.search(r"classifier/fc6/linear +102,764,544 +100.0%", shown)
    assert run(["explain", "vgg16", "classifier"]) == 0
    assert "biases" not in capsys.readouterr().out.partition("\n\n")[0]


def test_a_layer_behind_a_view_of_fewer_axes_shows_what_these_were(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "vit_b16", "class_token"]) == 0  # behind 14x14 positions that became one axis
    assert "14*14 + 1 = 197" in capsys.readouterr().out
    assert run(["explain", "unet", "up1/concat"]) == 0  # behind a crop, which keeps its axes
    assert "output height" not in capsys.readouterr().out


def test_the_contributions_to_a_total_fit_a_screen_of_80(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in (["explain", "resnet50", "--quantity", "receptive_field"], ["explain", "resnet50"]):
        assert run(command) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if len(line) > 80] == []
    # Six copies of 2.36 M weights would push everything else off the list: of stage 3 the last five are alike.
    assert [line.split() for line in lines if "2,949,120" in line] == [
        ["stage3/bottleneck.2", "x", "5/residual/conv_bn.2/conv", "2,949,120", "11.5%"]
    ]


REPEATED = """
input: [4, 8, 8]
layers:
  - step: 4
    repeat: 3
  - conv: {out: 10, kernel: 1}
blocks:
  step(out):
    - conv: {out: out, kernel: 3, padding: 1}
    - relu
"""


def shown_of(capsys: pytest.CaptureFixture[str], tmp_path: Path, *options: str) -> list[list[str]]:
    """The words of each line that has a share."""
    path = tmp_path / "repeated.yaml"
    path.write_text(REPEATED)
    lines = printed(capsys, "explain", str(path), *options).splitlines()
    return [line.split() for line in lines if line.endswith("%")]


def test_equal_copies_share_a_line_with_their_sum_and_full_shows_each(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    # A copy has 3*3*4*4 + 4 = 148 parameters, the last layer 4*10 + 10 = 50: of 494.
    assert shown_of(capsys, tmp_path, "--quantity", "params") == [
        ["step.1", "x", "3/conv", "444", "89.9%"],
        ["conv", "50", "10.1%"],
    ]
    copies = [[f"step.{number}/conv", "148", "30.0%"] for number in (1, 2, 3)]
    assert shown_of(capsys, tmp_path, "--quantity", "params", "--full") == [*copies, ["conv", "50", "10.1%"]]
    # The first copy has no gradient to hand on: it is not what the others are.
    trained = shown_of(capsys, tmp_path, "--quantity", "saved_bytes")
    assert not any(words[:3] == ["step.1", "x", "3/conv"] for words in trained)


def test_a_total_has_the_input_that_counts_in_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shown = shown_of(capsys, tmp_path, "--quantity", "activation_bytes")
    # 4*8*8 values of 4 bytes; the same for each of three convolutions, and 10*8*8 of the last. ReLU works in place.
    assert shown == [
        ["step.1", "x", "3/conv", "3,072", "46.2%"],
        ["conv", "2,560", "38.5%"],
        ["input", "1,024", "15.4%"],
    ]


def test_a_network_and_its_three_totals_fit_a_screen_of_24_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("resnet152", "densenet121", "llama3_8b", "alexnet"):
        assert len(printed(capsys, "explain", name).splitlines()) < 24  # and the prompt
