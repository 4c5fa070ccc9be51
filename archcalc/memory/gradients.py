"""Which gradients are wanted: what is frozen has none, and what nothing trained lies before has none either."""

from __future__ import annotations

from archcalc.analysis.interpret import Interpretation
from archcalc.language.network import Network, Node, is_input
from archcalc.language.paths import selected
from archcalc.layers.outcome import WEIGHTS, Need
from archcalc.memory.setup import Setup
from archcalc.records import Record


class Gradients(Record):
    """Which gradients are wanted: `weights[i]` for the parameters of node i, `values[i]` for its output."""

    weights: list[bool]
    values: list[bool]

    def of_value(self, index: int) -> bool:
        """Whether a node's output has a gradient; an input of the network has none."""
        return not is_input(index) and self.values[index]

    def wanted(self, node: Node, need: Need) -> bool:
        """Whether any of the gradients is wanted that something of this node is needed for."""
        if not need:
            return self.values[node.index]
        return any(self.weights[node.index] if one == WEIGHTS else self.of_value(node.inputs[int(one)]) for one in need)


def gradients(interpretation: Interpretation, setup: Setup) -> Gradients:
    """A parameter has a gradient unless the spec or the setup freezes it; a value has one if it depends on such a
    parameter."""
    frozen = _frozen(interpretation.network, setup.frozen)
    weights: list[bool] = []
    values: list[bool] = []
    for node, outcome in zip(interpretation.network.nodes, interpretation.outcomes, strict=True):
        trained = bool(outcome.params) and node.trainable and not frozen[node.index]
        weights.append(trained)
        reads = node.inputs if outcome.reads_input else ()
        values.append(trained or any(not is_input(i) and values[i] for i in reads))
    return Gradients(weights, values)


def _frozen(network: Network, paths: tuple[str, ...]) -> list[bool]:
    """Which layers are frozen; UsageError for a path that names none."""
    frozen = [False] * len(network.nodes)
    if paths:
        names = [node.name for node in network.nodes]
        for index in (index for path in paths for index in selected(names, path)):
            frozen[index] = True
    # What is frozen is a parameter: every layer that shares it has it frozen.
    shared = {node.tied for node in network.nodes if node.tied is not None and frozen[node.index]}
    return [frozen[node.index] or node.tied in shared for node in network.nodes]
