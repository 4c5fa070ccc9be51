"""What a writer refuses: every layer that its target cannot have, in one finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archcalc.diagnostics.diagnostic import Diagnostic, plain
from archcalc.language.network import Node

_SHOWN = 12


def refusal(refused: Mapping[str, Sequence[Node]], target: str) -> Diagnostic:
    """The finding about layers by the reason for which they cannot be written, for a target of that name."""
    notes = []
    for reason, nodes in list(refused.items())[:_SHOWN]:
        times = f" and {len(nodes) - 1} more" if len(nodes) > 1 else ""
        notes.append(f"{plain(reason, 120)}: `{plain(nodes[0].name, 60)}`{times}")
    if len(refused) > _SHOWN:
        notes.append(f"and {len(refused) - _SHOWN} more kinds")
    count = sum(map(len, refused.values()))
    message = f"{count} layer{'s' * (count > 1)} cannot be written as {target}, so nothing is written"
    first = min((nodes[0] for nodes in refused.values()), key=lambda node: node.index)
    return Diagnostic("cannot-write", message, first.step.place, notes=tuple(notes))
