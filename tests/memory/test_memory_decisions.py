"""What is decided once for layers that are called alike is what would be decided of each by itself."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from inline import analysed

import archcalc
from archcalc.analysis.interpret import Interpretation
from archcalc.memory.backward import GradientCall
from archcalc.memory.checkpoint import Segment, segments
from archcalc.memory.draft import Decision, Operation, Run
from archcalc.memory.liveness import Lives, PassStep, Steps
from archcalc.memory.network import NetworkMemory
from archcalc.memory.peaks import eager_training, training
from archcalc.memory.placement import LayerCall
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages

PAIRS = (
    "input: [4, 8, 8]\nblocks: {{pair(): [{{conv: {{out: 4, kernel: 1}}}}, relu]}}\nlayers: [{{pair: , repeat: {}}}]\n"
)
#: Joins and slices, branches that share their input, tied weights, tables that are looked up.
NETWORKS = ("googlenet", "shufflenet_v2", "t5", "gpt2", "densenet40_k12", "swin_t", "lstm_classifier")


def passes(interpretation: Interpretation, setup: Setup) -> list[Any]:
    """Every step of training and inference, what is alive during each, and what is saved."""
    memory = NetworkMemory(interpretation, setup)
    timelines = (memory.training.timeline, memory.training.activations, memory.inference)
    return [memory.saved, *([list(each.steps), each.during, list(each.storages)] for each in timelines)]


def setups(interpretation: Interpretation) -> list[Setup]:
    """Alone and in a batch, in mixed precision, with layers frozen and checkpointed."""
    names = [node.name for node in interpretation.network.nodes]
    frozen = tuple(name for name, outcome in zip(names, interpretation.outcomes, strict=True) if outcome.params)[1::3]
    again = segments(interpretation.network, names[len(names) // 2 : len(names) // 2 + 1])
    return [
        Setup(batch=1),
        Setup(batch=2, dtype="amp", device="cuda", frozen=frozen),
        Setup(batch=2, dtype="amp", accumulate=True, checkpoints=again),
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_decision_holds_wherever_it_is_looked_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    interpretation = archcalc.load(name).analyse().interpretation
    once = [passes(interpretation, setup) for setup in setups(interpretation)]
    numbers = count()
    for call in (LayerCall, GradientCall):  # now none is equal to one before
        monkeypatch.setattr(call, "__hash__", lambda self: next(numbers))
    assert [passes(interpretation, setup) for setup in setups(interpretation)] == once


def test_there_are_as_many_decisions_as_different_layers() -> None:
    def decisions(repeat: int) -> int:
        return len(set(Storages(analysed(PAIRS.format(repeat)).interpretation, Setup(batch=2)).placements))

    # The first convolution reads the network's input, which is saved and has no gradient; all others are alike.
    assert decisions(2) == decisions(40) == 3


def test_a_node_that_two_parts_of_a_layer_have_is_cut_in_two() -> None:
    """Of six operations 1 to 4 are one node of autograd's graph, and 5 another."""
    operations = [Operation("mul", (number,), (number + 1,)) for number in range(6)]
    whole = Decision(operations, 1, nodes=[Run(1, 4), Run(5, 5)])
    assert [part.nodes for part in whole.split(3)] == [(Run(1, 2),), (Run(0, 1), Run(2, 2))]
    assert [part.nodes for part in whole.split(5)] == [(Run(1, 4),), (Run(0, 0),)]
    assert [part.nodes for part in whole.split(1)] == [(), (Run(0, 3), Run(4, 4))]


def test_steps_are_numbered_from_either_end_and_use_some_storages() -> None:
    steps = Steps()
    for name, numbers in (("relu", [0, 3]), ("exp", [3, 1])):
        steps.add("forward", 5, Decision([Operation(name, (0,), (1,))], 2), numbers)
    relu, exp = PassStep("forward", 5, "relu", (0,), (3,)), PassStep("forward", 5, "exp", (3,), (1,))
    assert list(steps) == [relu, exp] == [steps[-2], steps[-1]]
    lives = Lives(steps, 4)  # nobody uses storage 2
    assert (list(lives.first), list(lives.last)) == ([0, 1, -1, 0], [0, 1, -1, 1])


def test_a_layer_that_works_in_place_on_a_recomputed_recurrence_is_followed() -> None:
    spec = """
        input: [5]
        layers:
          - embedding: {count: 10, out: 8}
          - linear: {out: 4, each_position: true}
          - add: {one: [], two: []}
          - lstm: {out: 4, projection: 1}
          - relu: {inplace: true}
    """
    made = analysed(spec).interpretation
    setup = Setup(frozen=("embedding", "lstm"), checkpoints=(Segment(1, 4, "linear"),))
    # Measured with torch 2.14.1: a batch of 1 and of 2, without the gradients of parameters.
    for batch, peak in ((1, 1040), (2, 2080)):
        storages = Storages(made, setup._replace(batch=batch), checkpoints=setup.checkpoints)
        assert training(storages).activations.bytes_at(batch) == peak
        assert eager_training(storages).bytes_at(batch) > peak
