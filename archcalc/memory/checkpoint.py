"""Checkpointing: stretches of a network whose inside is not saved, and is computed again before its backward pass.

Source: Chen et al. 2016, arXiv:1604.06174; torch.utils.checkpoint. The whole stretch is computed again (PyTorch stops
after the last tensor that it needs, which spares at most the last layers that keep nothing).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from archcalc.analysis.interpret import Interpretation, out_of_place
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.language.network import INPUT_INDEX, Network, is_input
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


def entries(network: Network, segment: Segment) -> tuple[int, ...]:
    """The values that a stretch reads from outside, each once."""
    nodes = network.nodes[segment.first : segment.last + 1]
    return tuple(dict.fromkeys(index for node in nodes for index in node.inputs if index < segment.first))


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


def as_computed_twice(interpretation: Interpretation, segments: Iterable[Segment]) -> Interpretation:
    """The network as it runs where these stretches are computed again: a layer that would overwrite what enters one
    makes a new output, for the second time begins with what the first has left. UsageError if such a layer states that
    it works in place, which PyTorch refuses then."""
    overwriting = _overwriting(interpretation)
    changed = []
    for segment in segments:
        for index, values in overwriting.items():
            if segment.first <= index <= segment.last and min(values) < segment.first:
                node = interpretation.network.nodes[index]
                if node.attributes.get("inplace"):
                    raise UsageError(
                        f"`{segment.name}` cannot be checkpointed: `{node.name}` would overwrite what enters it, from"
                        " which it is computed again; leave `inplace` out"
                    )
                changed.append(index)
    return out_of_place(interpretation, changed) if changed else interpretation


def _overwriting(interpretation: Interpretation) -> dict[int, list[int]]:
    """The layers that work in place, and the values that each of them overwrites: its input, and what that views."""
    found = {}
    for node, outcome in zip(interpretation.network.nodes, interpretation.outcomes, strict=True):
        if outcome.storage == "inplace":
            values = [node.inputs[0]]
            while not is_input(values[-1]) and interpretation.outcomes[values[-1]].storage == "view":
                values.append(interpretation.network.nodes[values[-1]].inputs[0])
            found[node.index] = values
    return found


def repeatable(interpretation: Interpretation) -> list[Segment]:
    """The units of the network, put together where the layers of one would overwrite what enters it."""
    overwritten = {value for values in _overwriting(interpretation).values() for value in values}
    made: list[Segment] = []
    for unit in units(interpretation.network):
        if made and made[-1].last in overwritten:
            unit = Segment(made.pop().first, unit.last, "")
        made.append(unit)
    return made


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
