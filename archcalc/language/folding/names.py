"""Names for blocks, branches and steps: those that the network has already, or else what the layers say."""

from __future__ import annotations

import re
from collections.abc import Mapping

from archcalc.language.document import HEAD
from archcalc.language.folding.items import Block, Item, Steps
from archcalc.language.keys import STEP_KEYS
from archcalc.language.network import Network, Scope
from archcalc.layers.registry import layers

_SHORT = {"batch_norm": "bn", "layer_norm": "ln", "group_norm": "gn", "leaky_relu": "leaky", "global_avgpool": "gap"}
_JOINS = {"add": "residual", "concat": "branches", "multiply": "gate", "mean": "average"}


def name_blocks(blocks: list[Block], known: Mapping[tuple[int, int], str]) -> None:
    """Give every block a name of its own; inner ones, which were made later, may be called by outer ones."""
    taken = {*layers(), *STEP_KEYS, HEAD}
    for block in reversed(blocks):
        wanted = known.get((block.steps[0].first, block.steps[-1].last)) or _described(block.steps)
        if wanted in layers() or wanted in STEP_KEYS or wanted == HEAD:
            wanted = f"{wanted}_block"
        block.name = numbered(wanted, taken)
        taken.add(block.name)


def numbered(name: str, taken: set[str]) -> str:
    """The name, with a number behind it if it is taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}{number}"
    return found


def units(network: Network) -> dict[tuple[int, int], str]:
    """The runs of nodes that are one block call in the network's own spec, and the block's name."""
    runs: dict[int, tuple[Scope, int, int]] = {}
    broken: set[int] = set()
    for node in network.nodes:
        scope: Scope | None = node.scope
        while scope is not None:
            known = runs.get(id(scope))
            if known is None:
                runs[id(scope)] = (scope, node.index, node.index)
            elif known[2] == node.index - 1:
                runs[id(scope)] = (scope, known[1], node.index)
            else:
                broken.add(id(scope))
            scope = scope.parent
    return {
        (first, last): scope.step.name
        for key, (scope, first, last) in runs.items()
        if key not in broken and scope.step is not None and scope.arguments is not None
    }


def _described(steps: Steps) -> str:
    """A name made of the layers: `conv_bn_relu`; `residual` for what is added, `stage` for a sequence with blocks,
    `dense_layer` for what joins all copies before it."""
    if steps[0].grows and steps[0].layer and not steps[0].refs:
        return "dense_layer"
    if any(item.block for item in steps):
        return "stage"
    joins = [item.layer for item in steps if item.branches]
    if joins:
        return _JOINS.get(joins[-1], joins[-1])
    parts = [_SHORT.get(item.layer, item.layer) for item in steps]
    return "_".join(parts) if len(parts) <= 4 else "sequence"


def branch_names(network: Network, item: Item) -> list[str]:
    """A name for each branch of a join."""
    scopes = [_branch_scope(network, item, branch) for branch in item.branches]
    if all(name or not branch for name, branch in zip(scopes, item.branches, strict=True)) and any(scopes):
        wanted = [name or "shortcut" for name in scopes]
    elif item.layer == "add" and len(item.branches) == 2:
        long = 0 if len(item.branches[0]) >= len(item.branches[1]) else 1
        wanted = ["residual", "shortcut"] if long == 0 else ["shortcut", "residual"]
    else:
        wanted = [f"branch{number}" if branch else "shortcut" for number, branch in enumerate(item.branches, 1)]
    names: list[str] = []
    for name in wanted:
        names.append(numbered(name, set(names)))
    return names


def _branch_scope(network: Network, item: Item, branch: Steps) -> str:
    """What the branch was called in the network's own spec, if it was a branch there."""
    if not branch:
        return ""
    join = network.nodes[item.output].scope
    scope: Scope | None = network.nodes[branch[0].first].scope
    while scope is not None and scope.parent is not join:
        scope = scope.parent
    return scope.base if scope is not None and scope.arguments is None and scope.base.isidentifier() else ""


_END = re.compile(r"[.]\d+\Z")


def step_label(network: Network, item: Item, taken: set[str]) -> str:
    """A name for a step that another one names."""
    if item.block is not None:
        wanted = item.block.name
    else:
        wanted = _END.sub("", network.nodes[item.output].base.rpartition("/")[2])
    wanted = re.sub(r"\W", "_", wanted)
    if not wanted.isidentifier():
        wanted = f"{item.layer}_{wanted}"
    return numbered(wanted, taken)
