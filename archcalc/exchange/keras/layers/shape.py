"""What moves values and computes nothing."""

from __future__ import annotations

from math import prod
from typing import Any

from archcalc.exchange.keras.call import Call
from archcalc.exchange.keras.registry import keras_layer
from archcalc.exchange.operations.arguments import given
from archcalc.exchange.operations.registry import Refusal


@keras_layer("Flatten")
def flatten(call: Call) -> int:
    """`flatten`; the order of the values is another one, which no figure tells."""
    value = call.input()
    return call.step("flatten", value) if call.volume(value).rank else value


@keras_layer("Reshape")
def reshape(call: Call) -> int:
    """`reshape`. Where the channels are not kept, the axes are put in the order of the tensor, and back."""
    value = call.input()
    before = call.volume(value).shape
    target = call.config.get("target_shape")
    if not isinstance(target, list) or not target or any(type(size) is not int for size in target):
        raise Refusal("its target_shape is not a list of whole numbers")
    known = prod(size for size in target if size != -1)
    if target.count(-1) == 1 and known > 0:
        target = [prod(before) // known if size == -1 else size for size in target]
    if min(target) < 1 or prod(target) != prod(before):
        raise Refusal("its target_shape does not hold as many values as its input has")
    after = (target[-1], *target[:-1])
    if after == before:
        return value
    if len(after) == 1:
        return call.step("flatten", value)
    if len(before) == 1 or after[0] == before[0]:
        return call.step("reshape", value, {"shape": after})
    value = call.within("transpose", value, {"order": (*range(1, len(before)), 0)})
    value = call.step("reshape", value, {"shape": tuple(target)})
    return call.within("transpose", value, {"order": (len(target) - 1, *range(len(target) - 1))})


@keras_layer("Permute")
def permute(call: Call) -> int:
    """`transpose`."""
    value = call.input()
    volume = call.volume(value)
    order = [call.axis(axis, volume, "dims") for axis in call.wholes("dims", len(volume.shape))]
    moved = (order[-1], *order[:-1])
    return value if moved == tuple(range(len(moved))) else call.step("transpose", value, {"order": moved})


def _sides(found: Any, key: str, rank: int) -> dict[str, Any]:
    """`1`, `[1, 2]` or `[[1, 2], [3, 4]]`, before and behind each axis."""
    items = [found] * rank if type(found) is int else found
    if rank == 1 and isinstance(items, list) and len(items) == 2:
        items = [items]
    if not isinstance(items, list) or len(items) != rank:
        raise Refusal(f"its {key} is not given for each axis")
    pairs = [[item, item] if type(item) is int else item for item in items]
    if any(not isinstance(pair, list) or len(pair) != 2 or any(type(n) is not int for n in pair) for pair in pairs):
        raise Refusal(f"its {key} is not a number before and one behind each axis")
    sides = tuple(before if before == behind else (before, behind) for before, behind in pairs)
    alike = len(set(sides)) == 1 and isinstance(sides[0], int)
    return {"size": sides[0] if alike else sides}


@keras_layer("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def zero_padding(call: Call) -> int:
    """`pad`."""
    call.channels_last()
    return call.step("pad", call.input(), _sides(call.config.get("padding"), "padding", int(call.kind[-2])))


@keras_layer("Pad")
def pad(call: Call) -> int:
    """`pad`, by the function keras.ops.pad; which constant it adds is of no matter to any figure."""
    value, modes = call.input(), {"constant": "zero", "reflect": "reflect", "edge": "replicate"}
    sides, mode = call.config.get("pad_width"), call.word("mode", "constant")
    if not isinstance(sides, list) or sides[:1] + sides[-1:] != [[0, 0], [0, 0]] or mode not in modes:
        raise Refusal("it adds to the batch or to channels, or what it adds is not known")
    own = _sides(sides[1:-1], "pad_width", len(sides) - 2)
    return call.step("pad", value, {**own, **given(mode=(modes[mode], "zero"))})


@keras_layer("Cropping1D", "Cropping2D", "Cropping3D")
def cropping(call: Call) -> int:
    """`crop`."""
    call.channels_last()
    sides = _sides(call.config.get("cropping"), "cropping", int(call.kind[-2]))
    return call.step("crop", call.input(), sides) if sides["size"] else call.input()


@keras_layer("UpSampling1D", "UpSampling2D", "UpSampling3D")
def up_sampling(call: Call) -> int:
    """`upsample`."""
    call.channels_last()
    words = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}
    word = call.word("interpolation", "nearest")
    if word not in words:
        raise Refusal(f"its interpolation is {word}")
    own = given(scale=(call.wholes("size", int(call.kind[-2])), None), mode=(words[word], "nearest"))
    return call.step("upsample", call.input(), own)
