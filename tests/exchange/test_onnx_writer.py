"""`archcalc export --to onnx`: what onnx's checker and shape inference say of it, and what the reader makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inline import analysed

from archcalc import api, catalogue
from archcalc.analysis.totals import Analysis
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.exchange.writers import onnx as writer
from archcalc.quantities.registry import Part, quantities

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
evaluator = pytest.importorskip("onnx.reference")

FIGURES = ("params", "buffers", "macs", "flops")


def written(analysis: Analysis, folder: Path) -> Path:
    """The file of a network, which onnx's checker has accepted."""
    path = folder / "network.onnx"
    path.write_bytes(b"".join(writer.write(analysis)))
    onnx.checker.check_model(str(path), full_check=True)
    return path


def shapes(path: Path) -> dict[str, list[Any]]:
    """The shapes of a file's outputs without the batch, as onnx infers them where the file does not say them."""
    model = onnx.load(str(path))
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    return {
        output.name: [dim.dim_value for dim in output.type.tensor_type.shape.dim][1:]
        for output in inferred.graph.output
    }


def figures(analysis: Analysis) -> dict[str, Any]:
    """What must be the same behind the circle."""
    return {name: quantities()[name].measure(Part(analysis)) for name in FIGURES}


def refusals(analysis: Analysis) -> set[str]:
    """The rules for which a network is not written."""
    try:
        list(writer.write(analysis))
    except SpecError as refused:
        return {found.rule for found in refused.diagnostics}
    return set()


#: Specs that must be written. Others may have layers without operators: they are refused, never written in part.
WRITTEN = {
    *(
        "bert_base",
        "convnext",
        "dcgan",
        "densenet121",
        "efficientnet",
        "fractalnet20",
        "googlenet",
        "gpt2",
        "mixer_b16",
    ),
    *("r3d_18", "resnet50", "shufflenet_v2", "unet", "vgg16", "vit_b16", "yolov3"),
    *("clip", "llama3_8b", "lstm_classifier", "maxvit_t", "mistral_7b", "swin_t", "t5"),
}


@pytest.mark.parametrize("name", catalogue.names())
def test_onnx_infers_the_shapes_that_a_spec_has_and_the_reader_its_figures(name: str, tmp_path: Path) -> None:
    analysis = api.load(name).analyse()

    if refusals(analysis):
        assert refusals(analysis) == {"cannot-write"}
        assert name not in WRITTEN
        return
    path = written(analysis, tmp_path)
    volumes = {end: analysis.interpretation.volume(node) for end, node in analysis.network.outputs.items()}
    found = shapes(path)
    assert list(found) == list(volumes)
    for end, volume in volumes.items():
        assert found[end] in ([*volume.shape], [*volume.space, volume.channels])
    assert figures(api.load(path).analyse()) == figures(analysis)


@pytest.mark.parametrize(
    ("volume", "step", "kinds"),
    [
        ("4, 9, 9", "conv: {out: 8, kernel: 4, stride: 2, padding: same, groups: 2}", "Conv"),
        ("4, 9", "conv: {out: 8, kernel: 3, dilation: 2, bias: false}", "Conv"),
        ("4, 5, 5", "conv_transpose: {out: 6, kernel: 3, stride: 2, padding: 1, output_padding: 1}", "ConvTranspose"),
        ("4, 6", "linear: {out: 8, each_position: true}", "Transpose MatMul Add"),
        ("4, 6, 6", "instance_norm: true", "InstanceNormalization"),
        ("4, 6", "layer_norm", "Transpose LayerNormalization"),
        ("4, 6", "layer_norm: {over: volume}", "LayerNormalization"),
        ("4, 6", "rms_norm", "Transpose RMSNormalization"),
        ("8, 6", "attention: {heads: 2, causal: true}", "Transpose" + 3 * " MatMul Add" + " Attention MatMul Add"),
        ("8, 6", "attention: {heads: 2, bias: false}", "Transpose" + 3 * " MatMul" + " Attention MatMul"),
        ("4, 6, 6", "prelu: true", "PRelu"),
        ("4, 6, 6", "relu6", "Clip"),
        ("4, 6, 6", "silu", "Sigmoid Mul"),
        ("4", "gelu: {approximate: tanh}", "Gelu"),
        ("4", "softmax", "Softmax"),
        ("4, 7, 7", "maxpool: {kernel: 3, stride: 2, ceil_mode: true}", "MaxPool"),
        ("4, 7, 7", "avgpool: {kernel: 3, stride: 2, padding: 1, count_include_pad: false}", "AveragePool"),
        ("4, 6, 6", "pad: {size: [[1, 2], [0, 1]], mode: reflect}", "Pad"),
        ("4, 6, 6", "channel_shuffle: 2", "Reshape Transpose Reshape"),
        ("4, 6, 6", "pixel_shuffle: 2", "DepthToSpace"),
        ("4, 6, 6", "upsample: {scale: 2, mode: linear}", "Resize"),
        ("4, 6, 6", "layer_scale", "Mul"),
        ("4, 6, 6", "scale: 0.5", "Mul"),
    ],
)
def test_a_layer_is_its_operators_and_comes_back(volume: str, step: str, kinds: str, tmp_path: Path) -> None:
    analysis = analysed(f"input: [{volume}]\nlayers:\n  - {step}\n")

    path = written(analysis, tmp_path)

    assert [node.op_type for node in onnx.load(str(path)).graph.node if node.op_type != "Constant"] == kinds.split()
    (end,) = shapes(path).values()
    out = analysis.layers[-1].output
    assert end in ([*out.shape], [*out.space, out.channels])
    assert figures(api.load(path).analyse()) == figures(analysis)


_HEADS = "[{linear: {out: 8, each_position: true}}, {split_heads: 2}]"
_SCORES = f"{{matmul: {{q: {_HEADS}, k: {_HEADS}}}, transposed: true}}, relative_position_bias: 9, mask, softmax"


@pytest.mark.parametrize(
    ("volume", "steps"),
    [
        ("8, 5", "lstm: 6"),
        ("8, 5", "lstm: {out: 6, layers: 2, bidirectional: true}"),
        ("8, 5", "gru: {out: 4, bidirectional: true, bias: false}"),
        ("8, 5", "rnn: {out: 4, layers: 2}"),
        ("8, 5", "attention: {heads: 2, rotary: true, mode: fused, causal: true}"),
        ("8, 5", "attention: {heads: 2, kv_heads: 1, rotary: true, norm: rms, sliding_window: 3, mode: fused}"),
        ("8, 5", "attention: {heads: 2, norm: layer, mask: true, width: 6, mode: fused}"),
        ("8, 5", "attention: {heads: 2, relative: 9, mode: separate}"),
        ("8, 6, 4", "[window_partition: [3, 2], attention: {heads: 2, windows: true, relative: 15}]"),
        (
            "8, 6, 4",
            "[window_partition: 2, attention: {heads: 2, windows: true, mask: true, relative: 9}, "
            "window_reverse: [6, 4], {roll: {over: positions, by: 2}}]",
        ),
        ("8, 5", f"[matmul: {{w: [{_SCORES}], v: {_HEADS}}}, merge_heads]"),
        ("8, 5", "[split_heads: 2, rotary, merge_heads, rotary]"),
        ("8, 5", "[split_heads: 4, repeat_heads: 2, merge_heads, zero]"),
        ("8, 5", "[square, {clamp: {least: 0}}, {clamp: {most: 1}}, {clamp: {least: 0, most: 1}}]"),
        (
            "8, 5",
            "[{linear: {out: 8, each_position: true}, as: x}, {split_heads: 2, as: q}, "
            "{dot_product_attention: {causal: true}, from: [q, q, q]}]",
        ),
        ("8, 5", "[add: {x: [], y: [{learned: [8, 5]}], z: [{constant: {shape: [8, 5], buffer: false}}]}]"),
    ],
)
def test_what_has_no_operator_of_its_own_comes_back(volume: str, steps: str, tmp_path: Path) -> None:
    analysis = analysed(f"input: [{volume}]\nlayers: {steps if steps[0] == '[' else f'[{{{steps}}}]'}\n")

    path = written(analysis, tmp_path)

    (end,) = shapes(path).values()
    out = analysis.layers[-1].output
    assert end in ([*out.shape], [*out.space, out.channels])
    assert figures(api.load(path).analyse()) == figures(analysis)


def test_a_relative_position_is_that_of_the_spec(tmp_path: Path) -> None:
    """In a window of 2 x 2 positions the first sees itself in the middle of 3 x 3, row 4, and the last in a corner."""
    path = written(analysed("input: [4, 3, 4]\nlayers: [relative_position_bias: 9]\n"), tmp_path)
    model = onnx.shape_inference.infer_shapes(onnx.load(str(path)))
    (gather,) = (node for node in model.graph.node if node.op_type == "Gather")
    index_alone = onnx.utils.Extractor(model).extract_model([], [gather.input[1]])

    (index,) = evaluator.ReferenceEvaluator(index_alone).run(None, {})

    assert index.tolist() == [[4, 3, 1, 0], [5, 4, 2, 1], [7, 6, 4, 3], [8, 7, 5, 4]]


def test_layers_keep_their_names(tmp_path: Path) -> None:
    analysis = api.load("resnet18").analyse()

    read = api.load(written(analysis, tmp_path)).analyse()

    weighted = [[row.name for row in each.layers if row.layer in ("conv", "linear")] for each in (analysis, read)]
    assert weighted[0] == weighted[1]


def test_shared_weights_are_one_tensor(tmp_path: Path) -> None:
    """4 * 4 weights and 4 biases, twice used."""
    step = "  - linear: 4\n    weights: tied\n"

    path = written(analysed(f"input: [4]\nlayers:\n{step}  - relu\n{step}"), tmp_path)

    assert figures(api.load(path).analyse())["params"] == 20


def test_several_inputs(tmp_path: Path) -> None:
    """An image of 12 values and a table of 10 rows of 12: 120 parameters."""
    text = """
inputs: {image: [3, 2, 2], word: [1]}
layers:
  - add:
      seen:
        - flatten
      said:
        - embedding: {count: 10, out: 12}
          from: word
        - flatten
"""
    path = written(analysed(text), tmp_path)

    inputs = {each.name: each.type.tensor_type.elem_type for each in onnx.load(str(path)).graph.input}
    assert inputs == {"image": onnx.TensorProto.FLOAT, "word": onnx.TensorProto.INT64}
    assert shapes(path) == {"output": [12]}
    assert figures(api.load(path).analyse())["params"] == 120


def test_an_output_that_is_read_again_and_one_that_is_the_input(tmp_path: Path) -> None:
    path = written(analysed("input: [4]\nlayers:\n  - head:\n      side:\n        - identity\n  - relu\n"), tmp_path)

    assert shapes(path) == {"output": [4], "side": [4]}
