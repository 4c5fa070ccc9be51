"""Pooling, and means over positions."""

from __future__ import annotations

from archcalc.exchange.graph import Operation
from archcalc.exchange.operations.arguments import flag, given, paddings, sample_axis, sizes
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Translation


def _windows(op: Operation, rank: int) -> dict[str, tuple[object, object]]:
    kernel = sizes(op, "kernel_size", rank)
    stride = sizes(op, "stride", rank) or kernel
    return {
        "kernel": (kernel, None),
        "stride": (None if stride == kernel else stride, None),
        "padding": (paddings(op, rank), 0),
    }


@operation("max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices")
def max_pool(t: Translation, op: Operation) -> None:
    """`maxpool`."""
    rank = len(t.stream(op.arguments["self"]).axes) - 1
    attributes = given(
        **_windows(op, rank),
        dilation=(sizes(op, "dilation", rank, [1]), 1),
        ceil_mode=(flag(op, "ceil_mode", False), False),
    )
    t.emit("maxpool", t.aligned(op.arguments["self"]), attributes)


@operation("avg_pool1d", "avg_pool2d", "avg_pool3d")
def avg_pool(t: Translation, op: Operation) -> None:
    """`avgpool`."""
    rank = len(t.stream(op.arguments["self"]).axes) - 1
    attributes = given(
        **_windows(op, rank),
        ceil_mode=(flag(op, "ceil_mode", False), False),
        count_include_pad=(flag(op, "count_include_pad", True), True),
    )
    t.emit("avgpool", t.aligned(op.arguments["self"]), attributes)


@operation("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def adaptive_avg_pool(t: Translation, op: Operation) -> None:
    """`global_avgpool` where one position is left, `adaptive_avgpool` elsewhere."""
    size = _output_size(t, op)
    if all(n == 1 for n in size):
        t.emit("global_avgpool", t.aligned(op.arguments["self"]))
    else:
        t.emit("adaptive_avgpool", t.aligned(op.arguments["self"]), given(size=(size, None)))


@operation("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def adaptive_max_pool(t: Translation, op: Operation) -> None:
    """`global_maxpool` where one position is left, `adaptive_maxpool` elsewhere."""
    size = _output_size(t, op)
    if all(n == 1 for n in size):
        t.emit("global_maxpool", t.aligned(op.arguments["self"]))
    else:
        t.emit("adaptive_maxpool", t.aligned(op.arguments["self"]), given(size=(size, None)))


def _output_size(t: Translation, op: Operation) -> tuple[int, ...]:
    return tuple(t.sizes(op.outputs[0])[1:])


@operation("mean")
def mean(t: Translation, op: Operation) -> None:
    """`global_avgpool`: a mean over all positions; a vector where the positions are not kept as axes of size 1."""
    stream = t.stream(op.arguments["self"])
    rank = len(stream.axes)
    over = {stream.axes[sample_axis(each, rank)] for each in sizes(op, "dim", 1)}
    if over != set(range(1, rank)):
        raise Refusal("it is not over all positions")
    keeps = flag(op, "keepdim", False)
    pooled = t.step("global_avgpool", {}, (stream.step,))
    if keeps:
        t.same(stream._replace(step=pooled))
    else:
        t.emit("flatten", pooled)
