"""What moves values and computes nothing."""

from __future__ import annotations

from archcalc.exchange.graph import Name
from archcalc.exchange.onnx.lower import Lowering
from archcalc.exchange.onnx.nodes import Node
from archcalc.exchange.onnx.operators.registry import operator
from archcalc.exchange.operations.registry import Refusal


@operator("Identity", "Cast", "CastLike")
def unchanged(low: Lowering, node: Node) -> None:
    """The same values. A copy of a tensor of the model is another tensor: a framework stores equal ones once."""
    first, made = node.inputs[0], node.outputs[0]
    if first in low.owned:
        low.again(first, made, low.shape(first))
        low.owned[made] = made if node.kind == "Identity" else low.owned[first]
    else:
        low.emit("identity", {"self": Name(first)}, made)


@operator("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(low: Lowering, node: Node) -> None:
    """Another shape, which shape inference has worked out; of a tensor of the model, that tensor."""
    first, made = node.inputs[0], node.outputs[0]
    if first in low.owned:
        low.again(first, made, low.shape(made))
    else:
        low.emit("reshape", {"self": Name(first)}, made)


@operator("Transpose")
def transpose(low: Lowering, node: Node) -> None:
    """The axes in another order."""
    first, made = node.inputs[0], node.outputs[0]
    order = node.attributes.get("perm") or list(range(len(low.shape(first))))[::-1]
    if first in low.owned:
        low.again(first, made, low.shape(made))
        return
    swapped = [axis for axis, other in enumerate(order) if axis != other]
    if len(swapped) == 2:
        low.emit("transpose", {"self": Name(first), "dim0": swapped[0], "dim1": swapped[1]}, made)
    else:
        low.emit("permute", {"self": Name(first), "dims": order}, made)


@operator("Concat")
def concat(low: Lowering, node: Node) -> None:
    """Values behind one another along an axis."""
    tensors = [Name(name) for name in node.inputs]
    low.emit("cat", {"tensors": tensors, "dim": node.attributes["axis"]}, node.outputs[0])


@operator("Split")
def split(low: Lowering, node: Node) -> None:
    """Parts along an axis, an output for each."""
    arguments = {"self": Name(node.inputs[0]), "dim": node.attributes.get("axis", 0)}
    low.emit("split_with_sizes", arguments, *node.outputs)


@operator("Constant", "ConstantOfShape")
def constant(low: Lowering, node: Node) -> None:
    """A tensor of the model: nothing is computed."""
    if node.outputs[0] not in low.owned:
        raise Refusal("its values are not known")


@operator("Pad")
def pad(low: Lowering, node: Node) -> None:
    """Padding at both ends of axes: an attribute, in newer files an input, for all axes or for those that it names."""
    rank = len(low.shape(node.inputs[0]))
    name = low.input(node, 1)
    sides = low.numbers(name) if name else node.attributes.get("pads") or node.attributes["paddings"]
    axes = low.numbers(low.input(node, 3)) if low.input(node, 3) else list(range(rank))
    pairs = [(0, 0)] * rank
    for number, axis in enumerate(axes):
        pairs[axis] = (sides[number], sides[len(axes) + number])
    if pairs[0] != (0, 0):
        raise Refusal("it works along the batch")
    mode = node.attributes.get("mode", "constant")
    words = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}
    if mode not in words:
        raise Refusal(f"its mode is {mode}")
    # PyTorch lists the last axis first.
    flat = [side for pair in reversed(pairs[1:]) for side in pair]
    low.emit("pad", {"self": Name(node.inputs[0]), "pad": flat, "mode": words[mode]}, node.outputs[0])


@operator("DepthToSpace")
def depth_to_space(low: Lowering, node: Node) -> None:
    """Channels become positions, which of them where being of no matter to any figure."""
    arguments = {"self": Name(node.inputs[0]), "upscale_factor": node.attributes["blocksize"]}
    low.emit("pixel_shuffle", arguments, node.outputs[0])


@operator("Resize", "Upsample")
def resize(low: Lowering, node: Node) -> None:
    """Larger maps, by repeating values or by interpolating."""
    mode = node.attributes.get("mode", "nearest")
    if mode not in ("nearest", "linear"):
        raise Refusal(f"its mode is {mode}")
    rank = len(low.shape(node.inputs[0])) - 2
    word = "nearest" if mode == "nearest" else "bilinear" if rank == 2 else "linear"
    low.emit(f"upsample_{word}{rank}d", {"input": Name(node.inputs[0])}, node.outputs[0])
