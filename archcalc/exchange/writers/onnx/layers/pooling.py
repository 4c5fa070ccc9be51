"""Pooling, and means over positions."""

from __future__ import annotations

from archcalc.exchange.writers.onnx.graph import Site, Unwritten, Value
from archcalc.exchange.writers.onnx.layers.registry import written
from archcalc.exchange.writers.onnx.layers.weights import pads
from archcalc.exchange.writers.onnx.message import Attribute
from archcalc.layers.windows import extents, is_even, sides_of


def _pooling(site: Site, kind: str, dilation: tuple[int, ...], **attributes: Attribute) -> Value:
    kernel = site["kernel"]
    stride = kernel if site["stride"] is None else site["stride"]
    sides = sides_of(site.volume, extents(kernel, dilation), stride, site["padding"])
    if site["ceil_mode"] and not is_even(sides):
        raise Unwritten("rounding up behind padding that differs between the sides of an axis")
    windows: dict[str, Attribute] = {"kernel_shape": list(kernel), "strides": list(stride), "pads": pads(sides)}
    return site.made(site.node(kind, site.first(), **windows, ceil_mode=int(site["ceil_mode"]), **attributes))


@written
def maxpool(site: Site) -> Value:
    return _pooling(site, "MaxPool", site["dilation"], dilations=list(site["dilation"]))


@written
def avgpool(site: Site) -> Value:
    return _pooling(site, "AveragePool", (1,) * site.rank, count_include_pad=int(site["count_include_pad"]))


@written
def adaptive_avgpool(site: Site) -> Value:
    return _adaptive(site, "AveragePool")


@written
def adaptive_maxpool(site: Site) -> Value:
    return _adaptive(site, "MaxPool")


def _adaptive(site: Site, kind: str) -> Value:
    """Windows of one size, which there are where the positions are a multiple of those that are left."""
    if any(before % after for before, after in zip(site.volume.space, site.output.space, strict=True)):
        raise Unwritten(f"{site.layer} whose windows differ in size")
    windows = [before // after for before, after in zip(site.volume.space, site.output.space, strict=True)]
    return site.made(site.node(kind, site.first(), kernel_shape=windows, strides=windows))


@written
def global_avgpool(site: Site) -> Value:
    return site.made(site.node("GlobalAveragePool", site.first()))


@written
def global_maxpool(site: Site) -> Value:
    return site.made(site.node("GlobalMaxPool", site.first()))


@written
def reduce_mean(site: Site) -> Value:
    return _reduced(site, "ReduceMean")


@written
def reduce_sum(site: Site) -> Value:
    return _reduced(site, "ReduceSum")


@written
def reduce_max(site: Site) -> Value:
    return _reduced(site, "ReduceMax")


@written
def reduce_norm(site: Site) -> Value:
    return _reduced(site, "ReduceL2")


def _reduced(site: Site, kind: str) -> Value:
    """One value along some axes: spatial axes go, the channels stay as 1."""
    over = site["over"]
    if 0 in over and len(over) > 1 and not site["keep"]:
        raise Unwritten(f"{site.layer} over channels that stay and positions that go")
    axes = site.numbers(*sorted(site.axis(axis) for axis in over))
    return site.like(site.node(kind, site.inputs[0].name, axes, keepdims=int(site["keep"] or 0 in over)))
