"""The names by which frameworks call our layers are answered with ours."""

from __future__ import annotations

import re

import pytest

from archcalc.language.document import SECTIONS
from archcalc.language.keys import STEP_KEYS
from archcalc.layers.other_names import _OTHER_NAMES, _SAID_OTHERWISE, _WRITTEN_OTHERWISE, other_name
from archcalc.layers.registry import layers, words

#: Names in torch.nn, torch, einops and Keras, by what each is here.
_HERE = {
    "linear": "Linear LazyLinear nn.Linear Dense tf.keras.layers.Dense fully_connected",
    "conv": "Conv1d Conv2d Conv3d LazyConv2d Conv2D Convolution2D",
    "conv_transpose": "ConvTranspose2d Conv2DTranspose deconv",
    "depthwise_conv": "DepthwiseConv2D dw_conv",
    "batch_norm": "BatchNorm1d BatchNorm2d SyncBatchNorm BatchNormalization bn",
    "layer_norm": "LayerNorm LayerNormalization",
    "rms_norm": "RMSNorm",
    "group_norm": "GroupNorm",
    "instance_norm": "InstanceNorm2d",
    "lrn": "LocalResponseNorm CrossMapLRN2d",
    "silu": "SiLU swish",
    "gelu": "GELU",
    "relu": "ReLU nn.ReLU",
    "relu6": "ReLU6",
    "leaky_relu": "LeakyReLU",
    "hardswish": "Hardswish h_swish",
    "prelu": "PReLU",
    "softmax": "Softmax Softmax2d",
    "maxpool": "MaxPool2d MaxPooling2D F.max_pool2d",
    "avgpool": "AvgPool2d AveragePooling2D",
    "adaptive_avgpool": "AdaptiveAvgPool2d",
    "global_avgpool": "GlobalAveragePooling2D",
    "attention": "MultiheadAttention MultiHeadAttention",
    "dot_product_attention": "scaled_dot_product_attention",
    "embedding": "Embedding",
    "dropout": "Dropout Dropout2d SpatialDropout2D",
    "identity": "Identity nn.Identity",
    "flatten": "Flatten",
    "reshape": "view Unflatten Reshape",
    "transpose": "permute Permute",
    "concat": "cat Concatenate",
    "add": "Add",
    "multiply": "Multiply mul",
    "upsample": "Upsample UpSampling2D UpsamplingNearest2d interpolate",
    "pad": "ZeroPad2d ZeroPadding2D ConstantPad1d",
    "pixel_shuffle": "PixelShuffle",
    "channel_shuffle": "ChannelShuffle",
    "lstm": "LSTM",
    "matmul": "bmm",
    "split": "chunk",
}


@pytest.mark.parametrize(
    ("name", "ours"), [(name, ours) for ours, names in _HERE.items() for name in names.split()], ids=str
)
def test_names_of_frameworks_are_known(name: str, ours: str) -> None:
    assert name in layers() or other_name(name) == f"it is called `{ours}` here"


@pytest.mark.parametrize("name", ["squeeze", "unsqueeze", "SeparableConv2D", "ReflectionPad2d", "CrossEntropyLoss"])
def test_what_has_no_layer_is_answered_with_what_to_write(name: str) -> None:
    assert re.match("write |a loss ", other_name(name) or "")


def test_every_answer_names_what_there_is() -> None:
    attributes = {attribute for layer in layers().values() for attribute in layer.attributes}
    assert set(_OTHER_NAMES) <= set(layers())
    for text in (*_WRITTEN_OTHERWISE.values(), *_SAID_OTHERWISE.values()):
        for named in re.findall(r"`([^`]+)`", text):
            name, _, value = named.removeprefix("- ").partition(": ")
            assert name in {*layers(), *attributes, *SECTIONS, *STEP_KEYS}, text
            assert not value or value.lstrip("-").replace(".", "").isdigit() or value in words(), text


def test_no_layer_of_ours_is_taken_for_another() -> None:
    for name in layers():
        assert other_name(name) in (None, f"it is called `{name}` here"), name
    every = [other for names in (*_OTHER_NAMES.values(), *_WRITTEN_OTHERWISE) for other in names]
    assert len(every) == len(set(every))


def test_what_nobody_calls_so_has_no_answer() -> None:
    assert other_name("zzz") is None
    assert other_name("") is None
