"""Networks with several inputs."""

from __future__ import annotations

import json

import pytest
from inline import analysed, summary, totals

import archcalc
from archcalc.commands.report import tables
from archcalc.language.write import resolve
from archcalc.memory.network import NetworkMemory
from archcalc.output.formats.json import render
from archcalc.quantities.registry import Part
from archcalc.sizes.symbols import variable


def test_the_stream_begins_at_the_first_input_and_from_takes_the_others() -> None:
    text = (
        "inputs: {a: [3], b: [5]}\nlayers:\n  - linear: 4\n  - linear: 4\n    from: b\n  - linear: 4\n    from: input\n"
    )
    analysis = analysed(text)
    assert [analysis.inputs(row) for row in analysis.layers] == [["a"], ["b"], ["a"]]
    assert [row.params for row in analysis.layers] == [3 * 4 + 4, 5 * 4 + 4, 3 * 4 + 4]
    # the inputs, and three outputs of 4 values
    assert totals(analysis).input_bytes == 4 * (3 + 5)
    assert totals(analysis).activation_bytes == 4 * (3 + 5) + 4 * 3 * 4


SIAMESE = """
parameters: {n: 6}
inputs: {left: [n, 4], right: [n, 4]}
blocks:
  tower:
    - conv: {out: 2 * channels(input), kernel: 3}
      weights: conv
    - flatten
layers:
  - tower:
    weights: tower
    as: one
  - tower:
    from: right
    weights: tower
    as: two
  - add: [one, two]
"""


def test_what_both_towers_share_is_counted_once_and_both_inputs_are_saved() -> None:
    analysis = analysed(SIAMESE)
    # 6 * 3 * 12 weights and 12 biases; MACs of 2 positions, twice
    assert totals(analysis).params == 6 * 3 * 12 + 12
    assert totals(analysis).macs == 2 * (6 * 3 * 12 * 2)
    # a convolution saves its input: 6 * 4 values, twice; an addition saves nothing
    assert NetworkMemory(analysis.interpretation).saved.total.at(1) == 2 * 4 * 6 * 4
    assert NetworkMemory(analysis.interpretation).saved.without_input.at(1) == 0
    # both inputs are held throughout: at the end with three vectors of 12 * 2 values
    assert NetworkMemory(analysis.interpretation).inference.bytes_at(1) == 4 * (2 * 6 * 4 + 3 * 24)


def test_inputs_of_any_kind_of_size() -> None:
    free = totals(analysed(SIAMESE, n=variable("n")))
    for n in (1, 5):
        plain = totals(analysed(SIAMESE, n=n))
        assert (free.macs.evaluate({"n": n}), free.input_bytes.evaluate({"n": n})) == (plain.macs, plain.input_bytes)


def test_a_resolved_spec_has_the_same_inputs() -> None:
    analysis = analysed(SIAMESE)
    flat = analysed("".join(resolve(analysis.network)))
    assert flat.network.inputs == analysis.network.inputs
    assert summary(flat) == summary(analysis)
    assert [flat.inputs(row) for row in flat.layers] == [analysis.inputs(row) for row in analysis.layers]


def test_the_receptive_field_is_that_of_the_first_input() -> None:
    text = "inputs: {a: [1, 9], b: [1, 9]}\nlayers:\n  - conv: {out: 1, kernel: 3}\n    as: one\n"
    text += "  - conv: {out: 1, kernel: 7, padding: 2}\n    from: b\n    as: two\n  - add: [one, two]\n"
    fields = analysed(text).receptive_fields
    assert fields[0].size == (3,)
    assert not fields[1].size
    assert fields[2].size == (3,)


def test_a_report_shows_all_inputs() -> None:
    report = tables.build(Part(analysed(SIAMESE)))
    assert dict(report.facts)["input"] == "left 4x6, right 4x6, batch 1"
    assert json.loads("".join(render(report)))["inputs"] == {"left": [6, 4], "right": [6, 4]}


@pytest.mark.parametrize(
    ("text", "rule", "message"),
    [
        (
            "input: [3]\ninputs: {a: [3]}\n",
            "bad-input",
            "a network has `input`, or `inputs` with names, and here are both",
        ),
        (
            "inputs: {1a: [3]}\n",
            "bad-name",
            "`1a` is not a name: an input has letters, digits and `_`, and no digit first",
        ),
        ("inputs: {output: [3]}\n", "bad-name", "`output` is the network's output"),
        ("inputs: {a: [0]}\n", "bad-input", "each size of the input must be at least 1"),
        ("inputs: {relu: [3]}\n", "duplicate-name", "a layer and an input would both be called `relu`"),
        ("inputs: {}\n", "no-input", "spec.yaml has no input"),
        ("inputs: 3\n", "not-a-map", "inputs is a map of names and volumes"),
    ],
)
def test_what_is_wrong_with_inputs_is_said(text: str, rule: str, message: str) -> None:
    with pytest.raises(archcalc.SpecError) as caught:
        analysed(f"{text}layers: [relu]\n")
    assert [(d.rule, d.message) for d in caught.value.diagnostics] == [(rule, message)]


def test_any_input_can_hold_indices() -> None:
    text = (
        "inputs: {image: [3], text: [5]}\nlayers:\n  - linear: 4\n  - embedding: {count: 10, out: 4}\n    from: text\n"
    )
    analysis = analysed(text)
    # 10 rows of 4 values, and of 5 tokens the indices, which are 64-bit
    assert analysis.layers[-1].params == 10 * 4
    assert NetworkMemory(analysis.interpretation).saved.total.at(1) == 4 * 3 + 8 * 5
