"""Pooling, and what else makes one value of many: sums, means, maxima, norms along axes."""

from __future__ import annotations

from archcalc.exchange.arrangement import as_image, as_images, axis_of
from archcalc.exchange.graph import Operation
from archcalc.exchange.operations.arguments import dims, flag, given, number, paddings, sizes
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Translation
from archcalc.exchange.values import Axes


def _windows(op: Operation, rank: int, more: int) -> dict[str, tuple[object, object]]:
    """Kernel, stride and padding along each of the last axes; along so many `more` before them the kernel is 1."""
    kernel = sizes(op, "kernel_size", rank - more)
    stride = sizes(op, "stride", rank - more) or kernel
    alone = (1,) * more
    return {
        "kernel": ((*alone, *kernel), None),
        "stride": (None if stride == kernel else (*alone, *stride), None),
        "padding": ((*(0,) * more, *paddings(op, rank - more)), 0),
    }


@operation("max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices")
def max_pool(t: Translation, op: Operation) -> None:
    """`maxpool`."""
    stream, more = as_images(t, t.stream(op.arguments["self"]))
    rank = len(stream.shape) - 1
    attributes = given(
        **_windows(op, rank, more),
        dilation=((*(1,) * more, *sizes(op, "dilation", rank - more, [1])), 1),
        ceil_mode=(flag(op, "ceil_mode", False), False),
    )
    t.emit("maxpool", stream, attributes)


@operation("avg_pool1d", "avg_pool2d", "avg_pool3d")
def avg_pool(t: Translation, op: Operation) -> None:
    """`avgpool`."""
    stream, more = as_images(t, t.stream(op.arguments["self"]))
    attributes = given(
        **_windows(op, len(stream.shape) - 1, more),
        ceil_mode=(flag(op, "ceil_mode", False), False),
        count_include_pad=(flag(op, "count_include_pad", True), True),
    )
    t.emit("avgpool", stream, attributes)


@operation("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
@operation("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def adaptive_pool(t: Translation, op: Operation) -> None:
    """`global_avgpool` where one position is left, `adaptive_avgpool` elsewhere; and so for a maximum."""
    pool = "avgpool" if "avg" in op.target else "maxpool"
    stream = as_image(t, t.stream(op.arguments["self"]))
    size = t.sizes(op.outputs[0])[2:]
    if all(n == 1 for n in size):
        t.emit(f"global_{pool}", stream)
    else:
        t.emit(f"adaptive_{pool}", stream, given(size=(size, None)))


@operation("mean")
def mean(t: Translation, op: Operation) -> None:
    """`global_avgpool` over all positions, `reduce_mean` over other axes."""
    _reduce(t, op, "reduce_mean")


@operation("sum")
def sum_(t: Translation, op: Operation) -> None:
    """`reduce_sum`."""
    _reduce(t, op, "reduce_sum")


@operation("amax", "max")
def amax(t: Translation, op: Operation) -> None:
    """`reduce_max`."""
    if op.target == "max" and any(t.is_used(name) for name in op.outputs[1:]):
        raise Refusal("it says where the maxima are")
    if op.target == "max" and "other" in op.arguments:
        raise Refusal("it is the larger of two values")
    _reduce(t, op, "reduce_max")


@operation("linalg_vector_norm", "norm")
def norm(t: Translation, op: Operation) -> None:
    """`reduce_norm`, the Euclidean one."""
    if number(op, "ord" if op.target == "linalg_vector_norm" else "p", 2) != 2:
        raise Refusal("it is not the Euclidean norm")
    _reduce(t, op, "reduce_norm")


def _reduce(t: Translation, op: Operation, layer: str) -> None:
    stream = t.stream(op.arguments["self"])
    rank = len(stream.dims)
    keeps = flag(op, "keepdim", False)
    gone = set(dims(op, "dim", rank))
    over = {axis_of(stream, each) for each in gone if stream.dims[each]}
    if not over:
        left = tuple(axes for number, axes in enumerate(stream.dims) if keeps or number not in gone)
        t.same(stream._replace(dims=left))
        return
    positions = set(range(1, len(stream.shape)))
    if layer == "reduce_mean" and over == positions and len(positions) <= 3:
        step = t.step("global_avgpool", {}, (stream.step,))
        numbers = {axis: axis for axis in range(len(stream.shape))}
    else:
        attributes: dict[str, object] = {"over": tuple(sorted(over)) if len(over) > 1 else min(over)}
        if over == positions:
            attributes["over"] = "positions"
        if keeps:
            attributes["keep"] = True
        step = t.step(layer, attributes, (stream.step,))
        stays = [axis for axis in range(len(stream.shape)) if keeps or axis == 0 or axis not in over]
        numbers = {axis: number for number, axis in enumerate(stays)}
    made: list[Axes] = [
        tuple(numbers.get(axis, axis) for axis in axes)
        for number, axes in enumerate(stream.dims)
        if keeps or number not in gone
    ]
    t.made(step, tuple(made), axes=len(numbers))
