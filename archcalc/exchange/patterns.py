"""Several operations that are one layer: found in a graph, and replaced there by one operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from archcalc.exchange.graph import Graph, Name, Operation
from archcalc.records import Record


def simplified(graph: Graph) -> Graph:
    """The graph with every channel shuffle and every multi-head attention as one operation."""
    makers = {name: operation for operation in graph.operations for name in operation.outputs}
    uses: Counter[str] = Counter(name for operation in graph.operations for name in reads(operation))
    uses.update(graph.outputs)
    replaced: dict[int, Operation | None] = {}
    made = _Made(graph, makers, uses)
    for operation in graph.operations:
        chain = _shuffle(graph, operation, makers, uses)
        if chain is not None:
            first, groups = chain[-1], graph.tensors[chain[-1].outputs[0]].sizes[1]
            for inner in chain[1:]:
                replaced[id(inner)] = None
            arguments = {"self": first.arguments["self"], "groups": groups}
            replaced[id(operation)] = operation._replace(target="channel_shuffle", arguments=arguments)
            continue
        found = next((found for pattern in _PATTERNS if (found := pattern(made, operation)) is not None), None)
        if found is not None:
            replaced.update((id(inner), None) for inner in found.inner)
            replaced[id(operation)] = found.operation
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


class _Found(Record):
    """An operation that stands for several: those that it replaces beside the last."""

    operation: Operation
    inner: list[Operation]


class _Made(Record):
    """The graph, what makes each value, and how often each value is read."""

    graph: Graph
    makers: dict[str, Operation]
    uses: Counter[str]

    def by(self, argument: object, *targets: str, once: bool = True) -> Operation | None:
        """The operation that makes a value, if it is one of those, and nothing else reads the value."""
        found = self.makers.get(str(argument)) if isinstance(argument, Name) else None
        if found is None or found.target not in targets or (once and self.uses[found.outputs[0]] != 1):
            return None
        return found

    def chain(self, argument: object, *targets: str) -> list[Operation]:
        """The operations that lead to a value, last to first, each reading the one before as `self`; empty if they are
        others than those, or something else reads what one of them makes."""
        found: list[Operation] = []
        for target in targets:
            made = self.by(argument, *target.split("|"))
            if made is None:
                return []
            found.append(made)
            argument = made.arguments.get("self")
        return found

    def through(self, argument: object) -> tuple[object, list[Operation]]:
        """A value before its conversion to another type, and that conversion."""
        passed = []
        while (made := self.by(argument, "to", "_to_copy", "type_as", "float")) is not None:
            passed.append(made)
            argument = made.arguments.get("self")
        return argument, passed


def _normalised(made: _Made, last: Operation) -> _Found | None:
    """torch.nn.functional.normalize: values over their norm, which is at least a small number."""
    if last.target != "div":
        return None
    chain = made.chain(last.arguments.get("other"), "expand|expand_as", "clamp_min", "linalg_vector_norm")
    values = last.arguments.get("self")
    if not chain or chain[-1].arguments.get("self") != values or not chain[-1].arguments.get("keepdim"):
        return None
    if chain[-1].arguments.get("ord", 2) != 2:
        return None
    arguments = {"self": values, "dim": chain[-1].arguments.get("dim")}
    return _Found(last._replace(target="normalize", arguments=arguments), chain)


def _rms_normalised(made: _Made, last: Operation) -> _Found | None:
    """A root-mean-square normalisation that is written out: a parameter times x * rsqrt(mean(x ** 2) + a number)."""
    if last.target != "mul":
        return None
    for weight, scaled in (("self", "other"), ("other", "self")):
        if str(last.arguments.get(weight)) not in made.graph.parameters:
            continue
        product, converted = made.through(last.arguments.get(scaled))
        by_root = made.by(product, "mul")
        if by_root is None:
            return None
        for values, root in (("self", "other"), ("other", "self")):
            chain = made.chain(by_root.arguments.get(root), "rsqrt", "add", "mean", "pow")
            if not chain or chain[3].arguments.get("self") != by_root.arguments.get(values):
                continue
            if chain[3].arguments.get("exponent") != 2 or chain[2].arguments.get("dim") != [-1]:
                return None
            source = by_root.arguments[values]
            if not isinstance(source, Name) or not isinstance(chain[1].arguments.get("other"), (int, float)):
                return None
            size = made.graph.tensors[source].sizes[-1:]
            arguments = {"input": source, "normalized_shape": list(size), "weight": last.arguments[weight]}
            return _Found(last._replace(target="rms_norm", arguments=arguments), [*chain, by_root, *converted])
    return None


def _turned(made: _Made, last: Operation) -> _Found | None:
    """Rotary positions: x * cos + concat(-x[half:], x[:half]) * sin."""
    if last.target != "add":
        return None
    direct, turned = (made.by(last.arguments.get(name), "mul") for name in ("self", "other"))
    if direct is None or turned is None:
        return None
    halves = made.by(turned.arguments.get("self"), "cat")
    if halves is None or halves.arguments.get("dim") != -1 or len(halves.arguments["tensors"]) != 2:
        return None
    second, first = halves.arguments["tensors"]
    negative = made.by(second, "neg")
    end = made.by(negative.arguments.get("self"), "slice") if negative is not None else None
    begin = made.by(first, "slice")
    source = direct.arguments.get("self")
    if negative is None or end is None or begin is None or not isinstance(source, Name):
        return None
    if end.arguments.get("self") != source or begin.arguments.get("self") != source:
        return None
    return _Found(
        last._replace(target="rotary", arguments={"self": source}), [direct, turned, halves, negative, end, begin]
    )


#: What finds several operations that are one, at the last of them.
_PATTERNS = (_normalised, _rms_normalised, _turned)


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
