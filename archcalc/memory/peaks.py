"""The peaks of training and of inference: at which step most is alive, and what."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.analysis.interpret import Interpretation
from archcalc.memory import steps
from archcalc.memory.amount import NOTHING, Amount
from archcalc.memory.blocks import blocks
from archcalc.memory.draft import Storage
from archcalc.memory.gradients import Gradients
from archcalc.memory.liveness import Liveness, Lives, PassStep
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages
from archcalc.records import Record
from archcalc.sizes.kinds import Size, greatest


class Timeline:
    """What is alive during each step of a pass, and where that is most for a batch of a given size.

    `made_by` are the numbers of the nodes that made the storages.
    """

    __slots__ = ("life", "made_by", "storages")

    def __init__(self, storages: Sequence[Storage], made_by: Sequence[int], life: Liveness) -> None:
        self.storages = storages
        self.made_by = made_by
        self.life = life

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

    def bytes_at(self, batch: int) -> Size:
        """Bytes alive at the peak, which may be another step for each of several variants."""
        life = self.life
        return greatest(
            fixed + batch * per_sample for fixed, per_sample in zip(life.fixed, life.per_sample, strict=True)
        )

    def alive(self, step: int) -> list[int]:
        """The numbers of the storages that are there during a step."""
        return self.life.alive(step)


class TrainingTimelines(Record):
    """Two accounts of the same steps: without the gradients of the parameters, and with them as they appear.

    `parameter_gradients` are the numbers of the storages that make the difference.
    """

    activations: Timeline
    with_gradients: Timeline
    parameter_gradients: frozenset[int]


def inference(interpretation: Interpretation, setup: Setup, wanted: Gradients | None = None) -> Timeline:
    """A forward pass without gradients, the network's inputs held by the caller throughout."""
    made = _forward(interpretation, setup, wanted)
    return _timeline(made, Lives(made.steps, len(made.storages.all), made.storages.inputs))


def ideal_inference(interpretation: Interpretation, setup: Setup, wanted: Gradients | None = None) -> Timeline:
    """A forward pass that holds nothing but outputs that are still needed: no indices, no intermediate tensors of
    composed layers, and the network's input only until its last use."""
    made = _forward(interpretation, setup, wanted)
    storages = made.storages
    outputs = {*storages.inputs, *map(storages.of_value, range(len(storages.placements)))}
    amounts = [s.amount if number in outputs else NOTHING for number, s in enumerate(storages.all)]
    life = Liveness(Lives(made.steps, len(amounts)), amounts, _staying(storages))
    return Timeline(storages.all, storages.made_by, life)


def eager_inference(interpretation: Interpretation, setup: Setup, wanted: Gradients | None = None) -> Timeline:
    """A forward pass in which each block's input stays until the block returns, as it does where every block is a
    Python module: its caller's frame holds the argument."""
    made = _forward(interpretation, setup, wanted)
    lives = Lives(made.steps, len(made.storages.all), made.storages.inputs)
    last_step = {step.node: number for number, step in enumerate(made.steps)}
    for block in blocks(interpretation.network):
        ends = [last_step[index] for index in range(block.first, block.last + 1) if index in last_step]
        for index in block.entries if ends else ():
            lives.used(made.storages.of_value(index), max(ends))
    return _timeline(made, lives)


def _forward(interpretation: Interpretation, setup: Setup, wanted: Gradients | None) -> steps.Pass:
    return steps.inference(Storages(interpretation, setup, training=False, wanted=wanted))


def _timeline(made: steps.Pass, lives: Lives) -> Timeline:
    """The timeline of a forward pass."""
    storages = made.storages
    life = Liveness(lives, [storage.amount for storage in storages.all], _staying(storages))
    return Timeline(storages.all, storages.made_by, life)


def _staying(storages: Storages) -> set[int]:
    """What stays to the end: the network's outputs, which it returns, and mixed precision's cache of parameters.

    Source of the latter: torch.autocast's `cache_enabled`, which is on unless it is switched off.
    """
    outputs = {storages.of_value(index) for index in storages.interpretation.network.outputs.values()}
    return outputs.union(*(copies.values() for copies in storages.cached.values()))


def training(storages: Storages, *, accumulate: bool = False) -> TrainingTimelines:
    """Forward, cross-entropy and backward, gradients absent before. Parameters and buffers are in neither account.

    `storages` are those of training. With `accumulate` the gradients of earlier batches are there already and are not
    counted: each new gradient is added to its predecessor and dropped.
    """
    made = steps.training(storages, accumulate=accumulate)
    amounts = [storage.amount for storage in storages.all]
    lives = Lives(made.steps, len(amounts), storages.inputs)
    stays = () if accumulate else made.parameter_gradients
    with_gradients = Liveness(lives, amounts, stays)
    for number in made.parameter_gradients:
        amounts[number] = NOTHING
    return TrainingTimelines(
        Timeline(storages.all, storages.made_by, Liveness(lives, amounts)),
        Timeline(storages.all, storages.made_by, with_gradients),
        frozenset(made.parameter_gradients),
    )
