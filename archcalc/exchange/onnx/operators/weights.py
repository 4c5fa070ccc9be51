"""Layers with weights: convolutions, products with a matrix, normalisations."""

from __future__ import annotations

from typing import Any

from archcalc.exchange.graph import Name
from archcalc.exchange.onnx.lower import Lowering
from archcalc.exchange.onnx.nodes import Node
from archcalc.exchange.onnx.operators.registry import operator
from archcalc.exchange.onnx.operators.windows import dilations, paddings, strides
from archcalc.exchange.operations.registry import Refusal


@operator("Conv")
def conv(low: Lowering, node: Node) -> None:
    """A convolution; its weights are laid out as PyTorch's."""
    weight, kernel = _kernel(low, node)
    arguments = {
        "input": Name(node.inputs[0]),
        "weight": weight,
        "bias": low.weight(low.input(node, 2)),
        "stride": strides(node, len(kernel)),
        "padding": paddings(low, node, kernel),
        "dilation": dilations(node, len(kernel)),
        "groups": node.attributes.get("group", 1),
    }
    low.emit("convolution", arguments, node.outputs[0])


@operator("ConvTranspose")
def conv_transpose(low: Lowering, node: Node) -> None:
    """A transposed convolution. What its padding at the two ends differs by is padding of the output."""
    weight, kernel = _kernel(low, node)
    if node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or node.attributes.get("output_shape"):
        raise Refusal("its padding follows from the shape of its output")
    rank = len(kernel)
    pads = node.attributes.get("pads") or [0] * 2 * rank
    more = node.attributes.get("output_padding") or [0] * rank
    arguments = {
        "input": Name(node.inputs[0]),
        "weight": weight,
        "bias": low.weight(low.input(node, 2)),
        "stride": strides(node, rank),
        "padding": pads[:rank],
        "output_padding": [extra + pads[i] - pads[rank + i] for i, extra in enumerate(more)],
        "dilation": dilations(node, rank),
        "groups": node.attributes.get("group", 1),
    }
    low.emit(f"conv_transpose{rank}d", arguments, node.outputs[0])


def _kernel(low: Lowering, node: Node) -> tuple[Name | None, tuple[int, ...]]:
    """The weights of a convolution, and the size of its windows."""
    weight = low.weight(node.inputs[1])
    return weight, low.shape(node.inputs[1])[2:]


@operator("Gemm")
def gemm(low: Lowering, node: Node) -> None:
    """A linear layer: the product with a matrix that the model stores, plus a bias."""
    if node.attributes.get("transA", 0):
        raise Refusal("its first matrix is transposed")
    if node.attributes.get("alpha", 1) != 1 or (low.input(node, 2) and node.attributes.get("beta", 1) != 1):
        raise Refusal("its product or its bias is multiplied by a number")
    _linear(low, node, low.input(node, 2), turned=not node.attributes.get("transB", 0))


@operator("MatMul")
def matmul(low: Lowering, node: Node) -> None:
    """A linear layer, where the second matrix is the model's; a third input is its bias."""
    first, second = node.inputs[:2]
    if low.is_fixed(second) and len(low.shape(second)) == 2:
        _linear(low, node, low.input(node, 2), turned=True)
    else:
        low.emit("matmul", {"self": Name(first), "other": Name(second)}, node.outputs[0])


def _linear(low: Lowering, node: Node, bias: str, *, turned: bool) -> None:
    first, second = node.inputs[:2]
    if not low.is_fixed(second):
        raise Refusal("its weights are computed")
    weight = second
    if turned:
        weight = low.between("transposed", low.shape(second)[::-1])
        low.again(second, weight, low.shape(second)[::-1])
    arguments = {"input": Name(first), "weight": Name(weight), "bias": low.weight(bias)}
    low.emit("linear", arguments, node.outputs[0])


@operator("BatchNormalization")
def batch_norm(low: Lowering, node: Node) -> None:
    """A batch normalisation; its running statistics are stored and not trained."""
    first, scale, shift, mean, variance = node.inputs
    arguments = {
        "input": Name(first),
        **_affine(low, scale, shift),
        "running_mean": low.buffer(mean),
        "running_var": low.buffer(variance),
    }
    low.emit("batch_norm", arguments, node.outputs[0])


@operator("InstanceNormalization")
def instance_norm(low: Lowering, node: Node) -> None:
    """An instance normalisation."""
    first, scale, shift = node.inputs
    low.emit("instance_norm", {"input": Name(first), **_affine(low, scale, shift)}, node.outputs[0])


@operator("GroupNormalization")
def group_norm(low: Lowering, node: Node) -> None:
    """A group normalisation."""
    first, scale, shift = node.inputs
    arguments = {"input": Name(first), "num_groups": node.attributes["num_groups"], **_affine(low, scale, shift)}
    low.emit("group_norm", arguments, node.outputs[0])


@operator("LayerNormalization")
def layer_norm(low: Lowering, node: Node) -> None:
    """A layer normalisation, over the axes from one on."""
    first, scale = node.inputs[:2]
    over = _from_axis(low, node)
    arguments = {"input": Name(first), "normalized_shape": over, **_affine(low, scale, low.input(node, 2))}
    low.emit("layer_norm", arguments, node.outputs[0])


@operator("RMSNormalization", "SimplifiedLayerNormalization")
def rms_norm(low: Lowering, node: Node) -> None:
    """A normalisation by the root of the mean square, over the axes from one on."""
    arguments = {
        "input": Name(node.inputs[0]),
        "normalized_shape": _from_axis(low, node),
        "weight": low.weight(node.inputs[1]),
    }
    low.emit("rms_norm", arguments, node.outputs[0])


def _from_axis(low: Lowering, node: Node) -> list[int]:
    shape = low.shape(node.inputs[0])
    return list(shape[node.attributes.get("axis", -1) % len(shape) :])


def _affine(low: Lowering, scale: str, shift: str) -> dict[str, Any]:
    """Scale and shift; neither where the graph makes up ones and zeros."""
    if scale not in low.owned and low.number(scale) == 1:
        return {"weight": None, "bias": low.weight(shift)}
    return {"weight": low.weight(scale), "bias": low.weight(shift)}


@operator("LRN")
def lrn(low: Lowering, node: Node) -> None:
    """A local response normalisation."""
    low.emit("local_response_norm", {"input": Name(node.inputs[0]), "size": node.attributes["size"]}, node.outputs[0])
