"""The report of a fit: which batch each memory takes, and, if a batch is asked for, whether it fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.commands.fit.answer import CHECKPOINTS, Available, Fit, Remedy, budget, peak_bytes, remedies
from archcalc.commands.memory.tables import setup_data, setup_in_words
from archcalc.memory.setup import Setup
from archcalc.output.layout import Column, Report, Table
from archcalc.units import bytes_binary, bytes_decimal, bytes_in_full, exact

_FOUND_BY = "archcalc memory --checkpoint auto finds the checkpoints"
_NOTES = (
    "archcalc help will-it-fit: what each column counts, and what is left out",
    "GB are powers of 1000 bytes, GiB of 1024",
)


def build(analysis: Analysis, fits: list[Fit], batch: int | None) -> Report:
    """A row for each memory. The setups differ in their devices at most."""
    setup = fits[0].setup
    facts = _facts(analysis, fits, batch)
    phase = "at inference" if setup.stores_fewer_bits else "in training"
    devices = _devices(fits)
    return Report(
        f"{analysis.architecture}: the largest batch that fits {phase}, {setup_in_words(setup, devices)}",
        facts,
        (_table(analysis, fits, batch),),
        (*analysis.remarks, *((_FOUND_BY,) if any(CHECKPOINTS in text for _, text in facts) else ()), *_NOTES),
        {
            "architecture": analysis.architecture,
            "parameters": dict(analysis.network.parameters),
            **setup_data(setup),
            "device": devices[0] if len(devices) == 1 else None,
            "batch": batch,
            "fits": [_data(analysis, found, batch) for found in fits],
        },
    )


def _devices(fits: list[Fit]) -> list[str]:
    """The devices of the memories, each once."""
    return list(dict.fromkeys(found.setup.device for found in fits))


#: So many memories are answered one by one; of more the table says enough.
_ANSWERED = 6


def _facts(analysis: Analysis, fits: list[Fit], batch: int | None) -> tuple[tuple[str, str], ...]:
    """The answer for each memory first, then what it follows from."""
    if len(fits) > _ANSWERED:
        answer = ("fits", _of_many(analysis, fits, batch))
        return (answer, *_peaks(analysis, fits, batch, _without(fits[0].setup)))
    facts = [(found.available.name, _answer(analysis, found, batch)) for found in fits]
    for found in fits:
        asked = batch or found.least
        if peak_bytes(analysis, found.setup, asked) > found.available.usable:
            said = [_said(each) for each in remedies(analysis, found, asked)]
            facts.append((f"on {found.available.name}", "; ".join(said) or _nothing(analysis, found)))
    return (*facts, *_peaks(analysis, fits, batch))


def _peaks(analysis: Analysis, fits: list[Fit], batch: int | None, without: str = "") -> list[tuple[str, str]]:
    """What a batch takes, on each of the devices where they differ; `without` is what is not in it."""
    asked = batch or fits[0].least
    setups = {found.setup.device: found.setup for found in fits}
    peaks = {device: peak_bytes(analysis, setup, asked) for device, setup in setups.items()}
    alike = len(set(peaks.values())) == 1
    said = {
        f"batch {asked:,}" if alike else f"batch {asked:,} on {device}": f"{_phase(fits[0].setup)} peaks at"
        f" {bytes_in_full(peak)}{without}"
        for device, peak in peaks.items()
    }
    return list(said.items())


def _of_many(analysis: Analysis, fits: list[Fit], batch: int | None) -> str:
    """The answer for many memories in a sentence: how many take the batch, and what the smallest and the largest of
    those take."""
    what = f"{len(fits):,} {'cards' if all(each.available.source for each in fits) else 'memories'}"
    left = [each.available.usable - peak_bytes(analysis, each.setup, batch or each.least) for each in fits]
    fitting = [each for each, room in zip(fits, left, strict=True) if room >= 0]
    if not fitting:
        best = fits[left.index(max(left))].available
        return f"none of {what}: short by {bytes_decimal(-max(left))} on {best.name}, {_room(best)}"
    ends = (choose(fitting, key=lambda each: each.available.usable) for choose in (min, max))
    least, most = (f"{_count(each.training)} on {each.available.name}" for each in ends)
    return f"{len(fitting):,} of {what}: up to batch {least}, up to {most}"


def _phase(setup: Setup) -> str:
    return "inference" if setup.stores_fewer_bits else "training"


def _without(setup: Setup) -> str:
    """What training needs and an answer does not count, where no optimizer is named."""
    return "" if setup.stores_fewer_bits or setup.optimizer != "none" else ", without optimizer state"


def _nothing(analysis: Analysis, found: Fit) -> str:
    """That no change is enough, and what is there, as asked, whatever the batch is."""
    setup = found.setup
    floor = budget(analysis, setup, found.least).persistent.total
    held = [
        "parameters",
        *(["gradients"] if setup.accumulate else []),
        *(["optimizer state"] if setup.optimizer != "none" else []),
    ]
    what = " and ".join(filter(None, (", ".join(held[:-1]), held[-1])))
    rest = " alone" if floor > found.available.usable else " of it"
    return f"no setup that archcalc tries makes it fit: as asked, {what} take {bytes_decimal(floor)}{rest}"


def _said(remedy: Remedy) -> str:
    batches = f"{remedy.batches} batches of " if remedy.batches > 1 else "up to batch "
    return f"{remedy.words}: {batches}{_count(remedy.largest)}"


def _answer(analysis: Analysis, found: Fit, batch: int | None) -> str:
    """The question in a sentence, for one memory."""
    asked = batch or found.least
    room = found.available.usable - peak_bytes(analysis, found.setup, asked)
    inside, without = _room(found.available), _without(found.setup)
    if room < 0 and asked == found.least:
        short = f"batch {asked} does not fit in {inside}, short by {bytes_decimal(-room)}{without}"
        return f"{short}{_at_inference(found)}"
    largest = f"{_up_to(found.asked, found.least)} in {inside}{without}"
    if batch is None:
        return largest
    said = f"fits, {bytes_decimal(room)} left" if room >= 0 else f"does not fit, short by {bytes_decimal(-room)}"
    return f"batch {batch:,} {said}; {largest}"


def _up_to(largest: int | None, least: int) -> str:
    return f"not even batch {least} fits" if largest == 0 else f"up to batch {_count(largest)}"


def _at_inference(found: Fit) -> str:
    """What fits without training, where training does not."""
    if found.setup.stores_fewer_bits or found.inference == 0:
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


def _table(analysis: Analysis, fits: list[Fit], batch: int | None) -> Table:
    columns = [Column("memory", "memory", right=False), Column("usable_bytes", "usable", bytes_binary, rank=2)]
    cells: list[list[Any]] = [[found.available.name, found.available.usable] for found in fits]

    def column(made: Column, value: Callable[[Fit], Any]) -> None:
        columns.append(made)
        for row, found in zip(cells, fits, strict=True):
            row.append(value(found))

    if len(_devices(fits)) > 1:
        column(Column("device", "device", right=False, rank=1), lambda found: found.setup.device)
    if batch is not None:
        title = Column("batch_fits", f"batch {batch:,} fits", lambda fits: "yes" if fits else "no")
        column(title, lambda found: peak_bytes(analysis, found.setup, batch) <= found.available.usable)
    if not fits[0].setup.stores_fewer_bits:
        column(Column("training", "training", _count), lambda found: found.training)
    column(Column("inference", "inference", _count, rank=3), lambda found: found.inference)
    note = "activations: in float32"
    column(Column("activations", "activations", _count, rank=4, note=note), lambda found: found.activations)
    twice = Column("activations_twice", "activations twice", _count, rank=5)
    column(twice, lambda found: found.activations_twice)
    return Table(tuple(columns), [tuple(row) for row in cells])


def _data(analysis: Analysis, found: Fit, batch: int | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "memory": found.available.name,
        "memory_bytes": found.available.total,
        "usable_bytes": found.available.usable,
        "device": found.setup.device,
        "source": found.available.source,
        "largest_training_batch": found.training,
        "largest_inference_batch": found.inference,
        "largest_activations_batch": found.activations,
        "largest_activations_twice_batch": found.activations_twice,
    }
    if found.setup.stores_fewer_bits:
        del data["largest_training_batch"]
    elif found.training:
        data["training_peak_bytes"] = peak_bytes(analysis, found.setup, found.training)
    if batch is not None:
        needed = peak_bytes(analysis, found.setup, batch)
        data |= {"batch_bytes": needed, "batch_fits": needed <= found.available.usable}
    return data
