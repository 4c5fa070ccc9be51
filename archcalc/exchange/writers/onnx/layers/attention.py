"""Attention: a product with a matrix for each projection, and the operator between them."""

from __future__ import annotations

from archcalc.exchange.writers.onnx.graph import Site, Unwritten, Value
from archcalc.exchange.writers.onnx.layers.registry import written

#: Attributes that ask for more than the operator does by itself.
_MORE = ("sliding_window", "mask", "windows", "rotary", "relative", "dropout")


@written
def attention(site: Site) -> Value:
    """Queries from the first sequence, keys and values from the last."""
    asked = next((name for name in _MORE if site[name]), None) or (
        "norm" if site["norm"] not in (None, "none") else None
    )
    if asked or site.rank != 1:
        raise Unwritten(f"attention with {asked}" if asked else "attention over more than one axis")
    site.graph.needs(23)
    heads = site["heads"]
    groups = heads if site["kv_heads"] is None else site["kv_heads"]
    width = site.channels // heads if site["width"] is None else site["width"]
    of = len(site.inputs) - 1
    query = _projected(site, "query", site.by_position(), site.channels, heads * width)
    key, value = (
        _projected(site, name, site.by_position(of), int(site.inputs[of].volume.channels), groups * width)
        for name in ("key", "value")
    )
    attended = site.node(
        "Attention",
        *(query, key, value),
        q_num_heads=heads,
        kv_num_heads=groups,
        is_causal=int(site["causal"]),
    )
    return site.made(_projected(site, "out", attended, heads * width, site.channels), last=True)


def _projected(site: Site, name: str, vectors: str, wide: int, out: int) -> str:
    product = site.node("MatMul", vectors, site.weight(f"{name}.weight", wide, out))
    own = site[f"{name}_bias"]
    if site["bias"] if own is None else own:
        product = site.node("Add", product, site.weight(f"{name}.bias", out))
    return product
