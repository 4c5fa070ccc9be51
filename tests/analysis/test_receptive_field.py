"""Receptive fields: the published figures, and the definition itself, position by position."""

from __future__ import annotations

import csv
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
from inline import analysed, layers

import archcalc
from archcalc.analysis.receptive_field import (
    ITSELF,
    MAX_PERIOD,
    Field,
    Span,
    _united,
    last_map,
    receptive_fields,
    through_window,
)
from archcalc.analysis.totals import Analysis
from archcalc.layers.outcome import Window

#: Araujo et al. 2019, table of the receptive fields of TF-slim's networks.
PUBLISHED = {
    row["network"]: tuple(int(row[key]) for key in ("receptive_field_px", "effective_stride", "effective_padding"))
    for row in csv.DictReader((Path(__file__).parent.parent / "data" / "receptive_fields.csv").open(encoding="utf-8"))
}


def field_of(analysis: Analysis) -> Field:
    fields = receptive_fields(analysis.interpretation)
    last = last_map(analysis.interpretation, fields)
    assert last is not None
    return last.field


def figures(analysis: Analysis) -> tuple[int, int, int]:
    """Size, stride and padding, the same along both axes."""
    field = field_of(analysis)
    assert field.size is not None
    assert field.stride is not None
    assert field.padding is not None
    (size,), (stride,), (padding,) = set(field.size), set(field.stride), set(field.padding)
    return size, int(stride), padding


# --- published figures


def test_alexnet_sees_195_pixels() -> None:
    # 11 + (3-1)*4 = 19, + (5-1)*8 = 51, + (3-1)*8 = 67, + 3 * (3-1)*16 = 163, + (3-1)*16 = 195.
    assert figures(archcalc.load("alexnet").analyse()) == PUBLISHED["alexnet_v2"] == (195, 32, 64)


def test_vgg16_sees_212_pixels() -> None:
    assert figures(archcalc.load("vgg16").analyse()) == PUBLISHED["vgg_16"] == (212, 32, 90)


@pytest.mark.parametrize(("name", "size"), [("resnet50", 427), ("resnet101", 971), ("resnet152", 1451)])
def test_residual_networks_with_torchvisions_strides(name: str, size: int) -> None:
    # The shortest way through ResNet-50 takes all shortcuts: 7 + (3-1)*2 = 11 pixels.
    analysis = archcalc.load(name).analyse()
    assert figures(analysis)[:2] == (size, 32)
    assert field_of(analysis).smallest == (11, 11)


@pytest.mark.parametrize("name", ["inception_v2", "inception_v3", "inception_v4", "inception_resnet_v2"])
def test_inception_networks(name: str) -> None:
    assert figures(archcalc.load(name).analyse()) == PUBLISHED[name]


#: TF-slim's residual networks: a block's last unit has the stride, in its 3x3; all 3x3 are padded by 1 on both sides.
SLIM = """
    parameters: {units: [3, 4, 6, 3]}
    input: [3, 224, 224]
    blocks:
      unit(width, stride=1, project=false):
        - add:
            residual:
              - conv: {out: width, kernel: 1}
              - conv: {out: width, kernel: 3, stride: stride, padding: 1}
              - conv: {out: 4 * width, kernel: 1}
            shortcut:
              - maxpool: {kernel: 1, stride: stride}
                when: not project
              - conv: {out: 4 * width, kernel: 1, stride: stride}
                when: project
      stage(width, units, stride):
        - unit: {width: width, project: true}
        - unit: width
          repeat: units - 2
        - unit: {width: width, stride: stride}
    layers:
      - conv: {out: 64, kernel: 7, stride: 2, padding: 3}
      - maxpool: {kernel: 3, stride: 2, padding: [[0, 1], [0, 1]]}
      - stage: {width: 64, units: "units[0]", stride: 2}
      - stage: {width: 128, units: "units[1]", stride: 2}
      - stage: {width: 256, units: "units[2]", stride: 2}
      - stage: {width: 512, units: "units[3]", stride: 1}
      - global_avgpool
"""


@pytest.mark.parametrize(
    ("network", "units"),
    [
        ("resnet_v1_50", (3, 4, 6, 3)),
        ("resnet_v1_101", (3, 4, 23, 3)),
        ("resnet_v1_152", (3, 8, 36, 3)),
        ("resnet_v1_200", (3, 24, 36, 3)),
    ],
)
def test_residual_networks_with_slims_strides(network: str, units: tuple[int, ...]) -> None:
    assert figures(analysed(SLIM, units=units)) == PUBLISHED[network]


def test_mobilenet_with_tensorflows_padding() -> None:
    # SAME on an even map pads a 3x3 of stride 2 by 0 before and 1 after.
    analysis = analysed("""
        input: [3, 224, 224]
        blocks:
          separable(out, stride=1):
            - depthwise_conv: {kernel: 3, stride: stride, padding: same}
            - conv: {out: out, kernel: 1}
        layers:
          - conv: {out: 32, kernel: 3, stride: 2, padding: same}
          - separable: 64
          - separable: {out: 128, stride: 2}
          - separable: 128
          - separable: {out: 256, stride: 2}
          - separable: 256
          - separable: {out: 512, stride: 2}
          - separable: 512
            repeat: 5
          - separable: {out: 1024, stride: 2}
          - separable: 1024
          - global_avgpool
    """)
    assert figures(analysis) == PUBLISHED["mobilenet_v1"] == (315, 32, 126)


@pytest.mark.parametrize(("convolutions", "size"), [(1, 3), (2, 5), (3, 7), (5, 11)])
def test_stacked_3x3_convolutions_see_as_much_as_one_large_one(convolutions: int, size: int) -> None:
    # Simonyan & Zisserman 2014, section 2.3: three 3x3 see 7x7.
    stack = layers("8, 32, 32", f"- conv: {{out: 8, kernel: 3, padding: 1}}\n  repeat: {convolutions}")
    assert figures(stack) == (size, 1, convolutions)


# --- the definition: follow every dependence, position by position

WINDOWS = [
    "conv: {out: 1, kernel: 3, stride: 2, padding: 1}",
    "conv: {out: 1, kernel: 2, dilation: 3, padding: [[2, 1]]}",
    "conv: {out: 1, kernel: 4, padding: same}",
    "maxpool: {kernel: 3, stride: 2}",
    "pad: 2",
    "crop: 1",
    "upsample: 2",
    "upsample: {scale: 3, mode: linear}",
    "conv_transpose: {out: 1, kernel: 4, stride: 2, padding: 1}",
    "conv_transpose: {out: 1, kernel: 3, stride: 2}",
    "adaptive_avgpool: 12",
    "adaptive_avgpool: 10",
]


def seen_through(analysis: Analysis, index: int, position: int) -> set[int]:
    """The positions of a layer's input that a position of its output depends on, from the layer's own definition."""
    layer = analysis.layers[index]
    attributes = layer.node.attributes
    n, m = analysis.input_volumes(layer)[0].space[0], layer.output.space[0]
    kernel, stride, dilation = (attributes.get(key, 1) for key in ("kernel", "stride", "dilation"))
    padding = attributes.get("padding", attributes.get("size", 0))
    before = {"same": 1}.get(padding, 0) if isinstance(padding, str) else padding
    before = before[0][0] if isinstance(before, tuple) else before
    taps = [dilation * tap for tap in range(kernel)]
    match layer.layer:
        case "conv" | "maxpool":
            return {position * stride - before + tap for tap in taps}
        case "pad":
            return {position - before}
        case "crop":
            return {position + before}
        case "upsample" if attributes.get("mode") != "linear":
            return {position // attributes["scale"]}
        case "upsample":
            centre = Fraction(2 * position + 1, 2 * attributes["scale"]) - Fraction(1, 2)
            return {centre.__floor__(), centre.__floor__() + 1}
        case "conv_transpose":
            reached = (Fraction(position + before - tap, stride) for tap in taps)
            return {int(i) for i in reached if i.denominator == 1}
        case "adaptive_avgpool":
            start, stop = Fraction(position * n, m), Fraction((position + 1) * n, m)
            return set(range(start.__floor__(), stop.__ceil__()))
    raise AssertionError(layer.layer)


@pytest.mark.parametrize("steps", [*product(WINDOWS, WINDOWS), *product(WINDOWS[:9:2], WINDOWS[1::2], WINDOWS[::3])])
def test_windows_are_followed_position_by_position(steps: tuple[str, ...]) -> None:
    analysis = layers("1, 40", "\n".join(f"- {step}" for step in steps))
    (union,) = receptive_fields(analysis.interpretation)[-1].union or ()

    for position in range(analysis.layers[-1].output.space[0]):
        seen = {position}
        for index in reversed(range(len(steps))):
            # From the first to the last: what a stride leaves out in between belongs to the window.
            seen = {i for p in range(min(seen), max(seen) + 1) for i in seen_through(analysis, index, p)}
        assert union.at(position) == (min(seen), max(seen))


# --- branches, gates, and the end of space


def test_where_paths_meet_the_union_is_seen_and_the_shortest_path_is_kept() -> None:
    # 5x5 padded by 2 and by 3: together from -3 to +2.
    field = field_of(
        layers(
            "4, 16, 16",
            """
            - concat:
                narrow: [conv: {out: 4, kernel: 1}]
                middle: [conv: {out: 4, kernel: 5, padding: 2}]
                early: [conv: {out: 4, kernel: 5, padding: [[3, 1], [2, 2]]}]
            """,
        )
    )
    assert field.size == (6, 5)
    assert field.padding == (3, 2)
    assert field.smallest == (1, 1)


def test_enlarging_gives_positions_different_windows() -> None:
    # Enlarged, position 0 is made of -1 and 0, 1 and 2 of 0 and 1: the kernel of 2 sees 3 at 0 and 2 at 1.
    field = field_of(layers("1, 8, 8", "- upsample: {scale: 2, mode: linear}\n- conv: {out: 1, kernel: 2}"))
    assert field.size == (3, 3)
    assert field.smallest == (2, 2)
    assert field.stride == (Fraction(1, 2), Fraction(1, 2))


def test_a_gate_sees_everything_and_the_map_stays_spatial() -> None:
    analysis = layers(
        "8, 32, 32",
        """
        - conv: {out: 8, kernel: 3, padding: 1}
        - multiply:
            map: []
            gate: [global_avgpool, conv: {out: 8, kernel: 1}, sigmoid]
        - conv: {out: 8, kernel: 3, padding: 1}
        - global_avgpool
        """,
    )
    field = field_of(analysis)
    assert field.size == (5, 5)
    assert field.whole
    assert field.seen((32, 32)) == 32 * 32


def test_space_ends_where_one_position_is_picked() -> None:
    analysis = layers("4, 12", "- conv: {out: 4, kernel: 3}\n- select_token\n- linear: 2")
    fields = receptive_fields(analysis.interpretation)
    last = last_map(analysis.interpretation, fields)
    assert last is not None
    assert (last.node, last.field.size) == (0, (3,))


def test_space_ends_at_a_flatten_and_not_at_a_head() -> None:
    analysis = layers(
        "3, 8, 8",
        """
        - conv: {out: 4, kernel: 3}
        - head:
            side: [conv: {out: 4, kernel: 3}, flatten, linear: 2]
        - flatten
        - linear: 2
        """,
    )
    fields = receptive_fields(analysis.interpretation)
    last = last_map(analysis.interpretation, fields)
    assert last is not None
    assert analysis.layers[last.node].name == "conv"
    assert fields[-1].whole


@pytest.mark.parametrize("steps", ["- linear: 4", "- reshape: [2, 5, 1]\n- relu"])
def test_a_network_without_space_has_no_map(steps: str) -> None:
    analysis = layers("10", steps)
    assert last_map(analysis.interpretation, receptive_fields(analysis.interpretation)) is None


def test_a_position_between_those_that_are_filled_sees_nothing() -> None:
    # A kernel of one position, every second position of the output.
    field = field_of(layers("1, 5", "- conv_transpose: {out: 1, kernel: 1, stride: 2}"))
    assert (field.size, field.smallest) == ((1,), (0,))


def test_whole_strides_are_whole_numbers() -> None:
    strides = field_of(layers("1, 16, 16", "- conv: {out: 1, kernel: 3, stride: 2, padding: 1}")).stride
    assert strides == (2, 2)
    assert all(type(stride) is int for stride in strides)


def test_a_union_is_followed_up_to_the_longest_period() -> None:
    half, longest = (
        Span((0, 0), (1, 2), 1),
        Span(tuple(range(MAX_PERIOD)), tuple(range(1, MAX_PERIOD + 1)), MAX_PERIOD // 2),
    )
    united = _united((half, longest))
    assert united is not None
    assert united.period == MAX_PERIOD
    assert _united((Span((0, 0, 0), (1, 2, 3), 3), Span(longest.low, longest.high, MAX_PERIOD))) is None


def test_what_cannot_be_followed_is_said_to_be_unknown() -> None:
    # Both branches end at 4 positions, one of stride 2 and one of stride 1.
    analysis = layers("1, 8", "- concat: {a: [maxpool: 2], b: [crop: 2]}\n- conv: {out: 1, kernel: 1}")
    field = receptive_fields(analysis.interpretation)[-1]
    assert not field.followed
    assert field.size is None
    assert field.seen((8,)) is None


@pytest.mark.parametrize(
    ("window", "followed"),
    [
        # Periods up to 512 positions, and windows that reach up to 10^18 positions from the first.
        (Window(0, 0, 1, 512), True),
        (Window(0, 0, 1, 513), False),
        (Window(0, 0, 2, 1024), True),
        (Window(0, 10**18), True),
        (Window(0, 10**18 + 1), False),
        (Window(-(10**18), 0), True),
        (Window(-(10**18) - 1, 0), False),
    ],
)
def test_windows_are_followed_up_to_a_period_and_a_reach(window: Window, followed: bool) -> None:
    assert (through_window(ITSELF, window) is not None) is followed


def test_branches_of_two_periods_are_followed_over_both() -> None:
    # Position o of `a` sees o//2 and the one after it; of `b`, 0 to 2 see 0 and 1, and 3 to 5 see 1 and 2. Together
    # they repeat after 6 positions.
    branches = """
        - concat:
            a: [conv: {out: 1, kernel: 2, padding: [[0, 1]]}, upsample: 2]
            b: [upsample: 2, maxpool: 3, upsample: 3]
    """
    (union,) = receptive_fields(layers("1, 9", branches).interpretation)[-1].union or ()
    assert (union.period, union.shift) == (6, 3)
    assert [union.at(position) for position in range(7)] == [(0, 1), (0, 1), (0, 2), (1, 2), (1, 3), (1, 3), (3, 4)]


def test_a_union_that_is_too_long_to_follow_is_lost_though_the_shortest_path_is_not() -> None:
    # Enlarged 200 times, the 6 positions of the union before are 1,200, and the 2 of one branch 400.
    branches = """
        - concat:
            a: [conv: {out: 1, kernel: 2, padding: [[0, 1]]}, upsample: 2]
            b: [upsample: 2, maxpool: 3, upsample: 3]
        - upsample: 200
    """
    field = receptive_fields(layers("1, 9", branches).interpretation)[-1]
    assert not field.followed
    assert field.smallest is None


def test_a_second_input_sees_nothing_of_the_first() -> None:
    analysis = analysed("""
        inputs: {image: [4, 8, 8], mask: [4, 8, 8]}
        layers:
          - conv: {out: 4, kernel: 3, padding: 1}
          - add: {image: [], mask: [{identity: , from: mask}]}
          - conv: {out: 4, kernel: 5, padding: 2}
            from: mask
    """)
    fields = receptive_fields(analysis.interpretation)
    assert [field.size for field in fields] == [(3, 3), (), (3, 3), ()]
    # The main output follows from the second input alone.
    assert last_map(analysis.interpretation, fields) is None


def test_the_share_of_the_input_that_is_seen() -> None:
    # 3 of 10 rows, and all 4 columns: the window of 5 is cut at the edge.
    field = field_of(layers("1, 10, 4", "- conv: {out: 1, kernel: [3, 5], padding: [1, 2]}"))
    assert field.seen((10, 4)) == 3 * 4
