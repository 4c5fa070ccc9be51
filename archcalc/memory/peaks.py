"""The peaks of training and of inference: at which step most is alive, and what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from archcalc.analysis.interpret import Interpretation
from archcalc.language.network import is_input
from archcalc.memory import steps
from archcalc.memory.amount import NOTHING, Amount
from archcalc.memory.blocks import BlockCall, blocks
from archcalc.memory.checkpoint import entries
from archcalc.memory.draft import Storage
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

    def largest_batch(self, room: int, least: int = 1) -> int | None:
        """The largest batch that is alive within that many bytes; 0 if not even `least` is, None if any is.

        Every step must fit, and a step's bytes grow with the batch, so the steps can be asked one by one.
        """
        steps = list(zip(self.life.fixed, self.life.per_sample, strict=True))
        if any(fixed + least * per_sample > room for fixed, per_sample in steps):
            return 0
        bounds = [(room - fixed) // per_sample for fixed, per_sample in steps if per_sample]
        return min(bounds, default=None)

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


def inference(interpretation: Interpretation, setup: Setup) -> Timeline:
    """A forward pass without gradients, the network's inputs held by the caller throughout."""
    made = _forward(interpretation, setup)
    return _timeline(made, Lives(made.steps, len(made.storages.all), made.storages.inputs))


def ideal_inference(interpretation: Interpretation, setup: Setup) -> Timeline:
    """A forward pass that holds nothing but outputs that are still needed: no indices, no intermediate tensors of
    composed layers, and the network's input only until its last use."""
    made = _forward(interpretation, setup)
    storages = made.storages
    outputs = {*storages.inputs, *map(storages.of_value, range(len(storages.placements)))}
    amounts = [s.amount if number in outputs else NOTHING for number, s in enumerate(storages.all)]
    life = Liveness(Lives(made.steps, len(amounts)), amounts, _staying(storages))
    return Timeline(storages.all, storages.made_by, life)


def eager_inference(interpretation: Interpretation, setup: Setup) -> Timeline:
    """A forward pass in which each layer's and each block's input stays until it returns, as it does where they are
    Python modules: the caller's frame holds the argument. What the functions of composed layers hold stays too."""
    made = _forward(interpretation, setup)
    lives = Lives(made.steps, len(made.storages.all), made.storages.inputs, eager=True)
    _hold_arguments(lives, blocks(interpretation.network), lambda _, index: made.storages.of_value(index), "forward")
    return _timeline(made, lives)


def _hold_arguments(
    lives: Lives, calls: Iterable[BlockCall], storage_of: Callable[[BlockCall, int], int], phase: str
) -> None:
    """What enters a block is held until the block has returned from that phase."""
    last_step = {step.node: number for number, step in enumerate(lives.steps) if step.phase == phase}
    for call in calls:
        ends = [last_step[index] for index in range(call.first, call.last + 1) if index in last_step]
        for index in call.entries if ends else ():
            lives.used(storage_of(call, index), max(ends))


def _forward(interpretation: Interpretation, setup: Setup) -> steps.Pass:
    return steps.inference(Storages(interpretation, setup, training=False))


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


def eager_training(storages: Storages, *, accumulate: bool = False) -> Timeline:
    """The same steps with the gradients of the parameters, each tensor there as long as Python or autograd holds it.

    In the forward pass a caller holds the argument of a layer or block until it returns; in the backward pass a node of
    autograd's graph holds its gradient, and what was saved for it, until it has run. The network's inputs and the
    targets are there throughout, the loss and its gradient from when they are made on.
    """
    network = storages.interpretation.network
    outputs = [storages.of_value(index) for index in range(len(network.nodes))]
    made = steps.training(storages, accumulate=accumulate)
    amounts = [storage.amount for storage in storages.all]
    lives = Lives(made.steps, len(amounts), (*storages.inputs, *made.targets), eager=True)

    def of_value(index: int) -> int:
        """The storage of a value in the forward pass, which recomputation replaces."""
        return storages.of_value(index) if is_input(index) else outputs[index]

    calls = blocks(network)
    segments = storages.setup.checkpoints
    begin = {index: each.first for each in segments for index in range(each.first, each.last + 1)}

    def of_entry(call: BlockCall, index: int) -> int:
        """The storage of what enters a block that is computed again: its stretch may begin before it, or with it."""
        return storages.of_value(index) if index >= begin[call.first] else of_value(index)

    checkpoints = [BlockCall(each.first, each.last, entries(network, each)) for each in segments]
    _hold_arguments(lives, (*calls, *checkpoints), lambda _, index: of_value(index), "forward")
    _hold_arguments(lives, [call for call in calls if call.first in begin], of_entry, "recompute")
    for storage, step in made.entered:
        lives.used(storage, step)
    known = max(number for number, step in enumerate(made.steps) if step.phase == "loss")
    for index in network.outputs.values():
        lives.used(of_value(index), known)
    stays = () if accumulate else made.parameter_gradients
    return Timeline(storages.all, storages.made_by, Liveness(lives, amounts, (*stays, *made.of_caller)))
