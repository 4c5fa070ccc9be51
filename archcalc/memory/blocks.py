"""The blocks of a spec as stretches of its network: where each begins and ends, and what enters it."""

from __future__ import annotations

from archcalc.language.network import Network, Scope
from archcalc.records import Record


class BlockCall(Record):
    """One call of a block: its first and last node, both included, and the values that its first node reads."""

    first: int
    last: int
    entries: tuple[int, ...]


def blocks(network: Network) -> list[BlockCall]:
    """Every call of a block, the outer ones before the inner ones; branches of joins are none."""
    spans: dict[Scope, list[int]] = {}
    for node in network.nodes:
        scope: Scope | None = node.scope
        while scope is not None:
            if scope.arguments is not None:
                spans.setdefault(scope, [node.index, node.index])[1] = node.index
            scope = scope.parent
    return [BlockCall(first, last, network.nodes[first].inputs) for first, last in spans.values()]
