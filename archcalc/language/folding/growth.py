"""Steps that read all earlier ones of their kind, as in a dense block: where a network has a run of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from archcalc.language.network import Network, Node
from archcalc.records import Record


class Growth(Record):
    """A run of equal stretches of nodes, the first of which begins at node `first` and reads the value `source`.

    Each other begins with a join of `source` and the ends of all stretches before it. `joins` are these, and a last
    one that joins the ends of all.
    """

    source: int
    first: int
    joins: tuple[int, ...]

    @property
    def end(self) -> int:
        """The node that joins the ends of all."""
        return self.joins[-1]


def growths(network: Network) -> list[Growth]:
    """Every run of two stretches or more that nothing but its last join reads, in the order of the nodes."""
    nodes = network.nodes
    longer: dict[tuple[int, ...], list[int]] = {}
    for node in nodes:
        if node.layer.joins and len(node.inputs) > 2:
            longer.setdefault(node.inputs[:-1], []).append(node.index)
    found: list[Growth] = []
    for node in nodes if longer else ():
        if node.layer.joins and len(node.inputs) == 2 and len(longer.get(node.inputs, ())) == 1:
            growth = _from(network, node, longer)
            if growth is not None and _is_closed(network, growth):
                found.append(growth)
    return found


def _from(network: Network, start: Node, longer: Mapping[tuple[int, ...], list[int]]) -> Growth | None:
    """The run whose second stretch begins with a join; None if the stretches are not alike."""
    nodes = network.nodes
    source, end = start.inputs
    joins = [start.index]
    length = longer[start.inputs][0] - start.index - 1
    first = start.index - length
    if length < 1 or first <= source or end != start.index - 1:
        return None
    template = nodes[first : start.index]
    while len(following := longer.get(nodes[joins[-1]].inputs, [])) == 1:
        join = following[0]
        copy = nodes[joins[-1] + 1 : join]
        if join != joins[-1] + length + 1 or nodes[join].inputs[-1] != join - 1:
            break
        if _facts(nodes[join]) != _facts(start) or not _alike(template, copy, source):
            break
        joins.append(join)
    return Growth(source, first, tuple(joins)) if len(joins) > 1 else None


def _facts(node: Node) -> tuple[Any, ...]:
    """What nodes that are alike have in common."""
    given = {name: node.attributes.get(name, known.default) for name, known in node.layer.attributes.items()}
    return node.layer.name, given, node.tied is None, node.trainable


def _alike(template: list[Node], copy: list[Node], source: int) -> bool:
    """Whether nodes do to the join before them what others do to the source."""
    shift = copy[0].index - template[0].index
    moved = {source: copy[0].index - 1, **{node.index: node.index + shift for node in template}}
    return all(
        _facts(one) == _facts(other) and one.tied is None and other.inputs == tuple(map(moved.get, one.inputs))
        for one, other in zip(template, copy, strict=True)
    )


def _is_closed(network: Network, growth: Growth) -> bool:
    """Whether every value in a run is read in its own stretch alone, and its end by the joins that follow."""
    ends = {join - 1 for join in growth.joins}
    for reader, value in _reads(network):
        if not growth.first <= value < growth.end:
            continue
        if value in ends and reader not in growth.joins:
            return False
        if value not in ends and reader > next(join for join in growth.joins if join > value):
            return False
    return True


def _reads(network: Network) -> Iterator[tuple[int, int]]:
    """Pairs of a node and a value that it reads; the outputs of the network are read at its end."""
    for node in network.nodes:
        yield from ((node.index, value) for value in node.inputs)
    yield from ((len(network.nodes), value) for value in network.outputs.values())
