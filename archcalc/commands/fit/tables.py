"""The report of a fit: which batch each memory takes, and, if a batch is asked for, whether it fits."""

from __future__ import annotations

from typing import Any

from archcalc.commands.fit.answer import CHECKPOINTS, Available, Budgets, Fit, Remedy, fit, remedies
from archcalc.commands.memory.tables import setup_data, setup_in_words
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import Part
from archcalc.units import bytes_binary, bytes_decimal, bytes_in_full, exact

_FOUND_BY = "archcalc memory --checkpoint auto finds the checkpoints"
_NOTES = (
    "archcalc help will-it-fit: what each column counts, and what is left out",
    "GB are powers of 1000 bytes, GiB of 1024",
)


def build(network: Part, budgets: Budgets, available: list[Available], batch: int | None) -> Report:
    """A row for each memory."""
    analysis, setup = network.analysis, network.setup
    fits = [fit(budgets, one) for one in available]
    facts = _facts(network, budgets, fits, batch)
    phase = "at inference" if budgets.training is None else "in training"
    return Report(
        f"{analysis.architecture}: the largest batch that fits {phase}, {setup_in_words(setup)}",
        facts,
        (_table(budgets, fits, batch),),
        (*((_FOUND_BY,) if any(CHECKPOINTS in text for _, text in facts) else ()), *_NOTES),
        {
            "architecture": analysis.architecture,
            "parameters": dict(analysis.network.parameters),
            **setup_data(setup),
            "batch": batch,
            "fits": [_data(budgets, one, batch) for one in fits],
        },
    )


#: So many memories are answered one by one; of more the table says enough.
_ANSWERED = 6


def _facts(network: Part, budgets: Budgets, fits: list[Fit], batch: int | None) -> tuple[tuple[str, str], ...]:
    """The answer for each memory first, then what it follows from."""
    facts = [(found.available.name, _answer(budgets, found, batch)) for found in fits[: _ANSWERED + 1]]
    if len(fits) > _ANSWERED:
        facts = []
    for found in fits if facts else []:
        asked = batch or budgets.asked.least_batch
        if budgets.asked.peak_bytes(asked) > found.available.usable:
            said = [_said(each) for each in remedies(network, found.available, asked)]
            facts.append((f"on {found.available.name}", "; ".join(said) or _nothing(budgets, found.available.usable)))
    needed = batch or budgets.asked.least_batch
    facts.append((f"batch {needed:,}", f"{_phase(budgets)} peaks at {bytes_in_full(budgets.asked.peak_bytes(needed))}"))
    return tuple(facts)


def _phase(budgets: Budgets) -> str:
    return "inference" if budgets.training is None else "training"


def _nothing(budgets: Budgets, usable: int) -> str:
    """That no change is enough, and what is there whatever the batch is."""
    floor = budgets.asked.persistent.total
    what = "parameters" if budgets.training is None else "parameters and optimizer state"
    rest = " alone" if floor > usable else " of it"
    return f"no setup that archcalc tries makes it fit: {what} take {bytes_decimal(floor)}{rest}"


def _said(remedy: Remedy) -> str:
    batches = f"{remedy.batches} batches of " if remedy.batches > 1 else "up to batch "
    return f"{remedy.words}: {batches}{_count(remedy.largest)}"


def _answer(budgets: Budgets, found: Fit, batch: int | None) -> str:
    """The question in a sentence, for one memory."""
    largest = found.training
    if batch is not None:
        room = found.available.usable - budgets.asked.peak_bytes(batch)
        said = f"fits, {bytes_decimal(room)} left" if room >= 0 else f"does not fit, short by {bytes_decimal(-room)}"
        return f"batch {batch:,} {said}; up to batch {_count(largest)} in {_room(found.available)}"
    if largest == 0:
        least = budgets.asked.least_batch
        short = bytes_decimal(budgets.asked.peak_bytes(least) - found.available.usable)
        in_words = f"batch {least} does not fit in {_room(found.available)}, short by {short}"
        return f"{in_words}{_at_inference(budgets, found)}"
    return f"up to batch {_count(largest)} in {_room(found.available)}"


def _at_inference(budgets: Budgets, found: Fit) -> str:
    """What fits without training, where training does not."""
    if budgets.training is None or found.inference == 0:
        return ""
    return f"; at inference up to batch {_count(found.inference)}"


def _room(available: Available) -> str:
    """What may be used of what there is: `14.40 of 16.00 GiB`."""
    whole = bytes_binary(available.total)
    if available.usable == available.total:
        return whole
    usable, unit = bytes_binary(available.usable).split(" ")
    return f"{usable}{f' {unit}' * (unit != whole.split(' ')[1])} of {whole}"


def _count(batch: Any) -> str:
    return "any" if batch is None else exact(batch)


def _table(budgets: Budgets, fits: list[Fit], batch: int | None) -> Table:
    columns = [
        Column("memory", "memory", right=False),
        Column("usable_bytes", "usable", bytes_binary, rank=1),
        Column("training", "training", _count),
        Column("inference", "inference", _count, rank=2),
        Column("activations", "activations", _count, rank=3, note="activations: in float32"),
        Column("activations_twice", "activations twice", _count, rank=4),
    ]
    if budgets.training is None:
        columns = [column for column in columns if column.key != "training"]
    if batch is not None:
        columns.insert(2, Column("batch_fits", f"batch {batch:,} fits", lambda fits: "yes" if fits else "no"))
    rows = []
    for found in fits:
        cells: list[Any] = [found.available.name, found.available.usable]
        cells += [] if batch is None else [budgets.asked.peak_bytes(batch) <= found.available.usable]
        cells += [] if budgets.training is None else [found.training]
        cells += [found.inference, found.activations, found.activations_twice]
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
    if budgets.training is None:
        del data["largest_training_batch"]
    elif found.training:
        data["training_peak_bytes"] = budgets.training.peak_bytes(found.training)
    if batch is not None:
        needed = budgets.asked.peak_bytes(batch)
        data |= {"batch_bytes": needed, "batch_fits": needed <= found.available.usable}
    return data
