"""Counting profiles: every tool's figure for the networks it was run on, and its rules on single layers."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from inline import layers

import archcalc
from archcalc.analysis.totals import Analysis
from archcalc.counting.count import FACTS, count, count_layers
from archcalc.counting.profiles import ASKED, MEMORY_FIGURES, PARTLY_ASKED, PROFILES, profile
from archcalc.counting.training import backward, training_cost
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.layers.registry import layers as registered
from archcalc.memory.setup import Setup
from archcalc.quantities.registry import figure as own_figure

ALL = {**PROFILES, **MEMORY_FIGURES}


def figure(name: str, analysis: Analysis) -> Any:
    return count(ALL[name], analysis).figure


# --- torchvision's networks, measured with the tools themselves (torch 2.14.1, torchvision 0.29.1)

MEASURED = list(csv.DictReader((Path(__file__).parent.parent / "data" / "torchvision.csv").open(encoding="utf-8")))
CALLED_HERE = {"alexnet": "alexnet_torchvision", "googlenet": "googlenet_bn"}


@pytest.fixture(params=MEASURED, ids=lambda row: row["model"])
def measured(request: pytest.FixtureRequest) -> dict[str, str]:
    row: dict[str, str] = request.param
    return {**row, "model": CALLED_HERE.get(row["model"], row["model"])}


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("flopcounter_macs_eval", "torchvision"),
        ("fvcore_flops", "fvcore"),
        ("fvcore_activation_count", "activations"),
        ("torchinfo_total_mult_adds", "torchinfo"),
        ("torchinfo_total_output_bytes", "torchinfo-pass-size"),
    ],
)
def test_a_tool_prints_for_a_network_of_torchvision_what_its_profile_gives(
    measured: dict[str, str], column: str, name: str
) -> None:
    assert figure(name, archcalc.load(measured["model"]).analyse()) == int(measured[column])


def test_the_training_step_of_a_network_of_torchvision(measured: dict[str, str]) -> None:
    # In training the auxiliary heads run, where a network has them.
    spec = archcalc.load(measured["model"])
    heads = {"heads": True} if any(p.name == "heads" for p in spec.document.parameters) else {}
    analysis = archcalc.load(measured["model"], **heads).analyse()
    counted = int(measured["flopcounter_fwdbwd_train_b2_per_sample_flops"])

    assert figure("torch-training", analysis) == counted
    # torch ignores the groups of a convolution in the gradient by its weights; the chain rule does not.
    grouped = any(row.outcome.groups > 1 for row in analysis.layers)
    assert (2 * training_cost(analysis, Setup()).macs == counted) is not grouped


# --- one network, nine figures


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torchvision", 4_089_184_256),
        ("ptflops-aten", 4_089_185_256),
        ("fvcore", 4_111_512_576),
        ("ptflops-modules", 4_121_925_096),
        ("ptflops", 4_132_436_968),
        ("thop", 4_133_742_592),
        ("mmengine", 4_144_854_528),
        ("torch", 8_178_368_512),
        ("deepspeed", 8_211_108_352),
        # As printed in He et al. and measured by Darknet's rule: 2 x (4,089,184,256 - the linear layer's 2,048,000).
        ("paper", 4_089_184_256),
        ("darknet", 8_174_272_512),
        ("archcalc", 4_089_184_256),
    ],
)
def test_resnet50(name: str, expected: int) -> None:
    assert figure(name, archcalc.load("resnet50").analyse()) == expected


def test_the_papers_own_resnet50_has_its_stride_in_the_first_1x1() -> None:
    assert figure("paper", archcalc.load("resnet50", strides=(2, 1)).analyse()) == 3_857_973_248


def test_the_difference_between_two_tools_in_classes_of_work() -> None:
    # 4,132,436,968 - 4,089,184,256 = 43,252,712
    counted = count(profile("ptflops"), archcalc.load("resnet50").analyse())
    assert counted.works == {
        "multiply-accumulates": 4_089_184_256,
        "bias": 1_000,
        "normalisation": 2 * 11_113_984,
        "activation": 2 * 9_608_704,
        "pooling": 2 * (802_816 + 100_352),
    }
    assert counted.surplus == {"activation": 9_608_704, "pooling": 903_168}
    assert counted.nothing == ("add",)


def test_archcalc_keeps_macs_and_flops_apart() -> None:
    analysis = archcalc.load("resnet50").analyse()
    assert count(profile("archcalc"), analysis).counters == {
        "macs": own_figure(analysis, "macs"),
        "flops": own_figure(analysis, "flops"),
    }


def test_netscopes_five_counters() -> None:
    # 8x12x12 = 1,152 values; a 3x3 convolution to 4 maps of 12x12; a pooling of 2x2 to 6x6.
    analysis = layers(
        "8, 12, 12",
        """
        - conv: {out: 4, kernel: 3, padding: 1, groups: 2}
        - batch_norm
        - relu
        - lrn: 5
        - maxpool: 2
        - flatten
        - linear: 10
        - softmax
        """,
    )
    assert count(profile("netscope"), analysis).counters == {
        # It ignores the groups; the squares of a normalisation's 5 neighbours are multiply-accumulates.
        "macc": 4 * 8 * 9 * 144 + 576 * 5 + 144 * 10,
        "comparisons": 576 + 4 * 36 * 4,
        "additions": 576 + 576 + 10,
        "divisions": 576 + 2 * 576 + 10,
        "exponentials": 576 + 10,
    }


# --- single layers, measured with fvcore 0.1.5, ptflops 0.7.5, torchinfo 1.8.0, thop 0.1.1, calflops 0.3.2

SIX = ("fvcore", "ptflops", "ptflops-aten", "torchinfo", "thop", "deepspeed")


@pytest.mark.parametrize(
    ("volume", "step", "expected"),
    [
        ("8, 12, 12", "conv: {out: 16, kernel: 3, padding: 1}", (165888, 168192, 168192, 168192, 165888, 334080)),
        ("8, 12, 12", "conv: {out: 16, kernel: 3, groups: 4, bias: false, stride: 2}", (7200,) * 5 + (14400,)),
        ("8, 12, 12", "depthwise_conv: 3", (7200, 8000, 8000, 8000, 7200, 15200)),
        (
            "8, 12, 12",
            "conv_transpose: {out: 6, kernel: 4, stride: 2, padding: 1}",
            (110592, 114048, 114048, 445824, 442368, 221400),
        ),
        (
            "8, 12, 12",
            "conv_transpose: {out: 8, kernel: 3, stride: 2, groups: 2}",
            (41472, 46472, 46472, 185000, 180000, 41572),
        ),
        ("8, 12", "conv_transpose: {out: 4, kernel: 3, stride: 2}", (1152, 1252, 1252, 2500, 2400, 2324)),
        ("8, 12, 12", "linear: {out: 5, each_position: true}", (5760, 6480, 6480, 45, 5760, 11520)),
        ("8, 12, 12", "batch_norm", (2304, 2304, 0, 16, 4608, 2304)),
        ("8, 12, 12", "batch_norm: {affine: false}", (1152, 1152, 0, 0, 2304, 1152)),
        ("8, 12, 12", "batch_norm: {track: false}", (5760, 2304, 0, 16, 4608, 5760)),
        ("8, 12, 12", "batch_norm: {affine: false, track: false}", (4608, 1152, 0, 0, 2304, 4608)),
        ("8, 12, 12", "layer_norm", (5760, 1152, 0, 16, 4608, 5760)),
        ("8, 12, 12", "layer_norm: {over: volume}", (5760, 1152, 0, 2304, 4608, 5760)),
        ("8, 12, 12", "group_norm: 2", (5760, 2304, 0, 16, 0, 5760)),
        ("8, 12, 12", "instance_norm", (4608, 1152, 0, 0, 2304, 4608)),
        ("8, 12, 12", "instance_norm: {affine: true}", (5760, 2304, 0, 16, 4608, 5760)),
        ("8, 12, 12", "rms_norm", (0, 0, 0, 8, 0, 0)),
        ("8, 12, 12", "lrn: 5", (0, 5184, 0, 0, 0, 5184)),
        ("8, 12, 12", "relu", (0, 2304, 0, 0, 0, 1152)),
        ("8, 12, 12", "relu6", (0, 1152, 0, 0, 0, 0)),
        ("8, 12, 12", "leaky_relu", (0, 1152, 0, 0, 0, 1152)),
        ("8, 12, 12", "prelu: {per_channel: true}", (0, 2304, 0, 8, 1152, 1152)),
        ("8, 12, 12", "gelu", (0, 2304, 0, 0, 0, 1152)),
        ("8, 12, 12", "silu", (0, 1152, 0, 0, 0, 1152)),
        ("8, 12, 12", "hardswish", (0,) * 6),
        ("8, 12, 12", "sigmoid", (0,) * 6),
        ("8, 12", "softmax", (0, 96, 0, 0, 276, 96)),
        ("8, 12, 12", "maxpool: {kernel: 3, stride: 2}", (0, 2304, 0, 0, 0, 1152)),
        ("8, 12", "avgpool: 2", (0, 192, 0, 0, 48, 96)),
        ("8, 12, 12", "global_avgpool", (1152, 2304, 0, 0, 1160, 1152)),
        ("8, 12", "global_avgpool", (0, 192, 0, 0, 104, 96)),
        ("8, 12, 12", "adaptive_avgpool: 5", (1152, 2304, 0, 0, 1352, 1152)),
        ("8, 12, 12", "adaptive_maxpool: 4", (0, 2304, 0, 0, 0, 1152)),
        # DeepSpeed counts the enlarged values, calflops those before; this is DeepSpeed's.
        ("8, 12, 12", "upsample: 2", (4608, 9216, 0, 0, 4608, 4608)),
        ("8, 12, 12", "upsample: {scale: 2, mode: linear}", (18432, 9216, 0, 0, 50688, 4608)),
        ("8, 12", "upsample: {scale: 2, mode: linear}", (0, 384, 0, 0, 960, 192)),
        ("8, 12, 12", "upsample: {scale: 2, mode: cubic}", (0, 9216, 0, 0, 1193472, 4608)),
        ("4, 6, 6, 6", "upsample: {scale: 2, mode: linear}", (0, 13824, 0, 0, 0, 6912)),
        ("8, 12, 12", "add: {a: [], b: []}", (0,) * 6),
        # 12 positions of width 8, two heads: 3,072 projections, 2,304 products, 384 biases, 288 scores.
        ("8, 12", "attention: 2", (3072, 6144, 3456, 0, 0, 10752)),
        ("8, 12", "attention: {heads: 2, bias: false}", (3072, 5856, 3072, 0, 0, 10752)),
    ],
)
def test_single_layers(volume: str, step: str, expected: tuple[int, ...]) -> None:
    analysis = layers(volume, f"- {step}")
    assert tuple(figure(name, analysis) for name in SIX) == expected


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("conv: {out: 16, kernel: 3, padding: 1}", 663552),
        ("conv: {out: 16, kernel: 3, groups: 4, bias: false, stride: 2}", 72000),
        ("depthwise_conv: 3", 129600),
        ("conv_transpose: {out: 8, kernel: 3, stride: 2, groups: 2}", 248832),
    ],
)
def test_torchs_backward_pass_of_single_layers(step: str, expected: int) -> None:
    assert figure("torch-training", layers("8, 12, 12", f"- {step}")) == expected


def test_torchs_backward_pass_of_fused_attention_makes_five_products() -> None:
    # Forward 2 x (3,072 + 2,304); backward 2 x (3,072 by weights + 768 by the last projection's input) and, of
    # 12 x 12 x 8 = 1,152 multiply-accumulates each, the five products of its sdpa_backward_flop_count.
    analysis = layers("8, 12", "- attention: 2")
    assert figure("torch-training", analysis) == 2 * (3072 + 2304) + 2 * (3072 + 768) + 5 * 2 * 1152


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # 12 positions of width 8, two heads: 3,072 projections, 384 biases; two products of 12 x 12 x 8 = 1,152 each.
        ("fvcore", 3072 + 2304),
        ("ptflops-aten", 3072 + 2304 + 384),
        ("thop", 3072),
        ("torch", 2 * (3072 + 2304)),
        # By weights 3,072, by the last projection's input 768, by both operands of each product 2 x 2,304.
        ("torch-training", 2 * (3072 + 2304) + 2 * (3072 + 768) + 2 * 2 * 2304),
    ],
)
def test_products_of_separate_attention_are_seen(name: str, expected: int) -> None:
    assert figure(name, layers("8, 12", "- attention: {heads: 2, mode: separate}")) == expected


@pytest.mark.parametrize("name", ["archcalc", "paper", "torchvision"])
def test_papers_count_the_products_of_attention(name: str) -> None:
    assert figure(name, layers("8, 12", "- attention: 2")) == 3072 + 2304


def test_flops_of_archcalc_are_two_for_a_product_and_one_for_anything_else() -> None:
    # 288 scores are scaled; of each row of 12 the largest is found and taken away, and the exponentials are divided by
    # their sum.
    attention = layers("8, 12", "- attention: 2")
    others = 4 * 288 + 24 * (11 + 11)
    assert count(profile("archcalc"), attention).counters["flops"] == 2 * (3072 + 2304) + 384 + others


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fvcore", 1152),
        ("ptflops-aten", 1152),
        ("torch", 2 * 1152),
        ("torch-training", 2 * 1152 + 4 * 1152),
        ("ptflops-modules", 0),
        ("torchinfo", 0),
        ("thop", 0),
        ("activations", 144),
        ("torchinfo-pass-size", 0),
    ],
)
def test_a_product_of_streams_is_seen_by_tools_that_look_below_modules(name: str, expected: int) -> None:
    # 12 x 8 by 8 x 12: 144 values of 8 products each. Measured as `a @ b`.
    product = layers("8, 12", "- matmul: {a: [], b: []}\n  transposed: true")
    assert figure(name, product) == expected


def test_ptflops_without_functions_counts_an_upsampled_value_once() -> None:
    assert figure("ptflops-modules", layers("8, 12, 12", "- upsample: 2")) == 4608


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # 3 connections, each of 9 weights at 100 positions, and 2 maps that have a bias.
        ("fvcore", 2700),
        ("ptflops", 2700 + 200),
        ("torchinfo", 2700 + 200),
        ("thop", 2700),
        ("netscope", 2700),
        ("deepspeed", 2 * 2700 + 200),
    ],
)
def test_a_convolution_by_a_table_is_counted_by_its_connections(name: str, expected: int) -> None:
    assert figure(name, layers("3, 12, 12", "- table_conv: {kernel: 3, table: [[0, 2], [1]]}")) == expected


def test_fvcore_sees_the_products_of_the_experts_that_are_picked() -> None:
    # At each of 5 positions 2 experts of three matrices 6 x 10, and a router of 6 x 4.
    assert figure("fvcore", layers("6, 5", "- experts: {count: 4, hidden: 10, top_k: 2}")) == 5 * (2 * 180 + 24)


def test_fvcore_counts_no_products_of_fused_attention() -> None:
    assert figure("fvcore", layers("8, 12", "- attention: {heads: 2, mode: fused}")) == 3072


def test_netscope_counts_an_addition_for_each_value_of_a_sum() -> None:
    counters = count(profile("netscope"), layers("8, 12, 12", "- add: {a: [], b: [identity]}")).counters
    assert counters["additions"] == 8 * 12 * 12


@pytest.mark.parametrize(
    ("step", "counter", "expected"),
    [
        ("avgpool: 2", "additions", 1152),
        ("avgpool: {kernel: 3, stride: 3}", "additions", 1152),
        ("global_avgpool", "additions", 1152),
        ("multiply: {a: [], b: [identity]}", "macc", 1152),
        ("affine", "macc", 1152),
        ("layer_scale", "macc", 1152),
    ],
)
def test_netscope_counts_each_value_of_a_window_and_each_product(step: str, counter: str, expected: int) -> None:
    # 8 x 12 x 12 = 1,152 values, which the windows divide among them.
    assert count(profile("netscope"), layers("8, 12, 12", f"- {step}")).counters[counter] == expected


def test_elements_and_bytes_that_tools_print_of_memory() -> None:
    attention = layers("8, 12", "- attention: 2")
    # The output and query, key and value, of 96 elements each.
    assert count(MEMORY_FIGURES["activations"], attention).counters == {"elements": 4 * 96}
    # Twice 4 bytes for each output of a layer that has parameters.
    owner, other = (layers("8, 12, 12", f"- batch_norm: {{affine: {affine}}}") for affine in ("true", "false"))
    assert count(MEMORY_FIGURES["torchinfo-pass-size"], owner).counters == {"bytes": 8 * 1152}
    assert count(MEMORY_FIGURES["torchinfo-pass-size"], other).counters == {"bytes": 0}


# --- the training step


def test_the_network_input_needs_no_gradient_and_what_is_learned_does() -> None:
    # 3x3 from 8 to 4 maps of 10x10, then 1x1 from 4 to 2 maps of 10x10.
    first, second = 4 * 8 * 9 * 100, 2 * 4 * 100
    cost = training_cost(
        layers("8, 12, 12", "- relu\n- conv: {out: 4, kernel: 3}\n- relu\n- conv: {out: 2, kernel: 1}"), Setup()
    )

    assert cost.forward == first + second
    assert cost.by_weights == first + second
    assert cost.by_input == second
    assert cost.macs == 3 * (first + second) - first
    assert cost.recomputed == cost.macs + cost.forward


def test_both_operands_of_attentions_products_get_a_gradient() -> None:
    # Measured with autograd: 3,072 forward and by weights, 768 by the last projection's input, 2 x 2,304 products.
    cost = training_cost(layers("8, 12", "- attention: 2"), Setup())
    assert (cost.forward, cost.by_weights, cost.by_input, cost.by_products) == (5376, 3072, 768, 4608)
    assert (cost.backward, cost.macs) == (3072 + 768 + 4608, 5376 + 3072 + 768 + 4608)


def test_the_backward_pass_of_a_layer_is_all_its_gradients() -> None:
    [row] = layers("8, 12", "- attention: 2").layers
    assert backward(row, wanted=False).macs == 3072 + 768 + 4608


@pytest.mark.parametrize(("name", "flops"), [("resnet50", 24_299_077_632), ("vgg16", 92_648_177_664)])
def test_training_cost_of_known_networks(name: str, flops: int) -> None:
    assert 2 * training_cost(archcalc.load(name).analyse(), Setup()).macs == flops


# --- the profiles as data


def test_every_layer_of_the_language_was_asked_about() -> None:
    assert set(registered()) == ASKED | PARTLY_ASKED
    assert not ASKED & PARTLY_ASKED


def test_rules_name_layers_and_facts_that_exist() -> None:
    for made in ALL.values():
        for rules in made.counters.values():
            assert {name.split(" ")[0] for name in rules} <= ASKED | PARTLY_ASKED | {"*"}, made.name
            assert {fact for facts in rules.values() for fact in facts} <= set(FACTS), made.name
        assert made.doubled <= ASKED


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("archcalc", ()),
        ("torch", ("on a CPU", "recurrent layers")),
        ("torch-training", ("the weight gradient of a grouped convolution", "on a CPU", "recurrent layers")),
        ("fvcore", ("the matrix products of fused attention", 'a convolution of torch.nn with `padding="same"`')),
        ("mmengine", ("the matrix products of fused attention",)),
        ("ptflops", ("ReLU, PReLU, ELU, GELU, pooling and upsampling are counted twice", "attention's last bias")),
        ("ptflops-modules", ("attention's last bias",)),
        ("ptflops-aten", ("the matrix products of fused attention", "the bias of a linear layer")),
        (
            "torchinfo",
            ("a transposed convolution's weights", "a linear layer's parameters", "torch.nn.MultiheadAttention"),
        ),
        ("thop", ("a transposed convolution's weights", "torch.nn.MultiheadAttention, GroupNorm")),
        ("deepspeed", ("a transposed convolution's bias", "additions and products")),
        ("netscope", ("convolutions are counted as if they had no groups",)),
        ("activations", ("the matrix products of fused attention",)),
        ("torchinfo-pass-size", ("what a layer without parameters keeps",)),
        ("torchsummary-pass-size", ("in-place layers",)),
    ],
)
def test_a_profile_tells_what_its_tool_gets_wrong(name: str, faults: tuple[str, ...]) -> None:
    told = ALL[name].faults
    assert len(told) == len(faults)
    assert all(fault.startswith(start) for fault, start in zip(told, faults, strict=True))


def test_every_fact_is_counted_by_somebody() -> None:
    counted = {fact for made in ALL.values() for rules in made.counters.values() for f in rules.values() for fact in f}
    assert counted == set(FACTS)


def test_a_layer_that_nobody_asked_about_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.counting.profiles.ASKED", ASKED - {"rbf"})
    analysis = layers("8", "- linear: 4\n- rbf: 3")
    with pytest.raises(UsageError, match="what fvcore counts for `rbf` is not known"):
        count(profile("fvcore"), analysis)
    assert count(profile("archcalc"), analysis).figure == 32


def test_layers_add_up_to_the_figure() -> None:
    analysis = archcalc.load("googlenet").analyse()
    for made in ALL.values():
        assert sum(count_layers(made, analysis)) == count(made, analysis).figure


def test_a_misspelt_profile_is_corrected() -> None:
    with pytest.raises(UsageError, match="did you mean `fvcore`"):
        profile("fvcor")


def test_torchsummarys_pass_size_is_in_binary_units() -> None:
    # torchsummary prints 218.78 for torchvision's VGG-16, and says MB; 218.59 before that had its adaptive pooling.
    assert round(figure("torchsummary-pass-size", archcalc.load("vgg16").analyse()) / 2**20, 2) == 218.78
    assert (figure("torchsummary-pass-size", archcalc.load("vgg16").analyse()) - 8 * 512 * 7 * 7) == 229_207_872
