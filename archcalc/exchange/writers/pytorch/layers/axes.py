"""Sums, means, maxima and norms along axes."""

from __future__ import annotations

from collections.abc import Callable

from archcalc.exchange.code.layers import Written
from archcalc.exchange.code.text import literal, simple
from archcalc.exchange.writers.pytorch.layers.registry import WRITTEN, Site


def _along_axes(call: str) -> Callable[[Site], Written]:
    """The channels stay as 1, spatial axes only where they are kept."""

    def write(site: Site) -> Written:
        over = site["over"]
        axes = literal(simple([site.axis(axis) for axis in over]))
        stay = site["keep"] or 0 in over
        text = call.format(x="{0}", axes=axes, more=", keepdim=True" if stay else "")
        gone = [site.axis(axis) for axis in over if axis]
        if stay and not site["keep"] and gone:
            text += f".squeeze({literal(simple(gone))})"
        return Written(text, last=site.last[0])

    return write


WRITTEN.update(
    reduce_mean=_along_axes("{x}.mean({axes}{more})"),
    reduce_sum=_along_axes("{x}.sum({axes}{more})"),
    reduce_max=_along_axes("{x}.amax({axes}{more})"),
    reduce_norm=_along_axes("torch.linalg.vector_norm({x}, dim={axes}{more})"),
)
