"""Weights that are tied to nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.language.document import Step
from archcalc.language.network import Node
from archcalc.warnings.registry import Found, about_network


def _stating(node: Node) -> Step:
    """The step that ties the weights of a node: its own, or that of a block around it."""
    step, scope = node.step, node.scope
    while step.weights is None and scope.step is not None and scope.parent is not None:
        step, scope = scope.step, scope.parent
    return step


def _tied(analysis: Analysis) -> dict[str, list[AnalysedLayer]]:
    """The layers whose weights are tied, by the name that ties them."""
    groups: dict[str, list[AnalysedLayer]] = {}
    for row in analysis.layers:
        if row.node.tied is not None:
            groups.setdefault(row.node.tied.name, []).append(row)
    return groups


@about_network
def weights_used_once(analysis: Analysis) -> Iterator[Found]:
    """`weights` ties the parameters of steps that state the same name, and this name is stated by one step alone.

    Give the other step the same name, or remove `weights`.
    """
    for name, rows in _tied(analysis).items():
        uses = Counter(row.node.tied for row in rows if row.outcome.params)
        if uses and max(uses.values()) == 1:
            yield Found(_stating(rows[0].node).place, f"weights `{name}` are used once: they are shared with nothing")


@about_network
def weights_of_nothing(analysis: Analysis) -> Iterator[Found]:
    """`weights` ties the parameters of layers, and the layers of this step have none.

    Remove `weights`, or state it at the step whose parameters are meant.
    """
    for name, rows in _tied(analysis).items():
        if not any(row.outcome.params for row in rows):
            kinds = ", ".join(dict.fromkeys(row.layer for row in rows))
            message = f"weights `{name}` are of nothing: {kinds} has no parameters"
            yield Found(_stating(rows[0].node).place, message)
