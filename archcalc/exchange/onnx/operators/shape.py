"""What moves values and computes nothing."""

from __future__ import annotations

from typing import Any

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
    low.permuted(first, made, order)
    swapped = [axis for axis, other in enumerate(order) if axis != other]
    if len(swapped) == 2:
        low.emit("transpose", {"self": Name(first), "dim0": swapped[0], "dim1": swapped[1]}, made)
    else:
        low.emit("permute", {"self": Name(first), "dims": order}, made)


@operator("Concat")
def concat(low: Lowering, node: Node) -> None:
    """Values behind one another along an axis."""
    tensors = [Name(_for_each_sample(low, name, number)) for number, name in enumerate(node.inputs)]
    low.emit("cat", {"tensors": tensors, "dim": node.attributes["axis"]}, node.outputs[0])


def _for_each_sample(low: Lowering, name: str, number: int) -> str:
    """A tensor of the model that an exporter has repeated for each sample, as one that the graph repeats."""
    batch, *rest = low.shape(name)
    if name not in low.owned or batch == 1 or batch != low.shape(low.model.inputs[0])[0]:
        return name
    one, repeated = low.between(f"one of {number}", (1, *rest)), low.between(f"repeated {number}", (batch, *rest))
    low.again(name, one, (1, *rest))
    low.emit("expand", {"self": Name(one)}, repeated)
    return repeated


@operator("Split")
def split(low: Lowering, node: Node) -> None:
    """Parts along an axis, an output for each."""
    arguments = {"self": Name(node.inputs[0]), "dim": node.attributes.get("axis", 0)}
    low.emit("split_with_sizes", arguments, *node.outputs)


@operator("SplitToSequence")
def split_to_sequence(low: Lowering, node: Node) -> None:
    """Parts along an axis, which SequenceAt takes one by one."""
    first, axis = node.inputs[0], node.attributes.get("axis", 0)
    name = low.input(node, 1)
    if not name or not node.attributes.get("keepdims", 1):
        raise Refusal("its parts are not as long as it says")
    size, given = low.shape(first)[axis], low.numbers(name)
    whole = len(low.shapes.get(name, (1,))) == 0
    widths = [min(given[0], size - start) for start in range(0, size, max(given[0], 1))] if whole else given
    low.sequences[node.outputs[0]] = (first, axis, tuple(widths))


@operator("SequenceAt")
def sequence_at(low: Lowering, node: Node) -> None:
    """One of the parts."""
    if node.inputs[0] not in low.sequences:
        raise Refusal("its sequence is not one of parts of a value")
    first, axis, widths = low.sequences[node.inputs[0]]
    (number,) = low.numbers(node.inputs[1])
    number %= len(widths)
    start = sum(widths[:number])
    shape = low.shape(first)
    low.shapes[node.outputs[0]] = (*shape[:axis], widths[number], *shape[axis + 1 :])
    arguments = {"self": Name(first), "dim": axis, "start": start, "end": start + widths[number]}
    low.emit("slice", arguments, node.outputs[0])


@operator("Slice")
def slice_(low: Lowering, node: Node) -> None:
    """Parts along axes, one axis after the other; bounds are attributes, in newer files inputs."""
    first, made = node.inputs[0], node.outputs[0]
    shape = list(low.shape(first))
    bounds: list[Any] = []
    for number, key in enumerate(("starts", "ends", "axes", "steps"), 1):
        name = low.input(node, number)
        bounds.append(low.numbers(name) if name else node.attributes.get(key))
    starts, ends, axes, steps = bounds
    axes = list(range(len(starts))) if axes is None else [axis % len(shape) for axis in axes]
    steps = [1] * len(starts) if steps is None else steps
    if min(steps) < 1:
        raise Refusal("it goes backwards")
    value = first
    for number, (start, end, axis, step) in enumerate(zip(starts, ends, axes, steps, strict=True), 1):
        start, end, _ = slice(start, end).indices(shape[axis])
        shape[axis] = max(0, -(-(end - start) // step))
        output = made if number == len(starts) else low.between(f"part {number}", shape)
        arguments = {"self": Name(value), "dim": axis, "start": start, "end": end, "step": step}
        low.emit("slice", arguments, output)
        value = output


@operator("Gather")
def gather(low: Lowering, node: Node) -> None:
    """Rows of a table that the model stores, one place of an axis, or all values in their order."""
    data, indices = node.inputs
    axis = node.attributes.get("axis", 0)
    is_table = data in low.owned and axis == 0 and len(low.shape(data)) == 2
    if is_table and low.is_known(indices) and len(low.shape(indices)) == 2 and low.shape(indices)[0] > 1:
        # A row for each pair of positions, as a bias by relative position has them: a framework stores the index.
        picked = low.between("index", low.shape(indices))
        low.owned[picked] = picked
        low.emit("index", {"self": Name(data), "indices": [low.buffer(picked)]}, node.outputs[0])
    elif is_table and low.shape(indices):
        low.emit("embedding", {"weight": Name(data), "indices": Name(indices)}, node.outputs[0])
    elif data not in low.owned and low.is_fixed(indices) and not low.shape(indices):
        (index,) = low.numbers(indices)
        low.emit("select", {"self": Name(data), "dim": axis, "index": index}, node.outputs[0])
    elif _takes_all(low, data, indices):
        low.emit("reshape", {"self": Name(data)}, node.outputs[0])
    else:
        raise Refusal("it takes neither rows of a table nor one place of an axis")


def _takes_all(low: Lowering, data: str, indices: str) -> bool:
    """Whether a list's values are taken one after the other, as strides are written that change nothing."""
    index = low.constant(indices)
    return (
        index is not None and [*low.shape(data)] == [index.size] and index.reshape(-1).tolist() == [*range(index.size)]
    )


@operator("Expand")
def expand(low: Lowering, node: Node) -> None:
    """A value, repeated along axes of size 1; a tensor of the model for each sample."""
    low.emit("expand", {"self": Name(node.inputs[0])}, node.outputs[0])


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
    if mode not in ("nearest", "linear", "cubic"):
        raise Refusal(f"its mode is {mode}")
    rank = len(low.shape(node.inputs[0])) - 2
    word = {"nearest": "nearest", "linear": "bilinear" if rank == 2 else "linear"}.get(mode, "bicubic")
    low.emit(f"upsample_{word}{rank}d", {"input": Name(node.inputs[0])}, node.outputs[0])
