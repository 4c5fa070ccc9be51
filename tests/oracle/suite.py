"""archcalc beside PyTorch: random networks, the catalogue's small ones, optimizers' states.

Run by name, since it needs tests/oracle/requirements.txt: `python -m pytest tests/oracle/suite.py`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from oracle import keras_code
from oracle.catalogue import small_networks, up_to
from oracle.counters import TOOLS, askable, counted, known
from oracle.exported import of_code, of_export, of_spec, with_other_arguments
from oracle.figures import Question, compare, predict
from oracle.generate import network, random_case
from oracle.judge import judged
from oracle.known import class_of
from oracle.measure import measure, optimizer_state_bytes
from oracle.shrink import shrunk
from oracle.translate import TRANSLATIONS, WITHOUT
from published.models import compared
from reference import READ_BACK, read_back

import archcalc
from archcalc.analysis.interpret import interpret
from archcalc.analysis.totals import Analysis
from archcalc.diagnostics.diagnostic import Source
from archcalc.exchange import folded
from archcalc.exchange.writers.pytorch.names import OF_A_MODULE
from archcalc.language.expand import expand
from archcalc.language.read import read_document
from archcalc.layers.registry import layers
from archcalc.memory import budget
from archcalc.memory.setup import Setup

torch.set_num_threads(1)

#: What a description alone decides, whatever lies where in memory.
STATED = ("shapes", "params", "buffers", "macs")


def test_every_layer_has_a_translation_or_a_reason_for_none() -> None:
    assert set(TRANSLATIONS) | set(WITHOUT) == set(layers())
    assert not set(TRANSLATIONS) & set(WITHOUT)


@pytest.mark.parametrize("first", range(1, 151, 25))
def test_random_networks_agree_but_for_known_classes(first: int) -> None:
    judged_networks = 0
    for number in range(first, first + 25):
        case = random_case(number)
        made = network(case.spec)
        found = judged(made, case.question)
        stated = [one for one in found.disagreements if one.figure in STATED]
        assert not found.untranslated
        assert not stated, f"python tests/oracle --seed {number} --networks 1 --shrink: {stated}"
        unexplained = not found.agrees and class_of(made, case.question, found) is None
        assert not unexplained, f"python tests/oracle --seed {number} --networks 1 --shrink: {found}"
        judged_networks += not found.refused
    assert judged_networks > 15  # PyTorch refuses a few


def test_profiles_count_what_their_tools_count() -> None:
    """Of the networks that torch.nn has all layers of; every tool that may differ here has agreed as well."""
    agree: Counter[str] = Counter()
    for number in range(1, 61):
        analysis = Analysis(network(random_case(number).spec))
        for each in counted(analysis) if askable(analysis) else ():
            assert each.agrees or known(analysis, each.profile), f"{number}: {each}"
            agree[each.profile] += each.agrees
    assert set(agree) == set(TOOLS)
    assert min(agree.values()) > 20


def _of_steps(steps: str) -> Analysis:
    """A sequence, or a map where its windows are taken, behind these steps."""
    volume = "[8, 6, 4]" if "window_" in steps else "[8, 5]"
    spec = f"input: {volume}\nlayers: {steps}\n"
    return Analysis(interpret(expand(read_document(Source("spec.yaml", spec), Path("spec.yaml")))))


_LINEAR = "{linear: {out: 8, each_position: true}}"
_HEADS = f"[{_LINEAR}, {{split_heads: 2}}]"
_TURNED = f"[{_LINEAR}, {{split_heads: 2}}, rotary]"
ATTENTION = (
    "{heads: 2, kv_heads: 1, causal: true, rotary: true, bias: false}",
    "{heads: 4, kv_heads: 2, causal: true, rotary: true, mode: separate}",
    "{heads: 4, kv_heads: 2, norm: layer, rotary: true}",
    "{heads: 2, relative: 9, mask: true}",
    "{heads: 2, sliding_window: 2, causal: true}",
    "{heads: 2, norm: layer, mode: separate}",
    "{heads: 4, kv_heads: 2, causal: true, rotary: true, sliding_window: 2, softcap: 50}",
    "{heads: 2, dropout: 0.2, width: 6, out_bias: false}",
    "{heads: 4, kv_heads: 2, norm: rms, rotary: true, causal: true}",
    "{heads: 2, kv_heads: 1, norm: rms, mode: separate, dropout: 0.1}",
    "{heads: 1, norm: layer, mask: true}",
)


@pytest.mark.parametrize(
    "steps",
    [
        *(f"[{_LINEAR}, attention: {given}, reduce_mean: length, linear: 3]" for given in ATTENTION),
        f"[{{matmul: {{w: [{{matmul: {{q: {_HEADS}, k: {_HEADS}}}, transposed: true}}, {{scale: 0.5}}, "
        f"{{relative_position_bias: 9}}, mask, softmax], v: {_HEADS}}}}}, merge_heads, reduce_mean: length, linear: 3]",
        f"[{{matmul: {{w: [{{matmul: {{q: {_TURNED}, k: {_TURNED}}}, transposed: true}}, softmax], v: {_HEADS}}}}}, "
        "merge_heads, reduce_mean: length, linear: 3]",
        *(
            f"[{_LINEAR}, {{split_heads: 2}}, {turned}{{identity: , as: query}}, "
            f"{{dot_product_attention: , from: [query, query, query]}}, merge_heads, {after}{_LINEAR}, "
            "reduce_mean: length, linear: 3]"
            for turned in ("", "rotary, ")
            for after in ("", "relu, ")
        ),
        f"[{_LINEAR}, split_heads: 4, {{slice: {{axis: 1, count: 2}}}}, merge_heads, {_LINEAR}, reduce_mean: length, "
        "linear: 3]",
        f"[{_LINEAR}, split_heads: 4, repeat_heads: 2, gelu, merge_heads, reduce_mean: length, linear: 3]",
        *(
            "[{linear: {out: 6, each_position: true}}, "
            f"{{{join}: {{values: [], fixed: [{{constant: {given}}}]}}}}, "
            "{add: {there: [gelu], none: [zero]}}, reduce_mean: length, linear: 3]"
            for join in ("add", "multiply")
            for given in ("[6, 5]", "{shape: [6, 5], buffer: false}", "{shape: [1, 5], buffer: false}")
        ),
        *(
            f"[{{linear: {{out: 6, each_position: true}}}}, {step}, gelu, reduce_mean: volume, linear: 3]"
            for step in (
                "{take: length}",
                "{take: {axis: channels, index: 2}}",
                "{offset: 2}",
                "{layer_norm: {bias: false}}",
                "{power: 3}",
                "{reshape: [6, 1, 5]}, {expand: {axis: 1, size: 4}}",
                "{reshape: [6, 1, 5]}, {expand: {axis: 1, size: 4}}, {reshape: {shape: [6, 20], channels: last}}",
                "{reshape: [2, 3, 5]}, {transpose: [1, 2, 0]}, {reshape: {shape: [15, 2], channels: last}}",
            )
        ),
        *(
            f"[{_LINEAR}, {{split_heads: 2}}, {{identity: , as: query}}, {{take: 1}}, {{reshape: [4, 1, 5], as: key}}, "
            f"{{dot_product_attention: {given}, from: [query, key, key]}}, reduce_mean: positions, linear: 3]"
            for given in ("{}", "{causal: true}", "{mask: true}")
        ),
        *(
            "[{linear: {out: 6, each_position: true}}, "
            f"{{{join}: {{values: [], once: [{steps}]}}}}, gelu, reduce_mean: length, linear: 3]"
            for join in ("add", "multiply")
            for steps in (
                "learned: [6, 5]",
                "learned: [1, 5], gelu",
                "learned: [600, 5], gelu, {slice: {axis: channels, count: 6}}",
            )
        ),
        "[conv: {out: 8, kernel: 1}, window_partition: [3, 2], "
        "attention: {heads: 2, windows: true, relative: 15}, window_reverse: [6, 4], flatten, linear: 3]",
    ],
)
def test_what_transformers_are_built_of_agrees_in_every_figure(steps: str) -> None:
    volume = "[8, 6, 4]" if "window_" in steps else "[8, 5]"
    spec = f"input: {volume}\nlayers: {steps}\n"
    made = interpret(expand(read_document(Source("spec.yaml", spec), Path("spec.yaml"))))
    assert judged(made, Question(batch=2)).agrees


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("dtype", ["bfloat16", "amp"])
@pytest.mark.parametrize("options", ATTENTION)
def test_attention_agrees_with_one_sample_and_in_16_bits(options: str, dtype: str, batch: int) -> None:
    spec = f"input: [8, 5]\nlayers: [gelu, attention: {options}, layer_norm, reduce_mean: length, linear: 3]\n"
    made = interpret(expand(read_document(Source("spec.yaml", spec), Path("spec.yaml"))))
    assert judged(made, Question(batch=batch, dtype=dtype)).agrees


@pytest.mark.parametrize("name", small_networks())
def test_a_network_of_the_catalogue_agrees_in_every_figure(name: str) -> None:
    found = judged(interpret(archcalc.load(name).expand()), Question(batch=2))
    assert not found.signature, found


# Whole, by `--exported` and `--circle`: a thousand layers take a minute, and most networks have no more than these.
@pytest.mark.parametrize("name", up_to(layers=900))
def test_exported_code_is_the_network_of_the_spec(name: str) -> None:
    analysis = archcalc.load(name).analyse()
    assert of_code(analysis) == of_spec(analysis)


@pytest.mark.parametrize("name", ["resnet50", "vit_b16", "llama3_8b:layers=2", "swin_t", "yolov3", "unet"])
def test_arguments_of_exported_code_are_parameters_of_the_spec(name: str) -> None:
    tried = with_other_arguments(archcalc.load(name).analyse())
    assert {argument for argument, *_ in tried} >= {"classes" if name[0] != "l" else "vocabulary", "width"}
    assert [one for one in tried if one[2] != one[3]] == []


#: Networks whose code is not read back: a table of maps, experts with weights of their own, a mask that is added.
NOT_READ = {"lenet5_1998", "mixtral_8x7b", "t5"}


@pytest.mark.parametrize("name", sorted({*up_to(layers=300)} - NOT_READ))
def test_exported_code_comes_back_as_the_spec(name: str) -> None:
    """Spec, code, archive, spec."""
    analysis = archcalc.load(name).analyse()
    assert of_export(analysis) == of_spec(analysis)


@pytest.mark.parametrize("name", ["vgg11", "resnet20", "mobilenet_v3_small", "vit_b16", "clip", "gpt2", "unet"])
def test_exported_code_is_folded_into_the_spec(name: str) -> None:
    analysis = archcalc.load(name).analyse()
    assert of_export(analysis, fold=True) == of_spec(analysis)


@pytest.mark.parametrize(
    "steps",
    [
        *(f"[attention: {given}]" for given in ATTENTION),
        f"[{{matmul: {{w: [{{matmul: {{q: {_HEADS}, k: {_HEADS}}}, transposed: true}}, {{scale: 0.5}}, "
        f"{{relative_position_bias: 9}}, mask, softmax], v: {_HEADS}}}}}, merge_heads]",
        f"[{{matmul: {{w: [{{matmul: {{q: {_TURNED}, k: {_TURNED}}}, transposed: true}}, softmax], v: {_HEADS}}}}}, "
        "merge_heads]",
        "[split_heads: 4, repeat_heads: 2, gelu, merge_heads]",
        "[conv: {out: 8, kernel: 1}, window_partition: [3, 2], "
        "attention: {heads: 2, windows: true, relative: 15}, window_reverse: [6, 4]]",
        "[reduce_mean: {over: length, keep: true}, reduce_sum: channels, normalize]",
        "[square, {reduce_max: length}, exp, sqrt, {clamp: {least: 0, most: 1}}, log]",
        "[{slice: {axis: length, start: 1, step: 2}}, {roll: {over: positions, by: 1}}]",
        "[{slice: {axis: length, start: 1, count: 2}}, {select: {start: 2, count: 4}}]",
        "[{rnn: {out: 6, layers: 2}}]",
        "[{gru: {out: 4, bidirectional: true}}]",
        "[{reshape: [4, 2, 5]}, {upsample: {to: [4, 5], mode: linear}}, {pad: 1}, {crop: {to: 3}}, channel_shuffle: 2]",
        "[{conv: {out: 4, kernel: 2, padding: same}}, {conv: {out: 4, kernel: 3, stride: 2, padding: [[1, 0]]}}]",
        "[{standardized_conv: {out: 4, kernel: 3, padding: 1, groups: 2, bias: false}}, "
        "{standardized_conv: {out: 4, kernel: 2, stride: 2, gain: true}}, {group_norm: {groups: 2, bias: false}}]",
        "[{reshape: [4, 2, 5]}, {upsample: {scale: 2, mode: cubic}}]",
        "[{reshape: [4, 2, 5]}, {unfold: {kernel: 2, padding: 1}}, gelu, "
        "{fold: {size: [2, 5], kernel: 2, padding: 1}}]",
        "[{concat: {x: [], y: [{learned: [8, 3]}]}, axis: length}]",
        f"[{_LINEAR}, {{multiply: {{values: [], once: [{{learned: [8, 5]}}, gelu]}}}}, gelu]",
        f"[{_LINEAR}, {{add: {{values: [], once: [{{constant: {{shape: [2, 20], buffer: false}}}}, gelu, "
        "{reshape: [8, 5]}]}}, gelu]",
        f"[{_LINEAR}, split_heads: 2, {{identity: , as: x}}, {{learned: [4, 2, 5], as: queries}}, "
        "{dot_product_attention: , from: [queries, x, x]}, merge_heads]",
        "[{linear: {out: 8, each_position: true}, trainable: false}, affine, {affine: {bias: false}}, layer_scale]",
    ],
)
def test_exported_code_says_every_layer(steps: str) -> None:
    """What no small network of the catalogue has."""
    analysis = _of_steps(steps)
    assert of_code(analysis) == of_spec(analysis)


#: Kinds of layers: padding and stages, widths and choices, attention with fewer heads and experts, windows, tied
#: weights, transposed convolutions, tables.
IN_KERAS = (
    "dcgan",
    "densenet40_k12",
    "gpt2:layers=2",
    "lenet5_1998",
    "llama3_8b:layers=2",
    "maxvit_t",
    "mixtral_8x7b:layers=1",
    "mobilenet_v3_small",
    "resnet50",
    "shufflenet_v2",
    "swin_t:depths=[1, 1, 2, 1]",
    "t5:layers=1",
    "unet",
    "yolov3",
)


@pytest.mark.parametrize("name", IN_KERAS)
def test_code_for_keras_has_the_parameters_of_the_spec(name: str) -> None:
    analysis = archcalc.load(name).analyse()
    assert keras_code.of_code(analysis) == keras_code.of_spec(analysis)


@pytest.mark.parametrize(
    "name", ["lenet5", "resnet50", "vgg11", "densenet40_k12", "googlenet_bn", "mobilenet_v3_small", "convnext"]
)
def test_code_for_keras_comes_back_as_the_spec(name: str) -> None:
    """Spec, code, Keras's JSON, spec."""
    params, macs, *read = keras_code.of_json(archcalc.load(name).analyse())
    assert read == [params, macs]


@pytest.mark.parametrize("name", ["resnet50", "unet", "densenet40_k12"])
def test_arguments_of_code_for_keras_are_parameters_of_the_spec(name: str) -> None:
    tried = keras_code.with_other_arguments(archcalc.load(name).analyse())
    assert "classes" in {argument for argument, *_ in tried}
    assert [one for one in tried if one[2] != one[3]] == []


@pytest.mark.parametrize(
    "steps",
    [
        *(f"[attention: {given}]" for given in ATTENTION),
        f"[{{matmul: {{w: [{{matmul: {{q: {_HEADS}, k: {_HEADS}}}, transposed: true}}, {{scale: 0.5}}, "
        f"{{relative_position_bias: 9}}, mask, softmax], v: {_HEADS}}}}}, merge_heads]",
        "[split_heads: 4, repeat_heads: 2, gelu, merge_heads]",
        "[conv: {out: 8, kernel: 1}, window_partition: [3, 2], "
        "attention: {heads: 2, windows: true, relative: 15}, window_reverse: [6, 4]]",
        "[reduce_mean: {over: length, keep: true}, reduce_sum: channels, normalize]",
        "[square, {reduce_max: length}, exp, sqrt, {clamp: {least: 0, most: 1}}, log]",
        "[{slice: {axis: length, start: 1, step: 2}}, {roll: {over: positions, by: 1}}]",
        "[{slice: {axis: length, start: 1, count: 2}}, {select: {start: 2, count: 4}}]",
        "[{lstm: {out: 6, layers: 2, bias: false}}, {rnn: {out: 3, bias: false}}]",
        "[{gru: {out: 4, bidirectional: true}}]",
        "[{reshape: [4, 2, 5]}, {upsample: {scale: 2, mode: linear}}, {pad: 1}, {crop: {to: 3}}, channel_shuffle: 2]",
        "[{reshape: [2, 4, 5]}, {pad: {size: 1, mode: reflect}}, flatten]",
        "[{conv: {out: 4, kernel: 2, padding: same}}, {conv: {out: 4, kernel: 3, stride: 2, padding: [[1, 0]]}}]",
        "[{concat: {x: [], y: [{learned: [8, 3]}]}, axis: length}, {transpose: [1, 0]}]",
        "[{linear: {out: 8, each_position: true}, trainable: false}, affine, {affine: {bias: false}}, layer_scale]",
        "[prelu, {layer_norm: {over: volume}}, {instance_norm: {affine: true}}, {group_norm: {groups: 2}}, rms_norm]",
    ],
)
def test_code_for_keras_says_every_layer(steps: str) -> None:
    analysis = _of_steps(steps)
    assert keras_code.of_code(analysis) == keras_code.of_spec(analysis)


def test_exported_code_spares_the_names_that_a_module_has() -> None:
    public = {name for name in dir(torch.nn.Module()) if not name.startswith("_")}
    assert public <= OF_A_MODULE


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw", "adagrad", "rmsprop"])
def test_an_optimizer_keeps_what_ours_says(optimizer: str) -> None:
    for number in range(1, 31):
        case = random_case(number)
        made = network(case.spec)
        names = tuple(made.network.nodes[index].name for index in case.question.frozen)
        setup = Setup(optimizer=optimizer, frozen=names)
        ours = budget.persistent(made, setup).optimizer
        assert ours == optimizer_state_bytes(made, case.question.frozen, optimizer), number


def test_a_wrong_figure_is_found() -> None:
    made = network(random_case(1).spec)
    theirs = measure(made, Question())
    wrong = predict(made, Question())._replace(macs=theirs.macs + 1)
    assert ("macs", theirs.macs + 1, theirs.macs) in compare(wrong, theirs)


def test_the_shrinker_leaves_what_is_needed() -> None:
    """Of a network with a convolution somewhere, one with a convolution and nothing else is left."""

    def holds_a_convolution(case: object) -> bool:
        return "conv:" in case.spec.text() and "depthwise" not in case.spec.text()  # type: ignore[attr-defined]

    number = next(n for n in range(1, 100) if holds_a_convolution(random_case(n)))
    small = shrunk(random_case(number), holds_a_convolution)
    assert len(small.spec.steps) == 1


#: Models of different families, none of which takes long to export.
SAMPLES = {
    "torchvision": "alexnet densenet201 efficientnet_b3 mnasnet0_75 regnet_y_400mf resnet34 swin_v2_t vit_b_32",
    "pytorchcv": "resnet50b preresnet18 seresnetbc26b scneta50 dicenet_w3d4 mobilenetv2_wd4 seresnet20_cifar10 "
    "densenet40_k24_bc_cifar100 deeplabv3_resnetd50b_voc sparsenet169",
    "timm": "mobilenetv4_conv_medium-224 regnety_032-224 resnet50d-160 hgnetv2_b1-288 tf_mixnet_l-224 "
    "inception_next_small-224 res2net50_26w_8s-224",
}


@pytest.mark.parametrize("table", SAMPLES)
def test_exported_models_have_the_figures_that_their_authors_publish(table: str, tmp_path: Path) -> None:
    models = SAMPLES[table].split()
    found = compared(table, models, tmp_path)

    assert found.met >= len(models)
    assert not found.failed, f"python tests/published --models {table} {SAMPLES[table]}"


@pytest.mark.parametrize("archive", READ_BACK)
def test_the_guide_shows_what_is_read_of_torchvisions_archives(archive: str, tmp_path: Path) -> None:
    torchvision = pytest.importorskip("torchvision")
    options = {"aux_logits": False, "init_weights": False} if archive == "googlenet" else {}
    with torch.device("meta"):
        model = getattr(torchvision.models, archive)(**options).eval()
        program = torch.export.export(model, (torch.empty(1, 3, 224, 224),))
    path = tmp_path / f"{archive}.pt2"
    torch.export.save(program, path)
    assert "".join(folded(path, path.name)) == read_back(archive).read_text(encoding="utf-8")
