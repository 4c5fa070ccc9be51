"""Joins of branches, and the product of two streams."""

from __future__ import annotations

from collections.abc import Callable

from archcalc.exchange.code.layers import Written
from archcalc.exchange.writers.pytorch.layers.registry import WRITTEN, Site, written


def _alike(site: Site) -> tuple[list[str], bool]:
    """The inputs in the form of the first that has most axes; the others get axes of size 1 before their positions."""
    rank = max(volume.rank for volume in site.inputs)
    last = next(form for form, volume in zip(site.last, site.inputs, strict=True) if volume.rank == rank)
    texts = []
    for number, volume in enumerate(site.inputs):
        text = site.by_position(number) if last else site.first(number)
        ones = ", None" * (rank - volume.rank)
        if ones and last:
            text += f"[:{ones}]"
        elif ones:
            text += f"[:, :{ones}]"
        texts.append(text)
    return texts, last


def _joined(operator: str) -> Callable[[Site], Written]:
    def write(site: Site) -> Written:
        inputs, last = _alike(site)
        return Written(f" {operator} ".join(inputs), last=last)

    return write


WRITTEN.update(add=_joined("+"), multiply=_joined("*"), subtract=_joined("-"), divide=_joined("/"))


@written
def mean(site: Site) -> Written:
    inputs, last = _alike(site)
    return Written(f"({' + '.join(inputs)}) / {len(inputs)}", last=last)


@written
def concat(site: Site) -> Written:
    texts, last = _alike(site)
    inputs = [site.batched(text, number) for number, text in enumerate(texts)]
    axis = site.axis(site["axis"])
    return Written(f"torch.cat([{', '.join(inputs)}], {axis})", last=last)


@written
def matmul(site: Site) -> Written:
    turned = ".transpose(-2, -1)" if site["transposed"] else ""
    return Written(f"{site.by_position()} @ {site.by_position(1)}{turned}", last=True)
