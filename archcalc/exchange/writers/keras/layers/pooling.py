"""Pooling."""

from __future__ import annotations

from typing import Any

from archcalc.exchange.code.layers import Setting, Site, Unwritten, Written, given
from archcalc.exchange.code.text import simple
from archcalc.exchange.writers.keras.layers.registry import around, called, written
from archcalc.exchange.writers.keras.layers.windows import is_same, padding, reach, zeros


def _pooling(site: Site, kind: str, word: str) -> Written:
    kernel, stride = site["kernel"], site["stride"]
    return called(
        f"layers.{kind}Pooling{site.rank}D",
        given("pool_size", simple(kernel)),
        Setting("strides", simple(kernel if stride is None else stride), simple(kernel)),
        Setting("padding", word, "valid"),
    )


@written
def maxpool(site: Site) -> Written:
    if max(site["dilation"]) > 1:
        raise Unwritten("a maximum of places that are apart")
    found = padding(site)
    made = _pooling(site, "Max", found.word)
    if not found.sides:
        return made
    before = 'ops.pad({0}, {amounts}, constant_values=float("-inf"))'
    return made._replace(before=before, values=(Setting("amounts", around(site.rank, found.sides)),))


@written
def avgpool(site: Site) -> Written:
    """Keras's "same" leaves the padding out of the mean, as PyTorch does with what a ceiling adds."""
    beyond = any(map(any, reach(site)))
    stated = site["padding"] == "same" or any(map(any, site["padding"]))
    if not beyond:
        return _pooling(site, "Average", "valid")
    if not (stated and site["count_include_pad"]):
        if is_same(site):
            return _pooling(site, "Average", "same")
        raise Unwritten("a mean that leaves out padding other than Keras's")
    if site["ceil_mode"]:
        raise Unwritten("a mean over padding that ends in a ceiling")
    before, values = zeros(site, reach(site))
    return _pooling(site, "Average", "valid")._replace(before=before, values=(values,))


def _global(site: Site, kind: str) -> Written:
    return called(f"layers.Global{kind}Pooling{site.rank}D", Setting("keepdims", True, False))


@written
def global_avgpool(site: Site) -> Written:
    return _global(site, "Average")


@written
def global_maxpool(site: Site) -> Written:
    return _global(site, "Max")


def _adaptive(site: Site, kind: str, size: Any) -> Written:
    return called(f"layers.Adaptive{kind}Pooling{site.rank}D", given("output_size", size))


@written
def adaptive_avgpool(site: Site) -> Written:
    return _adaptive(site, "Average", simple(site["size"]))


@written
def adaptive_maxpool(site: Site) -> Written:
    return _adaptive(site, "Max", simple(site["size"]))
