"""Rules by value: operations of every activation, the last size that fits and the first that does not, windows."""

from __future__ import annotations

import pytest
from inline import layers

from archcalc.diagnostics.diagnostic import SpecError
from archcalc.layers.outcome import Window

# For each value: comparisons, additions, multiplications, divisions, exponentials (roots, logarithms, error functions).
ACTIVATIONS = {
    "relu": (1, 0, 0, 0, 0),
    "relu6": (2, 0, 0, 0, 0),
    "leaky_relu": (1, 0, 1, 0, 0),
    "prelu": (1, 0, 1, 0, 0),
    # a * (exp(x) - 1)
    "elu": (1, 1, 1, 0, 1),
    "selu": (1, 1, 2, 0, 1),
    # x * (1 + erf(x / sqrt(2))) / 2: the two constants are factors
    "gelu": (0, 1, 3, 0, 1),
    # 7 products and 2 sums around a tangent
    "gelu: {approximate: tanh}": (0, 4, 8, 1, 1),
    # x / (1 + exp(-x))
    "silu": (0, 1, 0, 1, 1),
    # softplus: exp, 1 +, log; tanh: 2x, exp, - 1, + 1, /; and x *
    "mish": (0, 3, 2, 1, 3),
    "sigmoid": (0, 1, 0, 1, 1),
    # (e - 1) / (e + 1) with e = exp(2x)
    "tanh": (0, 2, 1, 1, 1),
    "softplus": (0, 1, 0, 0, 2),
    # min(max(x + 3, 0), 6) / 6: the constant is a factor
    "hardsigmoid": (2, 1, 1, 0, 0),
    "hardswish": (2, 1, 2, 0, 0),
}
KINDS = ("compare", "add", "multiply", "divide", "exponential")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_operations_of_an_activation_for_each_value(name: str) -> None:
    [row] = layers("2, 3, 3", f"- {name}").layers
    counted = {operation.kind: operation.amount for operation in row.outcome.operations}
    assert tuple(counted.get(kind, 0) for kind in KINDS) == tuple(18 * times for times in ACTIVATIONS[name])
    assert {operation.role for operation in row.outcome.operations} == {"activation"}


def test_softmax_along_the_channels_sees_one_position_and_along_another_axis_all() -> None:
    channels, height = layers("4, 3, 3", "- softmax\n- softmax: {over: height}").layers
    assert (channels.outcome.windows, height.outcome.windows) == ((), None)


def test_operations_of_softmax() -> None:
    # 4 channels at each of 9 positions: 3 comparisons, 4 differences and 3 additions, 4 exponentials, 4 divisions
    [row] = layers("4, 3, 3", "- softmax").layers
    counted = {operation.kind: operation.amount for operation in row.outcome.operations}
    assert counted == {"compare": 27, "add": 63, "exponential": 36, "divide": 36}


NORMS = {
    # statistics known: a product and a sum
    "batch_norm": {"multiply": 36, "add": 36},
    # 9 means and deviations of 4 channels each; per value 3 additions, 2 products, and 1 of each for scale and shift
    "layer_norm": {"add": 4 * 36, "multiply": 3 * 36, "divide": 27, "exponential": 9},
    "layer_norm: {affine: false}": {"add": 3 * 36, "multiply": 2 * 36, "divide": 27, "exponential": 9},
    "layer_norm: {over: volume}": {"add": 4 * 36, "multiply": 3 * 36, "divide": 3, "exponential": 1},
    "group_norm: 2": {"add": 4 * 36, "multiply": 3 * 36, "divide": 6, "exponential": 2},
    "instance_norm": {"add": 3 * 36, "multiply": 2 * 36, "divide": 12, "exponential": 4},
    # square, sum, product with the root, scale; 9 roots
    "rms_norm": {"add": 36, "multiply": 3 * 36, "divide": 18, "exponential": 9},
    "rms_norm: {affine: false}": {"add": 36, "multiply": 2 * 36, "divide": 18, "exponential": 9},
    # 3 neighbours: a square, 2 additions and an offset, a scale, a power, a division
    "lrn: 3": {"add": 3 * 36, "multiply": 2 * 36, "divide": 36, "exponential": 36},
    "affine": {"multiply": 36, "add": 36},
    "affine: {bias: false}": {"multiply": 36, "add": 0},
    "affine: {scale: false}": {"multiply": 0, "add": 36},
}


@pytest.mark.parametrize("step", NORMS)
def test_operations_of_a_normalisation(step: str) -> None:
    [row] = layers("4, 3, 3", f"- {step}").layers
    assert {operation.kind: operation.amount for operation in row.outcome.operations} == NORMS[step]


# The last attribute that fits, and the first that does not.
BOUNDS = [
    ("1, 4, 4", "pad: {size: [[3, 0], [0, 0]], mode: reflect}", "pad: {size: [[4, 0], [0, 0]], mode: reflect}"),
    ("1, 4, 4", "pad: {size: [[0, 3], [0, 0]], mode: reflect}", "pad: {size: [[0, 4], [0, 0]], mode: reflect}"),
    ("4, 5", "select_token: {index: 4}", "select_token: {index: 5}"),
    ("4, 5", "select: {start: 2, count: 2}", "select: {start: 3, count: 2}"),
    ("4, 5", "split: {parts: 2, part: 1}", "split: {parts: 2, part: 2}"),
    ("4, 5", "split: {parts: 4}", "split: {parts: 3}"),
    ("1, 5", "crop: {size: 2}", "crop: {size: [[3, 2]]}"),
    # (1 - 1)*1 - 2*1 + 3 = 1, and 0
    ("1, 1, 1", "conv_transpose: {out: 1, kernel: 3, padding: 1}", "conv_transpose: {out: 1, kernel: 2, padding: 1}"),
    (
        "1, 3",
        "conv_transpose: {out: 1, kernel: 2, stride: 2, output_padding: 1}",
        "conv_transpose: {out: 1, kernel: 2, stride: 2, output_padding: 2}",
    ),
    ("1, 4, 4", "conv: {out: 1, kernel: 4}", "conv: {out: 1, kernel: 5}"),
    ("1, 4, 4", "maxpool: {kernel: 3, padding: 1}", "maxpool: {kernel: 3, padding: 2}"),
    ("1, 4, 4", "avgpool: {kernel: 3, padding: [[1, 1], [1, 1]]}", "avgpool: {kernel: 3, padding: [[1, 2], [1, 1]]}"),
    ("6", "dropout: 1", "dropout: 2"),
    ("6", "drop_path: 1", "drop_path: 2"),
    ("6", "pad_channels: 6", "pad_channels: 5"),
    ("6", "group_norm: 3", "group_norm: 4"),
    ("6, 4", "attention: 3", "attention: 4"),
    ("12, 4", "fold: {size: [3, 3], kernel: 2}", "fold: {size: [3, 4], kernel: 2}"),
    ("12, 4", "fold: {size: [3, 3], kernel: 2}", "fold: {size: [6, 6], kernel: 5}"),
    ("2, 4, 4", "unfold: {kernel: 4}", "unfold: {kernel: 5}"),
    ("1, 4, 4", "upsample: {scale: 2, mode: linear, antialias: true}", "upsample: {scale: 2, antialias: true}"),
    ("4, 2, 2", "pixel_shuffle: 2", "pixel_shuffle: 3"),
    ("4, 2, 2", "channel_shuffle: 4", "channel_shuffle: 3"),
]


@pytest.mark.parametrize(("volume", "fits", "refused"), BOUNDS)
def test_the_last_value_that_fits_and_the_first_that_does_not(volume: str, fits: str, refused: str) -> None:
    assert len(layers(volume, f"- {fits}").layers) == 1
    with pytest.raises(SpecError):
        layers(volume, f"- {refused}")


@pytest.mark.parametrize(
    ("size", "step", "positions"),
    [
        # Rounded up: (6 - 3 + 1)/2 = 2 windows fit and a third begins inside, at 4.
        (6, "maxpool: {kernel: 3, stride: 2, ceil_mode: true}", 3),
        (6, "maxpool: {kernel: 3, stride: 2}", 2),
        (5, "maxpool: {kernel: 3, stride: 2, ceil_mode: true}", 2),
        # A third window would begin at 4 + 0, outside a size of 4.
        (4, "maxpool: {kernel: 1, stride: 2, ceil_mode: true}", 2),
        # With a padding of 1 on both sides: (3 + 2 - 2)/2 rounds up to 2 and one more is 3, and it would begin at
        # 4 - 1 = 3, in the padding behind: left out.
        (3, "maxpool: {kernel: 2, stride: 2, padding: 1, ceil_mode: true}", 2),
        (4, "maxpool: {kernel: 2, stride: 2, padding: 1, ceil_mode: true}", 3),
    ],
)
def test_the_last_window_begins_inside(size: int, step: str, positions: int) -> None:
    [row] = layers(f"1, {size}", f"- {step}").layers
    assert row.output.space == (positions,)


WINDOWS = [
    # 2 outputs share an input position.
    ("4, 3, 3", "pixel_shuffle: 2", (Window(0, 0, 1, 2), Window(0, 0, 1, 2))),
    ("1, 3", "upsample: 2", (Window(0, 0, 1, 2),)),
    # Linear, by 2: output o lies at (o + 1/2)/2 - 1/2 = (2o - 1)/4, between floor of it and the next position.
    ("1, 3", "upsample: {scale: 2, mode: linear}", (Window(-1, 3, 2, 4),)),
    # Cubic, of the same positions: from the one before floor of it to the third after.
    ("1, 3, 3", "upsample: {scale: 2, mode: cubic}", (Window(-5, 7, 2, 4), Window(-5, 7, 2, 4))),
    # From 6 to 2, output o lies at 3o + 1; linear, antialiased, it reaches less than 3 to both sides: 3o - 1 to 3o + 3.
    (
        "1, 6, 6",
        "upsample: {to: 2, mode: linear, antialias: true}",
        (Window(-2, 8, 6, 2), Window(-2, 8, 6, 2)),
    ),
    # Two tokens in front: output o is input o - 2.
    ("4, 3", "class_token: 2", (Window(-2, -2),)),
    ("1, 5", "pad: {size: [[2, 1]]}", (Window(-2, -2),)),
    ("1, 5", "crop: {size: [[2, 1]]}", (Window(2, 2),)),
    ("1, 5", "subsample: 2", (Window(0, 0, 2),)),
    ("1, 7", "conv: {out: 1, kernel: 3, stride: 2, padding: 1}", (Window(-1, 1, 2),)),
    ("1, 6", "adaptive_avgpool: 4", (Window(0, 5, 6, 4),)),
]


@pytest.mark.parametrize(("volume", "step", "windows"), WINDOWS)
def test_what_an_output_sees(volume: str, step: str, windows: tuple[Window, ...]) -> None:
    [row] = layers(volume, f"- {step}").layers
    assert row.outcome.windows == windows
