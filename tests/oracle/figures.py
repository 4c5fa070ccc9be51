"""What is asked about a network, and the figures that are compared: archcalc's and PyTorch's."""

from __future__ import annotations

from typing import NamedTuple

from archcalc.analysis.interpret import Interpretation
from archcalc.analysis.totals import Analysis
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.language.network import INPUT_INDEX
from archcalc.memory import budget, peaks
from archcalc.memory.checkpoint import Segment
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages, saved_memory
from archcalc.quantities.registry import figure


class Question(NamedTuple):
    """How a network is run: on the CPU, with `batch` samples, in `dtype`; `frozen` are numbers of layers, and
    `checkpoints` the first and last numbers of stretches that are computed again."""

    batch: int = 2
    dtype: str = "float32"
    frozen: tuple[int, ...] = ()
    checkpoints: tuple[tuple[int, int], ...] = ()


class Figures(NamedTuple):
    """The figures of a network for a batch; None where there is none. Aliases name, for every layer, the first value
    that shares its storage. Peaks are without parameters and buffers; "eager" is as the framework frees."""

    shapes: tuple[tuple[int, ...], ...]
    params: int
    buffers: int
    macs: int
    aliases_in_training: tuple[int, ...]
    aliases_at_inference: tuple[int, ...]
    saved_bytes: int
    saved_bytes_without_input: int
    inference_peak_bytes: int
    training_peak_bytes: int | None
    training_peak_bytes_with_gradients: int | None
    inference_peak_eager_bytes: int
    training_peak_eager_bytes: int | None


def setup_of(interpretation: Interpretation, question: Question) -> Setup:
    """The question as archcalc takes it."""
    names = [node.name for node in interpretation.network.nodes]
    return Setup(
        batch=question.batch,
        dtype=question.dtype,
        frozen=tuple(names[index] for index in question.frozen),
        checkpoints=tuple(Segment(first, last, names[first]) for first, last in question.checkpoints),
    )


def refusal(interpretation: Interpretation, question: Question) -> str:
    """Why archcalc has no figures of training; empty if it has."""
    setup = setup_of(interpretation, question)
    try:
        budget.training(interpretation, setup)
    except UsageError as error:
        return str(error)
    return ""


def apart_in_training(interpretation: Interpretation, question: Question) -> list[int]:
    """The layers that work in place at inference, and not in training, where they begin what is computed again; none
    if archcalc refuses that."""
    if refusal(interpretation, question):
        return []
    setup = setup_of(interpretation, question)
    twice = Storages(interpretation, setup, checkpoints=setup.checkpoints).interpretation
    both = zip(interpretation.outcomes, twice.outcomes, strict=True)
    return [index for index, (once, again) in enumerate(both) if once.storage != again.storage]


def predict(interpretation: Interpretation, question: Question) -> Figures:
    """archcalc's figures."""
    setup = setup_of(interpretation, question)
    analysis = Analysis(interpretation)
    storages = Storages(interpretation, setup, checkpoints=setup.checkpoints)
    saved = saved_memory(storages)
    bare = whole = eager = None
    if not refusal(interpretation, question):
        timelines = peaks.training(Storages(interpretation, setup, checkpoints=setup.checkpoints))
        bare = timelines.activations.bytes_at(question.batch)
        whole = timelines.with_gradients.bytes_at(question.batch)
        again = Storages(interpretation, setup, checkpoints=setup.checkpoints)
        eager = peaks.eager_training(again).bytes_at(question.batch)
    return Figures(
        shapes=tuple(tuple(map(int, outcome.output.shape)) for outcome in interpretation.outcomes),
        params=figure(analysis, "params"),
        buffers=figure(analysis, "buffers"),
        macs=figure(analysis, "macs"),
        aliases_in_training=_aliases(storages),
        aliases_at_inference=_aliases(Storages(interpretation, setup._replace(checkpoints=()), training=False)),
        saved_bytes=saved.total.at(question.batch),
        saved_bytes_without_input=saved.without_input.at(question.batch),
        inference_peak_bytes=peaks.inference(interpretation, setup).bytes_at(question.batch),
        training_peak_bytes=bare,
        training_peak_bytes_with_gradients=whole,
        inference_peak_eager_bytes=peaks.eager_inference(interpretation, setup).bytes_at(question.batch),
        training_peak_eager_bytes=eager,
    )


def _aliases(storages: Storages) -> tuple[int, ...]:
    network = storages.interpretation.network
    seen = {storages.of_value(INPUT_INDEX - number): INPUT_INDEX - number for number in range(len(network.inputs))}
    return tuple(seen.setdefault(storages.of_value(index), index) for index in range(len(storages.placements)))


class Disagreement(NamedTuple):
    """One figure on which the two sides differ."""

    figure: str
    ours: object
    theirs: object


def compare(ours: Figures, theirs: Figures) -> list[Disagreement]:
    """The figures that differ."""
    return [
        Disagreement(name, getattr(ours, name), getattr(theirs, name))
        for name in Figures._fields
        if getattr(ours, name) != getattr(theirs, name)
    ]
