"""Convolutions and linear layers."""

from __future__ import annotations

from typing import Any

from archcalc.exchange.arrangement import as_image, as_images, axis_of, by_channels, conformed
from archcalc.exchange.graph import Operation
from archcalc.exchange.operations.arguments import given, paddings, sizes, whole
from archcalc.exchange.operations.products import contracted
from archcalc.exchange.operations.registry import operation
from archcalc.exchange.translate import Translation
from archcalc.exchange.values import BATCH, Axes, Constant, Owned, Value


def _weights(t: Translation, op: Operation) -> tuple[tuple[Owned, ...], tuple[int, ...]]:
    """What the operation owns, and the sizes of its weight."""
    weight = t.owned(op.arguments["weight"])
    bias = op.arguments.get("bias")
    owned = (weight,) if bias is None else (weight, t.owned(bias))
    return owned, weight.sizes


@operation("conv1d", "conv2d", "conv3d", "convolution", "standardized_conv")
def convolution(t: Translation, op: Operation) -> None:
    """`conv`, of as many axes as its kernel has; `standardized_conv`, found by `patterns`."""
    if op.arguments.get("transposed"):
        _transposed(t, op)
        return
    owned, (out, _, *kernel) = _weights(t, op)
    rank = len(kernel)
    word = op.arguments.get("padding")
    stride, dilation = sizes(op, "stride", rank, [1]), sizes(op, "dilation", rank, [1])
    stream, more = as_images(t, t.stream(op.arguments["input"]))
    # Windows or heads that are one axis with the batch are a further axis, along which the kernel is 1.
    alone = (1,) * more
    padding: Any = {"same": "same", "valid": 0}[word] if isinstance(word, str) else ((0,) * more + paddings(op, rank))
    attributes = given(
        out=(out, None),
        kernel=((*alone, *kernel), None),
        stride=((*alone, *stride), 1),
        padding=(padding, 0),
        dilation=((*alone, *dilation), 1),
        groups=(whole(op, "groups", 1), 1),
        bias=(op.arguments.get("bias") is not None, True),
    )
    gain = op.arguments.get("gain")
    if op.target != "standardized_conv":
        t.emit("conv", stream, attributes, owned=owned)
    elif gain is None:
        t.emit("standardized_conv", stream, attributes, owned=owned)
    else:
        t.emit("standardized_conv", stream, {**attributes, "gain": True}, owned=(owned[0], t.owned(gain), *owned[1:]))


@operation("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _transposed(t: Translation, op: Operation) -> None:
    owned, (_, of_group, *kernel) = _weights(t, op)
    rank = len(kernel)
    groups = whole(op, "groups", 1)
    attributes = given(
        out=(of_group * groups, None),
        kernel=(tuple(kernel), None),
        stride=(sizes(op, "stride", rank, [1]), 1),
        padding=(sizes(op, "padding", rank, [0]), 0),
        output_padding=(sizes(op, "output_padding", rank, [0]), 0),
        dilation=(sizes(op, "dilation", rank, [1]), 1),
        groups=(groups, 1),
        bias=(len(owned) == 2, True),
    )
    t.emit("conv_transpose", as_image(t, t.stream(op.arguments["input"])), attributes, owned=owned)


@operation("linear")
def linear(t: Translation, op: Operation) -> None:
    """`linear`, on the last axis; a matrix product where its weights are computed, and `add` where its bias is."""
    if not isinstance(t.value(op.arguments["weight"]), Owned) and op.arguments.get("bias") is None:
        labels = "".join(chr(ord("a") + number) for number in range(len(t.sizes(op.arguments["input"])) - 1))
        contracted(t, op.arguments["input"], f"{labels}y", op.arguments["weight"], "zy", f"{labels}z")
        return
    bias = op.arguments.get("bias")
    if bias is not None and not isinstance(t.value(bias), Owned):
        weight = t.owned(op.arguments["weight"])
        stream = by_channels(t, t.stream(op.arguments["input"]))
        positions = len(stream.shape) > 1
        attributes = given(out=(weight.sizes[0], None), bias=(False, True), each_position=(positions, False))
        step = t.step("linear", attributes, (stream.step,), (weight,))
        shape = (weight.sizes[0], *stream.shape[1:])
        t.note(step, shape)
        found = conformed(t, [Value(step, stream.dims, shape), t.stream(bias)])
        t.made(t.step("add", {}, found.steps), found.dims)
        return
    owned, (out, _) = _weights(t, op)
    _linear(t, op, op.arguments["input"], out, owned)


@operation("addmm")
def addmm(t: Translation, op: Operation) -> None:
    """`linear`, whose weights have an input in each row."""
    owned = (t.owned(op.arguments["mat2"]), t.owned(op.arguments["self"]))
    _linear(t, op, op.arguments["mat1"], owned[0].sizes[1], owned)


def _linear(t: Translation, op: Operation, argument: object, out: int, owned: tuple[Owned, ...]) -> None:
    stream = by_channels(t, t.stream(argument))
    positions = len(stream.shape) > 1
    attributes = given(out=(out, None), bias=(len(owned) == 2, True), each_position=(positions, False))
    t.emit("linear", stream, attributes, owned=owned)


@operation("embedding")
def embedding(t: Translation, op: Operation) -> None:
    """`embedding`: a table of rows, looked up."""
    weight = t.owned(op.arguments["weight"])
    count, out = weight.sizes
    indices = t.value(op.arguments["indices"])
    if isinstance(indices, Constant):
        _picked_rows(t, op, weight, indices)
        return
    stream = t.stream(op.arguments["indices"])
    dims = tuple(tuple(BATCH if axis == BATCH else axis + 1 for axis in axes) for axes in stream.dims)
    t.emit("embedding", stream, {"count": count, "out": out}, dims=(*dims, (0,)), owned=(weight,))


def _picked_rows(t: Translation, op: Operation, table: Owned, indices: Constant) -> None:
    """Rows that are the same for every sample: the embeddings of positions, or of pairs of them."""
    of_sample = indices.sizes[int(indices.sizes[0] == t.batch) :]
    picked = [size for size in of_sample if size != 1]
    if len(picked) > 1:
        stream = t.stated("constant", of_sample, (), {"buffer": False})
        axes: tuple[Axes, ...] = tuple(tuple(axis + 1 for axis in axes) for axes in stream.dims)
        batch: tuple[Axes, ...] = ((BATCH,),) * (len(indices.sizes) - len(of_sample))
        attributes = {"count": table.sizes[0], "out": table.sizes[1]}
        t.emit("embedding", stream, attributes, dims=(*batch, *axes, (0,)), owned=(table,))
        return
    count = picked[0] if picked else 1
    rows = t.stream(op.arguments["weight"])
    axis = axis_of(rows, 0)
    step = t.step("index_select", {"axis": axis, "count": count, "buffer": False}, (rows.step,))
    shape = (*rows.shape[:axis], count, *rows.shape[axis + 1 :])
    t.note(step, shape)
    dims: list[Axes] = [(axis,) if size == count else () for size in indices.sizes]
    if indices.sizes[0] == t.batch:
        dims[0] = (BATCH,)
    t.same(Value(step, (*dims, rows.dims[1]), shape))
