"""Checkpointing: stretches of a network whose inside is not saved, and is computed again before its backward pass.

Source: Chen et al. 2016, arXiv:1604.06174; torch.utils.checkpoint. The whole stretch is computed again (PyTorch stops
after the last tensor that it needs, which spares at most the last layers that keep nothing).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from archcalc.analysis.interpret import Interpretation
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.language.network import INPUT_INDEX, Network
from archcalc.language.paths import selected
from archcalc.records import Record
from archcalc.sizes.kinds import Size, total


class Segment(Record):
    """A checkpointed stretch: the numbers of its first and its last node, both included, and what it is called."""

    first: int
    last: int
    name: str


def extra_macs(interpretation: Interpretation, segments: Iterable[Segment]) -> Size:
    """Multiply-accumulates of one sample that are done a second time."""
    return total(
        outcome.macs for segment in segments for outcome in interpretation.outcomes[segment.first : segment.last + 1]
    )


def segments(network: Network, paths: Iterable[str]) -> tuple[Segment, ...]:
    """The stretches below the given paths, in order. UsageError if a path names none, if two share a layer, or if
    what is inside one is used outside it."""
    names = [node.name for node in network.nodes]
    found = [_below(names, path.rstrip("/")) for path in dict.fromkeys(paths)]
    found.sort(key=lambda segment: (segment.first, -segment.last))
    for before, after in pairwise(found):
        if after.first <= before.last:
            raise UsageError(f"checkpoints must not overlap: `{after.name}` lies in `{before.name}`")
    for segment in found:
        _check_closed(network, segment)
    return tuple(found)


def _below(names: list[str], path: str) -> Segment:
    inside = selected(names, path)
    if inside[-1] - inside[0] != len(inside) - 1:
        raise UsageError(f"`{path}` is not one stretch: checkpoint its parts apart")
    return Segment(inside[0], inside[-1], path)


def _check_closed(network: Network, segment: Segment) -> None:
    inner = range(segment.first, segment.last)
    used = {index for node in network.nodes[segment.last + 1 :] for index in node.inputs}
    used.update(network.outputs.values())
    for index in inner:
        if index in used:
            raise UsageError(
                f"`{segment.name}` cannot be checkpointed: `{network.nodes[index].name}` inside it is used outside it"
            )


def units(network: Network) -> list[Segment]:
    """The network as a chain: stretches between the values through which every way goes, in time linear in its edges.

    A value ends a unit if nothing before it is used after it, and no head hangs on what is before it.
    """
    last_use = {INPUT_INDEX - number: INPUT_INDEX for number in range(len(network.inputs))}
    for node in network.nodes:
        last_use[node.index] = node.index
        for index in node.inputs:
            last_use[index] = node.index
    for index in network.outputs.values():
        last_use[index] = len(network.nodes)
    made: list[Segment] = []
    first = 0
    reach = max(
        last_use[INPUT_INDEX - number] for number in range(len(network.inputs))
    )  # how far anything before the present value is still used
    for node in network.nodes:
        if reach <= node.index:
            made.append(Segment(first, node.index, ""))
            first = node.index + 1
        reach = max(reach, last_use[node.index])
    if first < len(network.nodes):
        made.append(Segment(first, len(network.nodes) - 1, ""))
    return made
