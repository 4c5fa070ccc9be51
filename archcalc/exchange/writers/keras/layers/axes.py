"""Sums, means, maxima and norms along axes."""

from __future__ import annotations

from collections.abc import Callable

from archcalc.exchange.code.layers import Site, Written
from archcalc.exchange.code.text import literal
from archcalc.exchange.writers.keras.layers.registry import WRITTEN, axes_of, computed


def _along_axes(function: str) -> Callable[[Site], Written]:
    """The channels stay as 1, spatial axes only where they are kept."""

    def write(site: Site) -> Written:
        over = site["over"]
        stay = site["keep"] or 0 in over
        text = f"ops.{function}({{0}}, axis={literal(axes_of(site, over))}{', keepdims=True' if stay else ''})"
        gone = [axis for axis in over if axis]
        if stay and not site["keep"] and gone:
            text = f"ops.squeeze({text}, axis={literal(axes_of(site, gone))})"
        return computed(text)

    return write


WRITTEN.update(
    reduce_mean=_along_axes("mean"),
    reduce_sum=_along_axes("sum"),
    reduce_max=_along_axes("max"),
    reduce_norm=_along_axes("norm"),
)
