"""The peaks of training and of inference: at which step most is alive, and what."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.analysis.interpret import Interpretation
from archcalc.memory import steps
from archcalc.memory.amount import NOTHING, Amount
from archcalc.memory.blocks import blocks
from archcalc.memory.liveness import Liveness, PassStep, liveness
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storage, Storages
from archcalc.records import Record


class Timeline(Record):
    """What is alive during each step of a pass, and where that is most for a batch of a given size."""

    storages: list[Storage]
    life: Liveness

    @property
    def steps(self) -> Sequence[PassStep]:
        """The steps of the pass, in order."""
        return self.life.steps

    @property
    def during(self) -> list[Amount]:
        """The amount alive during each step."""
        return self.life.during

    def peak(self, batch: int) -> int:
        """The number of the step at which most is alive, the first of equals."""
        return self.life.peak(batch)

    def bytes_at(self, batch: int) -> int:
        """Bytes alive at the peak."""
        return self.during[self.peak(batch)].at(batch)

    def alive(self, step: int) -> list[Storage]:
        """The storages that are there during a step."""
        return [self.storages[storage] for storage in self.life.alive(step)]


class TrainingTimelines(Record):
    """Two accounts of the same steps: without the gradients of the parameters, and with them as they appear.

    `parameter_gradients` are the numbers of the storages that make the difference.
    """

    activations: Timeline
    with_gradients: Timeline
    parameter_gradients: frozenset[int]


def inference(interpretation: Interpretation, setup: Setup) -> Timeline:
    """A forward pass without gradients, the network's inputs held by the caller throughout."""
    storages = Storages(interpretation, setup, training=False)
    made = steps.inference(storages)
    life = liveness(made.steps, [s.amount for s in storages.all], storages.inputs, _staying(storages))
    return Timeline(storages.all, life)


def ideal_inference(interpretation: Interpretation, setup: Setup) -> Timeline:
    """A forward pass that holds nothing but outputs that are still needed: no indices, no intermediate tensors of
    composed layers, and the network's input only until its last use."""
    storages = Storages(interpretation, setup, training=False)
    made = steps.inference(storages)
    outputs = {*storages.inputs, *(placed.output for placed in storages.nodes)}
    amounts = [s.amount if number in outputs else NOTHING for number, s in enumerate(storages.all)]
    return Timeline(storages.all, liveness(made.steps, amounts, (), _staying(storages)))


def eager_inference(interpretation: Interpretation, setup: Setup) -> Timeline:
    """A forward pass in which each block's input stays until the block returns, as it does where every block is a
    Python module: its caller's frame holds the argument."""
    storages = Storages(interpretation, setup, training=False)
    made = steps.inference(storages)
    last_step = {step.node: number for number, step in enumerate(made.steps)}
    order = list(made.steps)
    for block in blocks(interpretation.network):
        held = tuple(storages.of_value(index) for index in block.entries)
        ends = [last_step[index] for index in range(block.first, block.last + 1) if index in last_step]
        if ends:
            step = order[max(ends)]
            order[max(ends)] = step._replace(reads=(*step.reads, *held))
    life = liveness(order, [s.amount for s in storages.all], storages.inputs, _staying(storages))
    return Timeline(storages.all, life)


def _staying(storages: Storages) -> set[int]:
    """What stays to the end: the network's outputs, which it returns, and mixed precision's cache of parameters.

    Source of the latter: torch.autocast's `cache_enabled`, which is on unless it is switched off.
    """
    outputs = {storages.of_value(index) for index in storages.interpretation.network.outputs.values()}
    return outputs | set(storages.cached.values())


def training(storages: Storages, *, accumulate: bool = False) -> TrainingTimelines:
    """Forward, cross-entropy and backward, gradients absent before. Parameters and buffers are in neither account.

    `storages` are those of training. With `accumulate` the gradients of earlier batches are there already and are not
    counted: each new gradient is added to its predecessor and dropped.
    """
    made = steps.training(storages, accumulate=accumulate)
    all_ = list(storages.all)
    amounts = [storage.amount for storage in all_]
    of_parameters = frozenset(made.parameter_gradients)
    activations = [NOTHING if number in of_parameters else amount for number, amount in enumerate(amounts)]
    stays = frozenset() if accumulate else of_parameters
    return TrainingTimelines(
        Timeline(all_, liveness(made.steps, activations, storages.inputs)),
        Timeline(all_, liveness(made.steps, amounts, storages.inputs, stays)),
        of_parameters,
    )
