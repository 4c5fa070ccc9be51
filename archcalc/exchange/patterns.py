"""Several operations that are one layer: found in a graph, and replaced there by one operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from archcalc.exchange.graph import Graph, Name, Operation


def simplified(graph: Graph) -> Graph:
    """The graph with every channel shuffle and every multi-head attention as one operation."""
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
    for _, run in groupby(graph.operations, key=lambda operation: (operation.module_class, operation.module)):
        operations = list(run)
        attention = _attention(graph, operations, uses)
        if attention is not None:
            for inner in operations:
                replaced[id(inner)] = None
            replaced[id(operations[-1])] = attention
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


def _attention(graph: Graph, run: list[Operation], uses: Counter[str]) -> Operation | None:
    """One operation for all that torch.nn.MultiheadAttention does with one sequence: None where it does more.

    That is a projection to query, key and value, scaled_dot_product_attention without a mask, and a projection.
    """
    if run[0].module_class != "MultiheadAttention":
        return None
    targets = Counter(operation.target for operation in run)
    if targets["linear"] != 2 or targets["scaled_dot_product_attention"] != 1 or not targets.keys() <= _ATTENTION:
        return None
    made = {name for operation in run for name in operation.outputs}
    owned = graph.parameters.keys()
    entering = {str(name) for operation in run for name in reads(operation)} - made - owned
    inside = Counter(str(name) for operation in run for name in reads(operation))
    if len(entering) != 1 or any(inside[name] != uses[name] for name in made - set(run[-1].outputs)):
        return None
    into, out = (operation for operation in run if operation.target == "linear")
    core = next(operation for operation in run if operation.target == "scaled_dot_product_attention")
    if not core.arguments.keys() <= {"query", "key", "value", "dropout_p"} or core.arguments.get("dropout_p", 0.0):
        return None
    arguments = {
        "input": Name(entering.pop()),
        "heads": graph.tensors[core.outputs[0]].sizes[1],
        "weights": [into.arguments["weight"], out.arguments["weight"]],
        "biases": [each.arguments["bias"] for each in (into, out) if isinstance(each.arguments.get("bias"), Name)],
    }
    return run[-1]._replace(target="multi_head_attention", arguments=arguments)


#: What moves the values of an attention around, and what computes it.
_ATTENTION = frozenset(
    (
        *("linear", "scaled_dot_product_attention"),
        *("transpose", "permute", "unsqueeze", "squeeze", "unflatten", "view", "reshape", "contiguous", "select"),
    )
)
