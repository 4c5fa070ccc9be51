"""Which batch fits a memory, under each of the conventions by which people have answered that question."""

from __future__ import annotations

from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.memory import budget
from archcalc.memory.budget import Budget
from archcalc.memory.recompute import cheapest
from archcalc.memory.setup import SEVERAL, Setup
from archcalc.quantities.registry import Part, figure
from archcalc.records import Record


class Available(Record):
    """A memory: what it is called, all of it, and what the headroom leaves."""

    name: str
    total: int
    usable: int
    source: str


class Fit(Record):
    """The largest batches in one memory; 0 where not even one sample fits, None where nothing grows with the batch.

    `training` and `inference` count everything that is held at peak; without training both are those of inference.
    `activations` counts the input and every output once, as the CS231n lecture does for the forward pass,
    `activations_twice` their gradients too.
    """

    available: Available
    training: int | None
    inference: int | None
    activations: int
    activations_twice: int


class Budgets(Record):
    """What a fit is computed from: one analysis serves any number of memories."""

    #: None where weights are stored in fewer bits, which is for inference alone.
    training: Budget | None
    inference: Budget
    #: Bytes of one sample's input and outputs.
    activations: int

    @property
    def asked(self) -> Budget:
        """The budget that the answer is about: of training, where there is one."""
        return self.training or self.inference


def budgets(network: Part) -> Budgets:
    """The budgets of training and inference, and the activations of one sample."""
    several = network.setup._replace(batch=SEVERAL)
    memory = Part(network.analysis, setup=several).memory
    inference = budget.inference(network.analysis.interpretation, several)
    training = None if several.stores_fewer_bits else memory.training
    return Budgets(training, inference, figure(network.analysis, "activation_bytes"))


def fit(budgets: Budgets, available: Available) -> Fit:
    """The largest batch by each convention."""
    usable = available.usable
    return Fit(
        available,
        budgets.asked.largest_batch(usable),
        budgets.inference.largest_batch(usable),
        usable // budgets.activations,
        usable // (2 * budgets.activations),
    )


class Remedy(Record):
    """A change of the setup, and the largest batch that fits with it."""

    words: str
    largest: int | None
    #: So many of them, their gradients accumulated, are the batch that was asked for.
    batches: int = 1


#: What saves memory, from what costs least: the words of the command line, and the change.
_CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--optimizer adam8bit", {"optimizer": "adam8bit"}),
    ("--dtype amp", {"dtype": "amp"}),
)
#: What finds the checkpoints of a plan.
CHECKPOINTS = "--checkpoint auto"


def remedies(network: Part, available: Available, batch: int) -> list[Remedy]:
    """What brings a larger batch into a memory, and what it brings: each change by itself, the batch in parts, and
    all changes together where none alone is enough. What brings nothing is left out."""
    setup, usable = network.setup._replace(batch=batch), available.usable
    if setup.stores_fewer_bits:
        return []
    before = _largest(network.analysis, setup, usable)
    changes = [change for change in _CHANGES if setup.optimizer in ("adam", "adamw") or "optimizer" not in change[1]]
    found = [Remedy(words, _largest(network.analysis, setup._replace(**change), usable)) for words, change in changes]
    found += _checkpointed(network.analysis, setup, batch, usable, CHECKPOINTS)
    if before != 0 and not setup.accumulate:
        part = _largest(network.analysis, setup._replace(accumulate=True), usable)
        if part is not None and 0 < part < batch:
            found.append(Remedy("--accumulate", part, -(-batch // part)))
    if all(each.batches == 1 and each.largest is not None and each.largest < batch for each in found):
        together = setup._replace(**{name: value for _, change in changes for name, value in change.items()})
        words = " ".join((*(words for words, _ in changes), CHECKPOINTS))
        found += _checkpointed(network.analysis, together, batch, usable, words)
    return [each for each in found if (before is not None and each.largest != before) or each.batches > 1]


def _largest(analysis: Analysis, setup: Setup, usable: int) -> int | None:
    return Part(analysis, setup=setup).memory.training.largest_batch(usable)


def _checkpointed(analysis: Analysis, setup: Setup, batch: int, usable: int, words: str) -> list[Remedy]:
    """What the cheapest checkpoints bring that bring the batch in; nothing if there are none."""
    plan = cheapest(analysis.interpretation, setup, batch, usable)
    if plan is None:
        return []
    return [Remedy(words, _largest(analysis, setup._replace(checkpoints=plan.segments), usable))]
