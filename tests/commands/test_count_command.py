"""`archcalc count`, `archcalc counting` and `--counting`: tools side by side, and their differences in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import pytest
from inline import analysed, layers

import archcalc
from archcalc.cli import run
from archcalc.commands.count.tables import difference
from archcalc.counting.count import count
from archcalc.counting.profiles import PROFILES, profile
from archcalc.quantities.registry import Part, quantities
from archcalc.sizes.symbols import variable


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(list(arguments)) == 0
    return capsys.readouterr().out


def data(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(printed(capsys, *arguments, "--format", "json"))


def test_all_profiles_side_by_side_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "count", "resnet50")

    assert set(found["profiles"]) == set(PROFILES)
    assert found["profiles"]["fvcore"]["figure"] == 4_111_512_576
    assert found["profiles"]["fvcore"]["unit"] == "MAC"
    assert (
        "batch_norm: input elements + input elements of layers with a learned scale"
        " + 3 x input elements of batch normalisation without running statistics"
        in (found["profiles"]["fvcore"]["rules"])
    )
    assert found["profiles"]["ptflops"]["counted_twice"] == {"activation": 9_608_704, "pooling": 903_168}
    assert found["profiles"]["darknet"]["counted_as_nothing"] == [
        "add", "batch_norm", "global_avgpool", "linear", "maxpool", "relu",
    ]  # fmt: skip
    assert found["quantities"]["activations"]["figure"] == 11_114_984
    assert found["training"]["macs"] * 2 == 24_299_077_632


def test_the_difference_between_two_tools_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "count", "resnet50", "--counting", "fvcore", "--counting", "ptflops")

    assert (
        "ptflops - fvcore = 20,924,392 MACs: 1,000 bias"
        " + 19,217,408 activation (of it 9,608,704 counted a second time)"
        " + 1,705,984 pooling (of it 903,168 counted a second time)" in text
    )


def test_all_figures_stand_on_the_last_screen_and_say_how_to_learn_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen = printed(capsys, "count", "resnet50").splitlines()[-23:]  # the prompt has the 24th line
    assert [line.split()[0] for line in screen if line.split()[:1] in ([name] for name in PROFILES)] == list(PROFILES)
    assert "--counting A --counting B says in words how two profiles differ" in screen


def test_further_counters_are_those_of_a_profile_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "count", "resnet50", "--counting", "netscope")
    assert "netscope has 4,089,184,256 macc, 11,415,040 comparisons" in text
    assert "training step" not in text


@pytest.mark.parametrize("name", PROFILES)
def test_a_difference_adds_up(name: str) -> None:
    # "made - base = gap UNITs: a work - b work": the parts sum to the gap.
    analysis = archcalc.load("googlenet_bn").analyse()
    base, made = count(profile("archcalc"), analysis), count(profile(name), analysis)
    said = difference(base, made)
    times = 2 if made.profile.unit == "FLOP" else 1
    if ": " not in said:
        assert made.figure == times * base.figure
        return
    gap, _, text = said.partition(": ")
    assert (
        gap == f"{name} - {'2 x ' * (times - 1)}archcalc = {made.figure - times * base.figure:,} {made.profile.unit}s"
    )
    parts = text.replace("+ ", "+").replace("- ", "-").replace(",", "").split()
    amounts = [int(part) for part in parts if part.lstrip("+-").isdigit() and parts[parts.index(part) - 1] != "it"]
    assert sum(amounts) == made.figure - times * base.figure


def test_the_list_of_profiles_says_what_each_includes(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "count", "--list")
    assert found["profiles"]["torch"]["rules"] == [
        "every layer: 2 x multiply-accumulates with weights + 2 x multiply-accumulates of values with values",
        "rnn, lstm, gru: nothing",
    ]
    assert found["profiles"]["thop"]["faults"][0].startswith("a transposed convolution's weights")
    assert "ptflops, backend `pytorch`" in printed(capsys, "count", "--list", "--format", "markdown")


def test_a_report_counted_by_a_tool(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "report", "resnet50", "--counting", "fvcore", "--batch", "2")
    assert found["counting"]["profile"] == "fvcore"
    assert found["counting"]["macs"] == 2 * 4_111_512_576
    assert found["totals"]["macs"] == 2 * 4_089_184_256

    text = printed(capsys, "report", "resnet50", "--counting", "fvcore", "--format", "markdown")
    assert "MACs (fvcore)" in text
    assert "4,111,512,576 (4.112 G) MACs: fvcore's FlopCountAnalysis, and timm" in text


def test_a_report_names_its_own_rules(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "report", "vgg16")["counting"]
    assert (found["profile"], found["macs"], found["flops"]) == ("archcalc", 15_470_264_320, 30_972_257_256)
    assert found["rules"]


def test_a_misspelt_profile_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "vgg16", "--counting", "ptflop"]) == 2
    assert "there is no counting profile `ptflop`: did you mean `ptflops`" in capsys.readouterr().err


def test_each_figure_is_a_quantity_that_can_be_claimed_and_compared() -> None:
    analysis = layers("8, 12, 12", "- conv: {out: 16, kernel: 3, padding: 1}\n- batch_norm")
    known = quantities()
    assert known["fvcore_macs"].measure(Part(analysis)) == 165_888 + 2 * 2_304
    assert known["torch_flops"].measure(Part(analysis, analysis.layers[1:])) == 0
    assert known["torchinfo_pass_size"].measure(Part(analysis)) == 8 * 2 * 2_304
    assert known["training_macs"].measure(Part(analysis)) == 2 * 165_888


def test_a_comparison_counted_by_a_tool(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "compare", "resnet50", "vgg16", "--columns", "params,macs", "--counting", "fvcore")
    figures = {row["spec"]: row["fvcore_macs"] for row in found["specs"]}
    assert figures["resnet50"]["value"] == 4_111_512_576
    # FLOPs of a tool stand beside the MACs that were asked for.
    text = printed(capsys, "compare", "resnet50", "--columns", "macs", "--counting", "torch", "--format", "markdown")
    assert "4.089 G" in text
    assert "8.178 G" in text


def test_claims_counted_by_a_tool(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spec = tmp_path / "claimed.yaml"
    spec.write_text(
        "architecture: claimed\ninput: [8, 12, 12]\nlayers:\n"
        "  - conv: {out: 16, kernel: 3, padding: 1}\n  - batch_norm\nexpect:\n  macs: 170_496\n",
        encoding="utf-8",
    )
    # 165,888 MACs of the convolution; fvcore adds 2 for each of 2,304 values.
    assert run(["check", str(spec)]) == 1
    assert run(["check", str(spec), "--counting", "fvcore"]) == 0
    # In FLOPs the claim of MACs stays what it is.
    assert run(["check", str(spec), "--counting", "torch"]) == 1


def test_figures_of_tools_have_formulas_and_can_be_swept() -> None:
    # 3x3 from 8 to w maps of 10x10, 2 for each value that is normalised, 1 for each that is pooled: 7,200 + 200 + 100.
    spec = """
        parameters: {w: 4}
        input: [8, 12, 12]
        layers:
          - conv: {out: w, kernel: 3, bias: false}
          - batch_norm
          - relu
          - global_avgpool
    """
    measure = quantities()["fvcore_macs"].measure
    assert str(measure(Part(analysed(spec, w=variable("w"))))) == "7500*w"
    assert measure(Part(analysed(spec, w=numpy.array([1, 4])))).tolist() == [7500, 30000]


def test_a_profile_that_does_not_know_a_layer_is_refused_alone(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "count", "llama3_8b")
    assert {"archcalc", "torch", "fvcore"} <= set(found["profiles"])
    assert "what ptflops counts for `attention` is not known" in found["unknown"]["ptflops"]
    assert not set(found["unknown"]) & {*found["profiles"], *found["quantities"]}


def test_profiles_that_lack_a_layer_are_named_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["count", "llama3_8b"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("no figure of ")]
    assert len(lines) == len({line.rpartition("for `")[2] for line in lines})
    assert any("ptflops" in line and line.endswith("is not known") for line in lines)
