"""Layers with weights: convolutions, linear layers, tables, normalisations."""

from __future__ import annotations

from archcalc.exchange.writers.onnx.graph import Site, Unwritten, Value
from archcalc.exchange.writers.onnx.layers.registry import written
from archcalc.exchange.writers.onnx.message import Attribute, Type
from archcalc.layers.windows import extents, sides_of


def pads(sides: tuple[tuple[int, int], ...]) -> list[int]:
    """Padding as ONNX lists it: before each axis, then behind each."""
    return [int(before) for before, _ in sides] + [int(after) for _, after in sides]


def _convolution(site: Site, out: int, groups: int) -> Value:
    kernel, stride, dilation = site["kernel"], site["stride"], site["dilation"]
    sides = sides_of(site.volume, extents(kernel, dilation), stride, site["padding"])
    tensors = [site.weight("weight", out, site.channels // groups, *kernel)]
    if site["bias"]:
        tensors.append(site.weight("bias", out))
    attributes: dict[str, Attribute] = {
        "kernel_shape": list(kernel),
        "strides": list(stride),
        "pads": pads(sides),
        "dilations": list(dilation),
        "group": groups,
    }
    return site.made(site.node("Conv", site.first(), *tensors, **attributes))


@written
def conv(site: Site) -> Value:
    return _convolution(site, site["out"], site["groups"])


@written
def depthwise_conv(site: Site) -> Value:
    return _convolution(site, site.channels * site["multiplier"], site.channels)


@written
def conv_transpose(site: Site) -> Value:
    tensors = [site.weight("weight", site.channels, site["out"] // site["groups"], *site["kernel"])]
    if site["bias"]:
        tensors.append(site.weight("bias", site["out"]))
    attributes: dict[str, Attribute] = {
        "kernel_shape": list(site["kernel"]),
        "strides": list(site["stride"]),
        "pads": pads(site["padding"]),
        "output_padding": list(site["output_padding"]),
        "dilations": list(site["dilation"]),
        "group": site["groups"],
    }
    return site.made(site.node("ConvTranspose", site.first(), *tensors, **attributes))


@written
def linear(site: Site) -> Value:
    """Of a vector one operator, of positions a product and a sum."""
    out = site["out"]
    if not site.rank:
        tensors = [site.weight("weight", out, site.channels)]
        if site["bias"]:
            tensors.append(site.weight("bias", out))
        return site.made(site.node("Gemm", site.inputs[0].name, *tensors, transB=1))
    if site.tied is None:
        weight = site.weight("weight", site.channels, out)
    else:  # as the table of an embedding lies, which it may be
        weight = site.node("Transpose", site.weight("weight", out, site.channels), perm=[1, 0])
    product = site.node("MatMul", site.by_position(), weight)
    if site["bias"]:
        product = site.node("Add", product, site.weight("bias", out))
    return site.made(product, last=True)


@written
def embedding(site: Site) -> Value:
    table = site.weight("weight", site["count"], site["out"])
    index = site.inputs[0].name
    if index in site.graph.shapes:  # no input of the network, which would be whole numbers
        index = site.node("Cast", index, to=int(Type.INT64))
    return site.made(site.node("Gather", table, index), last=True)


@written
def batch_norm(site: Site) -> Value:
    if not site["affine"] or not site["track"]:
        raise Unwritten("batch_norm without factors or without running statistics")
    names = ("weight", "bias", "running_mean", "running_var")
    tensors = [site.weight(name, site.channels) for name in names]
    return site.made(site.node("BatchNormalization", site.first(), *tensors))


@written
def layer_norm(site: Site) -> Value:
    if not site["affine"]:
        raise Unwritten("layer_norm without factors")
    if site["over"] == "channels":
        tensors = [site.weight(name, site.channels) for name in ("weight", "bias")]
        return site.made(site.node("LayerNormalization", site.by_position(), *tensors, axis=-1), last=True)
    tensors = [site.weight(name, *site.volume.shape) for name in ("weight", "bias")]
    return site.made(site.node("LayerNormalization", site.first(), *tensors, axis=1))


@written
def rms_norm(site: Site) -> Value:
    if not site["affine"]:
        raise Unwritten("rms_norm without factors")
    site.graph.needs(23)
    weight = site.weight("weight", site.channels)
    return site.made(site.node("RMSNormalization", site.by_position(), weight, axis=-1), last=True)


@written
def group_norm(site: Site) -> Value:
    if not site["affine"]:
        raise Unwritten("group_norm without factors")
    if not site["bias"]:
        raise Unwritten("group_norm without a shift")
    site.graph.needs(21)
    tensors = [site.weight(name, site.channels) for name in ("weight", "bias")]
    return site.made(site.node("GroupNormalization", site.first(), *tensors, num_groups=site["groups"]))


@written
def instance_norm(site: Site) -> Value:
    if not site["affine"]:
        raise Unwritten("instance_norm without factors")
    tensors = [site.weight(name, site.channels) for name in ("weight", "bias")]
    return site.made(site.node("InstanceNormalization", site.first(), *tensors))


@written
def lrn(site: Site) -> Value:
    return site.made(site.node("LRN", site.first(), size=site["size"]))


def _by_channel(site: Site, name: str) -> str:
    """A tensor with a number for each channel, shaped to fit the first input."""
    behind = 0 if site.inputs[0].last else site.rank
    return site.weight(name, site.channels, *[1] * behind)


@written
def layer_scale(site: Site) -> Value:
    return site.like(site.node("Mul", site.inputs[0].name, _by_channel(site, "weight")))


@written
def affine(site: Site) -> Value:
    made = site.inputs[0].name
    if site["scale"]:
        made = site.node("Mul", made, _by_channel(site, "weight"))
    if site["bias"]:
        made = site.node("Add", made, _by_channel(site, "bias"))
    return site.like(made)


@written
def position_embedding(site: Site) -> Value:
    form = site.volume
    shape = (*form.space, form.channels) if site.inputs[0].last else form.shape
    return site.like(site.node("Add", site.inputs[0].name, site.weight("weight", *shape)))
