"""Each layer's rule on small numbers, with the arithmetic beside them. Volumes are channels first, one sample."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from inline import analysed as analyse

import archcalc
from archcalc.analysis.totals import AnalysedLayer
from archcalc.layers.registry import layer as register
from archcalc.layers.registry import layers
from archcalc.quantities.registry import figure


class Row(NamedTuple):
    """A step on an input, and what must follow."""

    input: str
    step: str
    output: tuple[int, ...]
    params: int = 0
    macs: int = 0
    operations: dict[str, int] = {}  # noqa: RUF012  a record's default, never changed
    buffers: int = 0


ROWS = [
    # Convolutions. AlexNet's CONV1: (227 - 11)/4 + 1 = 55; (11*11*3)*96 = 34,848 weights and 96 biases.
    Row(
        "[3, 227, 227]",
        "conv: {out: 96, kernel: 11, stride: 4}",
        (96, 55, 55),
        34_944,
        34_848 * 55 * 55,
        {"add": 96 * 55 * 55},
    ),
    # (10 - 3 + 2*1)//2 + 1 = 5
    Row("[4, 10]", "conv: {out: 8, kernel: 3, stride: 2, padding: 1, bias: false}", (8, 5), 4 * 8 * 3, 4 * 8 * 3 * 5),
    # groups 2: each filter sees 4/2 channels
    Row("[4, 5, 5]", "conv: {out: 6, kernel: 3, groups: 2}", (6, 3, 3), 6 * 2 * 9 + 6, 6 * 2 * 9 * 9, {"add": 6 * 9}),
    # extent of a dilated kernel: 2*(3 - 1) + 1 = 5; 9 - 5 + 1 = 5
    Row("[1, 9, 9]", "conv: {out: 1, kernel: 3, dilation: 2, bias: false}", (1, 5, 5), 9, 9 * 25),
    Row("[2, 6, 8, 8]", "conv: {out: 3, kernel: [1, 3, 3], bias: false}", (3, 6, 6, 6), 54, 54 * 216),
    Row("[2, 7, 9]", "conv: {out: 3, kernel: [1, 7], padding: [0, 3], bias: false}", (3, 7, 9), 42, 42 * 63),
    # 1 before and 2 after: (224 - 11 + 3)//4 + 1 = 55
    Row(
        "[3, 224, 224]",
        "conv: {out: 96, kernel: 11, stride: 4, padding: [[1, 2], [1, 2]], bias: false}",
        (96, 55, 55),
        34_848,
        34_848 * 3025,
    ),
    # same: ceil(7/2) = 4 positions
    Row("[1, 7, 7]", "conv: {out: 1, kernel: 4, stride: 2, padding: same, bias: false}", (1, 4, 4), 16, 16 * 16),
    Row("[8, 6, 6]", "depthwise_conv: {kernel: 3, padding: 1, multiplier: 2, bias: false}", (16, 6, 6), 144, 144 * 36),
    # 54 weights, 3 biases, 3 gains; normalised: per weight 3 additions and 2 products, per filter 3 divisions and a
    # root; then a product per weight and per filter; 3 * 16 biases are added
    Row(
        "[2, 6, 6]",
        "standardized_conv: {out: 3, kernel: 3, gain: true}",
        (3, 4, 4),
        60,
        54 * 16,
        {"add": 3 * 54 + 48, "multiply": 2 * 54 + 54 + 3, "divide": 9, "exponential": 3},
    ),
    # (4 - 1)*2 - 2*1 + 3 + 1 = 8; MACs: weights times *input* positions
    Row(
        "[8, 4, 4]",
        "conv_transpose: {out: 5, kernel: 3, stride: 2, padding: 1, output_padding: 1}",
        (5, 8, 8),
        8 * 5 * 9 + 5,
        8 * 5 * 9 * 16,
        {"add": 5 * 64},
    ),
    # Pooling: a window of 9 takes 8 comparisons. (55 - 3)//2 + 1 = 27
    Row("[96, 55, 55]", "maxpool: {kernel: 3, stride: 2}", (96, 27, 27), operations={"compare": 96 * 729 * 8}),
    # ceil mode: ceil((6 - 3)/2) + 1 = 3, and the third window starts inside
    Row("[1, 6, 6]", "maxpool: {kernel: 3, stride: 2, ceil_mode: true}", (1, 3, 3), operations={"compare": 9 * 8}),
    # ceil mode would give ceil((4 - 1)/3) + 1 = 2 windows; the second starts at 3 and is inside
    Row("[1, 4]", "avgpool: {kernel: 1, stride: 3, ceil_mode: true}", (1, 2), operations={"add": 0, "divide": 2}),
    # ceil((3 - 2 + 2)/2) + 1 = 3 windows, but the third would start at 4 - 1 = 3, past the end: 2
    Row("[1, 3]", "maxpool: {kernel: 2, stride: 2, padding: 1, ceil_mode: true}", (1, 2), operations={"compare": 2}),
    Row("[4, 6, 6]", "avgpool: {kernel: 2}", (4, 3, 3), operations={"add": 36 * 3, "divide": 36}),
    Row("[4, 6, 6]", "global_avgpool", (4, 1, 1), operations={"add": 4 * 35, "divide": 4}),
    Row("[4, 6, 6]", "global_maxpool", (4, 1, 1), operations={"compare": 4 * 35}),
    Row("[4, 12, 12]", "adaptive_avgpool: 6", (4, 6, 6), operations={"add": 576 - 144, "divide": 144}),
    Row("[4, 12, 12]", "adaptive_maxpool: [6, 3]", (4, 6, 3), operations={"compare": 576 - 72}),
    # to 100 positions from 8: windows of ceil(8/100) = 1 value, nothing to compare
    Row("[3, 8, 8]", "adaptive_maxpool: 100", (3, 100, 100)),
    # to 3 positions from 8: windows of ceil(8/3) = 3
    Row("[1, 8]", "adaptive_avgpool: 3", (1, 3), operations={"add": 6, "divide": 3}),
    # ceil mode: a kernel of 3 on 2 positions reaches 1 past the end, less than the stride
    Row("[1, 2]", "maxpool: {kernel: 3, stride: 2, ceil_mode: true}", (1, 1), operations={"compare": 2}),
    # same: ceil(7/2) = 4
    Row("[1, 7]", "maxpool: {kernel: 3, stride: 2, padding: same}", (1, 4), operations={"compare": 8}),
    # Linear
    Row("[9216]", "linear: 4096", (4096,), 9216 * 4096 + 4096, 9216 * 4096, {"add": 4096}),
    Row("[8, 5]", "linear: {out: 3, each_position: true}", (3, 5), 27, 24 * 5, {"add": 15}),
    Row("[7]", "embedding: {count: 100, out: 16}", (16, 7), 1600),
    # Normalisation. Batch: scale and shift; running mean and variance and a counter of batches are buffers
    Row("[8, 3, 3]", "batch_norm", (8, 3, 3), 16, operations={"multiply": 72, "add": 72}, buffers=17),
    Row("[8, 3, 3]", "batch_norm: {affine: false, track: false}", (8, 3, 3), 0, operations={"multiply": 72, "add": 72}),
    Row("[8, 3]", "layer_norm", (8, 3), 16, operations={"add": 96, "multiply": 72, "divide": 9, "exponential": 3}),
    Row(
        "[8, 3]",
        "layer_norm: {over: volume}",
        (8, 3),
        48,
        operations={"add": 96, "multiply": 72, "divide": 3, "exponential": 1},
    ),
    Row("[8, 3]", "group_norm: 4", (8, 3), 16, operations={"add": 96, "multiply": 72, "divide": 12, "exponential": 4}),
    Row(
        "[8, 3]",
        "group_norm: {groups: 4, bias: false}",
        (8, 3),
        8,
        operations={"add": 96, "multiply": 72, "divide": 12, "exponential": 4},
    ),
    Row("[8, 3]", "instance_norm", (8, 3), 0, operations={"add": 72, "multiply": 48, "divide": 24, "exponential": 8}),
    Row("[8, 3]", "rms_norm", (8, 3), 8, operations={"add": 24, "multiply": 72, "divide": 6, "exponential": 3}),
    Row("[8, 3]", "lrn: 5", (8, 3), 0, operations={"add": 120, "multiply": 48, "exponential": 24, "divide": 24}),
    Row("[6, 14, 14]", "affine", (6, 14, 14), 12, operations={"multiply": 1176, "add": 1176}),
    # Activations, per value of 24
    Row("[8, 3]", "relu", (8, 3), operations={"compare": 24}),
    Row("[8, 3]", "relu6", (8, 3), operations={"compare": 48}),
    Row("[8, 3]", "prelu", (8, 3), 1, operations={"compare": 24, "multiply": 24}),
    Row("[8, 3]", "prelu: {per_channel: true}", (8, 3), 8, operations={"compare": 24, "multiply": 24}),
    Row("[8, 3]", "silu", (8, 3), operations={"exponential": 24, "add": 24, "divide": 24}),
    # softmax over the 8 channels of 3 positions: 7 comparisons, 8 + 7 additions, 8 exponentials, 8 divisions each
    Row("[8, 3]", "softmax", (8, 3), operations={"compare": 21, "add": 45, "exponential": 24, "divide": 24}),
    # Regularisation does nothing at inference
    Row("[8, 3]", "dropout: 0.5", (8, 3)),
    Row("[8, 3]", "drop_path: 0.2", (8, 3)),
    # Shapes
    Row("[256, 6, 6]", "flatten", (9216,)),
    Row("[12, 4]", "reshape: [3, 4, 4]", (3, 4, 4)),
    Row("[12, 4]", "transpose: [1, 0]", (4, 12)),
    Row("[3, 4, 4]", "pad: [[1, 2], [0, 3]]", (3, 7, 7)),
    Row("[3, 7, 7]", "crop: [[1, 2], [0, 3]]", (3, 4, 4)),
    Row("[3, 4, 4]", "upsample: 2", (3, 8, 8)),
    Row("[3, 4, 4]", "upsample: {scale: 2, mode: linear}", (3, 8, 8), operations={"multiply": 192 * 4, "add": 192 * 3}),
    # 4 values along each axis
    Row(
        "[3, 4, 4]",
        "upsample: {scale: 2, mode: cubic}",
        (3, 8, 8),
        operations={"multiply": 192 * 16, "add": 192 * 15},
    ),
    # From 6 rows to 2 three times the 2 values of each output; from 4 columns to 8 no more than those.
    Row(
        "[3, 6, 4]",
        "upsample: {to: [2, 8], mode: linear, antialias: true}",
        (3, 2, 8),
        operations={"multiply": 48 * 12, "add": 48 * 11},
    ),
    Row("[3, 5, 4]", "unfold: {kernel: 3, padding: 1, stride: 2}", (27, 6)),
    # 2 x 2 windows of 2 x 2 values
    Row("[12, 4]", "fold: {size: [3, 3], kernel: 2}", (3, 3, 3), operations={"add": 48}),
    Row("[64, 8, 8]", "pixel_shuffle: 2", (16, 16, 16)),
    Row("[12, 4]", "channel_shuffle: 3", (12, 4)),
    Row("[12, 4]", "select: {start: 2, count: 5}", (5, 4)),
    Row("[12, 4]", "split: {parts: 3, part: 2}", (4, 4)),
    Row("[768, 14, 14]", "tokens", (768, 196)),
    Row("[768, 196]", "class_token", (768, 197), 768),
    Row("[768, 197]", "position_embedding", (768, 197), 768 * 197, operations={"add": 768 * 197}),
    Row("[768, 197]", "select_token", (768,)),
    Row("[8, 3]", "layer_scale", (8, 3), 8, operations={"multiply": 24}),
    # Attention of L = 5 positions of width E = 8, 2 heads: 4 projections E*E*L and two products L*L*E;
    # 2*5*5 = 50 scores in 2*5 = 10 rows
    Row(
        "[8, 5]",
        "attention: 2",
        (8, 5),
        4 * 64 + 4 * 8,
        4 * 64 * 5 + 2 * 25 * 8,
        {"add": 4 * 40 + 100 - 10, "multiply": 50, "compare": 40, "exponential": 50, "divide": 50},
    ),
]


def only(input: str, step: str) -> AnalysedLayer:
    return analyse(f"input: {input}\nlayers:\n  - {step}\n").layers[-1]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.step.replace(' ', '')}-{row.input.replace(' ', '')}")
def test_a_rule_by_hand(row: Row) -> None:
    found = only(row.input, row.step)
    assert found.output.shape == row.output
    assert found.params == row.params
    assert found.macs == row.macs
    assert found.buffers == row.buffers
    counted: dict[str, int] = {}
    for _, kind, amount in found.outcome.operations:
        counted[kind] = counted.get(kind, 0) + amount
    assert {k: n for k, n in counted.items() if n} == {k: n for k, n in row.operations.items() if n}


def joined(text: str) -> AnalysedLayer:
    return analyse(text).layers[-1]


def test_joins() -> None:
    # 8 channels and 4, from the same input
    branches = "{left: [{conv: {out: 8, kernel: 1}}], right: [{conv: {out: 4, kernel: 1}}]}"
    assert joined(f"input: [2, 5, 5]\nlayers: [{{concat: {branches}}}]").output.shape == (12, 5, 5)
    three = "{a: [relu], b: [tanh], c: []}"
    for join, counted in (("add", {"add": 2}), ("mean", {"add": 2, "divide": 1}), ("multiply", {"multiply": 2})):
        found = joined(f"input: [2, 5, 5]\nlayers: [{{{join}: {three}}}]")
        assert found.output.shape == (2, 5, 5)
        assert {kind: amount // 50 for _, kind, amount in found.outcome.operations} == counted


def test_multiply_repeats_a_vector_as_squeeze_and_excitation_does() -> None:
    gate = "[global_avgpool, flatten, {linear: 16}, sigmoid]"
    found = joined(f"input: [16, 7, 7]\nlayers: [{{multiply: {{gate: {gate}, features: []}}}}]")
    assert found.output.shape == (16, 7, 7)
    assert [operation.amount for operation in found.outcome.operations] == [16 * 49]


def test_attention_over_a_second_sequence() -> None:
    # 3 queries of width 8, 5 positions of width 6: query and output 8*8, key and value 6*8
    text = """
    input: [8, 3]
    layers:
      - identity:
        as: decoder
      - transpose: [1, 0]
      - linear: {out: 6, each_position: true}
      - pad: [[0, 0]]
        as: encoder
      - attention: {heads: 2, bias: false}
        from: [decoder, encoder]
    """
    found = joined(text)
    assert found.params == 2 * 64 + 2 * 48
    # encoder: 8 positions of width 6
    assert found.macs == 2 * 3 * 64 + 2 * 8 * 48 + 2 * 3 * 8 * 8


def test_every_layer_is_documented_and_has_a_source() -> None:
    for layer in layers().values():
        assert layer.summary, layer.name
        assert "Source:" in layer.doc, layer.name
        assert "backward" in layer.doc, f"{layer.name} says what is saved for backward"


def test_two_layers_of_one_name_are_an_error() -> None:
    def conv() -> None: ...

    with pytest.raises(ValueError, match="two layers are called conv"):
        register(conv)  # type: ignore[type-var]


def test_shared_weights_count_once_and_work_every_time() -> None:
    # 64*64 + 64 weights, used 3 times
    analysis = analyse("input: [64]\nlayers:\n  - linear: 64\n    weights: tied\n    repeat: 3\n")
    assert figure(analysis, "params") == 64 * 64 + 64
    assert figure(analysis, "macs") == 3 * 64 * 64
    assert [row.params for row in analysis.layers] == [4160, 0, 0]


def test_an_embedding_and_a_classifier_can_share_their_table() -> None:
    text = """
    input: [7]
    layers:
      - embedding: {count: 100, out: 16}
        weights: table
      - linear: {out: 100, each_position: true}
        weights: table
    """
    assert figure(analyse(text), "params") == 100 * 16 + 100  # the table once, the bias of the classifier


def test_weights_are_shared_block_by_block() -> None:
    text = """
    input: [8, 16, 16]
    blocks:
      tower(out):
        - conv: {out: out, kernel: 3, padding: 1}
          repeat: 2
    layers:
      - head:
          small:
            - maxpool: 2
            - tower: 8
              weights: tower
      - tower: 8
        weights: tower
    """
    analysis = analyse(text)
    assert figure(analysis, "params") == 2 * (8 * 8 * 9 + 8)
    assert figure(analysis, "macs") == 2 * 8 * 8 * 9 * (16 * 16 + 8 * 8)
    assert sorted(analysis.network.outputs) == ["output", "small"]


def test_blocks_that_share_weights_share_what_is_shared_inside_them() -> None:
    text = """
    input: [8]
    blocks:
      twice:
        - linear: 8
          weights: inner
          repeat: 2
    layers:
      - twice:
        weights: outer
        repeat: 2
      - twice
    """
    assert figure(analyse(text), "params") == 2 * (8 * 8 + 8)  # one for the pair that shares, one for the third call


def test_depth_counts_layers_with_weights_on_the_longest_way() -> None:
    text = """
    input: [4, 8, 8]
    layers:
      - add:
          residual:
            - conv: {out: 4, kernel: 3, padding: 1}
            - batch_norm
            - conv: {out: 4, kernel: 3, padding: 1}
          shortcut:
            - conv: {out: 4, kernel: 1}
      - flatten
      - linear: 10
    """
    assert figure(analyse(text), "depth") == 3


def test_unknown_layers_are_never_counted_as_nothing() -> None:
    with pytest.raises(archcalc.SpecError, match="there is no layer or block `mystery`"):
        analyse("input: [4]\nlayers: [mystery]")


def test_a_layer_works_in_place_only_where_nothing_else_needs_its_input() -> None:
    # The shortcut needs the convolution's output as well, so that the first ReLU makes 8*16 values of its own.
    text = """
    input: [8, 4, 4]
    layers:
      - conv: {out: 8, kernel: 1}
      - add:
          residual: [relu, {conv: {out: 8, kernel: 1}}, relu]
          shortcut: [identity]
    """
    analysis = analyse(text)
    assert [row.outcome.storage for row in analysis.layers] == ["new", "new", "new", "inplace", "view", "new"]
    assert figure(analysis, "activation_bytes_without_input") == 4 * 4 * 128


def test_shared_buffers_count_once() -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - batch_norm: {affine: false}\n    weights: w\n    repeat: 3\n"
    assert figure(analyse(text), "buffers") == 3 + 3 + 1


def test_narrow_numpy_integers_do_not_wrap() -> None:
    numpy = pytest.importorskip("numpy", reason="NumPy is an extra")
    assert archcalc.load("vgg16", image=numpy.int32(64)).figure("macs") == archcalc.load("vgg16", image=64).figure(
        "macs"
    )
    with pytest.raises(archcalc.UsageError, match="is too large: sizes go up to"):
        archcalc.load("vgg16", image=10**400)
