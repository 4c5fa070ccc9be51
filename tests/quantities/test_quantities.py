"""Quantities by name: what each counts, on networks small enough to count by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from inline import analysed, layers

import archcalc
from archcalc.devices import card
from archcalc.memory.setup import Setup
from archcalc.quantities.registry import Part, quantities, quantity, select


def measured(name: str, volume: str, steps: str, path: str | None = None) -> Any:
    analysis = layers(volume, steps)
    part = Part(analysis) if path is None else select(analysis, path)
    assert part is not None
    return quantities()[name].measure(part)


CONV = "- conv: {out: 8, kernel: 3}\n- batch_norm\n- relu\n- maxpool: 2\n- flatten\n- linear: 5"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # conv: 3*3*3*8 = 216 and 8 biases; batch_norm 8 and 8; linear: 3*3*8 = 72 inputs, 360 and 5 biases
        ("params", 216 + 8 + 16 + 365),
        ("weights", 216 + 360),
        ("params_bytes", 4 * 605),
        ("buffers", 17),  # running mean and variance, and a counter
        # out: 6x6x8, pooled 3x3x8
        ("macs", 216 * 36 + 360),
        ("bias_additions", 36 * 8 + 5),
        ("neurons", 288 + 5),
        # 27 + 1 for each of 288 units, 4 for each of 72 poolings, 72 + 1 for each of 5
        ("connections", 28 * 288 + 4 * 72 + 73 * 5),
        ("depth", 2),
        # conv, batch_norm and pooling are stored, relu works in place and flatten is a view
        ("activation_bytes_without_input", 4 * (288 + 288 + 72 + 5)),
        ("activation_bytes_out_of_place", 4 * (288 + 288 + 288 + 72 + 5)),
        ("activation_bytes", 4 * (192 + 288 + 288 + 72 + 5)),
        ("receptive_field", (4, 4)),
        ("receptive_field_stride", (2, 2)),
        ("receptive_field_padding", (0, 0)),
    ],
)
def test_a_quantity_of_a_network(name: str, value: Any) -> None:
    assert measured(name, "3, 8, 8", CONV) == value


def test_lenet_counts_connections_of_subsampling_and_centres() -> None:
    # each pooled unit has 4 inputs and the bias of its scaling
    assert measured("connections", "2, 4, 4", "- avgpool: 2\n- affine") == 5 * 8
    assert measured("connections", "84", "- rbf: 10") == 840


def test_shared_weights_are_counted_once_and_used_twice() -> None:
    steps = "- linear: {out: 4, bias: false}\n  weights: w\n- linear: {out: 4, bias: false}\n  weights: w"

    assert measured("weights", "4", steps) == measured("params", "4", steps) == 16
    assert measured("macs", "4", steps) == 32


def test_what_adds_up_does() -> None:
    analysis = archcalc.load("googlenet").analyse()
    for each in quantities().values():
        if each.sums:
            network = Part(analysis, setup=Setup(card=card("v100")))
            parts = [each.measure(Part(analysis, [row], network.setup)) for row in analysis.layers]
            beside = each.beside(network) if each.beside else 0
            assert beside + sum(parts) == each.measure(network), each.name
            assert each.amount is not None
            assert parts == [each.amount(network, row) for row in analysis.layers]


#: Two blocks of which one is frozen, and weights that two layers share: equal layers that do not add the same.
UNEQUAL = """
input: [4, 8, 8]
blocks:
  pair():
    - conv: {out: 4, kernel: 3, padding: 1}
    - relu
layers:
  - pair:
    repeat: 3
  - pair:
    trainable: false
  - conv: {out: 4, kernel: 1}
    weights: both
  - conv: {out: 4, kernel: 1}
    weights: both
"""


def test_equal_layers_are_added_up_as_what_each_adds() -> None:
    network = Part(analysed(UNEQUAL), setup=Setup(batch=2, card=card("t4")))
    for known in quantities().values():
        if known.amount is not None:
            beside = network.samples(known.beside(network)) if known.beside else 0
            assert known.measure(network) == beside + sum(known.amount(network, row) for row in network.layers)


def test_a_part_is_a_layer_a_block_or_a_pattern() -> None:
    analysis = archcalc.load("googlenet").analyse()

    def names(path: str) -> list[str]:
        return [row.name for row in select(analysis, path).layers]

    assert names("pool1") == ["pool1"]
    assert names("conv2") == ["conv2/conv", "conv2/relu"]
    assert names("inception_3a/conv1/conv_relu/conv") == ["inception_3a/conv1/conv_relu/conv"]
    assert names("inception_3?/concat*") == ["inception_3a/concat", "inception_3b/concat"]
    # The end of a path is enough where no other path has it.
    assert names("3a/concat") == [] if False else names("inception_3a/concat") == ["inception_3a/concat"]


def test_two_quantities_of_one_name_are_an_error() -> None:
    def params(part: Part) -> int:
        return 0

    with pytest.raises(ValueError, match="two quantities are called params"):
        quantity()(params)


def test_every_quantity_says_what_it_counts() -> None:
    assert [each.name for each in quantities().values() if not each.doc.endswith(".")] == []


# --- stochastic depth

PATHS = """
input: [4, 8, 8]
layers:
  - conv: {out: 4, kernel: 1, bias: false}
  - add:
      residual:
        - conv: {out: 4, kernel: 1, bias: false}
        - relu
        - conv: {out: 4, kernel: 1, bias: false}
        - drop_path: 0.25
      shortcut: []
  - add:
      residual:
        - conv: {out: 4, kernel: 1, bias: false}
        - add:
            inner:
              - conv: {out: 4, kernel: 1, bias: false}
              - drop_path: 0.5
            same: []
        - drop_path: 0.5
      shortcut: []
"""


def test_a_dropped_path_costs_as_often_as_it_survives() -> None:
    each = 4 * 4 * 64  # the MACs of one convolution
    # the first always; two with 3/4; one with 1/2; and one in it with 1/2 of that
    expected = each * (1 + 2 * Fraction(3, 4) + Fraction(1, 2) + Fraction(1, 4))
    part = Part(analysed(PATHS))

    assert quantities()["expected_macs"].measure(part) == expected
    assert quantities()["expected_paths"].measure(part) == Fraction(3, 4) + Fraction(1, 2) + Fraction(1, 2)


def test_what_is_read_outside_a_dropped_path_too_is_always_computed() -> None:
    text = """
    input: [4, 8, 8]
    layers:
      - conv: {out: 4, kernel: 1, bias: false}
        as: first
      - drop_path: 0.5
        as: left
      - drop_path: 0.5
        from: first
        as: right
      - add: [left, right]
    """
    assert quantities()["expected_macs"].measure(Part(analysed(text))) == 4 * 4 * 64


def test_without_dropped_paths_the_expected_macs_are_all_of_them() -> None:
    part = Part(archcalc.load("resnet20").analyse())

    assert quantities()["expected_macs"].measure(part) == quantities()["macs"].measure(part)
    assert quantities()["expected_paths"].measure(part) == 0


def test_stochastic_depth_expects_40_and_a_quarter_of_54_blocks() -> None:
    """Huang et al. 2016, section 3: (3 * 54 - 1) / 4."""
    part = Part(archcalc.load("stochastic_depth_resnet110").analyse())

    assert quantities()["expected_paths"].measure(part) == Fraction(161, 4)
