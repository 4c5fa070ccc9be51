"""Products of matrices, and attention."""

from __future__ import annotations

from math import prod
from typing import Any

from archcalc.exchange.arrangement import Group, arranged, by_channels, conformed, regrouped, with_axis
from archcalc.exchange.graph import Name, Operation
from archcalc.exchange.operations.arguments import flag, given, number, whole
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Translation
from archcalc.exchange.values import BATCH, Axes, Constant, Owned, Picked, Value

_LETTERS = "abcdefghijklmnopqrstuv"


@operation("matmul", "bmm", "mm")
def matmul(t: Translation, op: Operation) -> None:
    """`matmul`; `linear` without a bias where the second is a parameter."""
    first, second = op.arguments["self"], op.arguments["mat2" if "mat2" in op.arguments else "other"]
    ranks = [len(t.sizes(each)) for each in (first, second)]
    if min(ranks) < 2:
        raise Refusal("one of the two is a vector")
    count = max(ranks) - 2
    labels = [_LETTERS[count - (rank - 2) : count] for rank in ranks]
    out = _LETTERS[:count]
    contracted(t, first, f"{labels[0]}xy", second, f"{labels[1]}yz", f"{out}xz")


@operation("baddbmm")
def baddbmm(t: Translation, op: Operation) -> None:
    """`matmul`, and a `mask` where what is added to the product is a constant."""
    if not isinstance(t.value(op.arguments["self"]), Constant):
        raise Refusal("it adds a product to a value that is computed from the input")
    product = contracted(t, op.arguments["batch1"], "axy", op.arguments["batch2"], "ayz", "axz")
    t.emit_as("mask", product)


@operation("einsum")
def einsum(t: Translation, op: Operation) -> None:
    """`matmul`, where the equation says one product of two values."""
    equation = str(op.arguments["equation"]).replace(" ", "")
    labels, _, out = equation.partition("->")
    first, _, second = labels.partition(",")
    if not out or not second or "," in second or "." in equation or any(len(set(x)) != len(x) for x in (first, second)):
        raise Refusal("it is not a product of two values")
    one, other = op.arguments["tensors" if "tensors" in op.arguments else "operands"]
    contracted(t, one, first, other, second, out)


def contracted(t: Translation, first: Any, ours: str, second: Any, theirs: str, out: str) -> Value:
    """The sum of products over the axes that both have and the result has not, each axis of a tensor under a label.

    Matrices of rows and channels: axes that both have, and the result too, are a batch of them, and so are further axes
    of the first.
    """
    inner = [label for label in ours if label in theirs and label not in out]
    owned = t.value(second)
    if isinstance(owned, Owned) and _is_weight(owned) and _is_linear(ours, theirs, out, inner):
        stream = by_channels(t, t.stream(first))
        width = owned.sizes[1 - theirs.index(inner[0])]
        attributes = given(out=(width, None), bias=(False, True), each_position=(len(stream.shape) > 1, False))
        return t.emit("linear", stream, attributes, owned=(owned,))
    left, right = t.stream(first), t.stream(second)
    of_left, of_right = dict(zip(ours, left.dims, strict=True)), dict(zip(theirs, right.dims, strict=True))
    shared = [label for label in ours if label in theirs and label in out]
    for label in list(shared):  # an axis of size 1 in one of them is repeated
        if not of_left[label] or not of_right[label]:
            shared.remove(label)
            del (of_left if not of_left[label] else of_right)[label]
    if any(label not in out and label not in inner for label in (*of_left, *of_right)):
        raise Refusal("it sums over an axis of one value alone")
    rows = [label for label in of_left if label not in inner and label not in shared]
    columns = [label for label in of_right if label not in inner and label not in shared]
    wide_columns, wide_rows = (
        [label for label in labels if _own(dims[label])] for labels, dims in ((columns, of_right), (rows, of_left))
    )
    if len(wide_columns) > 1 and len(wide_rows) < 2:  # the other way round each is a row
        return contracted(t, second, theirs, first, ours, out)
    more = [axis for label in rows for axis in _own(of_left[label])]
    last = more[-1:]
    batch = [_own(of_left[label]) for label in shared]
    if [len(each) for each in batch] != [len(_own(of_right[label])) for label in shared]:
        raise Refusal("the axes of the two are divided in different ways")
    batch_axes = [axis for axes in batch for axis in axes]
    summed = tuple(axis for label in inner for axis in _own(of_left[label]))
    groups: list[Group] = [summed, *((axis,) for axis in more[:-1]), *((axis,) for axis in batch_axes), tuple(last)]
    one = arranged(t, left, groups)
    summed = tuple(axis for label in inner for axis in _own(of_right[label]))
    wide = tuple(axis for label in columns for axis in _own(of_right[label]))
    between: list[Group] = [(axis,) for label in shared for axis in _own(of_right[label])]
    transposed = 0 in summed
    groups = [summed, *between, wide] if transposed else [wide, *between, summed]
    two = arranged(t, right, groups)
    step = t.step("matmul", {"transposed": True} if transposed else {}, (one.step, two.step))
    numbers: dict[int, int] = {axis: number for number, axis in enumerate((*more[:-1], *batch_axes, *last), 1)}
    dims: list[Axes] = []
    several = wide_columns if len(wide) > 1 else []
    for label in out:
        if label in of_left and label not in columns:
            dims.append(tuple(BATCH if axis == BATCH else numbers[axis] for axis in of_left[label]))
            if label in shared and BATCH in of_right[label] and BATCH not in of_left[label]:
                dims[-1] = (BATCH, *dims[-1])
        elif label not in several:
            dims.append(tuple(BATCH if axis == BATCH else 0 for axis in of_right[label]))
    if several:  # one axis of the product, divided afterwards
        shape = (prod(right.shape[axis] for axis in wide), *one.shape[1:])
        t.note(step, shape)
        order = [*(label for label in out if label not in several), *several]
        sizes = dict(zip(out, t.sizes(t.output), strict=True))
        value = Value(step, (*dims, (0,)), shape)
        value = regrouped(t, value, tuple(sizes[label] for label in order), copied=False)
        value = value._replace(dims=tuple(value.dims[order.index(label)] for label in out))
        t.same(value)
        return value
    return t.made(step, tuple(dims), axes=len(one.shape))


def _is_weight(owned: Owned) -> bool:
    """Whether a parameter is a matrix."""
    return owned.kind == "parameter" and len(owned.sizes) == 2


def _is_linear(ours: str, theirs: str, out: str, inner: list[str]) -> bool:
    """Whether a product is that of each vector along the last axis with a matrix."""
    return len(inner) == 1 and inner == [ours[-1]] and out == ours[:-1] + theirs.replace(inner[0], "")


def _own(axes: Axes) -> Axes:
    return tuple(axis for axis in axes if axis != BATCH)


# --- attention


@operation("multi_head_attention")
def multi_head_attention(t: Translation, op: Operation) -> None:
    """`attention` of a sequence over itself."""
    weights = tuple(t.owned(name) for name in op.arguments["weights"])
    biases = tuple(t.owned(name) for name in op.arguments["biases"])
    if len(biases) == 1:
        raise Refusal("one of its projections has a bias, and one has none")
    causal = flag(op, "causal", False)
    attributes = given(heads=(whole(op, "heads"), None), bias=(bool(biases), True), causal=(causal, False))
    t.emit("attention", by_channels(t, t.stream(op.arguments["input"])), attributes, owned=(*weights, *biases))


@operation("scaled_dot_product_attention")
def scaled_dot_product_attention(t: Translation, op: Operation) -> None:
    """`dot_product_attention`, with a mask if it has one."""
    if number(op, "dropout_p", 0.0):
        raise Refusal("it drops some of the weights")
    streams = [t.stream(op.arguments[name]) for name in ("query", "key", "value")]
    mask = op.arguments.get("attn_mask")
    if mask is not None and isinstance(t.value(mask), (Value, Picked)):
        _written_out(t, op, streams)
        return
    attributes = given(causal=(flag(op, "is_causal", False), False), mask=(isinstance(mask, Name), False))
    streams = [with_axis(t, stream, -2) for stream in streams]  # one query is a position too
    # One head that several heads of queries share is an axis of its own.
    heads = [each for each in range(len(streams[0].dims) - 2) if _own(streams[0].dims[each])]
    for each in heads:
        streams[1:] = [stream if _own(stream.dims[each]) else with_axis(t, stream, each) for stream in streams[1:]]
    values = tuple(by_channels(t, stream) for stream in streams)
    t.emit("dot_product_attention", values, attributes)


def _written_out(t: Translation, op: Operation, streams: list[Value]) -> None:
    """Attention with a mask that is learned, or computed: step by step, since no kernel has a gradient for it."""
    query, key, value = (by_channels(t, stream) for stream in streams)
    if query.shape[1:-1] != key.shape[1:-1]:
        raise Refusal("its mask is computed, and several heads share one of keys")
    step = t.step("matmul", {"transposed": True}, (query.step, key.step))
    shape = (key.shape[-1], *query.shape[1:])
    t.note(step, shape)
    t.note(step := t.step("scale", {"factor": query.shape[0] ** -0.5}, (step,)), shape)
    mask = t.value(op.arguments["attn_mask"])
    scores = Value(step, query.dims, shape)
    if isinstance(mask, Picked) and mask.owned.sizes[1:] == mask.sizes[-3:-2] and prod(mask.sizes[:-3]) == 1:
        step = t.step("relative_position_bias", {"rows": mask.owned.sizes[0]}, (step,), (mask.owned,))
    else:
        found = conformed(t, [scores, t.stream(op.arguments["attn_mask"])])
        step = t.step("add", {}, found.steps)
    t.note(step, shape)
    t.note(step := t.step("softmax", {}, (step,)), shape)
    t.made(t.step("matmul", {}, (step, value.step)), query.dims, axes=len(query.shape))


@operation("rotary")
def rotary(t: Translation, op: Operation) -> None:
    """`rotary`: positions that turn pairs of channels, found by `patterns`; the tables are the layer's, but for what
    the model stores with its parameters."""
    for table in op.arguments.get("tables", ()):
        t.store(t.value(table), lasting=True)
    t.emit("rotary", by_channels(t, t.stream(op.arguments["self"])))


@operation("experts")
def experts(t: Translation, op: Operation) -> None:
    """`experts`: a mixture of them, found by `patterns`."""
    owned = tuple(t.owned(name) for name in op.arguments["weights"])
    attributes = {"count": owned[0].sizes[0], "hidden": whole(op, "hidden"), "top_k": whole(op, "top_k")}
    t.emit("experts", by_channels(t, t.stream(op.arguments["input"])), attributes, owned=owned)
