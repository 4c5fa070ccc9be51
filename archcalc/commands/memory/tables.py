"""Memory in reports: the object of figures, the per-layer columns, the budget as a table, and the timeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.language.network import Network
from archcalc.memory.budget import Budget
from archcalc.memory.checkpoint import extra_macs
from archcalc.memory.peaks import Timeline
from archcalc.memory.setup import Setup
from archcalc.memory.steps import LOSS
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import Part, figure, quantities
from archcalc.units import bytes_decimal, bytes_in_full, exact, percent, share, short

NOT_COUNTED = (
    "not included: the allocator's rounding and fragmentation, workspaces of kernels (cuDNN, oneDNN), the CUDA context"
    " (some hundred MB), temporaries of the optimizer's update, other programs"
)
NOT_COUNTED_OF_WEIGHTS = (
    "weights are parameters of two axes or more; vectors and activations are in bfloat16; not included: the scales of"
    " the weights, and copies of them that a kernel may convert"
)
UNITS = "kB, MB and GB are powers of 1000 bytes, MiB and GiB of 1024"

_WHAT = {
    "parameters": "trainable and frozen; shared weights counted once",
    "buffers": "stored and not trained: running statistics",
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
    return network.name_of(node)


#: The figures of the object `memory`, in a report and of the command.
FIGURES = (
    "input_bytes",
    "activation_bytes",
    "saved_bytes",
    "saved_bytes_without_input",
    "inference_peak_bytes",
    "inference_memory_bytes",
    "training_peak_bytes",
    "training_peak_with_grads_bytes",
    "training_peak_without_params_and_grads_bytes",
)
#: What only the command says.
OF_COMMAND = ("training_peak_eager_bytes", "inference_peak_eager_bytes", "inference_peak_ideal_bytes")


def data(network: Part) -> dict[str, Any]:
    """The object `memory` of `report` and `memory`: bytes for the batch of the setup.

    `training_peak_bytes` is `fixed_bytes + batch * per_sample_bytes`, exactly, for the batches of `exact_for_batches`
    (None: no upper end).
    """
    known, memory, batch = quantities(), network.memory, int(network.setup.batch)
    made: dict[str, Any] = {name: known[name].measure(network) for name in FIGURES}
    made["inference_peak_layer"] = _peak_layer(network.analysis.network, memory.inference, batch)
    if not memory.trains:
        return {**made, "training_peak_layer": None, "fixed_bytes": None, "per_sample_bytes": None}
    budget = memory.training
    fixed, per_sample = budget.at_peak(batch)
    return {
        **made,
        "training_peak_layer": _peak_layer(network.analysis.network, budget.timeline, batch),
        "fixed_bytes": fixed,
        "per_sample_bytes": per_sample,
        "exact_for_batches": list(budget.batches_with_this_peak(batch)),
    }


def _peak_layer(network: Network, timeline: Timeline, batch: int) -> str:
    return owner(network, timeline.steps[timeline.peak(batch)].node)


def setup_in_words(setup: Setup, devices: Sequence[str] = ()) -> str:
    """How the network is trained, for a heading; on several `devices`, where they are named."""
    device = " and ".join(devices or (setup.device,))
    if setup.stores_fewer_bits:
        return f"{setup.dtype} weights, {device}"
    words = [setup.dtype, f"optimizer {setup.optimizer}", device]
    if setup.dtype in ("float16", "bfloat16") and setup.optimizer != "none":
        words.append("float32 master weights" if setup.keeps_masters else "no master weights")
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
        "masters": setup.keeps_masters,
    }


def build(network: Part, *, timeline: bool = False) -> Report:
    """The budget of training, and of inference, for the batch of the setup; its tables are those of the peak, or
    with `timeline` the one of every step of training. Where weights are stored in fewer bits it is that of inference.
    """
    analysis, setup, memory = network.analysis, network.setup, network.memory
    batch, known = int(setup.batch), quantities()
    infers = setup.stores_fewer_bits
    budget = memory.inference_budget if infers else memory.training
    tables = [_budget_table(budget, batch), _alive_table(analysis, budget, batch)]
    if timeline:
        tables = [_timeline_table(analysis.network, budget, batch)]
    saved = known["saved_bytes"]
    return Report(
        f"{analysis.architecture}: memory of {'inference' if infers else 'training'}, batch {batch:,},"
        f" {setup_in_words(setup)}",
        _inference_facts(network) if infers else _budget_facts(network, budget),
        tuple(tables),
        (*analysis.remarks, *((NOT_COUNTED_OF_WEIGHTS,) if infers else ()), NOT_COUNTED, UNITS),
        {
            "architecture": analysis.architecture,
            "parameters": dict(analysis.network.parameters),
            "batch": batch,
            **setup_data(setup),
            "checkpoints": _checkpoints(analysis, setup, batch),
            "extra_macs": batch * extra_macs(analysis.interpretation, setup.checkpoints),
            "memory": {
                **data(network),
                **{name: known[name].measure(network) for name in OF_COMMAND},
                "budget": [
                    {"part": part.name, "fixed_bytes": part.amount.fixed, "per_sample_bytes": part.amount.per_sample}
                    for part in budget.parts(batch)
                ],
            },
            "layers": (
                {
                    "name": layer.name,
                    "output_bytes": batch * layer.output_bytes,
                    "saved_bytes": saved.amount(network, layer) if saved.amount else None,
                    "saved_tensors": memory.why(layer.node.index),
                }
                for layer in analysis.layers
            ),
            "timeline": ({"step": number, **row} for number, row in enumerate(_timeline(analysis, budget, batch))),
        },
        tables[0],
    )


def _inference_facts(network: Part) -> tuple[tuple[str, str], ...]:
    memory, batch = network.memory, int(network.setup.batch)
    known = quantities()
    return (
        ("inference memory", bytes_in_full(known["inference_memory_bytes"].measure(network))),
        ("as a formula", _formula(memory.inference_budget, batch)),
        (
            "inference peak",
            f"{bytes_decimal(known['inference_peak_bytes'].measure(network))} of activations at"
            f" `{_peak_layer(network.analysis.network, memory.inference, batch)}`",
        ),
    )


def _formula(budget: Budget, batch: int) -> str:
    """The bytes of any batch with the same peak."""
    fixed, per_sample = budget.at_peak(batch)
    least, most = budget.batches_with_this_peak(batch)
    if most == least:
        which = f"batch {least:,} alone"
    else:
        which = f"batches from {least:,} on" if most is None else f"batches {least:,} to {most:,}"
    return f"{exact(fixed)} + N x {exact(per_sample)} bytes for a batch of N, exact for {which}"


def _budget_facts(network: Part, budget: Budget) -> tuple[tuple[str, str], ...]:
    known, memory, flat = quantities(), network.memory, network.analysis.network
    batch = int(network.setup.batch)

    def full(name: str) -> str:
        return bytes_in_full(known[name].measure(network))

    def shortly(name: str) -> str:
        return bytes_decimal(known[name].measure(network))

    step = budget.timeline.steps[budget.timeline.peak(batch)]
    again = extra_macs(network.analysis.interpretation, network.setup.checkpoints)
    return (
        ("training peak", full("training_peak_bytes")),
        ("as a formula", _formula(budget, batch)),
        (
            "at",
            f"`{owner(flat, step.node)}`, {step.phase} pass ({step.operation}):"
            f" step {budget.timeline.peak(batch) + 1:,} of {len(budget.timeline.steps):,}",
        ),
        (
            "eager peak",
            f"{full('training_peak_eager_bytes')} as PyTorch holds tensors where each layer and block is a module",
        ),
        ("saved", f"{full('saved_bytes')} at the end of the forward pass, the input included"),
        ("inference memory", f"{full('inference_memory_bytes')} with parameters and buffers, without gradients"),
        (
            "inference peak",
            f"{shortly('inference_peak_bytes')} of activations at `{_peak_layer(flat, memory.inference, batch)}`;"
            f" {shortly('inference_peak_eager_bytes')} where each layer and block is a module that holds its input;"
            f" {shortly('inference_peak_ideal_bytes')} ideally",
        ),
        *_checkpoint_facts(network.analysis, network.setup, again),
    )


def _checkpoint_facts(analysis: Analysis, setup: Setup, again: int) -> Iterator[tuple[str, str]]:
    """What is computed twice, and what that costs."""
    if not setup.checkpoints:
        return
    forward = figure(analysis, "macs")
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
        Column("what", "what it is", right=False, rank=3, breaks=" "),
    )
    return Table(columns, rows, ("total", fixed, per_sample, peak, 1.0, ""))


def _alive_table(analysis: Analysis, budget: Budget, batch: int) -> Table:
    """The largest tensors that are there at peak."""
    timeline = budget.timeline
    sizes = {number: timeline.storages[number].amount.at(batch) for number in timeline.alive(timeline.peak(batch))}
    alive = sorted(sizes, key=lambda number: -sizes[number])
    rows = [
        (owner(analysis.network, timeline.made_by[number]), storage.what, storage.dtype, sizes[number])
        for number, storage in ((number, timeline.storages[number]) for number in alive[:8])
    ]
    rest = alive[8:]
    footer = None
    if rest:
        amount = sum(sizes[number] for number in rest)
        footer = (f"{len(rest):,} smaller tensor{'s' * (len(rest) != 1)}", None, None, amount)
    columns = (
        Column("layer", "made by", right=False, breaks="/", nests=True),
        Column("what", "tensor", right=False, breaks=" "),
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
        Column("layer", "layer", right=False, breaks="/", nests=True),
        Column("operation", "operation", right=False),
        Column("live_bytes", "live bytes", exact),
    )
    names = {node: owner(network, node) for node in {step.node for step in budget.timeline.steps}}
    rows = [
        (step.phase, names[step.node], step.operation, budget.persistent.total + amount.at(batch))
        for step, amount in zip(budget.timeline.steps, budget.timeline.during, strict=True)
    ]
    return Table(columns, rows, None, "every step: what is there while it runs")
