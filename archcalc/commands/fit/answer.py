"""Which batch fits a memory, under each of the conventions by which people have answered that question."""

from __future__ import annotations

from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.memory.budget import Budget
from archcalc.memory.network import network_memory
from archcalc.memory.recompute import cheapest
from archcalc.memory.setup import SEVERAL, Setup
from archcalc.quantities.registry import figure
from archcalc.records import Record


class Available(Record):
    """A memory: what it is called, all of it, what the headroom leaves, and on which device it is."""

    name: str
    total: int
    usable: int
    source: str
    device: str


class Fit(Record):
    """The largest batches in one memory; 0 where not even the smallest fits, None where nothing grows with the batch.

    `training` and `inference` count everything that is held at peak; where weights are stored in fewer bits, which is
    for inference alone, there is no training. `activations` counts the input and every output once, as the CS231n
    lecture does for the forward pass, `activations_twice` their gradients too.
    """

    available: Available
    #: How the network is run there.
    setup: Setup
    #: The smallest batch that runs.
    least: int
    training: int | None
    inference: int | None
    activations: int
    activations_twice: int

    @property
    def asked(self) -> int | None:
        """The largest batch of what the answer is about: of training, where there is one."""
        return self.inference if self.setup.stores_fewer_bits else self.training


def fit(analysis: Analysis, setup: Setup, available: Available) -> Fit:
    """The largest batch by each convention. UsageError where a setup that is for training trains nothing."""
    setup = setup._replace(device=available.device)
    memory = network_memory(analysis, setup._replace(batch=SEVERAL))
    inference = memory.largest_inference_batch(available.usable)
    training = None if setup.stores_fewer_bits else memory.largest_training_batch(available.usable)
    activations = figure(analysis, "activation_bytes")
    return Fit(
        available,
        setup,
        budget(analysis, setup, SEVERAL).least_batch,
        training,
        inference,
        available.usable // activations,
        available.usable // (2 * activations),
    )


def budget(analysis: Analysis, setup: Setup, batch: int) -> Budget:
    """What is held in training, or, where weights are stored in fewer bits, at inference. UsageError where a batch of
    that size is not possible."""
    memory = network_memory(analysis, setup._replace(batch=batch))
    return memory.inference_budget if setup.stores_fewer_bits else memory.training


def peak_bytes(analysis: Analysis, setup: Setup, batch: int) -> int:
    """Bytes at the peak for a batch of that size."""
    return budget(analysis, setup, batch).peak_bytes(batch)


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


def remedies(analysis: Analysis, found: Fit, batch: int) -> list[Remedy]:
    """What brings a larger batch into a memory, and what it brings: each change by itself, the batch in parts, and
    all changes together where none alone is enough. What brings nothing is left out."""
    setup, usable, before = found.setup._replace(batch=batch), found.available.usable, found.training
    if setup.stores_fewer_bits:
        return []
    changes = [change for change in _CHANGES if setup.optimizer in ("adam", "adamw") or "optimizer" not in change[1]]
    tried = [Remedy(words, _largest(analysis, setup._replace(**change), usable)) for words, change in changes]
    tried += _checkpointed(analysis, setup, batch, usable, CHECKPOINTS)
    if before != 0 and not setup.accumulate:
        part = _largest(analysis, setup._replace(accumulate=True), usable)
        if part is not None and 0 < part < batch:
            tried.append(Remedy("--accumulate", part, -(-batch // part)))
    if all(each.batches == 1 and each.largest is not None and each.largest < batch for each in tried):
        together = setup._replace(**{name: value for _, change in changes for name, value in change.items()})
        words = " ".join((*(words for words, _ in changes), CHECKPOINTS))
        tried += _checkpointed(analysis, together, batch, usable, words)
    return [each for each in tried if (before is not None and _more(each.largest, before)) or each.batches > 1]


def _more(largest: int | None, before: int) -> bool:
    return largest is None or largest > before


def _largest(analysis: Analysis, setup: Setup, usable: int) -> int | None:
    return network_memory(analysis, setup).largest_training_batch(usable)


def _checkpointed(analysis: Analysis, setup: Setup, batch: int, usable: int, words: str) -> list[Remedy]:
    """What the cheapest checkpoints bring that bring the batch in; nothing if there are none."""
    plan = cheapest(analysis.interpretation, setup, batch, usable)
    if plan is None:
        return []
    return [Remedy(words, _largest(analysis, setup._replace(checkpoints=plan.segments), usable))]
