"""What a finding says of a layer that does not fit: where in the spec, on which inputs, in which block calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archcalc.diagnostics.diagnostic import Diagnostic
from archcalc.language.network import Node, is_input
from archcalc.layers.apply import Misfit
from archcalc.layers.attributes import shown
from archcalc.sizes.volume import Volume

_HELP = {
    "linear-needs-vector": "put `- flatten` before it, or say `each_position: true` to apply it at every position",
    "overwrites-needed": "without `inplace: true` it works in place only where it can",
}


def findings(
    nodes: Sequence[Node], node: Node, volumes: Sequence[Volume], misfits: Iterable[Misfit]
) -> list[Diagnostic]:
    """The misfits of a node as findings; `nodes` are those of the network, `volumes` those that reach the node."""
    context = _context(nodes, node, volumes)
    return [_finding(node, misfit, context) for misfit in misfits]


def _finding(node: Node, misfit: Misfit, context: tuple[str, ...]) -> Diagnostic:
    value = node.attributes.get(misfit.blame) if misfit.blame else None
    return Diagnostic(
        rule=misfit.rule,
        message=misfit.message,
        place=node.place_of(misfit.blame),
        label="" if value is None or isinstance(value, tuple) else shown(value),
        notes=context,
        help=_HELP.get(misfit.rule),
    )


def _context(nodes: Sequence[Node], node: Node, volumes: Sequence[Volume]) -> tuple[str, ...]:
    """The inputs of a node and where they come from, and the block calls around it."""
    notes = []
    for number, (index, volume) in enumerate(zip(node.inputs, volumes, strict=True), 1):
        which = f" {number}" if len(volumes) > 1 else ""
        origin = f"`{nodes[index].name}`" if not is_input(index) else "the network's input"
        notes.append(f"input{which}: {volume}, from {origin}")
    return (*notes, *node.trail())
