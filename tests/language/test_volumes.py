"""The volume at a step in expressions, and what follows from it, on networks of a few layers."""

from __future__ import annotations

import numpy
import pytest
from inline import analysed, layers, totals

import archcalc
from archcalc.quantities.registry import figure
from archcalc.sizes.symbols import variable


def shapes(text: str, **parameters: object) -> list[tuple[int, ...]]:
    return [row.output.shape for row in analysed(text, **parameters).layers]


def test_channels_size_and_positions_are_those_of_the_volume_that_reaches_the_step() -> None:
    analysis = layers(
        "3, 8, 6",
        """
        - conv: {out: 4 * channels, kernel: 1}
        - conv: {out: channels, kernel: ["size[0]", 1]}
        - linear: {out: positions, each_position: true}
        """,
    )
    # 4 * 3 = 12 channels; the kernel takes all 8 rows; 1 * 6 positions
    assert [row.output.shape for row in analysis.layers] == [(12, 8, 6), (12, 1, 6), (6, 1, 6)]


def test_a_repeated_step_asks_anew_in_each_copy() -> None:
    analysis = layers("3", "- linear: 2 * channels\n  repeat: 3")
    assert [row.output.channels for row in analysis.layers] == [6, 12, 24]


def test_a_block_knows_the_volume_it_is_called_on_and_that_of_its_own_input() -> None:
    text = """
    input: [8, 4, 4]
    blocks:
      bottleneck(mid=channels // 4):
        - conv: {out: mid, kernel: 3, padding: 1}
        - conv: {out: channels(input), kernel: channels}
    layers:
      - bottleneck
      - bottleneck: channels // 2
        when: channels == 8 and positions == 9
    """
    # 8 // 4 = 2 channels, a kernel of 2 on 4 positions; then 8 // 2 = 4 channels, and a kernel of 4 does not fit into 3
    with pytest.raises(archcalc.SpecError, match="3 is less than 4"):
        analysed(text)
    assert shapes(text.replace("positions == 9", "positions < 9")) == [(2, 4, 4), (8, 3, 3)]


def test_from_says_which_volume_reaches_a_step() -> None:
    steps = """
    - linear: 5
      as: wide
    - linear: 2
    - linear: channels
      from: wide
      when: channels == 5
    - linear: channels(wide) + channels
      from: input
    """
    assert [row.output.channels for row in layers("3", steps).layers] == [5, 2, 5, 8]


def test_a_parameter_of_that_name_comes_first_and_a_word_stays_a_word() -> None:
    text = """
    parameters: {channels: 5}
    input: [3, 2]
    layers:
      - linear: {out: channels, each_position: true}
    """
    assert [row.params for row in analysed(text).layers] == [3 * 5 + 5]
    # the norm has a factor and a shift for each of the 3 channels
    assert figure(layers("3, 2", "- layer_norm: {over: channels}"), "params") == 6


def test_reshape_infers_one_size() -> None:
    assert layers("6, 4, 4", "- reshape: [channels // 2, -1]").layers[0].output.shape == (3, 32)
    with pytest.raises(archcalc.SpecError, match="must divide the number of values: 7 does not divide 96"):
        layers("6, 4, 4", "- reshape: [-1, 7]")
    with pytest.raises(archcalc.SpecError, match="one size of shape can follow from the others: 2 is more than 1"):
        layers("6, 4, 4", "- reshape: [-1, -1]")


def test_a_crop_and_an_upsampling_take_the_size_of_a_step() -> None:
    steps = """
    - identity:
      as: skip
    - maxpool: 2
      as: low
    - upsample: {to: size(skip), mode: MODE}
      as: up
    - concat: [skip, up]
    - crop: {to: size(low)}
    - adaptive_avgpool: size(up)
    """
    analysis = layers("3, 9, 7", steps.replace("MODE", "nearest"))
    assert [row.output.shape for row in analysis.layers][2:] == [(3, 9, 7), (6, 9, 7), (6, 4, 3), (6, 9, 7)]
    # Linear interpolation from 4 to 9 and 3 to 7 positions: 4 products and 3 sums per output
    assert layers("3, 9, 7", steps.replace("MODE", "linear")).layers[2].operations == 7 * 3 * 9 * 7


def test_upsampling_to_a_multiple_is_upsampling_by_the_factor() -> None:
    for mode in ("nearest", "linear"):
        for rest in ("", "\n- conv: {out: 2, kernel: 3}"):
            factor = layers("3, 4, 5", f"- upsample: {{scale: 3, mode: {mode}}}{rest}")
            size = layers("3, 4, 5", f"- upsample: {{to: [12, 15], mode: {mode}}}{rest}")
            for name in ("params", "macs", "flops", "activation_bytes"):
                assert figure(factor, name) == figure(size, name)
            assert [str(f) for f in factor.receptive_fields] == [str(f) for f in size.receptive_fields]


def test_of_two_ways_to_say_a_size_one_is_given() -> None:
    with pytest.raises(archcalc.SpecError, match="upsample needs `scale` or `to`\\n"):
        layers("3, 8", "- upsample")
    with pytest.raises(archcalc.SpecError, match="crop needs `size` or `to`, not both"):
        layers("3, 8", "- crop: {size: 1, to: 3}")


NETWORK = """
parameters: {image: 24, width: 6}
input: [3, image, image]
blocks:
  gate(mid=channels // 2):
    - multiply:
        kept: []
        gate: [global_avgpool, {conv: {out: mid, kernel: 1}}, {conv: {out: channels(input), kernel: 1}}]
layers:
  - conv: {out: width, kernel: 3, stride: 2}
    as: stem
  - gate
  - maxpool: 2
  - upsample: {to: size(stem)}
    as: up
  - concat: [stem, up]
  - conv: {out: 2 * channels, kernel: "size[0]"}
  - reshape: [channels(stem), -1]
  - linear: {out: "size[0] + positions(stem)", each_position: true}
"""


def test_volumes_of_arrays_and_symbols_are_those_of_numbers() -> None:
    images, widths = numpy.array([12, 19, 24, 33]), numpy.array([2, 4, 6, 10])
    arrays = totals(analysed(NETWORK, image=images, width=widths))
    symbols = totals(analysed(NETWORK, image=variable("image"), width=variable("width")))
    for i, (image, width) in enumerate(zip(images.tolist(), widths.tolist(), strict=True)):
        plain = totals(analysed(NETWORK, image=image, width=width))
        point = {"image": image, "width": width}
        assert (arrays.params[i], arrays.macs[i]) == (plain.params, plain.macs)
        assert symbols.params.evaluate(point) == plain.params
        assert symbols.macs.evaluate(point) == plain.macs


def test_a_layer_before_that_does_not_fit_is_the_finding() -> None:
    with pytest.raises(archcalc.SpecError) as caught:
        layers("3, 4, 4", "- conv: {out: 2, kernel: 5}\n- conv: {out: channels, kernel: 1}\n- linear: nothing(3)")
    assert [d.rule for d in caught.value.diagnostics] == ["bad-expression"]
    with pytest.raises(archcalc.SpecError) as caught:
        layers("3, 4, 4", "- conv: {out: 2, kernel: 5}\n- conv: {out: channels, kernel: 1}")
    assert [(d.rule, d.message) for d in caught.value.diagnostics] == [
        ("kernel-fits", "the kernel must fit into the padded input: 4 is less than 5")
    ]


@pytest.mark.parametrize(
    ("steps", "message", "help_text"),
    [
        ("- linear: channel", "there is no parameter `channel`", "did you mean `channels`?"),
        ("- linear: chanels(input)", "there is no function `chanels`", "did you mean `channels`?"),
        (
            "- linear: channels(2)",
            "channels takes the name of one step",
            "write `channels` for the volume that reaches the step, `channels(stem)` for that of the step `stem`",
        ),
        (
            "- linear: 4\n  as: stem\n- linear: channels(sten)",
            "no step before this one is called `sten`",
            "did you mean `stem`?",
        ),
        ("- relu:\n  repeat: size", "`repeat` must be a whole number: [] is not", None),
    ],
)
def test_what_is_wrong_with_a_volume_is_said(steps: str, message: str, help_text: str | None) -> None:
    with pytest.raises(archcalc.SpecError) as caught:
        layers("3", steps)
    assert [(d.message, d.help) for d in caught.value.diagnostics] == [(message, help_text)]


def test_there_is_no_volume_before_the_first_step() -> None:
    with pytest.raises(archcalc.SpecError, match="there is no parameter `size`"):
        analysed("parameters: {n: size}\ninput: [3]\nlayers: [{linear: n}]")
    with pytest.raises(archcalc.SpecError, match="no step comes before this"):
        analysed("parameters: {n: size(a)}\ninput: [3]\nlayers: [{linear: n}]")
