"""The memory of a network under given circumstances: each figure computed when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from weakref import WeakKeyDictionary

from archcalc.analysis.interpret import Interpretation
from archcalc.analysis.totals import Analysis
from archcalc.memory import budget, peaks
from archcalc.memory.budget import Budget
from archcalc.memory.gradients import Gradients, gradients
from archcalc.memory.peaks import Timeline
from archcalc.memory.setup import SEVERAL, Setup
from archcalc.memory.storages import SavedMemory, Storages, saved_memory


class NetworkMemory:
    """What is saved serves sizes of all kinds; what is alive when needs one network, whose sizes are numbers."""

    def __init__(self, interpretation: Interpretation, setup: Setup | None = None) -> None:
        self.interpretation = interpretation
        self.setup = setup or Setup()

    @cached_property
    def storages(self) -> Storages:
        """The storages of the forward pass in training."""
        return Storages(self.interpretation, self.setup, checkpoints=self.setup.checkpoints, wanted=self.gradients)

    @cached_property
    def saved(self) -> SavedMemory:
        """What the backward pass needs."""
        return saved_memory(self.storages)

    @cached_property
    def inference(self) -> Timeline:
        """The forward pass without gradients."""
        return peaks.inference(self.interpretation, self.setup)

    @cached_property
    def eager_inference(self) -> Timeline:
        """The same where every block is a Python module, whose caller holds its input until it returns."""
        return peaks.eager_inference(self.interpretation, self.setup)

    @cached_property
    def eager_training(self) -> Timeline:
        """A training step in which every tensor stays as long as Python or autograd holds it."""
        return peaks.eager_training(self.storages.copy(), accumulate=self.setup.accumulate)

    @cached_property
    def ideal_inference(self) -> Timeline:
        """The same with nothing but outputs that are still needed."""
        return peaks.ideal_inference(self.interpretation, self.setup)

    @cached_property
    def gradients(self) -> Gradients:
        """Which gradients training wants."""
        return gradients(self.interpretation, self.setup)

    @cached_property
    def why_not_trained(self) -> str:
        """Why a training step is not possible; empty if it is."""
        return budget.why_not_trained(self.interpretation, self.setup, self.gradients)

    @property
    def trains(self) -> bool:
        """Whether a training step is possible."""
        return not self.why_not_trained

    @cached_property
    def training(self) -> Budget:
        """The budget of a training step; UsageError if none is possible."""
        return budget.training(self.interpretation, self.setup, self.storages.copy(), self.saved)

    @cached_property
    def inference_budget(self) -> Budget:
        """The budget of a forward pass without gradients."""
        return budget.inference(self.interpretation, self.setup, self.inference, self.gradients)

    def largest_training_batch(self, memory: int) -> int | None:
        """The largest batch whose training peak is within that many bytes; 0 if none is, None if all are."""
        return self._largest(lambda of: of.training, memory)

    def largest_inference_batch(self, memory: int) -> int | None:
        """The same of inference, with parameters and buffers."""
        return self._largest(lambda of: of.inference_budget, memory)

    def _largest(self, budget_of: Callable[[NetworkMemory], Budget], memory: int) -> int | None:
        """One sample lies otherwise than several, and is asked for only where no more fit."""
        held = budget_of(self._several)
        several = held.largest_batch(memory)
        if several is None or several > 1 or held.least_batch > 1:
            return several
        return int(budget_of(self._one).peak_bytes(1) <= memory)

    @cached_property
    def _several(self) -> NetworkMemory:
        """The memory of a batch of several samples."""
        return self._of_batch(SEVERAL) if self.setup.one_sample else self

    @cached_property
    def _one(self) -> NetworkMemory:
        """The memory of one sample."""
        return self if self.setup.one_sample else self._of_batch(1)

    def _of_batch(self, batch: int) -> NetworkMemory:
        return NetworkMemory(self.interpretation, self.setup._replace(batch=batch))

    def why(self, index: int) -> list[str]:
        """What a node keeps, in words: `input`, `mask (bool)`; "(copy)" where mixed precision converts it first."""
        words = self.storages.placements[index].why
        if index in [segment.first for segment in self.setup.checkpoints]:
            return ["what enters the checkpoint", *words]
        return words


#: What is known of a network's memory, by setup, while its analysis is in use.
_KNOWN: WeakKeyDictionary[Analysis, dict[Setup, NetworkMemory]] = WeakKeyDictionary()


def network_memory(analysis: Analysis, setup: Setup) -> NetworkMemory:
    """The memory of an analysed network under a setup, whatever its batch."""
    known = _KNOWN.setdefault(analysis, {})
    held = setup.held
    if held not in known:
        known[held] = NetworkMemory(analysis.interpretation, held)
    return known[held]
