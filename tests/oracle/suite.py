"""archcalc beside PyTorch: shapes, parameters and operations of random networks, the catalogue, optimizers' states.

Run by name, since it needs tests/oracle/requirements.txt: `python -m pytest tests/oracle/suite.py`.
"""

from __future__ import annotations

import pytest
import torch
from oracle.catalogue import PARTS, small_networks
from oracle.figures import Question, compare, predict
from oracle.generate import network, random_case
from oracle.judge import judged
from oracle.measure import measure, optimizer_state_bytes
from oracle.shrink import shrunk
from oracle.translate import TRANSLATIONS, WITHOUT

import archcalc
from archcalc.analysis.interpret import interpret
from archcalc.layers.registry import layers
from archcalc.memory import budget
from archcalc.memory.setup import Setup

torch.set_num_threads(1)

#: What a description alone decides, whatever lies where in memory.
STATED = ("shapes", "params", "buffers", "macs")


def test_every_layer_has_a_translation_or_a_reason_for_none() -> None:
    assert set(TRANSLATIONS) | set(WITHOUT) == set(layers())
    assert not set(TRANSLATIONS) & set(WITHOUT)


@pytest.mark.parametrize("first", range(1, 151, 25))
def test_random_networks_have_the_shapes_parameters_and_operations_of_pytorch(first: int) -> None:
    judged_networks = 0
    for number in range(first, first + 25):
        case = random_case(number)
        found = judged(network(case.spec), case.question)
        stated = [one for one in found.disagreements if one.figure in STATED]
        assert not found.untranslated
        assert not stated, f"python tests/oracle --seed {number} --networks 1 --shrink: {stated}"
        judged_networks += not found.refused
    assert judged_networks > 15  # PyTorch refuses a few


@pytest.mark.parametrize("name", small_networks())
def test_a_network_of_the_catalogue_agrees_in_every_figure(name: str) -> None:
    found = judged(interpret(archcalc.load(name).expand()), Question(batch=2))
    assert found.signature == PARTS.get(name, frozenset()), found


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw", "adagrad", "rmsprop"])
def test_an_optimizer_keeps_what_ours_says(optimizer: str) -> None:
    for number in range(1, 31):
        case = random_case(number)
        made = network(case.spec)
        names = tuple(made.network.nodes[index].name for index in case.question.frozen)
        setup = Setup(optimizer=optimizer, frozen=names)
        ours = budget.persistent(made, setup).optimizer
        assert ours == optimizer_state_bytes(made, case.question.frozen, optimizer), number


def test_a_wrong_figure_is_found() -> None:
    made = network(random_case(1).spec)
    theirs = measure(made, Question())
    wrong = predict(made, Question())._replace(macs=theirs.macs + 1)
    assert ("macs", theirs.macs + 1, theirs.macs) in compare(wrong, theirs)


def test_the_shrinker_leaves_what_is_needed() -> None:
    """Of a network with a convolution somewhere, one with a convolution and nothing else is left."""

    def holds_a_convolution(case: object) -> bool:
        return "conv:" in case.spec.text() and "depthwise" not in case.spec.text()  # type: ignore[attr-defined]

    number = next(n for n in range(1, 100) if holds_a_convolution(random_case(n)))
    small = shrunk(random_case(number), holds_a_convolution)
    assert len(small.spec.steps) == 1
