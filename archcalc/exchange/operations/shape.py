"""What moves values and computes nothing."""

from __future__ import annotations

from archcalc.exchange.graph import Operation
from archcalc.exchange.operations.arguments import axis, sample_axis, whole
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Translation


@operation("contiguous", "clone", "alias", "detach", "lift_fresh_copy", "identity", "detach_")
def unchanged(t: Translation, op: Operation) -> None:
    """The same values: no layer."""
    t.same(t.value(op.arguments["self" if "self" in op.arguments else "input"]))


@operation("flatten", "view", "reshape", "_unsafe_view", "unflatten", "squeeze", "unsqueeze")
def reshape(t: Translation, op: Operation) -> None:
    """`flatten` to a vector, `reshape` to another shape; nothing where the shape stays."""
    argument = op.arguments["self"]
    stream = t.stream(argument)
    before, after = t.sizes(argument), t.sizes(op.outputs[0])
    if before == after:
        t.same(stream)
    elif len(after) == 1:
        t.emit("flatten", t.in_tensor_order(stream))
    else:
        t.emit("reshape", t.in_tensor_order(stream), {"shape": after})


@operation("permute", "transpose", "swapaxes", "t")
def permute(t: Translation, op: Operation) -> None:
    """The axes in another order: no layer, since a value knows where its channels are."""
    stream = t.stream(op.arguments["self"])
    rank = len(stream.axes)
    order = list(range(rank))
    if op.target == "permute":
        if sorted(int(each) % (rank + 1) for each in op.arguments["dims"]) != list(range(rank + 1)):
            raise Refusal("its order is not one of all axes")
        if op.arguments["dims"][0] % (rank + 1):
            raise Refusal("it moves the batch")
        order = [sample_axis(each, rank) for each in op.arguments["dims"][1:]]
    elif op.target == "t":
        raise Refusal("it moves the batch")
    else:
        names = ("axis0", "axis1") if op.target == "swapaxes" else ("dim0", "dim1")
        one, other = (axis(op, name, rank) for name in names)
        order[one], order[other] = other, one
    t.same(stream._replace(axes=tuple(stream.axes[each] for each in order)))


@operation("chunk", "split", "split_with_sizes")
def split(t: Translation, op: Operation) -> None:
    """`split` or `select`: a part of the channels for each output that is used."""
    stream = t.stream(op.arguments["self"])
    along = axis(op, "dim", len(stream.axes), 0)
    if stream.axes[along] != 0:
        raise Refusal("it is not along the channels")
    widths = [t.sizes(name)[along] for name in op.outputs]
    start = 0
    for number, (name, width) in enumerate(zip(op.outputs, widths, strict=True)):
        if t.is_used(name):
            if len(set(widths)) == 1:
                step = t.step("split", {"parts": len(widths), "part": number}, (stream.step,))
            else:
                step = t.step("select", {"start": start, "count": width}, (stream.step,))
            t.same(stream._replace(step=step), name)
        start += width


@operation("pad", "constant_pad_nd")
def pad(t: Translation, op: Operation) -> None:
    """`pad` at the sides of the spatial axes, with zeros or by reflection."""
    mode = op.arguments.get("mode", "constant")
    words = {"constant": "zero", "reflect": "reflect", "replicate": "replicate"}
    if mode not in words:
        raise Refusal(f"its mode is {mode}")
    argument = op.arguments["self"]
    rank = len(t.stream(argument).axes)
    sides = list(op.arguments["pad"])
    pairs = [(sides[i], sides[i + 1]) for i in range(0, len(sides), 2)][::-1]  # from the last axis on
    pairs = [(0, 0)] * (rank - len(pairs)) + pairs
    if len(pairs) != rank or pairs[0] != (0, 0) or any(side < 0 for pair in pairs for side in pair):
        raise Refusal("it is not at the sides of spatial axes")
    size = tuple(before if before == after else (before, after) for before, after in pairs[1:])
    attributes: dict[str, object] = {"size": size[0] if len(set(size)) == 1 and isinstance(size[0], int) else size}
    if mode != "constant":
        attributes["mode"] = words[mode]
    t.emit("pad", t.aligned(argument), attributes)


@operation("channel_shuffle")
def channel_shuffle(t: Translation, op: Operation) -> None:
    """`channel_shuffle`."""
    t.emit("channel_shuffle", t.aligned(op.arguments["self"]), {"groups": whole(op, "groups")})


@operation("pixel_shuffle")
def pixel_shuffle(t: Translation, op: Operation) -> None:
    """`pixel_shuffle`."""
    t.emit("pixel_shuffle", t.aligned(op.arguments["self"]), {"scale": whole(op, "upscale_factor")})


@operation("upsample_nearest2d", "upsample_bilinear2d")
def upsample(t: Translation, op: Operation) -> None:
    """`upsample` by whole factors."""
    argument = op.arguments["input" if "input" in op.arguments else "self"]
    before, after = t.sizes(argument)[1:], t.sizes(op.outputs[0])[1:]
    if any(new % old for old, new in zip(before, after, strict=True)):
        raise Refusal("it is not by a whole factor")
    factors = tuple(new // old for old, new in zip(before, after, strict=True))
    attributes: dict[str, object] = {"scale": factors[0] if len(set(factors)) == 1 else factors}
    if "bilinear" in op.target:
        attributes["mode"] = "linear"
    t.emit("upsample", t.aligned(argument), attributes)
