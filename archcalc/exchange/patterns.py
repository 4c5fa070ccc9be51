"""Several operations that are one layer: found in a graph, and replaced there by one operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from archcalc.exchange.graph import Graph, Name, Operation


def simplified(graph: Graph) -> Graph:
    """The graph with every channel shuffle as one operation."""
    makers = {name: operation for operation in graph.operations for name in operation.outputs}
    uses: Counter[str] = Counter(name for operation in graph.operations for name in reads(operation))
    uses.update(graph.outputs)
    replaced: dict[int, Operation | None] = {}
    for operation in graph.operations:
        chain = _shuffle(graph, operation, makers, uses)
        if chain is not None:
            first, groups = chain[-1], graph.tensors[chain[-1].outputs[0]].sizes[1]
            for inner in chain[1:]:
                replaced[id(inner)] = None
            arguments = {"self": first.arguments["self"], "groups": groups}
            replaced[id(operation)] = operation._replace(target="channel_shuffle", arguments=arguments)
    if not replaced:
        return graph
    kept = (replaced.get(id(operation), operation) for operation in graph.operations)
    return graph._replace(operations=[operation for operation in kept if operation is not None])


def reads(operation: Operation) -> Iterator[Name]:
    """The values that an operation reads."""
    for argument in operation.arguments.values():
        for each in argument if isinstance(argument, list) else (argument,):
            if isinstance(each, Name):
                yield each


def _shuffle(graph: Graph, last: Operation, makers: dict[str, Operation], uses: Counter[str]) -> list[Operation] | None:
    """The operations of a channel shuffle, last to first: view, (contiguous), transpose(1, 2), view as groups."""
    if last.target not in ("view", "reshape"):
        return None
    chain = [last]
    for targets in (("contiguous", "clone", "transpose"), ("transpose", "view", "reshape"), ("view", "reshape")):
        made = makers.get(str(chain[-1].arguments.get("self")))
        if made is None or made.target not in targets or uses[made.outputs[0]] != 1:
            break
        chain.append(made)
    if chain[-1].target not in ("view", "reshape") or len(chain) < 3 or chain[-2].target != "transpose":
        return None
    if sorted(map(str, (chain[-2].arguments.get("dim0"), chain[-2].arguments.get("dim1")))) != ["1", "2"]:
        return None
    before = graph.tensors.get(str(chain[-1].arguments.get("self")))
    grouped = graph.tensors.get(chain[-1].outputs[0])
    after = graph.tensors.get(last.outputs[0])
    if before is None or grouped is None or after is None or before.sizes != after.sizes:
        return None
    batch, *rest = before.sizes
    regrouped = len(grouped.sizes) == len(before.sizes) + 1 and grouped.sizes[0] == batch
    return chain if regrouped and list(grouped.sizes[3:]) == rest[1:] else None
