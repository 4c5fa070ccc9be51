"""Operations along axes, products of two streams and attention as it is built today, on small numbers."""

from __future__ import annotations

import pytest
from inline import analysed, layers

from archcalc.analysis.totals import AnalysedLayer
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages, saved_memory
from archcalc.quantities.registry import figure


def last(volume: str, step: str) -> AnalysedLayer:
    return layers(volume, f"- {step}").layers[-1]


def counted(row: AnalysedLayer) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, kind, amount in row.outcome.operations:
        found[kind] = found.get(kind, 0) + amount
    return {kind: amount for kind, amount in found.items() if amount}


@pytest.mark.parametrize(
    ("step", "output", "operations"),
    [
        # 8 channels, 3 x 4 positions: 96 values
        ("reduce_mean: positions", (8,), {"add": 96 - 8, "divide": 8}),
        ("reduce_mean: {over: positions, keep: true}", (8, 1, 1), {"add": 96 - 8, "divide": 8}),
        ("reduce_mean: height", (8, 4), {"add": 96 - 32, "divide": 32}),
        ("reduce_sum: 2", (8, 3), {"add": 96 - 24}),
        ("reduce_max: channels", (1, 3, 4), {"compare": 96 - 12}),
        ("reduce_norm: [channels, width]", (1, 3), {"multiply": 96, "add": 96 - 3, "exponential": 3}),
        ("reduce_mean: volume", (1,), {"add": 95, "divide": 1}),
        # 12 vectors of 8 channels: a norm, a comparison of it, and a division per value
        (
            "normalize",
            (8, 3, 4),
            {"multiply": 96, "add": 96 - 12, "exponential": 12, "compare": 12, "divide": 96},
        ),
        # 8 x 3 sums along the width
        ("softmax: width", (8, 3, 4), {"compare": 72, "add": 96 + 72, "exponential": 96, "divide": 96}),
        ("slice: {axis: width, start: 1}", (8, 3, 3), {}),
        ("slice: {axis: width, start: 1, step: 2}", (8, 3, 2), {}),
        ("slice: {axis: channels, start: 2, count: 5}", (5, 3, 4), {}),
        ("roll: {over: positions, by: 0 - 1}", (8, 3, 4), {}),
        ("clamp: {least: 0}", (8, 3, 4), {"compare": 96}),
        ("clamp: {least: 0, most: 6.5}", (8, 3, 4), {"compare": 192}),
        ("learned: [5, 2]", (5, 2), {}),
        ("take: channels", (3, 4), {}),
        ("take: {axis: width, index: 3}", (8, 3), {}),
        ("index_select: {axis: height, count: 7, buffer: false}", (8, 7, 4), {}),
        ("offset: 0.5", (8, 3, 4), {"add": 96}),
        ("power: -0.5", (8, 3, 4), {"exponential": 96}),
        ("constant: [5, 2]", (5, 2), {}),
        ("constant: {shape: [5, 2], buffer: false}", (5, 2), {}),
        ("zero", (8, 3, 4), {"multiply": 96}),
    ],
)
def test_along_axes(step: str, output: tuple[int, ...], operations: dict[str, int]) -> None:
    row = last("8, 3, 4", step)
    assert row.output.shape == output
    assert counted(row) == operations
    assert row.macs == 0
    assert row.params == (10 if step.startswith("learned") else 0)
    assert row.buffers == (10 if step == "constant: [5, 2]" else 0)


def test_a_constant_has_no_gradient_and_is_there_once_for_all_samples() -> None:
    """8 x 5 values, of which a product saves the other operand for whoever has a gradient: the constant, not x."""
    text = "- linear: {out: 8, each_position: true}\n- multiply: {x: [], fixed: [{constant: %s}]}\n- relu"
    stored = layers("3, 5", text % "[8, 5]")
    made = layers("3, 5", text % "{shape: [8, 5], buffer: false}")
    assert [figure(each, "buffers") for each in (stored, made)] == [40, 0]
    # the input and the output of the rectifier, for each of 3 samples; and the constant once, unless it is stored
    saved = [saved_memory(Storages(each.interpretation, Setup(batch=3))).total.at(3) for each in (stored, made)]
    assert saved == [3 * 4 * (15 + 40), 3 * 4 * (15 + 40) + 4 * 40]
    # what is not read need not stay: at the end of `constant` alone only its own values are there, and the input
    assert figure(layers("3, 5", "- constant: {shape: [8, 5], buffer: false}"), "inference_peak_bytes") == 4 * (15 + 40)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("softmax: length", "over is length, and the input has channels, height, width"),
        ("softmax: 3", "over is 3, and the input's axes are counted from 0"),
        ("reduce_mean: [1, 1]", "over must name each axis once"),
        ("slice: {axis: width, start: 4}", "the slice must take at least one position"),
        ("slice: {axis: width, start: 2, count: 3}", "the slice must lie in the axis: 5 is more than 4"),
        ("clamp:", "clamp needs `least` or `most`"),
        ("take: {axis: width, index: 4}", "the index must be a place of the axis: 5 is more than 4"),
        ("expand: {axis: width, size: 9}", "an axis is repeated that has size 1: 4 is not 1"),
        ("window_partition: 2", "the window must divide the map: 2 does not divide 3"),
    ],
)
def test_what_makes_no_sense_along_axes_is_refused(step: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        last("8, 3, 4", step)
    assert message in caught.value.diagnostics[0].message


def test_a_sum_repeats_what_lacks_an_axis_or_has_one_of_size_1() -> None:
    """A vector of 8 channels at 3 x 4 positions; 8 x 1 x 4 along the height."""
    for branch in ("[{reduce_mean: positions}]", "[{reduce_mean: {over: height, keep: true}}]"):
        for join in ("add", "subtract", "multiply", "divide"):
            row = last("8, 3, 4", f"{join}: {{whole: [], repeated: {branch}}}")
            assert row.output.shape == (8, 3, 4)
            assert sum(counted(row).values()) == 96


def test_a_difference_has_two_branches() -> None:
    with pytest.raises(SpecError, match="subtract takes two branches: 3 is not 2"):
        last("8, 3", "subtract: {a: [], b: [], c: []}")


def test_concatenation_along_an_axis_adds_up_its_sizes() -> None:
    row = layers("8, 3, 4", "- concat: {top: [], bottom: [{slice: {axis: height, count: 2}}]}\n  axis: height").layers[
        -1
    ]
    assert row.output.shape == (8, 5, 4)
    with pytest.raises(SpecError, match="the branches must agree in every spatial axis: 3 is not 4"):
        layers("8, 3, 4", "- concat: {a: [], b: [{slice: {axis: width, count: 3}}]}\n  axis: height")


def test_a_product_of_streams_is_one_of_matrices() -> None:
    """Rows are positions, columns channels: 3 x 8 by 8 x 5 (as 5 x 8 transposed) has 15 values of 8 products each."""
    by_keys = "- matmul: {queries: [{slice: {axis: length, count: 3}}], keys: []}\n  transposed: true"
    scores = layers("8, 5", by_keys).layers[-1]
    assert scores.output.shape == (5, 3)
    assert (scores.macs, scores.outcome.products) == (15 * 8, 15 * 8)
    # Scores of 5 x 5, then 5 x 5 by 5 x 8
    text = "- matmul:\n    weights: [{matmul: {q: [], k: []}, transposed: true}]\n    values: []"
    attended = layers("8, 5", text).layers[-1]
    assert attended.output.shape == (8, 5)
    assert attended.macs == 5 * 8 * 5
    with pytest.raises(SpecError, match="must have as many rows as the first has channels: 5 is not 8"):
        layers("8, 5", "- matmul: {left: [], right: []}")
    with pytest.raises(SpecError, match="matmul needs branches with at least 1 spatial axis: 0 is less than 1"):
        layers("8", "- matmul: {left: [], right: []}")


def test_windows_and_heads_divide_and_come_together_again() -> None:
    """6 x 4 positions in windows of 3 x 2: 4 windows of 6; 8 channels for 2 heads of 4."""
    steps = "- window_partition: [3, 2]\n- split_heads: 2\n- merge_heads\n- window_reverse: [6, 4]"
    rows = layers("8, 6, 4", steps).layers
    assert [row.output.shape for row in rows] == [(8, 4, 6), (4, 4, 2, 6), (8, 4, 6), (8, 6, 4)]
    assert layers("4, 2, 6", "- repeat_heads: 3").layers[0].output.shape == (4, 6, 6)


def test_relative_positions_have_a_table_and_an_index() -> None:
    """Scores of 2 heads between 4 and 4 positions (a window of 2 x 2): 3 * 3 rows for each head, 16 indices."""
    (row,) = layers("4, 2, 4", "- relative_position_bias: 9").layers
    assert (row.params, row.buffers, counted(row)) == (18, 16, {"add": 32})


def test_rotary_positions_turn_pairs_of_channels() -> None:
    (row,) = layers("4, 5", "- rotary").layers
    assert counted(row) == {"multiply": 40, "add": 20}
    with pytest.raises(SpecError, match="rotary positions need pairs of channels: 2 does not divide 3"):
        layers("3, 5", "- rotary")


# --- attention as it is built today


def test_fewer_heads_of_keys_and_values() -> None:
    """E = 8, 5 positions, 4 heads of 2, 2 of keys and values: weights 8*8 + 2 * 8*4 + 8*8, two products of 5*5*8."""
    (row,) = layers("8, 5", "- attention: {heads: 4, kv_heads: 2, bias: false}").layers
    assert row.params == 64 + 32 + 32 + 64
    assert row.macs == 192 * 5 + 2 * 25 * 8
    with pytest.raises(
        SpecError, match="heads of keys and values must divide the heads of queries: 3 does not divide 4"
    ):
        layers("8, 5", "- attention: {heads: 4, kv_heads: 3}")


def test_heads_of_a_width_of_their_own() -> None:
    """4 heads of 6: query, key, value and output have 8*24 weights each."""
    (row,) = layers("8, 5", "- attention: {heads: 4, width: 6, bias: false}").layers
    assert row.params == 4 * 8 * 24
    assert row.output.shape == (8, 5)


def test_each_projection_can_have_its_own_bias() -> None:
    """Whisper has none on its keys; Qwen2 has none on its output: 8 biases fewer than 4 * 8."""
    for given in ("key_bias: false", "out_bias: false"):
        assert layers("8, 5", f"- attention: {{heads: 2, {given}}}").layers[0].params == 4 * 64 + 3 * 8


def test_a_head_can_be_normalised_and_its_scores_biased() -> None:
    """A scale of 4 for queries and one for keys; with `layer` a shift each; a table of 9 rows for 2 heads."""
    base = layers("8, 5", "- attention: {heads: 2, bias: false}").layers[0].params
    for given, more in (("norm: rms", 8), ("norm: layer", 16), ("relative: 9", 18)):
        assert layers("8, 5", f"- attention: {{heads: 2, bias: false, {given}}}").layers[0].params == base + more


def test_windows_attend_within_themselves() -> None:
    """3 windows of 5 positions: three times the work of one, with the same weights."""
    (one,) = layers("8, 5", "- attention: {heads: 2, mode: fused}").layers
    (three,) = layers("8, 3, 5", "- attention: {heads: 2, windows: true}").layers
    assert (three.params, three.macs, three.operations) == (one.params, 3 * one.macs, 3 * one.operations)


@pytest.mark.parametrize(
    ("given", "unknown"), [("kv_heads: 1, mode: module", "kv_heads"), ("dropout: 0.1, mode: fused", "dropout")]
)
def test_a_mode_refuses_what_it_does_not_know(given: str, unknown: str) -> None:
    with pytest.raises(SpecError, match=f"does not know \\({unknown}\\): 1 is not 0"):
        layers("8, 5", f"- attention: {{heads: 2, {given}}}")


WRITTEN_OUT = """
input: [8, 5]
blocks:
  projected:
    - linear: {out: 8, each_position: true}
    - split_heads: 2
layers:
  - linear: {out: 8, each_position: true}
  - matmul:
      weights:
        - matmul:
            queries: [projected]
            keys: [projected]
          transposed: true
        - scale: 0.5
        - softmax
      values: [projected]
  - merge_heads
  - linear: {out: 8, each_position: true}
"""


def test_attention_written_out_is_the_layer() -> None:
    """Parameters, MACs, operations and saved bytes, of a block of matmul and softmax and of `mode: separate`."""
    written = analysed(WRITTEN_OUT)
    layer = layers("8, 5", "- linear: {out: 8, each_position: true}\n- attention: {heads: 2, mode: separate}")
    for name in ("params", "macs", "flops"):
        assert figure(written, name) == figure(layer, name)
    saved = [saved_memory(Storages(each.interpretation, Setup())).total for each in (written, layer)]
    assert saved[0] == saved[1]


def saved_bytes(text: str, batch: int = 1) -> int:
    """What training keeps of a network of one input, the input left out."""
    memory = saved_memory(Storages(analysed(text).interpretation, Setup(batch=batch)))
    return memory.without_input.at(batch)


def test_a_repeated_axis_takes_no_memory_until_it_becomes_part_of_another() -> None:
    """2 heads of 3 positions and 4 channels, each 5 times: a view of 24 values; as 10 heads a copy of 120."""
    heads = "input: [4, 2, 3]\nlayers:\n  - linear: {out: 4, bias: false, each_position: true}\n"
    heads += "  - reshape: [4, 2, 1, 3]\n  - expand: {axis: 2, size: 5}\n"
    squares = "  - square\n"
    assert saved_bytes(heads + squares) == 4 * 24
    assert saved_bytes(f"{heads}  - reshape: [4, 10, 3]\n{squares}") == 4 * 120


def test_a_reshape_copies_only_what_does_not_lie_as_one() -> None:
    """8 channels of 4 positions become 2 x 4 channels, whatever the order in memory; channels and positions that change
    places become one axis by a copy, of 32 values."""
    start = "input: [8, 4]\nlayers:\n  - linear: {out: 8, bias: false, each_position: true}\n"
    divided = "  - reshape: [2, 4, 4]\n  - square\n"
    assert saved_bytes(start + divided) == 4 * 32
    as_one = "  - square\n  - reshape: [32]\n  - square\n"
    assert saved_bytes(start + as_one) == 4 * 32 + 4 * 32


@pytest.mark.parametrize("channels", ["first", "last"])
def test_a_copy_lies_with_its_channels_where_the_reshape_says(channels: str) -> None:
    """A linear layer's rows are channels innermost: an input that lies so is kept, another one is copied once more."""
    text = f"""
    input: [4, 2, 3]
    layers:
      - linear: {{out: 4, bias: false, each_position: true}}
      - transpose: [1, 0, 2]
      - reshape: {{shape: [8, 3], channels: {channels}}}
      - linear: {{out: 1, bias: false, each_position: true}}
    """
    placements = Storages(analysed(text).interpretation, Setup(batch=2)).placements
    assert len(placements[-1].copies) == (1 if channels == "first" else 0)
    # The input as rows, and what the second layer reads.
    assert saved_bytes(text, batch=2) == 2 * 4 * (24 + 24)


def test_scores_within_a_limit_are_divided_and_their_tangents_multiplied() -> None:
    """2 heads and 5 x 5 pairs of positions, 50 scores, of which the tangents are saved; no kernel does it."""
    step = "attention: {heads: 2, softcap: 50, mode: separate}"
    capped, plain = counted(last("8, 5", step)), counted(last("8, 5", step.replace("softcap: 50, ", "")))
    more = {kind: capped[kind] - plain.get(kind, 0) for kind in capped}
    assert {kind: n for kind, n in more.items() if n} == {"divide": 100, "multiply": 100, "exponential": 50, "add": 100}

    def saved(step: str) -> int:
        steps = f"- linear: {{out: 8, each_position: true}}\n- {step}"
        return saved_memory(Storages(layers("8, 5", steps).interpretation, Setup())).total.at(1)

    assert saved(step) - saved(step.replace("softcap: 50, ", "")) == 50 * 4
    with pytest.raises(SpecError, match=r"`mode: fused` does not know \(softcap\)"):
        layers("8, 5", "- attention: {heads: 2, softcap: 50, mode: fused}")
    with pytest.raises(SpecError, match="must be above 0: 0 is not"):
        layers("8, 5", "- attention: {heads: 2, softcap: 0}")


def test_attention_by_a_fused_kernel_keeps_its_operands_its_output_and_a_sum_for_each_row() -> None:
    """2 heads of 3 queries and 5 keys, 4 channels: 2 * 3 * 5 scores, each of 4 products, and as many for the values."""
    text = """
    inputs: {q: [4, 2, 3], kv: [4, 2, 5]}
    layers:
      - linear: {out: 4, each_position: true}
        as: query
      - linear: {out: 4, each_position: true}
        from: kv
        as: key
      - dot_product_attention:
        from: [query, key, key]
    """
    row = analysed(text).layers[-1]
    assert row.output.shape == (4, 2, 3)
    assert row.macs == row.outcome.products == 30 * (4 + 4)
    # The inputs, 24 and 40 values, as rows; queries and output of 24, keys (which are the values) of 40, and 6 sums.
    assert saved_bytes(text, batch=2) == 2 * 4 * (24 + 40 + 24 + 24 + 40 + 6)


def test_fewer_heads_of_keys_must_divide_those_of_queries() -> None:
    text = "inputs: {q: [4, 3, 5], k: [4, 2, 5]}\nlayers:\n  - dot_product_attention:\n    from: [q, k, k]\n"
    with pytest.raises(SpecError, match="the heads of keys must divide the heads of queries: 2 does not divide 3"):
        analysed(text)


def test_what_is_computed_of_parameters_alone_is_there_once_for_all_samples() -> None:
    """Positions of 4 x 6 values through a layer to 8 channels and its sigmoid, added to 8 x 6 values of each sample."""
    text = """
    input: [8, 6]
    layers:
      - add:
          positions:
            - constant: [4, 6]
            - linear: {out: 8, each_position: true}
            - sigmoid
          sample:
            - linear: {out: 8, each_position: true}
    """
    # The sigmoid's result of 48 values is kept once; the constant is a buffer, and the input is left out.
    assert saved_bytes(text, 1) == saved_bytes(text, 5) == 4 * 48


def test_a_layer_normalisation_without_a_shift_has_a_scale_alone() -> None:
    assert last("8, 3, 4", "layer_norm: {bias: false}").params == 8
    assert last("8, 3, 4", "layer_norm: {over: volume, bias: false}").params == 96
