"""The report of a fit: which batch each memory takes, and, if a batch is asked for, whether it fits."""

from __future__ import annotations

from typing import Any

from archcalc.commands.fit.answer import Available, Budgets, Fit, fit
from archcalc.commands.memory.tables import NOT_COUNTED, UNITS, setup_data, setup_in_words
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import Part
from archcalc.units import bytes_binary, bytes_decimal, bytes_in_full, exact

_MEANINGS = (
    "training: parameters, buffers, gradients, optimizer, and all activations alive at peak",
    "inference: parameters, buffers, and the activations alive at peak, without gradients",
    "activations: the input and every output once, nothing else: the lecture's count of a forward pass;"
    " twice: with a gradient for each",
)


def build(network: Part, budgets: Budgets, available: list[Available], batch: int | None) -> Report:
    """A row for each memory."""
    analysis, setup = network.analysis, network.setup
    fits = [fit(budgets, one) for one in available]
    return Report(
        f"{analysis.architecture}: the largest batch that fits, {setup_in_words(setup)}",
        _facts(budgets, fits, batch),
        (_table(budgets, fits, batch),),
        (*_MEANINGS, NOT_COUNTED, UNITS),
        {
            "architecture": analysis.architecture,
            "parameters": dict(analysis.network.parameters),
            **setup_data(setup),
            "batch": batch,
            "fits": [_data(budgets, one, batch) for one in fits],
        },
    )


def _facts(budgets: Budgets, fits: list[Fit], batch: int | None) -> tuple[tuple[str, str], ...]:
    one = budgets.training.peak_bytes(1)
    facts = [("one sample", f"training needs {bytes_in_full(one)} for a batch of 1")]
    if batch is not None:
        needed = budgets.training.peak_bytes(batch)
        facts.append((f"batch {batch:,}", f"training needs {bytes_in_full(needed)}"))
    if len(fits) == 1:
        facts.append(("answer", _answer(budgets, fits[0], batch)))
    return tuple(facts)


def _answer(budgets: Budgets, found: Fit, batch: int | None) -> str:
    """The question in a sentence, for one memory."""
    name, largest = found.available.name, found.training
    if batch is not None:
        room = found.available.usable - budgets.training.peak_bytes(batch)
        said = f"a batch of {batch:,} fits {name}" if room >= 0 else f"a batch of {batch:,} does not fit {name}"
        left = f"{bytes_decimal(room)} are left" if room >= 0 else f"short by {bytes_decimal(-room)}"
        return f"{said}: {left}; the largest that fits is {_count(largest)}"
    if largest == 0:
        return f"training does not fit {name}, not even with one sample"
    return f"training with a batch of up to {_count(largest)} fits {name}"


def _count(batch: Any) -> str:
    return "any" if batch is None else exact(batch)


def _table(budgets: Budgets, fits: list[Fit], batch: int | None) -> Table:
    columns = [
        Column("memory", "memory", right=False),
        Column("usable_bytes", "usable", bytes_binary, rank=1),
        Column("training", "training", _count),
        Column("inference", "inference", _count, rank=2),
        Column("activations", "activations", _count, rank=3),
        Column("activations_twice", "twice", _count, rank=4),
    ]
    if batch is not None:
        columns.insert(2, Column("batch_fits", f"batch {batch:,} fits", lambda fits: "yes" if fits else "no"))
    rows = []
    for found in fits:
        cells: list[Any] = [found.available.name, found.available.usable, found.training, found.inference]
        cells += [found.activations, found.activations_twice]
        if batch is not None:
            cells.insert(2, budgets.training.peak_bytes(batch) <= found.available.usable)
        rows.append(tuple(cells))
    return Table(tuple(columns), rows)


def _data(budgets: Budgets, found: Fit, batch: int | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "memory": found.available.name,
        "memory_bytes": found.available.total,
        "usable_bytes": found.available.usable,
        "source": found.available.source,
        "largest_training_batch": found.training,
        "largest_inference_batch": found.inference,
        "largest_activations_batch": found.activations,
        "largest_activations_twice_batch": found.activations_twice,
    }
    if found.training:
        data["training_peak_bytes"] = budgets.training.peak_bytes(found.training)
    if batch is not None:
        needed = budgets.training.peak_bytes(batch)
        data |= {"batch_bytes": needed, "batch_fits": needed <= found.available.usable}
    return data
