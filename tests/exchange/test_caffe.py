"""Caffe's networks in the text format of protocol buffers: layers that read and write blobs by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inline import summary, totals

from archcalc import api
from archcalc.analysis.totals import Analysis
from archcalc.cli import group
from archcalc.diagnostics.diagnostic import Diagnostic, SpecError

CLASSIFIER = Path(__file__).parent.parent / "data" / "exchange" / "classifier.prototxt"
IMAGE = 'input: "data" input_shape { dim: 1 dim: 3 dim: 16 dim: 16 }\n'


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "network.prototxt"
    path.write_text(text, encoding="utf-8")
    return path


def _layer(kind: str, parameters: str = "", bottom: str = "data", top: str = "out", more: str = "") -> str:
    return f'layer {{ name: "{top}" type: "{kind}" bottom: "{bottom}" top: "{top}" {parameters} {more} }}\n'


def _analysed(tmp_path: Path, text: str) -> Analysis:
    return api.load(_written(tmp_path, IMAGE + text)).analyse()


def _output(analysis: Analysis) -> tuple[Any, ...]:
    return tuple(analysis.interpretation.volume(analysis.network.outputs["output"]).shape)


def _layers(analysis: Analysis) -> list[str]:
    return [node.layer.name for node in analysis.network.nodes]


def _found(path: Path) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as caught:
        api.load(path).analyse()
    return caught.value.diagnostics


def test_a_classifier_has_the_figures_that_caffe_counts() -> None:
    analysis = api.load(CLASSIFIER).analyse()

    # A convolution without bias, the scales and biases behind its normalisation, a tower of 1x1, one of 3x1 in two
    # groups, a classifier of 8x8x8 values; and the side's convolution of 8x8.
    params = 3 * 25 * 8 + 2 * 8 + (8 + 1) * 4 + (4 * 3 + 1) * 4 + (512 + 1) * 10 + (512 + 1) * 2
    assert totals(analysis).params == params
    # 30 positions become 15, and 15 in windows of 2 become 8: rounded up.
    assert totals(analysis).macs == 15 * 15 * 3 * 25 * 8 + 8 * 8 * (8 * 4 + 4 * 3 * 4) + 512 * 10 + 512 * 2
    assert _output(analysis) == (10,)


def test_a_normalisation_takes_in_the_scale_behind_it_and_what_is_not_in_the_phase_test_is_left_out() -> None:
    analysis = api.load(CLASSIFIER).analyse()

    assert _layers(analysis)[:4] == ["conv", "batch_norm", "relu", "maxpool"]
    assert not {"affine", "loss"} & set(_layers(analysis))
    assert list(analysis.network.outputs) == ["output", "side_output"]
    shown = CliRunner().invoke(group, ["show", str(CLASSIFIER)]).output
    assert "# ArgMax picks the largest value, which is not counted" in shown


def test_what_stands_before_a_slash_names_a_block(tmp_path: Path) -> None:
    mixed = "".join(
        _layer("Convolution", "convolution_param { num_output: 3 kernel_size: 1 }", before, f"mixed_{number}/conv")
        + _layer("BatchNorm", "", f"mixed_{number}/conv", f"mixed_{number}/norm")
        + _layer("TanH", "", f"mixed_{number}/norm", f"mixed_{number}/tanh")
        for number, before in enumerate(("data", "mixed_0/tanh", "mixed_1/tanh"))
    )

    result = CliRunner().invoke(group, ["import", str(_written(tmp_path, IMAGE + mixed))])

    assert "  - mixed:\n    repeat: 3\n" in result.output


def test_what_is_imported_is_the_same_network(tmp_path: Path) -> None:
    spec = tmp_path / "classifier.yaml"
    assert CliRunner().invoke(group, ["import", str(CLASSIFIER), "-o", str(spec)]).exit_code == 0

    assert summary(api.load(spec).analyse()) == summary(api.load(CLASSIFIER).analyse())


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ("kernel_size: 3 stride: 2", 8),  # ceil(13 / 2) + 1
        ("kernel_size: 3 stride: 2 round_mode: FLOOR", 7),
        ("kernel_size: 3 stride: 2 pad: 1", 9),  # ceil(15 / 2) + 1
        ("kernel_size: 2 stride: 3 pad: 1", 6),  # ceil(16 / 3) + 1 = 7, whose last window begins behind the end
        ("kernel_size: 3 stride: 1 pad: 1", 16),
        ("kernel_h: 2 kernel_w: 2 stride_h: 2 stride_w: 2 pool: AVE", 8),
        ("pool: AVE global_pooling: true", 1),
    ],
)
def test_pooling_rounds_up(tmp_path: Path, parameters: str, size: int) -> None:
    analysis = _analysed(tmp_path, _layer("Pooling", f"pooling_param {{ {parameters} }}"))

    assert _output(analysis) == (3, size, size)


def test_boxes_of_a_detector_are_decoded_behind_the_network(tmp_path: Path) -> None:
    detector = (
        _layer("Convolution", "convolution_param { num_output: 8 kernel_size: 1 }", top="loc")
        + _layer("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }", "loc", "perm")
        + _layer("Flatten", "flatten_param { axis: 1 }", "perm", "flat")
        + _layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 2 } }", "flat", "conf")
        + _layer("Softmax", "softmax_param { axis: 2 }", "conf", "soft")
        + _layer("PriorBox", "", "loc", "boxes", 'bottom: "data"')
        + _layer("Concat", "concat_param { axis: 2 }", "boxes", "priors")
        + _layer("DetectionOutput", "", "flat", "found", 'bottom: "soft" bottom: "priors"')
    )

    analysis = _analysed(tmp_path, detector)

    # 16 * 16 * 8 values as 1,024 pairs; boxes follow from shapes alone, and are no layer.
    assert _layers(analysis) == ["conv", "transpose", "flatten", "reshape", "softmax"]
    assert _output(analysis) == (1024, 2)


def test_a_network_may_have_several_inputs(tmp_path: Path) -> None:
    text = """
    layer { name: "in" type: "Input" top: "image" top: "state" input_param {
      shape { dim: 1 dim: 3 dim: 4 dim: 4 } shape { dim: 1 dim: 5 } } }
    layer { name: "ip" type: "InnerProduct" bottom: "image" top: "ip" inner_product_param { num_output: 5 } }
    layer { name: "sum" type: "Eltwise" bottom: "ip" bottom: "state" top: "sum" }
    """

    network = api.load(_written(tmp_path, text)).expand()

    assert {name: volume.shape for name, volume in network.inputs.items()} == {"image": (3, 4, 4), "state": (5,)}


def test_parameters_of_one_name_are_shared(tmp_path: Path) -> None:
    conv = "convolution_param { num_output: 3 kernel_size: 1 }"
    named = conv + ' param { name: "w" } param { name: "b" }'
    half = conv + ' param { name: "w" } param { name: "c" }'

    assert totals(_analysed(tmp_path, _layer("Convolution", named, top="a") * 2)).params == 3 * 3 + 3
    assert totals(_analysed(tmp_path, _layer("Convolution", conv, top="a") * 2)).params == 2 * (3 * 3 + 3)
    path = _written(tmp_path, IMAGE + _layer("Convolution", named, top="a") + _layer("Convolution", half, "a", "b"))
    assert _found(path)[0].notes == ("Convolution (it shares some of its weights, and not all) at line 3 (`b`)",)


def test_layers_are_written_in_the_older_way_too(tmp_path: Path) -> None:
    text = """
    input: 'data' input_dim: 1 input_dim: 3 input_dim: 16 input_dim: 16
    layers < name: 'ip' type: INNER_PRODUCT bottom: 'data' top: 'ip' inner_product_param: { num_output: 4 }; >
    layers { name: "relu" type: RELU bottom: "ip" top: "ip", relu_param { negative_slope: 1e-1 } }
    """

    analysis = api.load(_written(tmp_path, text)).analyse()

    assert _layers(analysis) == ["flatten", "linear", "leaky_relu"]
    assert totals(analysis).params == 3 * 16 * 16 * 4 + 4


@pytest.mark.parametrize(
    ("layer", "layers", "params"),
    [
        (_layer("Normalize", "norm_param { across_spatial: false channel_shared: false }"), ["normalize", "affine"], 3),
        (_layer("Normalize"), ["normalize", "learned", "multiply"], 1),
        (_layer("Scale"), ["affine"], 3),
        (_layer("PReLU"), ["prelu"], 3),
        (_layer("Power", "power_param { scale: -1 }"), ["scale"], 0),
        (_layer("Slice", "", more='top: "b" top: "c"'), ["split", "split", "split"], 0),
        (_layer("Slice", "slice_param { slice_point: 1 }", more='top: "b"'), ["select", "select"], 0),
        (_layer("Deconvolution", "convolution_param { num_output: 2 kernel_size: 2 }"), ["conv_transpose"], 26),
        (_layer("Interp", "interp_param { height: 32 width: 48 }"), ["upsample"], 0),
    ],
)
def test_layers_of_one_blob(tmp_path: Path, layer: str, layers: list[str], params: int) -> None:
    analysis = _analysed(tmp_path, layer)

    assert _layers(analysis) == layers
    assert totals(analysis).params == params


def test_a_factor_for_each_channel_comes_from_a_second_blob(tmp_path: Path) -> None:
    gate = (
        _layer("Pooling", "pooling_param { pool: AVE global_pooling: true }", top="mean")
        + _layer("InnerProduct", "inner_product_param { num_output: 3 }", "mean", "gate")
        + _layer("Scale", "scale_param { axis: 0 }", "data", "out", 'bottom: "gate"')
    )

    assert _output(_analysed(tmp_path, gate)) == (3, 16, 16)


def test_all_that_is_not_known_is_one_finding_with_the_lines(tmp_path: Path) -> None:
    text = _layer("SPP", top="a") + _layer("SPP", top="b") + _layer("TanH", "", "b", "c") + _layer("MVN", top="d")

    (found,) = _found(_written(tmp_path, IMAGE + text))

    assert found.notes == (
        "SPP (there is no rule for it) 2 times, first at line 2 (`a`)",
        "MVN (there is no rule for it) at line 5 (`d`)",
    )
    assert found.place is not None
    assert found.place.line == 2


def test_what_does_not_fit_is_said_at_its_layer(tmp_path: Path) -> None:
    layer = _layer("Convolution", "convolution_param { num_output: 4 kernel_size: 17 }", top="a/b")

    (found,) = _found(_written(tmp_path, IMAGE + layer))

    assert found.place is not None
    assert found.place.line == 2
    assert found.message.startswith("Convolution at line 2 (`a.b`) does not fit: the kernel")


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (_layer("Convolution"), "does not fit"),
        (_layer("Convolution", "convolution_param { num_output: -4 kernel_size: 1 }"), "does not fit"),
        (_layer("Convolution", "convolution_param { kernel_size: x }"), "its kernel_size is not a whole number"),
        (_layer("Convolution", "convolution_param: 5"), "its convolution_param is not a message"),
        (_layer("Convolution", "convolution_param { num_output { } }"), "its num_output is not a value"),
        (_layer("Convolution", "convolution_param { bias_term: maybe }"), "its bias_term is neither true nor false"),
        (_layer("Pooling"), "its kernel or stride is less than 1"),
        (_layer("Pooling", "pooling_param { pool: STOCHASTIC }"), "its pool is STOCHASTIC"),
        (_layer("Pooling", "pooling_param { kernel_size: 2 stride: 13 }"), "begins behind the end"),
        (_layer("Permute", "permute_param { order: 1 }"), "it moves the batch"),
        (_layer("Permute", "permute_param { order: 0 order: 9 }"), "does not fit"),
        (_layer("Reshape", "reshape_param { shape { dim: -1 dim: 3 } }"), "it reshapes the batch"),
        (_layer("Reshape", "reshape_param { shape { dim: 0 dim: 0 dim: 0 dim: 0 dim: 0 } }"), "it keeps an axis"),
        (_layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: -1 } }"), "does not hold as many values"),
        (_layer("Reshape", "reshape_param { shape { dim: 0 dim: 7 } }"), "does not hold as many values"),
        (_layer("Softmax", "softmax_param { axis: 0 }"), "its axis 0 is not an axis behind the batch"),
        (_layer("Softmax", "softmax_param { axis: -9 }"), "its axis -9 is not an axis behind the batch"),
        (_layer("Dropout", "dropout_param { dropout_ratio: nan }"), "its dropout_ratio is not a number"),
        (_layer("Dropout", "dropout_param { dropout_ratio: 2 }"), "its rate must be from 0 to 1"),
        (_layer("Eltwise", "eltwise_param { operation: MAX }"), "its operation is MAX"),
        (_layer("Eltwise", "eltwise_param { coeff: -1 }"), "one of its blobs is multiplied"),
        (_layer("Eltwise", "eltwise_param { coeff: x }"), "its coeff is not a number"),
        (_layer("TanH", more='top: "more"'), "it writes 2 blobs, and 1 are read"),
        ('layer { type: "TanH" top: "a" }', "it reads no blob"),
        (_layer("\x1b[2J"), "there is no rule for it"),
        (_layer("Interp", "interp_param { zoom_factor: 2 }"), "it does not enlarge an image"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, layer: str, reason: str) -> None:
    first = _found(_written(tmp_path, IMAGE + layer))[0]

    assert reason in first.message + "".join(first.notes)
    assert "\x1b" not in str(SpecError([first]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it has no input"),
        ('input: "a" input_dim: 1', "is not a batch and up to four sizes"),
        ('input: "a" input_dim: 1 input_dim: 0', "is not a batch and up to four sizes"),
        ('layer { type: "Input" }', "it has no input"),
        ('layer { type: "Input" top: "a" }', "is not a batch"),
        ('layer { type: "Data" top: "a" }', "is a layer Data, which does not say its shape"),
        ("layer: 5", "its layer is not a message"),
        (IMAGE + _layer("TanH", bottom="gone"), "reads the blob `gone`, which nothing before it makes"),
        ("layer {", "it ends before this does"),
        ("layer", "it ends before this does"),
        ("layer }", "after `layer` stands `}`"),
        ("}", "a field begins with a name, and not with `}`"),
        ("name: [a, {", "after `name` stands `{`"),
        ("layer { name: > }", "after `name` stands `>`"),
        ('name: "open', "cannot stand here"),
        ("\x00", "cannot stand here"),
        ("a {" * 100, "messages nest deeper than 64"),
        (IMAGE + 'layer { type: "TanH" }\n' * 200_001, "more than 200,000 layers"),
        ("layers { layer { name: 'conv1' type: 'conv' } }", "it has no input"),
    ],
)
def test_a_damaged_file_is_a_finding(tmp_path: Path, text: str, message: str) -> None:
    first = _found(_written(tmp_path, text))[0]

    assert first.rule in ("bad-prototxt", "too-large")
    assert message in first.message
