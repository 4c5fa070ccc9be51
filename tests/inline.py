"""Specs that are written inside a test."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent
from typing import Any, NamedTuple

from archcalc.analysis.totals import Analysis, analyse
from archcalc.diagnostics.diagnostic import Source
from archcalc.language.expand import expand
from archcalc.language.read import read_document
from archcalc.memory import peaks
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages, saved_memory
from archcalc.quantities.registry import figure


def analysed(text: str, **parameters: Any) -> Analysis:
    """The network of a whole spec, analysed."""
    return analyse(expand(read_document(Source("spec.yaml", dedent(text)), Path("spec.yaml")), parameters))


def layers(volume: str, steps: str) -> Analysis:
    """The network with an input volume (`3, 224, 224`) and a list of steps, analysed."""
    return analysed(f"input: [{volume}]\nlayers:\n{indent(dedent(steps), '  ')}")


class Totals(NamedTuple):
    """The figures of a whole network, read as attributes: `totals(analysis).macs`."""

    analysis: Analysis

    def __getattr__(self, name: str) -> Any:
        return figure(self.analysis, name)


def totals(analysis: Analysis) -> Totals:
    """The figures of a network."""
    return Totals(analysis)


def summary(analysis: Analysis) -> dict[str, Any]:
    """The totals by which two networks are compared."""
    names = ("params", "trainable_params", "buffers", "macs", "flops", "activation_bytes", "depth", "layers")
    return {name: figure(analysis, name) for name in names}


def eager(analysis: Analysis, setup: Setup) -> tuple[int, int]:
    """The eager peaks of inference and of training."""
    interpretation = analysis.interpretation
    at_inference, in_training = (
        peaks.eager_inference(interpretation, setup),
        peaks.eager_training(Storages(interpretation, setup)),
    )
    return at_inference.bytes_at(setup.batch), in_training.bytes_at(setup.batch)


def memory(analysis: Analysis, setup: Setup) -> tuple[int, ...]:
    """Saved bytes, the peak of inference, and those of training without and with the parameters' gradients."""
    interpretation = analysis.interpretation
    training = peaks.training(Storages(interpretation, setup))
    return (
        saved_memory(Storages(interpretation, setup)).total.at(setup.batch),
        peaks.inference(interpretation, setup).bytes_at(setup.batch),
        training.activations.bytes_at(setup.batch),
        training.with_gradients.bytes_at(setup.batch),
    )
