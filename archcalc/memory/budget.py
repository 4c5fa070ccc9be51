"""The budget of training, or of inference: what is held at peak, part by part, for every batch size.

`fixed + N * per_sample` bytes are exact for all batches N that peak at the same step; the peak of any other batch is
found the same way, so a fit is exact too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from archcalc.analysis.interpret import Interpretation
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.layers.outcome import Outcome, Tensor
from archcalc.memory import peaks
from archcalc.memory.amount import NOTHING, Amount
from archcalc.memory.gradients import Gradients, gradients
from archcalc.memory.optimizers import shared_state, state
from archcalc.memory.peaks import Timeline
from archcalc.memory.precision import STORED, WIDTH, storage_type
from archcalc.memory.setup import Setup
from archcalc.memory.storages import SavedMemory, Storages, saved_memory
from archcalc.records import Record
from archcalc.sizes.kinds import ceil_div, certainly_equal


class Persistent(Record):
    """Bytes that are there at every step: they depend neither on the batch nor on the moment.

    `master_weights` are the float32 copies that the optimizer updates where the network computes in 16 bits.
    `gradients` are those that stay from batch to batch where they are accumulated.
    """

    parameters: int
    buffers: int
    optimizer: int
    master_weights: int
    gradients: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


class Part(Record):
    """One line of a budget."""

    name: str
    amount: Amount


class Budget(Record):
    """What is held: `persistent` always, and what `timeline` says while a pass runs.

    `activations` is the timeline without the gradients of the parameters.
    """

    persistent: Persistent
    timeline: Timeline
    activations: Timeline
    saved: SavedMemory
    gradient_storages: frozenset[int]
    #: The smallest batch that runs: 2 where one sample would be normalised by the statistics of one value.
    least_batch: int = 1

    def peak_bytes(self, batch: int) -> int:
        """Bytes at the peak for a batch of that size."""
        return self.persistent.total + self.timeline.bytes_at(batch)

    def at_peak(self, batch: int) -> Amount:
        """The worst step's bytes as `fixed + N * per_sample`."""
        return Amount(self.persistent.total) + self.timeline.life.amount(self.timeline.peak(batch))

    def parts(self, batch: int) -> list[Part]:
        """What is held at the peak, part by part."""
        step = self.timeline.peak(batch)
        saved = grads = transient = NOTHING
        for number in self.timeline.life.alive(step):
            amount = self.timeline.storages[number].amount
            if number in self.gradient_storages:
                grads = grads + amount
            elif number in self.saved.storages:
                saved = saved + amount
            else:
                transient = transient + amount
        persistent = self.persistent
        return [
            Part("parameters", Amount(persistent.parameters)),
            Part("buffers", Amount(persistent.buffers)),
            Part("optimizer", Amount(persistent.optimizer)),
            Part("master weights", Amount(persistent.master_weights)),
            Part("gradients", grads + Amount(persistent.gradients)),
            Part("saved", saved),
            Part("transient", transient),
        ]

    def parts_by_step(self, batch: int) -> dict[str, list[int]]:
        """What is held at each step, part by part, in bytes: `parts` at every step, in time linear in the steps."""
        steps = len(self.timeline.steps)
        changes = {name: [0] * (steps + 1) for name in ("gradients", "saved", "transient")}
        life = self.timeline.life
        for number, (first, last) in enumerate(zip(life.first, life.last, strict=True)):
            if first >= 0:
                name = (
                    "gradients"
                    if number in self.gradient_storages
                    else "saved"
                    if number in self.saved.storages
                    else "transient"
                )
                size = self.timeline.storages[number].amount.at(batch)
                changes[name][first] += size
                changes[name][last + 1] -= size
        held = {name: list(accumulate(change[:-1])) for name, change in changes.items()}
        persistent = self.persistent
        return {
            "parameters": [persistent.parameters] * steps,
            "buffers": [persistent.buffers] * steps,
            "optimizer": [persistent.optimizer] * steps,
            "master weights": [persistent.master_weights] * steps,
            "gradients": [size + persistent.gradients for size in held["gradients"]],
            "saved": held["saved"],
            "transient": held["transient"],
        }

    def saved_by_step(self, batch: int, of: Callable[[int], str]) -> dict[str, list[int]]:
        """What is saved at each step, in bytes, by what `of` says of the node whose step made it: "saved" of
        `parts_by_step`, taken apart, in time linear in the steps and what they are by."""
        nodes = [step.node for step in self.timeline.steps]
        changes: dict[str, list[int]] = {}
        life = self.timeline.life
        for number in sorted(self.saved.storages):  # nodes are numbered in their order, and so are their storages
            first, last = life.first[number], life.last[number]
            change = changes.setdefault(of(nodes[first]), [0] * (len(nodes) + 1))
            size = self.timeline.storages[number].amount.at(batch)
            change[first] += size
            change[last + 1] -= size
        return {name: list(accumulate(change[:-1])) for name, change in changes.items()}

    def batches_with_this_peak(self, batch: int) -> tuple[int, int | None]:
        """The smallest and the largest batch (None: any) around this one that peak at the same step."""
        fixed, slope = self.timeline.life.amount(self.timeline.peak(batch))
        least, most = self.least_batch, None
        life = self.timeline.life
        for other_fixed, other_slope in zip(life.fixed, life.per_sample, strict=True):
            gap, rise = other_fixed - fixed, slope - other_slope
            if rise > 0:
                least = max(least, -(-gap // rise))
            elif rise < 0:
                bound = gap // rise
                most = bound if most is None else min(most, bound)
        return least, most

    def largest_batch(self, memory: int) -> int | None:
        """The largest batch whose peak is within that many bytes; 0 if not even the smallest fits, None if any does."""
        return self.timeline.largest_batch(memory - self.persistent.total, self.least_batch)


def training(
    interpretation: Interpretation, setup: Setup, storages: Storages | None = None, saved: SavedMemory | None = None
) -> Budget:
    """The budget of a training step: forward, cross-entropy, backward. UsageError if none is possible.

    `storages` are those of the forward pass, where they are known already, and become those of the whole step; `saved`
    is what is saved of them.
    """
    storages = storages or Storages(interpretation, setup, checkpoints=setup.checkpoints)
    require_training(interpretation, setup, storages.gradients)
    saved = saved or saved_memory(storages)
    timelines = peaks.training(storages, accumulate=setup.accumulate)
    return Budget(
        persistent(interpretation, setup, storages.gradients),
        timelines.with_gradients,
        timelines.activations,
        saved,
        timelines.parameter_gradients,
        1 if _of_one_value(interpretation) is None else 2,
    )


def require_training(interpretation: Interpretation, setup: Setup, wanted: Gradients) -> None:
    """UsageError if a training step is not possible."""
    reason = why_not_trained(interpretation, setup, wanted)
    if reason:
        raise UsageError(reason)


def why_not_trained(interpretation: Interpretation, setup: Setup, wanted: Gradients) -> str:
    """Why a training step is not possible; empty if it is.

    Source: `_verify_batch_size` of torch.nn.functional, which refuses statistics of one value.
    """
    if setup.stores_fewer_bits:
        return f"weights in {setup.dtype} are for inference: train in bfloat16 or amp"
    if not any(wanted.weights):
        return "nothing is trained: every layer with parameters is frozen, or there is none"
    normalised = _of_one_value(interpretation) if setup.one_sample else None
    if normalised is not None:
        return (
            f"`{normalised}` would normalise each channel by the statistics of one value, which PyTorch refuses in"
            " training: take a batch of at least 2"
        )
    return ""


def _of_one_value(interpretation: Interpretation) -> str | None:
    """The first layer that takes statistics over a batch, and has one value of each sample for it; None without one."""
    for node, outcome in zip(interpretation.network.nodes, interpretation.outcomes, strict=True):
        if certainly_equal(outcome.values_of_statistic, 1):
            return node.name
    return None


def inference(
    interpretation: Interpretation,
    setup: Setup,
    timeline: Timeline | None = None,
    wanted: Gradients | None = None,
) -> Budget:
    """The budget of a forward pass without gradients. `timeline` is that pass, and `wanted` the gradients of the setup,
    where they are known already."""
    setup = setup._replace(optimizer="none", accumulate=False)
    nothing = SavedMemory(NOTHING, NOTHING, [NOTHING] * len(interpretation.outcomes), set())
    timeline = timeline or peaks.inference(interpretation, setup)
    return Budget(persistent(interpretation, setup, wanted), timeline, timeline, nothing, frozenset())


def persistent(interpretation: Interpretation, setup: Setup, wanted: Gradients | None = None) -> Persistent:
    """Parameters, buffers and what belongs to the optimizer; shared weights once. `wanted` are the gradients of the
    setup, where they are known already."""
    width = WIDTH[setup.parameters]
    parameters = buffers = optimizer = master = grads = 0
    updated: list[Tensor] = []
    for owned in _owned(interpretation, (wanted or gradients(interpretation, setup)).weights):
        parameters += owned.times * sum(_stored(tensor, setup) for tensor in owned.params)
        buffers += owned.times * sum(_bytes(tensor, setup) for tensor in owned.buffers)
        if owned.trained:
            updated += owned.params
            elements = owned.times * sum(tensor.elements for tensor in owned.params)
            states = (state(setup.optimizer, tensor, 4 if setup.keeps_masters else width) for tensor in owned.params)
            optimizer += owned.times * sum(states)
            master += 4 * elements if setup.keeps_masters else 0
            grads += width * elements if setup.accumulate else 0
    optimizer += shared_state(setup.optimizer, updated)
    return Persistent(parameters, buffers, optimizer, master, grads)


class _Owned(Record):
    """What is stored of layers that are called alike: so many times the same tensors, trained or not."""

    params: tuple[Tensor, ...]
    buffers: tuple[Tensor, ...]
    trained: bool
    times: int


def _owned(interpretation: Interpretation, trained: Sequence[bool]) -> Iterator[_Owned]:
    """Every stored tensor, shared ones once."""
    alike: Counter[tuple[Outcome, bool]] = Counter()
    seen: dict[object, set[str]] = {}
    for node, outcome, trains in zip(interpretation.network.nodes, interpretation.outcomes, trained, strict=True):
        if node.tied is None:
            alike[outcome, trains] += 1
            continue
        before = seen.setdefault(node.tied, set())
        params = tuple(tensor for tensor in outcome.params if tensor.name not in before)
        buffers = tuple(tensor for tensor in outcome.buffers if tensor.name not in before)
        before.update(tensor.name for tensor in (*params, *buffers))
        yield _Owned(params, buffers, trains, 1)
    for (outcome, trains), times in alike.items():
        yield _Owned(outcome.params, outcome.buffers, trains, times)


def _stored(parameter: Tensor, setup: Setup) -> int:
    """Bytes of a parameter as it is stored."""
    if setup.stores_fewer_bits and len(parameter.shape) > 1:
        return ceil_div(parameter.elements * STORED[setup.dtype], 8)
    return WIDTH[setup.parameters] * parameter.elements


def _bytes(buffer: Tensor, setup: Setup) -> int:
    """Bytes of a buffer."""
    return WIDTH[storage_type(buffer.dtype, setup.parameters, None, "cpu")] * buffer.elements
