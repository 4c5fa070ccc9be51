"""What the families have in common: a hidden layer, a residual, a head; and what a family is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archcalc.exchange.assembly import Assembly
from archcalc.exchange.flat import SOURCE
from archcalc.exchange.huggingface.config import Config
from archcalc.exchange.operations.arguments import given
from archcalc.records import Record


class Family(Record):
    """A model type: the defaults of its configuration, the shape of its input, and what builds it.

    `build` adds the steps and returns the number of the last.
    """

    defaults: Mapping[str, Any]
    input: Callable[[Config], tuple[int, ...]]
    build: Callable[[Assembly, Config], int]


class Network:
    """An assembly whose steps have a path within a part of the model: `layers.0.attention`."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.prefix = ""

    def enter(self, prefix: str, kind: str = "") -> None:
        """From here on steps are in a part of the model, which is a module of that kind, if one is named."""
        self.prefix = prefix
        self.assembly.enter(((prefix, kind),) if kind else ())

    def step(
        self,
        layer: str,
        inputs: int | tuple[int, ...],
        attributes: dict[str, Any] | None = None,
        name: str = "",
        weights: str = "",
    ) -> int:
        """A step, named by its place in the model."""
        path = ".".join(filter(None, (self.prefix, name or layer)))
        return self.assembly.step(layer, inputs, attributes, path=path, weights=weights)

    def linear(self, value: int, out: int, bias: bool, name: str, weights: str = "") -> int:
        """A linear layer on every position, or on a vector."""
        positions = self.assembly.volume(value).rank > 0
        attributes = given(out=(out, None), bias=(bias, True), each_position=(positions, False))
        return self.step("linear", value, attributes, name, weights)

    def embedding(self, count: int, out: int, name: str, weights: str = "") -> int:
        """Rows of a table, looked up by the network's input."""
        return self.step("embedding", SOURCE, {"count": count, "out": out}, name, weights)

    def dropout(self, value: int, rate: float) -> int:
        """Dropout, where its rate is not 0."""
        return self.step("dropout", value, given(rate=(rate, 0.5))) if rate else value

    def scaled(self, value: int, factor: float) -> int:
        """A product with a number, where it is not 1."""
        return self.step("scale", value, {"factor": factor}) if factor != 1 else value

    def activation(self, value: int, activation: tuple[str, dict[str, Any]]) -> int:
        """An activation."""
        return self.step(activation[0], value, dict(activation[1]))


def positions(config: Config) -> tuple[int, ...]:
    """The input of a model of text: as many tokens as it has positions."""
    return (config.whole("max_position_embeddings", "n_positions", "n_ctx"),)


def without_attention_dropout(assembly: Assembly, rate: float) -> None:
    """Say that the dropout of attention's weights is not a layer of the spec."""
    if rate:
        assembly.note(f"without the dropout of attention's weights ({rate:g}), so that a fused kernel computes it")
