"""Which batch fits a memory, under each of the conventions by which people have answered that question."""

from __future__ import annotations

from typing import Any, NamedTuple

from archcalc.memory import budget
from archcalc.memory.budget import Budget
from archcalc.memory.recompute import cheapest
from archcalc.memory.setup import SEVERAL
from archcalc.quantities.registry import Part, figure


class Available(NamedTuple):
    """A memory: what it is called, all of it, and what the headroom leaves."""

    name: str
    total: int
    usable: int
    source: str


class Fit(NamedTuple):
    """The largest batches in one memory; 0 where not even one sample fits, None where nothing grows with the batch.

    `training` and `inference` count everything that is held at peak. `activations` counts the
    input and every output once, as the CS231n lecture does for the forward pass, `activations_twice` their gradients
    too.
    """

    available: Available
    training: int | None
    inference: int | None
    activations: int
    activations_twice: int


class Budgets(NamedTuple):
    """What a fit is computed from: one analysis serves any number of memories."""

    training: Budget
    inference: Budget
    #: Bytes of one sample's input and outputs.
    activations: int


def budgets(network: Part) -> Budgets:
    """The budgets of training and inference, and the activations of one sample."""
    several = network.setup._replace(batch=SEVERAL)
    memory = Part(network.analysis, setup=several).memory
    inference = budget.inference(network.analysis.interpretation, several)
    return Budgets(memory.training, inference, figure(network.analysis, "activation_bytes"))


def fit(budgets: Budgets, available: Available) -> Fit:
    """The largest batch by each convention."""
    usable = available.usable
    return Fit(
        available,
        budgets.training.largest_batch(usable),
        budgets.inference.largest_batch(usable),
        usable // budgets.activations,
        usable // (2 * budgets.activations),
    )


class Remedy(NamedTuple):
    """A change of the setup, and the largest batch that fits with it."""

    words: str
    largest: int | None


#: What saves memory, from what costs least: the words of the command line, and the change.
_CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--optimizer adam8bit", {"optimizer": "adam8bit"}),
    ("--dtype amp", {"dtype": "amp"}),
)


def remedies(network: Part, available: Available, batch: int) -> list[Remedy]:
    """What brings a larger batch into a memory, each by itself, and what it brings; what brings nothing is left out."""
    setup, usable = network.setup, available.usable
    before = network.memory.training.largest_batch(usable)
    found = []
    for words, change in _CHANGES:
        if words.startswith("--optimizer") and setup.optimizer not in ("adam", "adamw"):
            continue
        changed = Part(network.analysis, setup=setup._replace(**change))
        found.append(Remedy(words, changed.memory.training.largest_batch(usable)))
    plan = cheapest(network.analysis.interpretation, setup, batch, usable)
    if plan is not None:
        checkpointed = Part(network.analysis, setup=setup._replace(checkpoints=plan.segments))
        found.append(Remedy("--checkpoint auto", checkpointed.memory.training.largest_batch(usable)))
    return [each for each in found if each.largest != before and before is not None]
