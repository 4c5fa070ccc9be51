"""The report of a fit: which batch each memory takes, and, if a batch is asked for, whether it fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archcalc.commands.fit.answer import Available, Fit, Fitting
from archcalc.commands.fit.remedies import Floor, Remedies, Remedy
from archcalc.commands.memory.tables import setup_data, setup_in_words
from archcalc.memory.setup import Setup
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import figure
from archcalc.records import Record
from archcalc.units import bytes_binary, bytes_decimal, bytes_in_full, exact, percent, share

_FOUND_BY = "archcalc memory with --batch and --checkpoint auto says what is computed twice"
_NOTES = (
    "archcalc help will-it-fit: what each column counts, and what is left out",
    "GB are powers of 1000 bytes, GiB of 1024",
)
#: So many memories are answered one by one; of more the table says enough.
_ANSWERED = 6


def build(fitting: Fitting, fits: list[Fit], batch: int | None) -> Report:
    """A row for each memory. The setups differ in their devices at most."""
    analysis, (setup, auto) = fitting.analysis, fits[0].configuration
    phase = "at inference" if setup.stores_fewer_bits else "in training"
    devices = _devices(fits)
    answers = _answers(fitting, fits, batch or fits[0].least)
    table = _table(fits, batch)
    remedies = _remedies(fitting, answers, batch or fits[0].least)
    found = auto or any(remedy.finds_checkpoints for answer in answers for remedy in answer.remedies)
    return Report(
        f"{analysis.architecture}: the largest batch that fits {phase}, {setup_in_words(setup, devices)}"
        f"{', automatic checkpoints' * auto}",
        _facts(fitting, answers, batch),
        (table, *remedies),
        (*analysis.remarks, *((_FOUND_BY,) if found else ()), *_NOTES),
        {
            "architecture": analysis.architecture,
            "parameters": dict(analysis.network.parameters),
            **setup_data(setup),
            "device": devices[0] if len(devices) == 1 else None,
            "batch": batch,
            "fits": [_data(fitting, answer, batch) for answer in answers],
        },
        table,
    )


class _Answer(Record):
    """A memory, and where the batch does not fit what makes it fit, or else the smallest setup that was tried."""

    found: Fit
    remedies: list[Remedy]
    floor: Floor | None


def _answers(fitting: Fitting, fits: list[Fit], batch: int) -> list[_Answer]:
    """Each memory with what helps it; of many memories nothing is looked for."""
    if len(fits) > _ANSWERED:
        return [_Answer(found, [], None) for found in fits]
    return [_helped(fitting, found, batch) for found in fits]


def _helped(fitting: Fitting, found: Fit, batch: int) -> _Answer:
    if found.takes(batch):
        return _Answer(found, [], None)
    tried = Remedies(fitting, found, batch)
    remedies = tried.all()
    return _Answer(found, remedies, None if remedies else tried.floor())


def _devices(fits: list[Fit]) -> list[str]:
    """The devices of the memories, each once."""
    return list(dict.fromkeys(found.setup.device for found in fits))


def _facts(fitting: Fitting, answers: list[_Answer], batch: int | None) -> tuple[tuple[str, str], ...]:
    """The answer for each memory first, then what it follows from."""
    fits = [answer.found for answer in answers]
    if len(fits) > _ANSWERED:
        answer = ("fits", _of_many(fitting, fits, batch))
        return (answer, *_peaks(fitting, fits, batch, _without(fits[0].setup)))
    facts = [(found.available.name, _answer(fitting, found, batch)) for found in fits]
    for found, _, floor in answers:
        if floor:
            facts.append((f"on {found.available.name}", _nothing(found, floor, batch or found.least)))
    return (*facts, *_peaks(fitting, fits, batch))


def _nothing(found: Fit, floor: Floor, batch: int) -> str:
    """That no setup that is tried is enough, and what the smallest takes."""
    setup = f"even with {floor.words}," if floor.options else "as asked,"
    if floor.peak_bytes is None:
        names = {"master_weights": "master weights", "optimizer": "optimizer state"}
        held = [names.get(name, name) for name, held in floor.held._asdict().items() if held]
        what = " and ".join(filter(None, (", ".join(held[:-1]), held[-1])))
        takes = f"{what} take {bytes_decimal(floor.held.total)} at any batch"
    else:
        takes = f"{_phase(found.setup)} peaks at {bytes_decimal(floor.peak_bytes)} at batch {batch:,}"
    return f"no setup that archcalc tries makes it fit: {setup} {takes}"


def _peaks(fitting: Fitting, fits: list[Fit], batch: int | None, without: str = "") -> list[tuple[str, str]]:
    """What a batch takes, on each of the devices where they differ; `without` is what is not in it."""
    asked = batch or fits[0].least
    setups = {found.setup.device: found.setup for found in fits}
    peaks = {device: fitting.peak_bytes(setup, asked) for device, setup in setups.items()}
    alike = len(set(peaks.values())) == 1
    checkpoints = ", without checkpoints" * fits[0].configuration.auto
    said = {
        f"batch {asked:,}" if alike else f"batch {asked:,} on {device}": f"{_phase(fits[0].setup)} peaks at"
        f" {bytes_in_full(peak)}{checkpoints}{without}"
        for device, peak in peaks.items()
    }
    return list(said.items())


def _of_many(fitting: Fitting, fits: list[Fit], batch: int | None) -> str:
    """The answer for many memories in a sentence: how many take the batch, and what the smallest and the largest of
    those take."""
    what = f"{len(fits):,} {'cards' if all(each.available.source for each in fits) else 'memories'}"
    asked = batch or fits[0].least
    taking = [each for each in fits if each.takes(asked)]
    if not taking:
        best = max(fits, key=lambda each: each.available.usable - fitting.peak_bytes(each.setup, asked))
        return f"none of {what}: {_short(fitting, best, asked)} on {best.available.name}, {_room(best.available)}"
    ends = (choose(taking, key=lambda each: each.available.usable) for choose in (min, max))
    least, most = (f"{_count(each.asked)} on {each.available.name}" for each in ends)
    return f"{len(taking):,} of {what}: up to batch {least}, up to {most}"


def _phase(setup: Setup) -> str:
    return "inference" if setup.stores_fewer_bits else "training"


def _without(setup: Setup) -> str:
    """What training needs and an answer does not count, where no optimizer is named."""
    return "" if setup.stores_fewer_bits or setup.optimizer != "none" else ", without optimizer state"


def _answer(fitting: Fitting, found: Fit, batch: int | None) -> str:
    """The question in a sentence, for one memory."""
    inside, without = _room(found.available), _without(found.setup)
    asked = batch or found.least
    if not found.takes(asked) and asked == found.least:
        short = f"batch {asked} does not fit in {inside}, {_short(fitting, found, asked)}{without}"
        return f"{short}{_at_inference(found)}"
    largest = f"{_up_to(found.asked, found.least)} in {inside}{without}"
    if batch is None:
        return f"{largest}{_twice(fitting, found, found.asked)}"
    if not found.takes(batch):
        return f"batch {batch:,} does not fit, {_short(fitting, found, batch)}; {largest}"
    held = _held(fitting, found, batch)
    left = f"fits, {bytes_decimal(found.available.usable - held)} left" if held is not None else "fits"
    return f"batch {batch:,} {left}{_twice(fitting, found, batch)}; {largest}"


def _held(fitting: Fitting, found: Fit, batch: int) -> int | None:
    """Bytes at the peak of a batch; None where checkpoints are to be found for it and there are none."""
    setup, auto = found.configuration
    if auto:
        plan = fitting.plan(found.configuration, batch, found.available.usable)
        if plan is None:
            return None
        setup = setup._replace(checkpoints=plan.segments)
    return fitting.peak_bytes(setup, batch)


def _short(fitting: Fitting, found: Fit, batch: int) -> str:
    """By how much a batch does not fit, with the lightest checkpoints where they are to be found."""
    missing = fitting.least_bytes(found.configuration, batch) - found.available.usable
    return f"short by {bytes_decimal(missing)}{' with any checkpoints' * found.configuration.auto}"


def _twice(fitting: Fitting, found: Fit, batch: int | None) -> str:
    """What the checkpoints of a batch cost, where they were found for it."""
    if not batch or not found.configuration.auto:
        return ""
    plan = fitting.plan(found.configuration, batch, found.available.usable)
    return f", at most {_share(fitting, plan.extra_macs)} of the forward pass computed twice" if plan else ""


def _share(fitting: Fitting, extra_macs: int) -> str:
    return percent(share(extra_macs, figure(fitting.analysis, "macs")))


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


def _table(fits: list[Fit], batch: int | None) -> Table:
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
        column(title, lambda found: found.takes(batch))
    if not fits[0].setup.stores_fewer_bits:
        column(Column("training", "training", _count), lambda found: found.training)
    column(Column("inference", "inference", _count, rank=3), lambda found: found.inference)
    note = "the columns of activations count float32 values"
    column(Column("activations", "activations", _count, rank=4, note=note), lambda found: found.activations)
    twice = Column("activations_twice", "activations twice", _count, rank=5)
    column(twice, lambda found: found.activations_twice)
    return Table(tuple(columns), [tuple(row) for row in cells])


def _remedies(fitting: Fitting, answers: list[_Answer], batch: int) -> list[Table]:
    """The options that make a batch fit, and those with which a larger one fits; no table where all fits."""
    columns = (
        Column("memory", "memory", right=False),
        Column("options", "options", right=False, breaks=" "),
        Column("batch", f"batch {batch:,}", right=False),
        Column("computed_twice", "computed twice, at most", rank=1),
    )
    rows = [
        (found.available.name, remedy.words, _said(remedy), _share(fitting, remedy.extra_macs or 0) * remedy.enough)
        for found, remedies, _ in answers
        for remedy in remedies
    ]
    return [Table(columns, rows, title=f"what makes batch {batch:,} fit, or at least a larger batch")] if rows else []


def _said(remedy: Remedy) -> str:
    if not remedy.enough:
        return f"no, up to {_count(remedy.largest)}"
    if remedy.batches > 1:
        return f"{remedy.batches:,} batches of {remedy.batch:,}"
    return "fits" if remedy.largest == remedy.batch else f"fits, up to {_count(remedy.largest)}"


def _data(fitting: Fitting, answer: _Answer, batch: int | None) -> dict[str, Any]:
    found, remedies, floor = answer
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
        data["training_peak_bytes"] = _held(fitting, found, found.training)
    if batch is not None:
        data |= {"batch_bytes": _held(fitting, found, batch), "batch_fits": found.takes(batch)}
    return data | {
        "remedies": [_remedy_data(each) for each in remedies],
        "smallest_tried": None if floor is None else _floor_data(floor),
    }


def _floor_data(floor: Floor) -> dict[str, Any]:
    return {"options": floor.words, "held_bytes": floor.held.total, "peak_bytes": floor.peak_bytes}


def _remedy_data(remedy: Remedy) -> dict[str, Any]:
    return {
        "options": remedy.words,
        "enough": remedy.enough,
        "batch": remedy.batch,
        "batches": remedy.batches,
        "largest_batch": remedy.largest,
        "most_extra_macs": None if remedy.extra_macs is None else remedy.batches * remedy.batch * remedy.extra_macs,
    }
