"""What is made of parameters and constants alone is there once, however many samples a batch has."""

from __future__ import annotations

import pytest
from inline import analysed

from archcalc.diagnostics.diagnostic import SpecError
from archcalc.memory import peaks
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages, saved_memory

ONCE = """
input: [8, 5]
layers:
  - linear: {out: 6, each_position: true}
  - add:
      values: []
      biases:
        - constant: {shape: [5], buffer: false}
        - embedding: {count: 7, out: 6}
        - gelu
  - reduce_mean: length
  - linear: 3
"""


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_table_that_is_looked_up_once_is_saved_once(batch: int) -> None:
    saved = saved_memory(Storages(analysed(ONCE).interpretation, Setup(batch=batch))).total.at(batch)
    # For each sample the input of both linear layers, 40 and 6 values. Once the 5 indices, which are 64-bit, and the
    # 5 vectors of 6 values that go into the activation.
    assert saved == batch * 4 * (40 + 6) + 8 * 5 + 4 * 30


def test_its_gradient_is_summed_over_the_samples() -> None:
    def steps(batch: int) -> list[tuple[str, int]]:
        storages = Storages(analysed(ONCE).interpretation, Setup(batch=batch))
        timeline = peaks.training(storages).with_gradients
        made = [(step, timeline.storages[step.makes[0]]) for step in timeline.steps if step.makes]
        return [(step.operation, s.amount.at(batch)) for step, s in made if step.phase == "backward" and step.node < 5]

    # From 3 samples of 5 x 6 gradients one; of the only sample it is the gradient itself.
    assert ("sum", 4 * 30) in steps(3)
    assert ("sum", 4 * 30) not in steps(1)
    assert ("gelu_backward", 4 * 30) in steps(3)


def test_only_inputs_and_constants_hold_indices() -> None:
    assert analysed("input: [3]\nlayers: [{constant: [5]}, {embedding: {count: 7, out: 6}}]\n").layers[-1].params == 42
    with pytest.raises(SpecError, match="which the network's input or a constant holds: these values are computed"):
        analysed("input: [3]\nlayers: [{learned: [5]}, {embedding: {count: 7, out: 6}}]\n")
