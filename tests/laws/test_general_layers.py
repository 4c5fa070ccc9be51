"""The laws of sizes for layers that work along axes, by heads and by steps: ints, arrays and symbols give the same."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy
import pytest
from inline import analysed

from archcalc.analysis.totals import Analysis
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages, saved_memory
from archcalc.quantities.registry import figure
from archcalc.sizes.symbols import Undecided, variable

STEPS = (
    "reduce_mean: length",
    "reduce_max: {over: volume, keep: true}",
    "normalize",
    "softmax: length",
    "slice: {axis: length, start: 1, step: 2}",
    "roll: {over: length, by: shift}",
    "{concat: {a: [], b: [{roll: {over: length, by: 1}}]}, axis: length}",
    "{matmul: {queries: [{split_heads: heads}], keys: [{split_heads: heads}]}, transposed: true}",
    "subtract: {a: [], b: [{reduce_mean: {over: length, keep: true}}]}",
    "window_partition: 2",
    "attention: {heads: heads, kv_heads: 2, causal: true, rotary: true}",
    "attention: {heads: heads, relative: 2 * length, dropout: 0.1}",
    "attention: {heads: heads, norm: layer, width: 6, out_bias: false}",
    "experts: {count: 8, hidden: 3 * width, top_k: 2, shared: 1}",
    "rnn: width",
    "gru: {out: width, layers: 2, bidirectional: true}",
    "lstm: {out: width, projection: 3}",
)
SETTINGS = ({"width": 16, "length": 6, "heads": 4, "shift": 1}, {"width": 24, "length": 10, "heads": 4, "shift": 3})


def of(step: str, values: dict[str, Any]) -> Analysis:
    text = f"parameters: {{width: 16, length: 6, heads: 4, shift: 1}}\ninput: [width, length]\nlayers:\n  - {step}\n"
    return analysed(text, **values)


def figures(analysis: Analysis) -> dict[str, Any]:
    found = {name: figure(analysis, name) for name in ("params", "active_params", "macs", "flops", "buffers")}
    with contextlib.suppress(Undecided):  # a sequence of one position is copied nowhere, and what is free may be one
        found["saved"] = saved_memory(Storages(analysis.interpretation, Setup())).total.at(2)
    return found


@pytest.mark.parametrize("step", STEPS)
def test_an_array_holds_what_each_of_its_numbers_gives(step: str) -> None:
    arrays = {name: numpy.array([each[name] for each in SETTINGS]) for name in ("width", "length", "shift")}
    together = figures(of(step, {**arrays, "heads": 4}))
    for number, values in enumerate(SETTINGS):
        alone = figures(of(step, values))
        for name, value in together.items():
            assert numpy.broadcast_to(value, 2)[number] == alone[name], name


@pytest.mark.parametrize("step", STEPS)
def test_a_formula_evaluates_to_what_the_number_gives(step: str) -> None:
    formulas = figures(of(step, {"width": variable("width"), "length": variable("length"), "heads": 4, "shift": 1}))
    for values in SETTINGS:
        alone = figures(of(step, values))
        for name, value in formulas.items():
            evaluated = value if isinstance(value, int) else value.evaluate(values)
            assert evaluated == alone[name], name
