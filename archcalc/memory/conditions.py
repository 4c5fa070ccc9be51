"""The circumstances that memory depends on: device, type, what is frozen; and which gradients are wanted for them."""

from __future__ import annotations

from typing import NamedTuple

from archcalc.analysis.interpret import Interpretation
from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.language.expand import INPUT_INDEX, Network, Node
from archcalc.layers.outcome import WEIGHTS, Need

DEVICES = ("cpu", "cuda")


class Conditions(NamedTuple):
    """Under which circumstances a framework runs a network.

    `dtype` is one of `precision.DTYPES`; `frozen` holds prefixes of the paths of layers that are not trained.
    """

    device: str = "cpu"
    dtype: str = "float32"
    frozen: tuple[str, ...] = ()


class Gradients(NamedTuple):
    """Which gradients are wanted: `weights[i]` for the parameters of node i, `values[i]` for its output."""

    weights: list[bool]
    values: list[bool]

    def of_value(self, index: int) -> bool:
        """Whether a node's output has a gradient; the network's input has none."""
        return index != INPUT_INDEX and self.values[index]

    def wanted(self, node: Node, need: Need) -> bool:
        """Whether any of the gradients is wanted that something of this node is needed for."""
        if not need:
            return self.values[node.index]
        return any(self.weights[node.index] if one == WEIGHTS else self.of_value(node.inputs[int(one)]) for one in need)


def gradients(interpretation: Interpretation, conditions: Conditions) -> Gradients:
    """A parameter has a gradient unless it is frozen; a value has one if it depends on such a parameter."""
    frozen = _frozen(interpretation.network, conditions.frozen)
    weights: list[bool] = []
    values: list[bool] = []
    for node, outcome in zip(interpretation.network.nodes, interpretation.outcomes, strict=True):
        trained = bool(outcome.params) and not frozen[node.index]
        weights.append(trained)
        values.append(trained or any(i != INPUT_INDEX and values[i] for i in node.inputs))
    return Gradients(weights, values)


def _frozen(network: Network, prefixes: tuple[str, ...]) -> list[bool]:
    """Which layers are frozen; UsageError for a prefix that no layer's path begins with."""
    if not prefixes:
        return [False] * len(network.nodes)
    names = [node.name for node in network.nodes]
    for prefix in prefixes:
        if not any(_below(name, prefix) for name in names):
            tops = dict.fromkeys(name.split("/")[0] for name in names)
            hint = did_you_mean(prefix, [*tops, *names]) or f"the paths begin with {', '.join(list(tops)[:12])}"
            raise UsageError(f"no layer's path begins with `{prefix}`: {hint}")
    return [any(_below(name, prefix) for prefix in prefixes) for name in names]


def _below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix.rstrip("/") + "/")
