"""Joins of branches, and the product of two streams."""

from __future__ import annotations

from collections.abc import Callable

from archcalc.exchange.code.layers import Setting, Site, Written
from archcalc.exchange.writers.keras.layers.registry import WRITTEN, computed, written


def _alike(site: Site) -> list[str]:
    """The inputs; those with fewer axes than another get axes of size 1 before their positions."""
    rank = max(volume.rank for volume in site.inputs)
    ones = [", None" * (rank - volume.rank) for volume in site.inputs]
    return [f"{{{number}}}[:{more}]" if more else f"{{{number}}}" for number, more in enumerate(ones)]


def _joined(module: str, *settings: Setting) -> Callable[[Site], Written]:
    return lambda site: Written(f"{{m}}([{', '.join(_alike(site))}])", module, settings, last=True)


WRITTEN.update(
    add=_joined("layers.Add"),
    multiply=_joined("layers.Multiply"),
    subtract=_joined("layers.Subtract"),
    mean=_joined("layers.Average"),
)


@written
def divide(site: Site) -> Written:
    return computed(f"ops.divide({', '.join(_alike(site))})")


@written
def concat(site: Site) -> Written:
    return _joined("layers.Concatenate", Setting("axis", site["axis"] or -1, -1))(site)


@written
def matmul(site: Site) -> Written:
    other = "ops.swapaxes({1}, -2, -1)" if site["transposed"] else "{1}"
    return computed(f"ops.matmul({{0}}, {other})")
