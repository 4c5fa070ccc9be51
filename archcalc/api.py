"""The library: a spec is loaded, its parameters set, and analysed."""

from __future__ import annotations

import os
from typing import Any

from archcalc import catalogue
from archcalc.analysis.totals import Analysis, analyse
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.language.document import Document
from archcalc.language.expand import expand
from archcalc.language.network import Network
from archcalc.layers.apply import Rules
from archcalc.sizes.kinds import settled


class Architecture:
    """A spec with its parameters set: not yet expanded, so that setting others costs nothing."""

    def __init__(self, document: Document, settings: dict[str, Any]) -> None:
        self.document = document
        self.settings = settings

    @property
    def name(self) -> str:
        """The spec's name for itself."""
        return self.document.architecture or self.document.source.name

    def expand(self) -> Network:
        """The flat network; SpecError if the spec has no such network, UsageError for an unknown parameter."""
        return expand(self.document, self.settings)

    def analyse(self) -> Analysis:
        """The network with every layer's rule run; SpecError if its layers do not fit together. A warning, `LeftOut`,
        if operations of it are not known."""
        rules = Rules()
        made = analyse(expand(self.document, self.settings, rules), rules)
        made.warn()
        return made

    def figure(self, name: str, *, layer: str | None = None, **setup: Any) -> Any:
        """One quantity of the network, or of the layers that a path names, exactly.

        `setup` states how the network is run: `batch=32, optimizer="adam", dtype="amp", gpu="a100-80gb"`.
        UsageError if there is no such quantity, layer or setup; SpecError if the layers do not fit together.
        """
        from archcalc.memory.setup import setup as made
        from archcalc.quantities.registry import Part, quantity_named, select

        analysis = self.analyse()
        asked = quantity_named(name, of="network" if layer is None else "layers")
        stated = made(analysis.network, **setup)
        return asked.measure(Part(analysis, setup=stated) if layer is None else select(analysis, layer, stated))


def load(spec: str | os.PathLike[str], /, **parameters: Any) -> Architecture:
    """The architecture that a spec describes.

    `spec` is a catalogue name, a path, or either with settings (`"resnet50:width=128"`); `parameters` set the spec's
    parameters to ints, exact fractions, booleans, tuples, or sizes of other kinds.
    UsageError if there is no such spec or parameter; SpecError, with every finding, if the spec is malformed.
    """
    document, settings = catalogue.load(spec, {name: _settled(name, value) for name, value in parameters.items()})
    return Architecture(document, settings)


def load_partly(model: str | os.PathLike[str], /, **parameters: Any) -> Architecture:
    """The architecture in a model file, of which some operations are not known: the layer `unknown` stands for each of
    them, and no figure counts what it computes. Errors as `load` has them."""
    values = {name: _settled(name, value) for name, value in parameters.items()}
    return Architecture(*catalogue.load(model, values, partial=True))


def _settled(name: str, value: Any) -> Any:
    try:
        return settled(value)
    except OverflowError as error:
        raise UsageError(f"{name}: {error}") from None
