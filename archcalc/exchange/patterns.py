"""Several operations that are one layer: found in a graph, and replaced there by one operation."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from archcalc.exchange.attention_patterns import causal_attention
from archcalc.exchange.graph import Graph, Name, Operation
from archcalc.exchange.matching import Found, Made, reads


def simplified(graph: Graph) -> Graph:
    """The graph with every channel shuffle and every multi-head attention as one operation."""
    # What makes nothing is a check of sizes or types.
    graph = graph._replace(operations=[operation for operation in graph.operations if operation.outputs])
    makers = {name: operation for operation in graph.operations for name in operation.outputs}
    uses: Counter[str] = Counter(name for operation in graph.operations for name in reads(operation))
    uses.update(graph.outputs)
    replaced: dict[int, Operation | None] = {}
    made = Made(graph, makers, uses)
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
    for operation in graph.operations:
        if operation.target == "topk":
            around = operation.module.rpartition(".")[0]
            within = [each for each in graph.operations if f"{each.module}.".startswith(f"{around}.")]
            mixture = _experts(graph, within, uses)
            if around and mixture is not None:
                replaced.update((id(inner), None) for inner in within)
                replaced[id(within[-1])] = mixture
    if not replaced:
        return graph
    kept = (replaced.get(id(operation), operation) for operation in graph.operations)
    return graph._replace(operations=[operation for operation in kept if operation is not None])


#: What a padding with zeros says: what fills it is not given.
_ZEROS = frozenset(("self", "pad"))


def _normalised(made: Made, last: Operation) -> Found | None:
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
    return Found(last._replace(target="normalize", arguments=arguments), chain)


def _averaged(made: Made, last: Operation) -> Found | None:
    """The mean of several values of one shape: their sum over their number."""
    count = last.arguments.get("other")
    if last.target != "div" or last.arguments.get("rounding_mode") is not None:
        return None
    sums: list[Operation] = []
    values: list[object] = [last.arguments.get("self")]
    while len(values) != count:
        added = made.by(values[0], "add")
        if added is None or added.arguments.get("alpha", 1) != 1:
            return None
        sums.append(added)
        values[:1] = [added.arguments.get("self"), added.arguments.get("other")]
    owned = (made.graph.parameters, made.graph.buffers, made.graph.constants)
    if not sums or any(not isinstance(each, Name) or any(each in names for names in owned) for each in values):
        return None
    if len({made.graph.tensors[str(each)].sizes for each in values}) != 1:
        return None
    return Found(last._replace(target="mean_of", arguments={"tensors": values}), sums)


def _local_response(made: Made, last: Operation) -> Found | None:
    """torch.nn.functional.local_response_norm: values over a power of a number plus the scaled average of their squares
    in a window of channels, zeros around them."""
    if last.target != "div":
        return None
    values = last.arguments.get("self")
    pooled = [*made.chain(last.arguments.get("other"), "pow", "add", "mul")]
    numbers = [each.arguments.get(name) for each, name in zip(pooled, ("exponent", "other", "other"), strict=False)]
    if not pooled or not all(isinstance(each, (int, float)) for each in numbers):
        return None
    argument, merged = made.moved(pooled[-1].arguments.get("self"))
    inner = made.chain(argument, "avg_pool2d|avg_pool3d", "pad")
    if not inner:
        return None
    source, shaped = made.moved(inner[-1].arguments.get("self"))
    squares = made.by(source, "mul")
    if squares is None or [squares.arguments.get(name) for name in ("self", "other")] != [values, values]:
        return None
    size, *others = inner[0].arguments["kernel_size"]
    rank = len(others) + 1
    sides = [*(0,) * 2 * len(others), size // 2, (size - 1) // 2]
    if (others, inner[0].arguments.get("stride")) != ([1] * len(others), [1] * rank):
        return None
    batch, channels = made.graph.tensors[str(values)].sizes[:2]
    padded = made.graph.tensors[str(inner[-1].arguments["self"])].sizes
    plain = inner[0].arguments.keys() <= {"self", "kernel_size", "stride"} and inner[-1].arguments.keys() <= _ZEROS
    if padded[:3] != (batch, 1, channels) or not plain or inner[-1].arguments["pad"] != sides:
        return None
    arguments = {"input": values, "size": size}
    replaced = [*pooled, *merged, *inner, *shaped, squares]
    return Found(last._replace(target="local_response_norm", arguments=arguments), replaced)


def _standardised(made: Made, last: Operation) -> Found | None:
    """A convolution with a parameter that is normalised over each filter: as a batch of one sample is, whose channels
    are the filters. It may be scaled by another parameter times a number."""
    if last.target not in ("conv1d", "conv2d", "conv3d"):
        return None
    argument, shaped = made.moved(last.arguments.get("weight"))
    norm = made.by(argument, "batch_norm")
    if norm is None or norm.arguments.get("running_mean") is not None or norm.arguments.get("training") is not True:
        return None
    weight, flattened = made.moved(norm.arguments.get("input"))
    if not made.is_parameter(weight) or norm.arguments.get("bias") is not None:
        return None
    filters = made.graph.tensors[last.arguments["weight"]].sizes[0]
    if made.graph.tensors[str(norm.arguments["input"])].sizes[:2] != (1, filters):
        return None
    gain, scaled = _scaled_parameter(made, norm.arguments.get("weight"))
    if gain is None and norm.arguments.get("weight") is not None:
        return None
    arguments = {**last.arguments, "weight": weight, "gain": gain}
    inner = [*shaped, norm, *flattened, *scaled]
    return Found(last._replace(target="standardized_conv", arguments=arguments), inner)


def _scaled_parameter(made: Made, argument: object) -> tuple[Name | None, list[Operation]]:
    """The parameter that a value is a fixed multiple of, and the operations between; None if it is no such value."""
    argument, shaped = made.moved(argument)
    product = made.by(argument, "mul")
    if product is None:
        return None, []
    factors = [product.arguments.get("self"), product.arguments.get("other")]
    gain = next((each for each in factors if isinstance(each, Name) and made.is_parameter(each)), None)
    numbers = [each for each in factors if isinstance(each, (int, float))]
    return (gain if numbers else None), [*shaped, product]


def _rms_normalised(made: Made, last: Operation) -> Found | None:
    """A root-mean-square normalisation that is written out: a parameter times x * rsqrt(mean(x ** 2) + a number).

    The parameter may be what is added to 1.
    """
    if last.target != "mul":
        return None
    for one, other in (("self", "other"), ("other", "self")):
        weight, before = _weight(made, last.arguments.get(one))
        product, converted = made.through(last.arguments.get(other))
        by_root = made.by(product, "mul")
        if weight is None or by_root is None:
            continue
        for values, root in (("self", "other"), ("other", "self")):
            source = by_root.arguments.get(values)
            chain = made.chain(by_root.arguments.get(root), "rsqrt", "add", "mean", "pow")
            if not chain or not isinstance(source, Name) or not _is_mean_square(chain, source):
                continue
            size = made.graph.tensors[source].sizes[-1:]
            arguments = {"input": source, "normalized_shape": list(size), "weight": weight}
            inner = [*chain, by_root, *converted, *before]
            return Found(last._replace(target="rms_norm", arguments=arguments), inner)
    return None


def _weight(made: Made, argument: object) -> tuple[Name | None, list[Operation]]:
    """The parameter that a value is, or is 1 more than, and the operations between; None if it is no such value."""
    passed: list[Operation] = []
    added = made.by(argument, "add")
    if added is not None and 1 in (added.arguments.get("self"), added.arguments.get("other")):
        passed.append(added)
        argument = next(each for each in added.arguments.values() if isinstance(each, Name))
        argument, converted = made.through(argument)
        passed += converted
    known = isinstance(argument, Name) and str(argument) in made.graph.parameters
    return (argument if isinstance(argument, Name) and known else None), passed


def _is_mean_square(chain: list[Operation], source: Name) -> bool:
    """Whether a root is that of the mean of squares of these values along the last axis, and a number."""
    _, added, mean, square = chain
    squared = square.arguments.get("self") == source and square.arguments.get("exponent") == 2
    return squared and mean.arguments.get("dim") == [-1] and isinstance(added.arguments.get("other"), (int, float))


def _turned(made: Made, last: Operation) -> Found | None:
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
    source = direct.arguments.get("self")
    if negative is None or not isinstance(source, Name):
        return None
    parts = _halves(made, source, first, negative.arguments.get("self"))
    if parts is None:
        return None
    tables = [each.arguments["other"] for each in (direct, turned) if isinstance(each.arguments.get("other"), Name)]
    arguments = {"self": source, "tables": tables}
    inner = [direct, turned, halves, negative, *parts]
    return Found(last._replace(target="rotary", arguments=arguments), inner)


def _halves(made: Made, source: Name, first: object, second: object) -> list[Operation] | None:
    """What takes the two halves of a value, as two slices or at once; None if they are something else."""
    begin, end = (made.by(half, "slice", "chunk", "split") for half in (first, second))
    if begin is None or end is None or [each.arguments.get("self") for each in (begin, end)] != [source, source]:
        return None
    if begin is not end:
        return [begin, end] if begin.target == end.target == "slice" else None
    alone = all(made.uses[name] == 1 for name in begin.outputs)
    return [begin] if alone and begin.outputs == (first, second) else None


#: What finds several operations that are one, at the last of them.
_PATTERNS = (_averaged, _normalised, _local_response, _standardised, _rms_normalised, _turned, causal_attention)


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


#: Products of rows with the weights of their own expert, as they are called.
_GROUPED = frozenset(("transformers.grouped_mm_fallback", "_grouped_mm"))


def _experts(graph: Graph, run: list[Operation], uses: Counter[str]) -> Operation | None:
    """One operation for a mixture of experts: a router without bias, a softmax, the best few, and gated experts whose
    weights lie in two parameters; None where it is something else."""
    targets = Counter(operation.target for operation in run)
    products = [operation for operation in run if operation.target in _GROUPED]
    plain = {"linear": 1, "topk": 1, "softmax": 1, "silu": 1}
    if len(products) != 2 or any(targets[target] != times for target, times in plain.items()):
        return None
    makers = {name: operation for operation in run for name in operation.outputs}
    into, out = (_transposed(makers, graph, product.arguments.get("weight")) for product in products)
    router = next(operation for operation in run if operation.target == "linear")
    routing = router.arguments.get("weight")
    if into is None or out is None or not isinstance(routing, Name) or isinstance(router.arguments.get("bias"), Name):
        return None
    count, doubled, width = graph.tensors[into].sizes
    if graph.tensors[out].sizes != (count, width, doubled // 2) or graph.tensors[routing].sizes != (count, width):  # type: ignore[operator]
        return None
    entering = {str(name) for operation in run for name in reads(operation)} - makers.keys() - graph.parameters.keys()
    inside = Counter(str(name) for operation in run for name in reads(operation))
    if len(entering) != 1 or any(inside[name] != uses[name] for name in makers.keys() - set(run[-1].outputs)):
        return None
    topk = next(operation for operation in run if operation.target == "topk")
    arguments = {
        "input": Name(entering.pop()),
        "top_k": topk.arguments.get("k"),
        "hidden": doubled // 2,  # type: ignore[operator]
        "weights": [routing, into, out],
    }
    return run[-1]._replace(target="experts", arguments=arguments)


def _transposed(makers: dict[str, Operation], graph: Graph, argument: object) -> Name | None:
    """The parameter of three axes whose last two were exchanged; None if it is none."""
    made = makers.get(str(argument))
    owned = made.arguments.get("self") if made is not None and made.target == "transpose" else None
    known = isinstance(owned, Name) and str(owned) in graph.parameters and len(graph.tensors[owned].sizes) == 3
    return owned if isinstance(owned, Name) and known else None
