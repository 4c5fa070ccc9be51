"""Windows, heads and shifts: values in another order, and tensors that are the same for every sample."""

from __future__ import annotations

from math import prod

from archcalc.exchange.writers.onnx.graph import Site, Unwritten, Value
from archcalc.exchange.writers.onnx.layers.registry import written


@written
def window_partition(site: Site) -> Value:
    """Each axis as windows and the positions in one, then the windows before the positions."""
    window, rank = site["window"], site.rank
    counts = [size // w for size, w in zip(site.volume.space, window, strict=True)]
    parts = [size for pair in zip(counts, window, strict=True) for size in pair]
    divided = site.node("Reshape", site.by_position(), site.numbers(0, *parts, site.channels))
    order = [0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1]
    turned = site.node("Transpose", divided, perm=order)
    wanted = site.numbers(0, prod(counts), prod(window), site.channels)
    return site.made(site.node("Reshape", turned, wanted), last=True)


@written
def window_reverse(site: Site) -> Value:
    """The windows are the nearest to squares that come out even, since the spec does not say which."""
    if len(site["size"]) != 2:
        raise Unwritten("windows of other than two axes put together again")
    (height, width), positions = site["size"], site.volume.space[1]
    even = [h for h in range(1, positions + 1) if positions % h == height % h == width % (positions // h) == 0]
    tall = min(even, key=lambda h: abs(h - positions // h))
    wide = positions // tall
    sizes = site.numbers(0, height // tall, width // wide, tall, wide, site.channels)
    divided = site.node("Reshape", site.by_position(), sizes)
    turned = site.node("Transpose", divided, perm=[0, 1, 3, 2, 4, 5])
    return site.made(site.node("Reshape", turned, site.numbers(0, height, width, site.channels)), last=True)


@written
def roll(site: Site) -> Value:
    """Along each axis the last positions before the others."""
    made = site.inputs[0].name
    for axis in site["over"]:
        size = int(site.volume.shape[axis])
        by = site["by"] % size
        if by:
            along = site.axis(axis)
            starts, ends = ((size - by, 0), (size, size - by))
            parts = [
                site.node("Slice", made, *(site.numbers(each) for each in (start, end, along)))
                for start, end in zip(starts, ends, strict=True)
            ]
            made = site.node("Concat", *parts, axis=along)
    return site.like(made)


@written
def split_heads(site: Site) -> Value:
    """Channels as heads and what each has, then the heads before the positions."""
    *before, positions = site.volume.space
    sizes = site.numbers(0, *before, positions, site["heads"], site.channels // site["heads"])
    divided = site.node("Reshape", site.by_position(), sizes)
    return site.made(site.node("Transpose", divided, perm=_turned(site.rank + 3)), last=True)


@written
def merge_heads(site: Site) -> Value:
    turned = site.node("Transpose", site.by_position(), perm=_turned(site.rank + 2))
    return site.made(site.node("Reshape", turned, site.numbers(0, *site.output.space, site.output.channels)), last=True)


@written
def repeat_heads(site: Site) -> Value:
    """Each head several times, one after the other."""
    *before, heads, positions = site.volume.space
    axis = len(before) + 2
    apart = site.node("Unsqueeze", site.by_position(), site.numbers(axis))
    sizes = site.numbers(*[1] * axis, site["times"], 1, 1)
    wanted = site.numbers(0, *before, heads * site["times"], positions, site.channels)
    return site.made(site.node("Reshape", site.node("Expand", apart, sizes), wanted), last=True)


def _turned(rank: int) -> list[int]:
    """The axes with the two before the last exchanged."""
    return [*range(rank - 3), rank - 2, rank - 3, rank - 1]


@written
def learned(site: Site) -> Value:
    """A tensor of the model, repeated for each sample."""
    return _for_each_sample(site, site.weight("weight", 1, *site.output.space, site.output.channels))


@written
def constant(site: Site) -> Value:
    """Zeros, which take no room; what the constant is, the spec does not say. ONNX has no buffers."""
    if site["buffer"]:
        raise Unwritten("a constant that is stored, and not trained")
    sizes = site.numbers(1, *site.output.space, site.output.channels)
    return _for_each_sample(site, site.node("Expand", site.number(0), sizes))


def _for_each_sample(site: Site, tensor: str) -> Value:
    batch = site.node("Shape", site.inputs[0].name, start=0, end=1)
    sizes = site.node("Concat", batch, site.numbers(*[1] * (site.output.rank + 1)), axis=0)
    return site.made(site.node("Expand", tensor, sizes), last=True)
