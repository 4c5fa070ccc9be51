"""Steps whose parameters are stored and not trained."""

from __future__ import annotations

import pytest
from inline import analysed, summary, totals

import archcalc
from archcalc.language.folding import fold
from archcalc.language.write import resolve
from archcalc.memory.network import NetworkMemory
from archcalc.memory.setup import Setup

TEXT = """
parameters: {tuned: true}
input: [3, 8, 8]
blocks:
  body(width):
    - conv: {out: width, kernel: 3}
    - batch_norm
    - relu
layers:
  - body: 4
    trainable: false
    repeat: 2
  - conv: {out: 2, kernel: 1}
    trainable: tuned
  - flatten
  - linear: 5
"""


def test_the_parameters_of_a_frozen_step_are_counted_and_not_trained() -> None:
    # frozen: 3*3*3*4 + 4 + 8 and 4*3*3*4 + 4 + 8; trained: 4*2 + 2 and 2*4*4*5 + 5
    counted = totals(analysed(TEXT))
    assert (counted.params, counted.trainable_params) == (120 + 156 + 10 + 165, 10 + 165)
    assert totals(analysed(TEXT, tuned=False)).trainable_params == 165


def test_freezing_in_the_spec_and_freezing_by_an_option_is_one() -> None:
    by_spec = analysed(TEXT).interpretation
    by_option = analysed(TEXT.replace("trainable: false", "as: body")).interpretation
    frozen, plain = NetworkMemory(by_spec), NetworkMemory(by_option, Setup(frozen=("body.1", "body.2")))
    assert frozen.saved == plain.saved
    assert list(frozen.training.timeline.steps) == list(plain.training.timeline.steps)
    assert frozen.training.timeline.during == plain.training.timeline.during
    assert frozen.training.persistent == plain.training.persistent
    assert frozen.saved.total != NetworkMemory(by_option).saved.total


def test_a_frozen_step_stays_frozen_inside_and_when_it_is_resolved() -> None:
    # what is trainable inside a frozen block is frozen with it
    analysis = analysed(TEXT.replace("- batch_norm", "- batch_norm:\n      trainable: true"))
    assert [row.name for row in analysis.layers if row.node.trainable] == ["conv", "flatten", "linear"]
    assert summary(analysed("".join(resolve(analysis.network)))) == summary(analysis)


def test_it_is_true_or_false() -> None:
    with pytest.raises(archcalc.SpecError, match="`trainable` must be true or false: 3 is neither"):
        analysed(TEXT, tuned=3)


def test_shared_weights_are_trained_in_all_their_uses_or_in_none() -> None:
    text = "input: [4]\nlayers:\n  - linear: 4\n    weights: a\n  - linear: 4\n    weights: a\n    trainable: KEPT\n"
    assert totals(analysed(text.replace("KEPT", "true"))).trainable_params == 20
    with pytest.raises(archcalc.SpecError, match="shared weights are trained in all their uses or in none"):
        analysed(text.replace("KEPT", "false"))


def test_folding_keeps_what_is_not_trained() -> None:
    folded = "".join(fold(analysed(TEXT).network))

    assert "trainable: false" in folded
    assert summary(analysed(folded)) == summary(analysed(TEXT))
