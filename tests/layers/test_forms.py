"""What can be written in several ways has one form; what differs in a figure or in a value has not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from inline import layers

from archcalc import catalogue
from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.api import load
from archcalc.counting.count import Uncounted, count
from archcalc.counting.profiles import PROFILES
from archcalc.layers.outcome import Outcome
from archcalc.layers.registry import Form
from archcalc.layers.registry import layers as known
from archcalc.memory.setup import stated
from archcalc.quantities.registry import Part, quantities

MAP, SEQUENCE, VECTOR = "4, 17, 17", "64, 10", "12"

#: An input, and two ways to write one layer.
SAME = [
    # Padding in numbers: before and after (3 - 1) / 2; with stride 2 and kernel 4 of 17 (8 * 2 + 4 - 17) = 3 in all.
    (MAP, "conv: {out: 6, kernel: 3, padding: same}", "conv: {out: 6, kernel: 3, padding: 1}"),
    (
        MAP,
        "conv: {out: 6, kernel: 4, stride: 2, padding: same}",
        "conv: {out: 6, kernel: 4, stride: 2, padding: [[1, 2], [1, 2]]}",
    ),
    (MAP, "conv: {out: 6, kernel: 1, dilation: 2}", "conv: {out: 6, kernel: 1}"),
    (MAP, "conv: {out: 8, kernel: 3, groups: 4}", "depthwise_conv: {kernel: [3, 3], multiplier: 2}"),
    (
        MAP,
        "conv: {out: 4, kernel: 3, groups: 4, padding: same}",
        "depthwise_conv: {kernel: 3, padding: [1, 1]}",
    ),
    ("1, 17, 17", "conv: {out: 2, kernel: 3}", "depthwise_conv: {kernel: 3, multiplier: 2}"),
    (MAP, "maxpool: 2", "maxpool: {kernel: [2, 2], stride: 2}"),
    (MAP, "maxpool: {kernel: 3, stride: 2, padding: same}", "maxpool: {kernel: 3, stride: 2, padding: 1}"),
    (MAP, "maxpool: {kernel: 3, stride: 2, ceil_mode: true}", "maxpool: {kernel: 3, stride: 2}"),
    (MAP, "avgpool: {kernel: 3, stride: 2, ceil_mode: true}", "avgpool: {kernel: 3, stride: 2}"),
    (MAP, "avgpool: {kernel: 2, count_include_pad: false}", "avgpool: 2"),
    (MAP, "adaptive_avgpool: 1", "global_avgpool"),
    (MAP, "adaptive_maxpool: [1, 1]", "global_maxpool"),
    ("4, 1, 1", "adaptive_avgpool: 1", "global_avgpool"),
    ("4, 1, 1", "adaptive_maxpool: 1", "global_maxpool"),
    (MAP, "reshape: [4, -1]", "reshape: [4, 289]"),
    (MAP, "reshape: [4, 289]", "tokens"),
    (MAP, "reshape: [1156]", "flatten"),
    (MAP, "reshape: {shape: [-1], channels: last}", "flatten"),
    (MAP, "reshape: [2, -1, 17]", "reshape: [2, 34, 17]"),
    # 2 are taken off, half on each side; 3: the larger half at the end.
    (MAP, "crop: {to: 15}", "crop: {size: 1}"),
    (MAP, "crop: {to: 14}", "crop: {size: [[1, 2], [1, 2]]}"),
    ("4, 17", "crop: {size: [[1, 2]]}", "slice: {axis: length, start: 1, count: 14}"),
    (MAP, "crop: {to: [17, 15]}", "slice: {axis: width, start: 1, count: 15}"),
    ("4, 17", "subsample: 2", "slice: {axis: length, step: 2}"),
    ("4, 18", "subsample: 2", "slice: {axis: length, step: 2}"),
    (MAP, "subsample: [3, 1]", "slice: {axis: height, step: 3}"),
    (MAP, "upsample: {to: 34}", "upsample: {scale: 2}"),
    (MAP, "upsample: {to: [34, 51], mode: linear}", "upsample: {scale: [2, 3], mode: linear}"),
    (MAP, "select: {start: 1, count: 2}", "slice: {axis: channels, start: 1, count: 2}"),
    (MAP, "select: {start: 1, count: 3}", "slice: {axis: 0, start: 1}"),
    (MAP, "slice: {axis: height, start: 2, step: 2}", "slice: {axis: 1, start: 2, count: 8, step: 2}"),
    (MAP, "reduce_mean: {over: channels, keep: true}", "reduce_mean: {over: 0}"),
    (MAP, "reduce_sum: {over: channels, keep: true}", "reduce_sum: channels"),
    (MAP, "reduce_max: {over: channels, keep: true}", "reduce_max: channels"),
    (MAP, "reduce_norm: {over: channels, keep: true}", "reduce_norm: channels"),
    (MAP, "layer_norm: {affine: false, bias: false}", "layer_norm: {affine: false}"),
    (MAP, "scale: 0", "zero"),
    (VECTOR, "linear: {out: 5, each_position: true}", "linear: 5"),
    # Of 4 heads over 64 channels each is 16 wide; any of these takes linear layers and a fused kernel.
    (SEQUENCE, "attention: {heads: 4, kv_heads: 4, rotary: true}", "attention: {heads: 4, rotary: true}"),
    (SEQUENCE, "attention: {heads: 4, kv_heads: 4}", "attention: {heads: 4, width: 16}"),
    (SEQUENCE, "attention: {heads: 4, kv_heads: 4}", "attention: {heads: 4, mode: fused}"),
    (SEQUENCE, "attention: {heads: 4, windows: true}", "attention: {heads: 4, mode: fused}"),
    (SEQUENCE, "attention: 4", "attention: {heads: 4, mode: module}"),
    (SEQUENCE, "attention: {heads: 4, dropout: 0.1}", "attention: {heads: 4, dropout: 0.1, mode: separate}"),
    (
        SEQUENCE,
        "attention: {heads: 4, key_bias: false}",
        "attention: {heads: 4, bias: false, query_bias: true, value_bias: true, out_bias: true}",
    ),
]

#: An input, and two layers that are alike and not the same.
DIFFERENT = [
    # PyTorch's own "same" of an even kernel stores one row and one column more, a padding before it all sides.
    (
        MAP,
        "conv: {out: 6, kernel: 4, padding: same}",
        "conv: {out: 6, kernel: 4, padding: [[1, 2], [1, 2]]}",
    ),
    (MAP, "maxpool: {kernel: 2, ceil_mode: true}", "maxpool: 2"),  # 9x9 and 8x8
    (
        MAP,
        "avgpool: {kernel: 3, stride: 2, padding: 1, count_include_pad: false}",
        "avgpool: {kernel: 3, stride: 2, padding: 1}",
    ),
    (MAP, "adaptive_avgpool: 2", "global_avgpool"),
    (MAP, "adaptive_maxpool: 1", "global_avgpool"),
    (MAP, "reshape: {shape: [4, 289], channels: last}", "tokens"),
    (MAP, "reshape: [289, 4]", "tokens"),
    (MAP, "crop: {to: 14}", "crop: {size: [[2, 1], [2, 1]]}"),
    (MAP, "crop: {to: 15}", "slice: {axis: height, start: 1, count: 15}"),
    (MAP, "subsample: 2", "slice: {axis: height, step: 2}"),
    (MAP, "upsample: {to: 34, mode: linear}", "upsample: {scale: 2}"),
    (MAP, "upsample: {to: 33}", "upsample: {scale: 2}"),
    (MAP, "slice: {axis: channels, count: 2, step: 2}", "select: {start: 0, count: 2}"),
    (MAP, "reduce_mean: {over: height, keep: true}", "reduce_mean: {over: height}"),
    (MAP, "scale: 1", "zero"),
    (MAP, "relu: {inplace: false}", "relu"),
    (MAP, "conv: {out: 8, kernel: 3, groups: 2}", "depthwise_conv: {kernel: 3, multiplier: 2}"),
    ("12, 10", "linear: {out: 5, each_position: true}", "conv: {out: 5, kernel: 1}"),
    (SEQUENCE, "attention: {heads: 4, kv_heads: 2}", "attention: {heads: 4, mode: fused}"),
    (SEQUENCE, "attention: {heads: 4, kv_heads: 4}", "attention: 4"),
    (SEQUENCE, "attention: {heads: 4, mode: separate}", "attention: {heads: 4, mode: fused}"),
]


def form(analysis: Analysis, row: AnalysedLayer) -> Form:
    return row.node.layer.form(analysis.input_volumes(row)[0], row.node.attributes)


def unconditional(outcome: Outcome) -> Outcome:
    """All that follows from a layer, without what must hold for it."""
    return outcome._replace(conditions=())


def between(volume: str, step: str) -> Analysis:
    """A network of the layer between two that have gradients, so that what it saves counts."""
    return layers(volume, f"- batch_norm\n- {step}\n- batch_norm")


def figures(analysis: Analysis) -> Iterator[tuple[str, Any]]:
    """Every quantity for a batch of 2 on a card, in full and in mixed precision, and all that tools count."""
    for dtype in ("float32", "amp"):
        part = Part(analysis, setup=stated(analysis.network, {"batch": "2", "gpu": "v100", "dtype": dtype}))
        for name, each in quantities().items():
            with suppress(Uncounted):
                yield f"{name} {dtype}", each.measure(part)
    for name, profile in PROFILES.items():
        with suppress(Uncounted):
            yield name, count(profile, analysis).counters


@pytest.mark.parametrize(("volume", "one", "other"), SAME)
def test_two_ways_to_write_a_layer_have_one_form_and_are_equal_in_every_figure(
    volume: str, one: str, other: str
) -> None:
    first, second = (between(volume, step) for step in (one, other))
    assert form(first, first.layers[1]) == form(second, second.layers[1])
    assert unconditional(first.layers[1].outcome) == unconditional(second.layers[1].outcome)
    assert dict(figures(first)) == dict(figures(second))


@pytest.mark.parametrize(("volume", "one", "other"), DIFFERENT)
def test_layers_that_are_not_the_same_have_two_forms(volume: str, one: str, other: str) -> None:
    first, second = (between(volume, step) for step in (one, other))
    assert form(first, first.layers[1]) != form(second, second.layers[1])


def test_a_form_is_a_layer_with_the_same_outcome_and_its_own_form() -> None:
    seen: set[object] = set()
    for name in catalogue.names():
        analysis = load(name).analyse()
        for row in analysis.layers:
            volumes = tuple(analysis.input_volumes(row))
            key = (row.layer, volumes, tuple(row.node.attributes.items()))
            if key in seen:
                continue
            seen.add(key)
            layer, attributes = form(analysis, row)
            outcome = known()[layer].function(*volumes, **attributes)
            assert unconditional(outcome) == unconditional(row.outcome), (name, row.name)
            assert known()[layer].form(volumes[0], attributes) == (layer, attributes), (name, row.name)
