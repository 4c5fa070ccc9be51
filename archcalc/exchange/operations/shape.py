"""What moves values and computes nothing."""

from __future__ import annotations

from math import prod
from typing import Any

from archcalc.exchange.arrangement import as_image, axis_of, is_view, regrouped, with_axis
from archcalc.exchange.graph import Operation
from archcalc.exchange.operations.arguments import counted, dim, dims, given, given_self, sizes, whole
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Translation
from archcalc.exchange.values import BATCH, Constant, Owned, Picked, Repeated, Value


@operation("contiguous", "clone", "alias", "detach", "lift_fresh_copy", "identity", "detach_", "to", "_to_copy")
@operation("type_as", "float")
def unchanged(t: Translation, op: Operation) -> None:
    """The same values: no layer."""
    t.same(t.value(given_self(op)))


def _moved(t: Translation, op: Operation) -> Value | None:
    """The value that an operation moves; None where it is a parameter or rows of a table, which are then moved."""
    value = t.value(given_self(op))
    sizes = t.sizes(op.outputs[0])
    if isinstance(value, (Owned, Picked)) and prod(value.sizes) == prod(sizes):
        t.same(value._replace(sizes=sizes))
        return None
    return t.stream(given_self(op))


@operation("flatten", "view", "reshape", "_unsafe_view", "unflatten", "view_as", "reshape_as")
def reshape(t: Translation, op: Operation) -> None:
    """`flatten` to a vector, `reshape` to another shape; nothing where the shape stays or only the batch takes part."""
    value = _moved(t, op)
    if value is None:
        return
    before, after = t.tensor(given_self(op)), t.sizes(op.outputs[0])
    strides: Any = before.strides
    # Where a file does not say how its tensors lie, what is made in order is right either way.
    copied = not strides or not is_view(t.sizes(given_self(op)), strides, after)
    t.same(regrouped(t, value, after, copied=copied))


@operation("squeeze")
def squeeze(t: Translation, op: Operation) -> None:
    """Axes of size 1 go: no layer."""
    value = _moved(t, op)
    if value is not None:
        sizes = t.sizes(given_self(op))
        gone = {each for each in dims(op, "dim", len(value.dims)) if sizes[each] == 1}
        t.same(value._replace(dims=tuple(axes for number, axes in enumerate(value.dims) if number not in gone)))


@operation("unsqueeze")
def unsqueeze(t: Translation, op: Operation) -> None:
    """An axis of size 1 comes: no layer."""
    value = _moved(t, op)
    if value is not None:
        at = dim(op, "dim", len(value.dims) + 1)
        t.same(value._replace(dims=(*value.dims[:at], (), *value.dims[at:])))


@operation("permute", "transpose", "swapaxes", "t", "movedim", "numpy_T", "mT", "swapdims")
def permute(t: Translation, op: Operation) -> None:
    """The axes in another order: no layer, since a value knows where its axes are."""
    value = _moved(t, op)
    if value is None:
        return
    rank = len(value.dims)
    order = list(range(rank))
    if op.target == "permute":
        order = [counted(each, rank) for each in op.arguments["dims"]]
    elif op.target in ("t", "numpy_T"):
        order.reverse()
    elif op.target == "mT":
        order[-2:] = order[:-3:-1]
    elif op.target == "movedim":
        source, destination = dim(op, "source", rank), dim(op, "destination", rank)
        order.insert(destination, order.pop(source))
    else:
        names = ("dim0", "dim1") if "dim0" in op.arguments else ("axis0", "axis1")
        one, other = (dim(op, name, rank) for name in names)
        order[one], order[other] = other, one
    if sorted(order) != list(range(rank)):
        raise Refusal("its order is not one of all axes")
    t.same(value._replace(dims=tuple(value.dims[each] for each in order)))


@operation("expand", "expand_as")
def expand(t: Translation, op: Operation) -> None:
    """`expand` of an axis of size 1; for the batch, and where a join repeats it anyway, nothing."""
    owned = t.value(op.arguments["self"])
    sizes = t.sizes(op.outputs[0])
    if isinstance(owned, Owned) and owned.sizes[:1] == (1,) and sizes == (t.batch, *owned.sizes[1:]):
        t.same(Repeated(owned) if owned.kind == "parameter" else owned)
        return
    if isinstance(owned, (Owned, Picked)) and prod(owned.sizes) == prod(sizes):
        t.same(owned._replace(sizes=sizes))
        return
    value = t.stream(op.arguments["self"])
    more = len(sizes) - len(value.dims)
    value = value._replace(dims=(*((),) * more, *value.dims))
    before = (*(1,) * more, *t.sizes(op.arguments["self"]))
    for number, (old, new) in enumerate(zip(before, sizes, strict=True)):
        if old == new:
            continue
        if new == t.batch and not number and BATCH not in value.axes and not any(BATCH in d for d in value.dims):
            value = value._replace(dims=((BATCH,), *value.dims[1:]))
            continue
        origin = value
        value = with_axis(t, value, number)
        axis = axis_of(value, number)
        step = t.step("expand", {"axis": axis, "size": new}, (value.step,))
        shape = (*value.shape[:axis], new, *value.shape[axis + 1 :])
        t.note(step, shape)
        t.expanded[step] = (origin, axis)
        value = value._replace(step=step, shape=shape)
    t.same(value)


@operation("tile", "repeat")
def tile(t: Translation, op: Operation) -> None:
    """`expand` of a new axis before each that is repeated, and a `reshape` that makes the two one."""
    listed = op.arguments["dims" if "dims" in op.arguments else "repeats"]
    value = t.stream(op.arguments["self"])
    rank = max(len(listed), len(value.dims))
    value = value._replace(dims=(*((),) * (rank - len(value.dims)), *value.dims))
    times = [1] * (rank - len(listed)) + listed
    if times[0] == t.batch and not value.dims[0] and not any(BATCH in axes for axes in value.dims):
        value, times = value._replace(dims=((BATCH,), *value.dims[1:])), [1, *times[1:]]
    if any(count != 1 and BATCH in axes for count, axes in zip(times, value.dims, strict=True)):
        raise Refusal("it repeats the batch")
    for number in reversed(range(rank)):
        if times[number] != 1:
            value = _repeated(t, value, number, times[number])
    t.same(regrouped(t, value, t.sizes(op.outputs[0]), copied=True))


@operation("repeat_interleave")
def repeat_interleave(t: Translation, op: Operation) -> None:
    """`expand` of a new axis behind the one whose places are repeated, with which it is one axis then."""
    value = t.stream(op.arguments["self"])
    along = dim(op, "dim", len(value.dims))
    value = _repeated(t, value, along + 1, whole(op, "repeats"))
    if BATCH in value.dims[along]:
        dims = (*value.dims[:along], value.dims[along] + value.dims[along + 1], *value.dims[along + 2 :])
        t.same(value._replace(dims=dims))
    else:
        t.same(regrouped(t, value, t.sizes(op.outputs[0]), copied=True))


def _repeated(t: Translation, value: Value, number: int, count: int) -> Value:
    """A value with a new axis of its tensor at that number, in which the rest is so many times."""
    value = with_axis(t, value._replace(dims=(*value.dims[:number], (), *value.dims[number:])), number)
    axis = axis_of(value, number)
    step = t.step("expand", {"axis": axis, "size": count}, (value.step,))
    shape = (*value.shape[:axis], count, *value.shape[axis + 1 :])
    t.note(step, shape)
    return value._replace(step=step, shape=shape)


@operation("select")
def select(t: Translation, op: Operation) -> None:
    """`select_token`: one position of a sequence; `take`: one place of another axis."""
    value = t.stream(op.arguments["self"])
    rank = len(value.dims)
    along = dim(op, "dim", rank)
    index = whole(op, "index")
    _take(t, value, along, counted(index, t.sizes(op.arguments["self"])[along]), op.outputs[0])


def _take(t: Translation, value: Value, along: int, index: int, output: str) -> None:
    left = (*value.dims[:along], *value.dims[along + 1 :])
    if not value.dims[along]:
        t.same(value._replace(dims=left), output)
        return
    axis = axis_of(value, along)
    if len(value.shape) == 1:
        step = t.step("select", {"start": index, "count": 1}, (value.step,))
        t.note(step, (1,))
        t.same(Value(step, left, (1,)), output)
        return
    if axis == 1 and len(value.shape) == 2:
        step = t.step("select_token", given(index=(index, 0)), (value.step,))
    else:
        step = t.step("take", {"axis": axis, **({"index": index} if index else {})}, (value.step,))
    shape = (*value.shape[:axis], *value.shape[axis + 1 :])
    t.note(step, shape)
    renumbered = tuple(tuple(each - (each > axis) for each in axes) for axes in left)
    t.same(Value(step, renumbered, shape), output)


@operation("unbind")
def unbind(t: Translation, op: Operation) -> None:
    """`take`: each place of an axis by itself."""
    value = t.stream(op.arguments["self"])
    along = dim(op, "dim", len(value.dims), 0)
    for number, name in enumerate(op.outputs):
        if t.is_used(name):
            _take(t, value, along, number, name)


@operation("slice", "narrow")
def slice_(t: Translation, op: Operation) -> None:
    """`select` along the channels, `slice` along another axis."""
    sizes = t.sizes(op.arguments["self"])
    along = dim(op, "dim", len(sizes), 0)
    size = sizes[along]
    start = op.arguments.get("start") or 0
    start = min(max(start + size, 0) if start < 0 else start, size)
    count, step = t.sizes(op.outputs[0])[along], op.arguments.get("step", 1)
    if not count:
        t.same(Constant(t.sizes(op.outputs[0])))
        return
    whole_or_part = t.value(op.arguments["self"])
    if count == size and step == 1:
        t.same(whole_or_part)
        return
    if _part_of_parameter(t, whole_or_part, along, start, op.outputs[0]):
        return
    value = t.stream(op.arguments["self"])
    _slice(t, value, along, start, count, step, op.outputs[0])


def _part_of_parameter(t: Translation, value: Any, along: int, start: int, output: str) -> bool:
    """A stretch of a parameter as a parameter of its own, whose path says which; whether it is one."""
    if not isinstance(value, Owned) or value.kind != "parameter":
        return False
    sizes = t.sizes(output)
    t.same(Owned(f"{value.path}[{along}:{start}:{start + sizes[along]}]", value.kind, sizes), output)
    return True


@operation("zero_", "fill_")
def zero(t: Translation, op: Operation) -> None:
    """A stretch of a copied parameter that is set to 0: no layer."""
    value = t.value(op.arguments["self"])
    if not isinstance(value, Owned):
        raise Refusal("it overwrites what is computed from the input")
    t.same(value)


@operation("copy_")
def copy(t: Translation, op: Operation) -> None:
    """A value that is overwritten as a whole by another: no layer."""
    made = t.makers.get(str(op.arguments["self"]))
    if made is not None and made.target in ("slice", "select", "narrow", "unbind", "split", "chunk"):
        raise Refusal("it overwrites a part of a value")
    source = t.stream(op.arguments["src"])
    if t.sizes(op.arguments["src"]) != t.sizes(op.outputs[0]):
        raise Refusal("it repeats what it copies")
    t.same(source)


def _slice(t: Translation, value: Value, along: int, start: int, count: int, stride: int, output: str) -> None:
    axis = axis_of(value, along)
    size = value.shape[axis]
    if axis == 0 and stride == 1:
        step = t.step("select", {"start": start, "count": count}, (value.step,))
    else:
        rest = start + (count - 1) * stride + stride >= size
        attributes = given(start=(start, 0), count=(None if rest else count, None), step=(stride, 1))
        step = t.step("slice", {"axis": axis, **attributes}, (value.step,))
    shape = (*value.shape[:axis], count, *value.shape[axis + 1 :])
    t.note(step, shape)
    t.same(value._replace(step=step, shape=shape), output)


@operation("chunk", "split", "split_with_sizes", "tensor_split")
def split(t: Translation, op: Operation) -> None:
    """`split`, `select` or `slice`: a part for each output that is used."""
    along = dim(op, "dim", len(t.sizes(op.arguments["self"])), 0)
    widths = [t.sizes(name)[along] for name in op.outputs]
    starts = [sum(widths[:number]) for number in range(len(widths))]
    owned = t.value(op.arguments["self"])
    if all(_part_of_parameter(t, owned, along, start, name) for start, name in zip(starts, op.outputs, strict=True)):
        return
    value = t.stream(op.arguments["self"])
    axis = axis_of(value, along)
    for number, (name, start, width) in enumerate(zip(op.outputs, starts, widths, strict=True)):
        if t.is_used(name):
            if len(widths) == 1:
                t.same(value, name)
            elif axis == 0 and len(set(widths)) == 1:
                step = t.step("split", {"parts": len(widths), "part": number}, (value.step,))
                shape = (width, *value.shape[1:])
                t.note(step, shape)
                t.same(value._replace(step=step, shape=shape), name)
            else:
                _slice(t, value, along, start, width, 1, name)


@operation("index", "index_select")
def index(t: Translation, op: Operation) -> None:
    """Rows of a table, or places of one axis, that a constant index picks."""
    table = t.value(op.arguments["self"])
    indices = op.arguments["indices" if "indices" in op.arguments else "index"]
    listed = indices if isinstance(indices, list) else [indices]
    given_ = [number for number, each in enumerate(listed) if each is not None]
    along = dim(op, "dim", len(t.sizes(op.arguments["self"])), 0) if op.target == "index_select" else given_[0]
    if len(given_) != 1:
        raise Refusal("it picks along several axes")
    picks = t.value(listed[given_[0]])
    if not isinstance(picks, (Owned, Constant)) or (isinstance(picks, Owned) and picks.kind == "parameter"):
        raise Refusal("it picks by an index that is computed")
    sizes = t.sizes(op.outputs[0])
    buffer = isinstance(picks, Owned) and picks.kind == "buffer"
    if isinstance(table, Owned) and table.kind == "parameter" and len(table.sizes) == 2 and not along and buffer:
        t.same(Picked(table, sizes))
        return
    value = t.stream(op.arguments["self"])
    axis = axis_of(value, along)
    count = prod(picks.sizes)
    step = t.step(
        "index_select", {"axis": axis, "count": count, **({} if buffer else {"buffer": False})}, (value.step,)
    )
    shape = (*value.shape[:axis], count, *value.shape[axis + 1 :])
    t.note(step, shape)
    made = value._replace(step=step, shape=shape)
    t.same(regrouped(t, made, sizes, copied=False))


@operation("pad", "constant_pad_nd")
def pad(t: Translation, op: Operation) -> None:
    """`pad` at the sides of spatial axes, with zeros or by reflection."""
    mode = op.arguments.get("mode", "constant")
    words = {"constant": "zero", "reflect": "reflect", "replicate": "replicate"}
    if mode not in words:
        raise Refusal(f"its mode is {mode}")
    value = t.stream(op.arguments["self"])
    sides = list(op.arguments["pad"])
    pairs = [(sides[i], sides[i + 1]) for i in range(0, len(sides), 2)][::-1]  # from the last axis on
    pairs = [(0, 0)] * (len(value.dims) - len(pairs)) + pairs
    for number, (before, after) in enumerate(pairs):  # a negative side takes positions off
        if min(before, after) < 0:
            value = _without_sides(t, value, number, max(-before, 0), max(-after, 0))
    pairs = [(max(before, 0), max(after, 0)) for before, after in pairs]
    by_axis = {axis_of(value, number): pair for number, pair in enumerate(pairs) if pair != (0, 0)}
    if 0 in by_axis or (not by_axis and len(value.shape) == 1) or len(value.shape) > 4:
        if list(by_axis) == [0] and by_axis[0][0] == 0 and mode == "constant":
            made = t.step("pad_channels", {"out": value.shape[0] + by_axis[0][1]}, (value.step,))
            t.made(made, value.dims, axes=len(value.shape))
            return
        raise Refusal("it is not at the sides of spatial axes")
    all_pairs = [by_axis.get(axis, (0, 0)) for axis in range(1, len(value.shape))]
    size = tuple(before if before == after else (before, after) for before, after in all_pairs)
    attributes: dict[str, object] = {"size": size[0] if len(set(size)) == 1 and isinstance(size[0], int) else size}
    if mode != "constant":
        attributes["mode"] = words[mode]
    t.made(t.step("pad", attributes, (value.step,)), value.dims, axes=len(value.shape))


def _without_sides(t: Translation, value: Value, number: int, before: int, after: int) -> Value:
    """A value with so many positions less at the two sides of an axis of its tensor."""
    axis = axis_of(value, number)
    count = value.shape[axis] - before - after
    attributes = given(start=(before, 0), count=(count if after else None, None))
    step = t.step("slice", {"axis": axis, **attributes}, (value.step,))
    shape = (*value.shape[:axis], count, *value.shape[axis + 1 :])
    t.note(step, shape)
    return value._replace(step=step, shape=shape)


@operation("roll")
def roll(t: Translation, op: Operation) -> None:
    """`roll` along some axes, by one distance each time."""
    value = t.stream(op.arguments["self"])
    shifts, over = op.arguments["shifts"], op.arguments["dims"]
    pairs = zip(
        shifts if isinstance(shifts, list) else [shifts], over if isinstance(over, list) else [over], strict=True
    )
    by: dict[int, list[int]] = {}
    for shift, along in pairs:
        by.setdefault(shift, []).append(axis_of(value, counted(along, len(value.dims))))
    for shift, axes in by.items():
        words: Any = tuple(sorted(axes)) if len(axes) > 1 else axes[0]
        if words == tuple(range(1, len(value.shape))) and len(words) > 1:
            words = "positions"
        step = t.step("roll", {"over": words, "by": shift}, (value.step,))
        t.note(step, value.shape)
        value = value._replace(step=step)
    t.same(value)


@operation("masked_fill", "masked_fill_")
def masked_fill(t: Translation, op: Operation) -> None:
    """`mask`, where what is filled is a constant."""
    if not isinstance(t.value(op.arguments["mask"]), (Constant, Owned)):
        raise Refusal("its mask is computed from the input")
    t.emit_as("mask", t.stream(op.arguments["self"]))


@operation("im2col")
def im2col(t: Translation, op: Operation) -> None:
    """`unfold`: the values of each window as channels."""
    stream = as_image(t, t.stream(given_self(op)))
    t.emit("unfold", stream, given(**_sliding(op, len(stream.shape) - 1)), dims=((BATCH,), (0,), (1,)))


@operation("col2im")
def col2im(t: Translation, op: Operation) -> None:
    """`fold`: windows that are added up to a map."""
    stream = as_image(t, t.stream(given_self(op)))
    size = tuple(t.sizes(op.outputs[0])[2:])
    sliding = _sliding(op, len(size))
    if any(len(set(values)) > 1 for values, _ in sliding.values()):
        raise Refusal("its windows differ along the two axes")
    made = t.step("fold", {"size": size, **given(**sliding)}, (stream.step,))
    t.made(made, ((BATCH,), (0,), (1,), (2,)))


def _sliding(op: Operation, rank: int) -> dict[str, tuple[Any, Any]]:
    """Kernel, stride, padding and dilation of windows, and what is left out."""
    defaults = {"stride": 1, "padding": 0, "dilation": 1}
    names = {"kernel": "kernel_size", **{name: name for name in defaults}}
    return {name: (sizes(op, argument, rank), defaults.get(name)) for name, argument in names.items()}


@operation("channel_shuffle")
def channel_shuffle(t: Translation, op: Operation) -> None:
    """`channel_shuffle`."""
    t.emit("channel_shuffle", as_image(t, t.stream(op.arguments["self"])), {"groups": whole(op, "groups")})


@operation("pixel_shuffle")
def pixel_shuffle(t: Translation, op: Operation) -> None:
    """`pixel_shuffle`."""
    t.emit("pixel_shuffle", as_image(t, t.stream(op.arguments["self"])), {"scale": whole(op, "upscale_factor")})


@operation("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d")
@operation("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "_upsample_bilinear2d_aa")
@operation("upsample_bicubic2d", "_upsample_bicubic2d_aa")
def upsample(t: Translation, op: Operation) -> None:
    """`upsample`, by whole factors or to a size."""
    stream = as_image(t, t.stream(given_self(op)))
    before, after = stream.shape[1:], t.sizes(op.outputs[0])[2:]
    if any(new % old for old, new in zip(before, after, strict=True)):
        attributes: dict[str, object] = {"to": after}
    else:
        factors = tuple(new // old for old, new in zip(before, after, strict=True))
        attributes = {"scale": factors[0] if len(set(factors)) == 1 else factors}
    if "nearest" not in op.target:
        attributes["mode"] = "cubic" if "cubic" in op.target else "linear"
    if op.target.endswith("_aa"):
        attributes["antialias"] = True
    t.emit("upsample", stream, attributes)
