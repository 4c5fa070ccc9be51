"""Graphs of one operator, which the package onnx has as tests of backends: each is the layer that it should be.

The reader itself holds the shape of every value against what onnx infers.
"""

from __future__ import annotations

from math import prod
from pathlib import Path

import pytest
from inline import totals

from archcalc import api
from archcalc.diagnostics.diagnostic import SpecError

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data"

#: The layers of each graph, by the names of the graphs.
LAYERS = {
    "conv": """
        Conv1d Conv1d_dilated Conv1d_groups Conv1d_pad1 Conv1d_pad1size1 Conv1d_pad2 Conv1d_pad2size1 Conv1d_stride
        Conv2d Conv2d_depthwise Conv2d_depthwise_padded Conv2d_depthwise_strided Conv2d_depthwise_with_multiplier
        Conv2d_dilated Conv2d_groups Conv2d_groups_thnn Conv2d_no_bias Conv2d_padding Conv2d_strided
        Conv3d Conv3d_dilated Conv3d_dilated_strided Conv3d_groups Conv3d_no_bias Conv3d_stride Conv3d_stride_padding
        operator_conv
    """,
    "conv_transpose": "ConvTranspose2d ConvTranspose2d_no_bias operator_convtranspose",
    "linear": "Linear Linear_no_bias",
    "batch_norm": """
        BatchNorm1d_3d_input_eval BatchNorm2d_eval BatchNorm2d_momentum_eval BatchNorm3d_eval BatchNorm3d_momentum_eval
    """,
    "instance_norm": "operator_symbolic_override",
    "maxpool": """
        MaxPool1d MaxPool1d_stride MaxPool1d_stride_padding_dilation MaxPool2d MaxPool2d_stride_padding_dilation
        MaxPool3d MaxPool3d_stride MaxPool3d_stride_padding operator_maxpool
    """,
    "avgpool": "AvgPool2d AvgPool2d_stride AvgPool3d AvgPool3d_stride AvgPool3d_stride1_pad0_gpu_input",
    "reshape avgpool reshape": "AvgPool1d AvgPool1d_stride",
    "prelu": "PReLU_1d PReLU_1d_multiparam PReLU_2d PReLU_2d_multiparam PReLU_3d PReLU_3d_multiparam",
    "relu": "ReLU",
    "elu": "ELU",
    "selu": "SELU operator_selu",
    "leaky_relu": "LeakyReLU LeakyReLU_with_negval",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softplus": "Softplus",
    "softmax": "Softmax softmax_lastdim",
    "split split sigmoid multiply": "GLU GLU_dim",
    "pad": "ConstantPad2d ReflectionPad2d ReplicationPad2d ZeroPad2d operator_pad",
    "flatten": "operator_flatten",
}


def path(name: str) -> Path:
    """The file of a graph."""
    (found,) = FOLDER.glob(f"pytorch-*/test_{name}/model.onnx")
    return found


@pytest.mark.parametrize(("name", "layers"), [(name, to) for to, names in LAYERS.items() for name in names.split()])
def test_a_graph_of_an_operator_is_a_layer(name: str, layers: str) -> None:
    analysis = api.load(path(name)).analyse()

    assert [row.layer for row in analysis.layers] == layers.split()
    # Every value that is stored is a parameter, but for a mean and a variance of each normalised channel.
    stored = sum(prod(tensor.dims) for tensor in onnx.load(path(name)).graph.initializer if tensor.data_type == 1)
    statistics = sum(2 * row.output.channels for row in analysis.layers if row.layer == "batch_norm")
    assert totals(analysis).params == stored - statistics


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("operator_repeat", "Tile (there is no rule for it)"),
        ("LogSoftmax", "LogSoftmax (there is no rule for it)"),
    ],
)
def test_what_is_no_layer_is_refused(name: str, reason: str) -> None:
    with pytest.raises(SpecError) as caught:
        api.load(path(name))

    (found,) = caught.value.diagnostics
    assert [note for note in found.notes if note.startswith(reason)]


def test_no_graph_of_the_package_ends_in_anything_but_layers_or_findings() -> None:
    read = refused = 0
    for each in sorted(FOLDER.glob("*/*/model.onnx")):
        try:
            api.load(each).analyse()
        except SpecError:
            refused += 1
        else:
            read += 1
    assert read >= sum(len(names.split()) for names in LAYERS.values())
    assert refused
