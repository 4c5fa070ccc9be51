"""Which batch fits a memory, under each of the conventions by which people have answered that question."""

from __future__ import annotations

from typing import NamedTuple

from archcalc.memory import budget
from archcalc.memory.budget import Budget
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
