"""Memory in reports: the object of figures, the per-layer columns, the budget as a table, and the timeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.language.network import INPUT_INDEX, Network
from archcalc.memory.budget import Budget
from archcalc.memory.checkpoint import extra_macs
from archcalc.memory.network import NetworkMemory
from archcalc.memory.peaks import Timeline
from archcalc.memory.setup import Setup
from archcalc.memory.steps import LOSS
from archcalc.output.layout import Column, Report, Table
from archcalc.output.numbers import bytes_binary, bytes_decimal, exact, percent, share, short

NOT_COUNTED = (
    "not in it: the allocator's rounding and fragmentation, workspaces of kernels (cuDNN, oneDNN), the CUDA context"
    " (some hundred MB), temporaries of the optimizer's update, other programs"
)
UNITS = "kB, MB, GB are powers of 1000 bytes; MiB, GiB are powers of 1024"

_WHAT = {
    "parameters": "the learned values",
    "buffers": "stored values that are not learned: running statistics",
    "optimizer": "what the optimizer remembers for each parameter",
    "master weights": "float32 copies of the parameters, which the optimizer updates",
    "gradients": "of the parameters, as far as they exist at peak",
    "saved": "what the backward pass still needs at peak, the input included",
    "transient": "what the peak itself reads and makes",
}


def owner(network: Network, node: int) -> str:
    """Whose storage or step it is, by the number of the node."""
    if node == LOSS:
        return "loss"
    return "input" if node == INPUT_INDEX else network.nodes[node].name


def data(analysis: Analysis, memory: NetworkMemory, batch: int) -> dict[str, Any]:
    """The object `memory` of `report` and `memory`: bytes for a batch of that size.

    `training_peak_bytes` holds everything: parameters, buffers, gradients, optimizer and activations; it is
    `fixed_bytes + batch * per_sample_bytes`, exactly, for the batches of `exact_for_batches` (None: no upper end).
    `inference_peak_bytes` is the activations alone; parameters come on top.
    """
    made: dict[str, Any] = {
        "input_bytes": memory.storages.all[0].amount.at(batch),
        "outputs_bytes": batch * analysis.totals.outputs_bytes,
        "saved_bytes": memory.saved.total.at(batch),
        "kept_bytes_without_input": memory.saved.without_input.at(batch),
        "inference_peak_bytes": memory.inference.bytes_at(batch),
        "inference_peak_layer": _peak_layer(analysis.network, memory.inference, batch),
    }
    if not memory.trains:
        return {**made, "training_peak_bytes": None, "fixed_bytes": None, "per_sample_bytes": None}
    budget = memory.training
    fixed, per_sample = budget.at_peak(batch)
    return {
        **made,
        "training_peak_bytes": budget.peak_bytes(batch),
        "training_peak_layer": _peak_layer(analysis.network, budget.timeline, batch),
        "training_peak_without_params_and_grads_bytes": budget.activations.bytes_at(batch),
        "training_peak_with_grads_bytes": budget.timeline.bytes_at(batch),
        "fixed_bytes": fixed,
        "per_sample_bytes": per_sample,
        "exact_for_batches": list(budget.batches_with_this_peak(batch)),
    }


def layer_data(memory: NetworkMemory, index: int, batch: int) -> dict[str, Any]:
    """A layer's own figures: bytes that it is the first to keep, and what it keeps in words."""
    return {"saved_bytes": memory.saved.layers[index].at(batch), "saved": memory.why(index)}


def _peak_layer(network: Network, timeline: Timeline, batch: int) -> str:
    return owner(network, timeline.steps[timeline.peak(batch)].node)


def facts(analysis: Analysis, memory: NetworkMemory, batch: int) -> tuple[tuple[str, str], ...]:
    """What a report says of memory in three lines."""
    saved = memory.saved.total.at(batch)
    inference = memory.inference.bytes_at(batch)
    lines = [
        (
            "saved",
            f"{bytes_in_full(saved)} for backward, the input included: as PyTorch stores it, each storage once",
        ),
        (
            "inference",
            f"{bytes_in_full(inference)} at peak, without parameters: `"
            f"{_peak_layer(analysis.network, memory.inference, batch)}`",
        ),
    ]
    if memory.trains:
        budget = memory.training
        lines.append(
            (
                "training",
                f"{bytes_in_full(budget.peak_bytes(batch))} at peak, with parameters and gradients, no"
                f" optimizer: `{_peak_layer(analysis.network, budget.timeline, batch)}` backward",
            )
        )
    return tuple(lines)


def bytes_in_full(value: int) -> str:
    """Bytes exactly, and shortened in both kinds of units."""
    return f"{exact(value)} bytes ({bytes_decimal(value)}, {bytes_binary(value)})"


def setup_in_words(setup: Setup) -> str:
    """How the network is trained, for a heading."""
    words = [setup.dtype, f"optimizer {setup.optimizer}", setup.device]
    words += [f"frozen: {', '.join(setup.frozen)}"] if setup.frozen else []
    words += ["gradients accumulated"] if setup.accumulate else []
    words += [f"{len(setup.checkpoints):,} checkpoint{'s' * (len(setup.checkpoints) > 1)}"] if setup.checkpoints else []
    return ", ".join(words)


def setup_data(setup: Setup) -> dict[str, Any]:
    """How the network is trained, for JSON."""
    return {
        "dtype": setup.dtype,
        "optimizer": setup.optimizer,
        "device": setup.device,
        "frozen": list(setup.frozen),
        "accumulate": setup.accumulate,
    }


def build(analysis: Analysis, memory: NetworkMemory, batch: int, *, timeline: bool = False) -> Report:
    """The budget of training, and of inference, for a batch of that size; its tables are those of the peak, or
    with `timeline` the one of every step of training."""
    budget = memory.training
    tables = [_budget_table(budget, batch), _alive_table(analysis, budget, batch)]
    if timeline:
        tables = [_timeline_table(analysis.network, budget, batch)]
    return Report(
        f"{analysis.architecture}: memory of training, batch {batch:,}, {setup_in_words(memory.setup)}",
        _budget_facts(analysis, memory, budget, batch),
        tuple(tables),
        (NOT_COUNTED, UNITS),
        {
            "architecture": analysis.architecture,
            "parameters": dict(analysis.network.parameters),
            "batch": batch,
            **setup_data(memory.setup),
            "checkpoints": _checkpoints(analysis, memory.setup, batch),
            "extra_macs": batch * extra_macs(analysis.interpretation, memory.setup.checkpoints),
            "memory": {
                **data(analysis, memory, batch),
                # Where every block is a Python module, and where nothing is held that is not needed any more.
                "inference_peak_eager_bytes": memory.eager_inference.bytes_at(batch),
                "inference_peak_ideal_bytes": memory.ideal_inference.bytes_at(batch),
                "budget": [
                    {"part": part.name, "fixed_bytes": part.amount.fixed, "per_sample_bytes": part.amount.per_sample}
                    for part in budget.parts(batch)
                ],
            },
            "layers": (
                {"name": layer.name, "output_bytes": batch * layer.output_bytes, **layer_data(memory, index, batch)}
                for index, layer in enumerate(analysis.layers)
            ),
            "timeline": ({"step": number, **row} for number, row in enumerate(_timeline(analysis, budget, batch))),
        },
        tables[0],
    )


def _budget_facts(analysis: Analysis, memory: NetworkMemory, budget: Budget, batch: int) -> tuple[tuple[str, str], ...]:
    fixed, per_sample = budget.at_peak(batch)
    step = budget.timeline.steps[budget.timeline.peak(batch)]
    least, most = budget.batches_with_this_peak(batch)
    which = f"batches from {least:,} on" if most is None else f"batches {least:,} to {most:,}"
    persistent = budget.persistent
    inference = memory.inference.bytes_at(batch) + persistent.parameters + persistent.buffers
    again = extra_macs(analysis.interpretation, memory.setup.checkpoints)
    return (
        ("training needs", bytes_in_full(budget.peak_bytes(batch))),
        ("as a formula", f"{exact(fixed)} + N x {exact(per_sample)} bytes for a batch of N, exact for {which}"),
        (
            "worst moment",
            f"`{owner(analysis.network, step.node)}`, {step.phase} pass ({step.operation}):"
            f" step {budget.timeline.peak(batch) + 1:,} of {len(budget.timeline.steps):,}",
        ),
        (
            "saved in all",
            f"{bytes_in_full(memory.saved.total.at(batch))} at the end of the forward pass, the input included",
        ),
        ("inference needs", f"{bytes_in_full(inference)} with parameters and buffers, without gradients"),
        (
            "of which",
            f"{bytes_decimal(memory.inference.bytes_at(batch))} are activations at peak, `"
            f"{_peak_layer(analysis.network, memory.inference, batch)}`;"
            f" {bytes_decimal(memory.eager_inference.bytes_at(batch))} where each block is a Python module that holds"
            f" its input; {bytes_decimal(memory.ideal_inference.bytes_at(batch))} ideally",
        ),
        *_checkpoint_facts(analysis, memory.setup, again),
    )


def _checkpoint_facts(analysis: Analysis, setup: Setup, again: int) -> Iterator[tuple[str, str]]:
    """What is computed twice, and what that costs."""
    if not setup.checkpoints:
        return
    forward = analysis.totals.macs
    names = ", ".join(f"`{segment.name}`" for segment in setup.checkpoints)
    yield "checkpointed", f"{names}: only what enters is saved"
    yield (
        "computed twice",
        f"{exact(again)} MACs ({short(again)}) per sample: {percent(share(again, forward))} of the forward pass",
    )


def _checkpoints(analysis: Analysis, setup: Setup, batch: int) -> list[dict[str, Any]]:
    nodes = analysis.network.nodes
    return [
        {
            "first": nodes[segment.first].name,
            "last": nodes[segment.last].name,
            "layers": segment.last - segment.first + 1,
            "macs": batch * extra_macs(analysis.interpretation, (segment,)),
        }
        for segment in setup.checkpoints
    ]


def _budget_table(budget: Budget, batch: int) -> Table:
    peak = budget.peak_bytes(batch)
    rows = []
    for name, amount in budget.parts(batch):
        size = amount.at(batch)
        if size:
            rows.append((name, amount.fixed, amount.per_sample, size, share(size, peak), _WHAT[name]))
    fixed, per_sample = budget.at_peak(batch)
    columns = (
        Column("part", "part", right=False),
        Column("fixed_bytes", "fixed bytes", exact, rank=2),
        Column("per_sample_bytes", "bytes per sample", exact, rank=2),
        Column("bytes", f"at batch {batch:,}", bytes_decimal),
        Column("share", "share", percent, rank=1),
        Column("what", "what it is", right=False, rank=3, wraps=True),
    )
    return Table(columns, rows, ("total", fixed, per_sample, peak, 1.0, ""))


def _alive_table(analysis: Analysis, budget: Budget, batch: int) -> Table:
    """The largest tensors that are there at peak."""
    alive = sorted(budget.timeline.alive(budget.timeline.peak(batch)), key=lambda storage: -storage.amount.at(batch))
    rows = [
        (owner(analysis.network, storage.node), storage.what, storage.dtype, storage.amount.at(batch))
        for storage in alive[:8]
    ]
    rest = alive[8:]
    footer = None
    if rest:
        amount = sum(storage.amount.at(batch) for storage in rest)
        footer = (f"{len(rest):,} smaller ones", None, None, amount)
    columns = (
        Column("layer", "made by", right=False),
        Column("what", "tensor", right=False),
        Column("dtype", "type", right=False, rank=1),
        Column("bytes", "size", bytes_decimal),
    )
    return Table(columns, rows, footer, "the largest tensors at peak")


def _timeline(analysis: Analysis, budget: Budget, batch: int) -> Iterator[dict[str, Any]]:
    names: dict[int, str] = {}
    for step, amount in zip(budget.timeline.steps, budget.timeline.during, strict=True):
        if step.node not in names:
            names[step.node] = owner(analysis.network, step.node)
        yield {
            "phase": step.phase,
            "layer": names[step.node],
            "operation": step.operation,
            "live_bytes": budget.persistent.total + amount.at(batch),
        }


def _timeline_table(network: Network, budget: Budget, batch: int) -> Table:
    columns = (
        Column("phase", "phase", right=False),
        Column("layer", "layer", right=False),
        Column("operation", "operation", right=False),
        Column("live_bytes", "live bytes", exact),
    )
    names = {node: owner(network, node) for node in {step.node for step in budget.timeline.steps}}
    rows = [
        (step.phase, names[step.node], step.operation, budget.persistent.total + amount.at(batch))
        for step, amount in zip(budget.timeline.steps, budget.timeline.during, strict=True)
    ]
    return Table(columns, rows, None, "every step: what is there while it runs")
