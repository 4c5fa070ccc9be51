"""ONNX files of our own making: sizes that are computed or left open, weights elsewhere, damage and hostility."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inline import totals

from archcalc import api
from archcalc.cli import group, run
from archcalc.diagnostics.diagnostic import SpecError, UsageError
from archcalc.exchange.onnx.protobuf import Malformed, without_data

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
helper, FLOAT, INT64 = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def tensor(name: str, *shape: int) -> Any:
    """A tensor of ones."""
    size = 1
    for each in shape:
        size *= each
    return helper.make_tensor(name, FLOAT, shape, b"\0\0\x80?" * size, raw=True)


def sizes(name: str, *numbers: int) -> Any:
    """A tensor of whole numbers."""
    return helper.make_tensor(name, INT64, [len(numbers)], numbers)


def model(nodes: list[Any], stored: list[Any], shape: list[int | str], output: list[Any]) -> Any:
    """A model from `x` to `y`."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", FLOAT, shape)],
        [helper.make_tensor_value_info("y", FLOAT, output)],
        stored,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def small() -> Any:
    """A convolution, a pooling, and a linear layer behind a reshape to a size that is computed."""
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["a"], ["b"]),
        helper.make_node("Shape", ["b"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["b", "to"], ["c"]),
        helper.make_node("Gemm", ["c", "fc.weight", "fc.bias"], ["y"], transB=1),
    ]
    stored = [
        *(tensor("conv.weight", 8, 3, 3, 3), tensor("conv.bias", 8), sizes("zero", 0), sizes("rest", -1)),
        *(tensor("fc.weight", 10, 8), tensor("fc.bias", 10)),
    ]
    return model(nodes, stored, ["batch", 3, 16, 16], ["batch", 10])


def saved(folder: Path, proto: Any) -> Path:
    """A model in a file."""
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def test_an_open_batch_and_sizes_that_follow_from_it(tmp_path: Path) -> None:
    """8 * 27 + 8 = 224 parameters of the convolution, 10 * 8 + 10 = 90 of the linear layer."""
    analysis = api.load(saved(tmp_path, small())).analyse()

    assert [row.layer for row in analysis.layers] == ["conv", "global_avgpool", "flatten", "linear"]
    assert [row.name for row in analysis.layers][::3] == ["conv", "fc"]
    assert totals(analysis).params == 224 + 90


def test_weights_may_be_in_another_file_that_is_not_there(tmp_path: Path) -> None:
    proto = small()
    for each in proto.graph.initializer:
        if each.data_type == FLOAT:
            each.ClearField("raw_data")
            each.data_location = onnx.TensorProto.EXTERNAL
            each.external_data.add(key="location", value="../../weights.bin")

    assert totals(api.load(saved(tmp_path, proto)).analyse()).params == 314


def test_a_size_that_is_in_another_file_is_not_known(tmp_path: Path) -> None:
    proto = small()
    rest = next(each for each in proto.graph.initializer if each.name == "rest")
    rest.ClearField("int64_data")
    rest.data_location = onnx.TensorProto.EXTERNAL
    rest.external_data.add(key="location", value="weights.bin")

    with pytest.raises(SpecError):
        api.load(saved(tmp_path, proto))


def test_a_large_file_is_read_without_its_weights(tmp_path: Path) -> None:
    """A gigabyte of zeros, of which the disk has nothing: 16,384 * 16,384 weights."""
    node = helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)
    proto = model([node], [tensor("w", 1, 1)], [2, 16384], [2, 16384])
    proto.graph.initializer[0].dims[:] = [16384, 16384]
    proto.graph.initializer[0].raw_data = b"@" * 10_000
    data = without_data(proto.SerializeToString(), {7: {5: {9: None}}}, 1000)

    assert len(data) < 300
    assert totals(api.load(saved(tmp_path, proto)).analyse()).params == 16384 * 16384


@pytest.mark.parametrize(
    ("pads", "before", "after"), [("SAME_UPPER", 0, 1), ("SAME_LOWER", 1, 0)], ids=["upper", "lower"]
)
def test_a_padding_that_keeps_the_size(tmp_path: Path, pads: str, before: int, after: int) -> None:
    """16 positions in windows of 3 at stride 2: 8 windows need 7 * 2 + 3 = 17 positions, one more than there are."""
    node = helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3], strides=[2, 2], auto_pad=pads)
    proto = model([node], [tensor("w", 8, 3, 3, 3)], [2, 3, 16, 16], [2, 8, 8, 8])

    (conv,) = api.load(saved(tmp_path, proto)).expand().nodes

    assert conv.attributes["padding"] == ((before, after), (before, after))


def test_strides_that_change_nothing_are_no_layer(tmp_path: Path) -> None:
    """2 samples of 4 values, as one list, from which all 8 are taken in their order: as PyTorch writes as_strided."""
    order = helper.make_tensor("order", INT64, [2, 4], range(8))
    nodes = [
        helper.make_node("Reshape", ["x", "flat"], ["list"]),
        helper.make_node("Gather", ["list", "order"], ["same"]),
        helper.make_node("Relu", ["same"], ["y"]),
    ]
    proto = model(nodes, [sizes("flat", -1), order], [2, 4], [2, 4])

    assert [row.layer for row in api.load(saved(tmp_path, proto)).analyse().layers] == ["relu"]


def test_an_activation_works_in_place_unless_a_file_says_otherwise(tmp_path: Path) -> None:
    proto = model([helper.make_node("Relu", ["x"], ["y"])], [], [2, 3, 8, 8], [2, 3, 8, 8])

    (relu,) = api.load(saved(tmp_path, proto)).expand().nodes

    assert "inplace" not in relu.attributes


def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)

    assert run(["report", str(saved(tmp_path, small()))]) == 2
    assert "ONNX files need the package onnx: pip install 'archcalc[onnx]'" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["report"], ["compare", "vgg16"], ["count"], ["check"], ["import"], ["fit"]])
def test_every_command_takes_such_a_file(tmp_path: Path, command: list[str]) -> None:
    assert run([*command, str(saved(tmp_path, small()))]) == 0


# --- damaged and hostile files


def _renamed(proto: Any, index: int, **names: list[str]) -> None:
    for key, value in names.items():
        field = getattr(proto.graph.node[index], key)
        del field[:]
        field.extend(value)


@pytest.mark.parametrize(
    ("change", "rule", "message"),
    [
        (lambda p: p.graph.ClearField("node"), "bad-onnx", "no graph of operators"),
        (lambda p: p.ClearField("opset_import"), "bad-onnx", ""),
        (lambda p: p.graph.initializer[0].dims.extend([3]), "unknown-operation", ""),
        (lambda p: p.graph.initializer[0].dims.__setitem__(1, 4), "model-disagrees", "296 parameters in the file"),
        (lambda p: _renamed(p, 0, input=["a", "conv.weight"]), "bad-onnx", "its shapes are inconsistent"),
        (lambda p: _renamed(p, 1, input=["nothing"]), "bad-onnx", "its shapes are inconsistent"),
        (lambda p: _renamed(p, 1, output=["a"]), "bad-onnx", "its shapes are inconsistent"),
        (lambda p: p.graph.node.insert(0, p.graph.node[0]), "bad-model", "two operations make the value `a`"),
        (lambda p: _renamed(p, 0, input=["x"]), "bad-onnx", ""),
        (lambda p: _renamed(p, 0, output=[]), "bad-onnx", ""),
        (lambda p: setattr(p.graph.node[0], "op_type", "Relu\x1b[31m"), "unknown-operation", "an operation"),
        (lambda p: setattr(p.graph.node[0], "domain", "mine"), "bad-onnx", "No opset import for domain mine"),
        (lambda p: p.graph.node.extend([p.graph.node[0]] * 200_000), "too-large", "200,000 are read at the most"),
        (lambda p: p.graph.input[0].type.tensor_type.shape.dim.pop(), "bad-onnx", ""),
        (lambda p: p.graph.input[0].type.tensor_type.shape.dim[1].ClearField("dim_value"), "bad-model", "open size"),
        (lambda p: p.graph.output[0].type.tensor_type.shape.dim[1].__setattr__("dim_value", 11), "bad-onnx", ""),
    ],
)
def test_a_damaged_model_is_a_finding(tmp_path: Path, change: Callable[[Any], None], rule: str, message: str) -> None:
    proto = small()
    change(proto)

    with pytest.raises(SpecError) as caught:
        api.load(saved(tmp_path, proto)).analyse()

    first = caught.value.diagnostics[0]
    assert first.rule == rule
    assert message in first.message
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08", b"\x3a\xff\xff\xff\x7f", b"\0" * 100, b"\xff" * 40])
def test_what_is_no_model_is_a_finding(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)

    with pytest.raises(SpecError, match="cannot be read as ONNX"):
        api.load(path)


def test_a_model_that_is_cut_off_anywhere_is_a_finding(tmp_path: Path) -> None:
    data = small().SerializeToString()
    path = tmp_path / "model.onnx"
    for end in range(1, len(data), 7):
        path.write_bytes(data[:end])
        with pytest.raises(SpecError):
            api.load(path)


def test_names_that_are_no_text_are_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(small().SerializeToString().replace(b"conv.weight", b"conv.w\xff\xffght"))

    with pytest.raises(SpecError, match="a name in it is not UTF-8 text"):
        api.load(path)


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        api.load(tmp_path / "nothing.onnx")


def test_a_constant_of_a_size_without_end_is_not_made(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ConstantOfShape", ["huge"], ["zeros"]),
        helper.make_node("Reshape", ["x", "zeros"], ["y"]),
    ]
    proto = model(nodes, [sizes("huge", 2**40)], [2, 8], [None, None])

    result = CliRunner().invoke(group, ["report", str(saved(tmp_path, proto))])

    assert isinstance(result.exception, SpecError)


def test_the_wire_format_is_checked() -> None:
    """Field 1, a number; field 2, a message with a value of 5 bytes in field 3."""
    message = b"\x08\x96\x01" + b"\x12\x07\x1a\x05hello"

    assert without_data(message, {2: {3: None}}, 4) == b"\x08\x96\x01" + b"\x12\x00"
    assert without_data(message, {2: {3: None}}, 5) == message
    with pytest.raises(Malformed):
        without_data(message[:-1], {2: {3: None}}, 4)


@pytest.mark.parametrize("side", [4, 80])
def test_a_mask_that_follows_from_constants_is_a_constant(tmp_path: Path, side: int) -> None:
    """Zeros into which values are scattered, as PyTorch's older exporter makes the mask of shifted windows. It is not a
    weight, whether it is small enough to be worked out (16 values) or not (6,400)."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"], start=1),
        helper.make_node("Shape", ["x"], ["batch"], end=1),
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node("ConstantOfShape", ["batch"], ["values"], value=helper.make_tensor("v", FLOAT, [1], [1])),
        helper.make_node("ScatterND", ["zeros", "places", "values"], ["scattered"]),
        helper.make_node("Equal", ["scattered", "one"], ["is_one"]),
        helper.make_node("Cast", ["is_one"], ["mask"], to=FLOAT),
        helper.make_node("Add", ["x", "mask"], ["y"]),
    ]
    places = helper.make_tensor("places", INT64, [2, 2], [0, 0, 1, 1])
    one = helper.make_tensor("one", FLOAT, [], [1])
    proto = model(nodes, [places, one], [2, side, side], [2, side, side])
    analysis = api.load(saved(tmp_path, proto)).analyse()

    assert totals(analysis).params == 0
    assert [row.layer for row in analysis.layers] == ["mask"]


def recurrent(**more: Any) -> Any:
    """An LSTM of 3 units that reads 5 positions of 4 values."""
    inputs = ["x", "w", "r", "b", "", more.pop("state", "")]
    nodes = [helper.make_node("LSTM", inputs, ["all"], hidden_size=3, **more)]
    nodes.append(helper.make_node("Squeeze", ["all", "axis"], ["y"]))
    stored = [tensor("w", 1, 12, 4), tensor("r", 1, 12, 3), tensor("b", 1, 24), sizes("axis", 1)]
    stored += [tensor("ones", 1, 2, 3), helper.make_tensor("zeros", FLOAT, [1, 2, 3], [0.0] * 6)]
    return model(nodes, stored, [5, 2, 4], [5, 2, 3])


def test_a_recurrent_layer_starts_from_zeros(tmp_path: Path) -> None:
    proto = recurrent(state="ones")
    with pytest.raises(SpecError, match="its first state is learned or computed"):
        api.load(saved(tmp_path, proto))


def test_a_recurrent_layer_has_the_functions_of_the_specs(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="its functions are not those"):
        api.load(saved(tmp_path, recurrent(activations=["Sigmoid", "Tanh", "Relu"])))
