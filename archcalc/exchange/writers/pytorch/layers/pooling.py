"""Pooling."""

from __future__ import annotations

from typing import Any

from archcalc.exchange.code.layers import Setting, Written, given
from archcalc.exchange.code.text import simple
from archcalc.exchange.writers.pytorch.layers.convolution import padded
from archcalc.exchange.writers.pytorch.layers.registry import Site, on_maps, written
from archcalc.layers.windows import extents


def _pooling(site: Site, kind: str, *more: Setting, fill: str = "") -> Written:
    kernel, stride = site["kernel"], site["stride"]
    extent = extents(kernel, site.attributes.get("dilation", (1,) * site.rank))
    strides = kernel if stride is None else stride
    padding, made = padded(site, extent, strides, fill)
    return made._replace(
        module=f"nn.{kind}{site.rank}d",
        settings=(
            given("kernel_size", simple(kernel)),
            Setting("stride", simple(strides), simple(kernel)),
            Setting("padding", padding, 0),
            *more,
            Setting("ceil_mode", site["ceil_mode"], False),
        ),
    )


@written
def maxpool(site: Site) -> Written:
    return _pooling(site, "MaxPool", Setting("dilation", simple(site["dilation"]), 1), fill=", value=-torch.inf")


@written
def avgpool(site: Site) -> Written:
    return _pooling(site, "AvgPool", Setting("count_include_pad", site["count_include_pad"], True))


def _adaptive(site: Site, kind: str, size: Any) -> Written:
    return on_maps(site, f"nn.Adaptive{kind}Pool{site.rank}d", given("output_size", size))


@written
def global_avgpool(site: Site) -> Written:
    return _adaptive(site, "Avg", 1)


@written
def global_maxpool(site: Site) -> Written:
    return _adaptive(site, "Max", 1)


@written
def adaptive_avgpool(site: Site) -> Written:
    return _adaptive(site, "Avg", simple(site["size"]))


@written
def adaptive_maxpool(site: Site) -> Written:
    return _adaptive(site, "Max", simple(site["size"]))
