"""Pooling, and the windows that it shares with convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archcalc.exchange.graph import Name
from archcalc.exchange.onnx.lower import Lowering
from archcalc.exchange.onnx.nodes import Node
from archcalc.exchange.onnx.operators.registry import operator
from archcalc.exchange.operations.registry import Refusal


def strides(node: Node, rank: int) -> list[int]:
    """The stride along each axis."""
    return node.attributes.get("strides") or [1] * rank


def dilations(node: Node, rank: int) -> list[int]:
    """The dilation along each axis."""
    return node.attributes.get("dilations") or [1] * rank


def paddings(low: Lowering, node: Node, kernel: Sequence[int]) -> list[int] | list[tuple[int, int]]:
    """The padding of each axis: one number where both ends have the same, else a pair for each."""
    rank = len(kernel)
    automatic = node.attributes.get("auto_pad", "NOTSET")
    pads = node.attributes.get("pads") or [0] * 2 * rank
    pairs = [(pads[axis], pads[rank + axis]) for axis in range(rank)]
    if automatic == "VALID":
        pairs = [(0, 0)] * rank
    elif automatic in ("SAME_UPPER", "SAME_LOWER"):
        axes = zip(low.shape(node.inputs[0])[2:], kernel, strides(node, rank), dilations(node, rank), strict=True)
        pairs = [_same(*axis, late=automatic == "SAME_UPPER") for axis in axes]
    elif automatic != "NOTSET":
        raise Refusal(f"its auto_pad is {automatic}")
    return [before for before, _ in pairs] if all(before == after for before, after in pairs) else pairs


def _same(size: int, kernel: int, stride: int, dilation: int, *, late: bool) -> tuple[int, int]:
    """The padding that leaves a size as it is, or divides it by the stride; of an odd number, one more at one end."""
    extent = dilation * (kernel - 1) + 1
    total = max(0, (-(-size // stride) - 1) * stride + extent - size)
    less = total // 2
    return (less, total - less) if late else (total - less, less)


@operator("MaxPool", "AveragePool")
def pool(low: Lowering, node: Node) -> None:
    """Pooling, whose average leaves padding out unless it says otherwise."""
    kernel = node.attributes["kernel_shape"]
    arguments: dict[str, Any] = {
        "self": Name(node.inputs[0]),
        "kernel_size": kernel,
        "stride": strides(node, len(kernel)),
        "padding": paddings(low, node, kernel),
        "ceil_mode": bool(node.attributes.get("ceil_mode", 0)),
    }
    if node.kind == "MaxPool":
        if len(node.outputs) > 1 and node.outputs[1]:
            raise Refusal("its indices are used")
        arguments["dilation"] = dilations(node, len(kernel))
    else:
        if set(dilations(node, len(kernel))) != {1}:
            raise Refusal("it is dilated")
        arguments["count_include_pad"] = bool(node.attributes.get("count_include_pad", 0))
    low.emit(f"{'max' if node.kind == 'MaxPool' else 'avg'}_pool{len(kernel)}d", arguments, node.outputs[0])


@operator("GlobalAveragePool", "GlobalMaxPool")
def global_pool(low: Lowering, node: Node) -> None:
    """Pooling over all positions."""
    rank = len(low.shape(node.inputs[0])) - 2
    word = "avg" if node.kind == "GlobalAveragePool" else "max"
    arguments = {"self": Name(node.inputs[0]), "output_size": [1] * rank}
    low.emit(f"adaptive_{word}_pool{rank}d", arguments, node.outputs[0])
