"""The networks of the catalogue that are small enough to run at every change."""

from __future__ import annotations

from functools import cache

from oracle.translate import WITHOUT

import archcalc
from archcalc import catalogue
from archcalc.quantities.registry import figure

#: Networks in which less is traced.
SHORTER = {
    "lstm_classifier": "lstm_classifier:length=16",
    "t5": "t5:layers=2,length=32,targets=8,vocabulary=100,width=32,heads=4,head=8,hidden=64",
}


@cache
def up_to(layers: int) -> tuple[str, ...]:
    """Names of the networks of at most so many layers."""
    return tuple(name for name in catalogue.names() if len(archcalc.load(name).expand().nodes) <= layers)


@cache
def small_networks() -> tuple[str, ...]:
    """Names of those with at most 1.2 billion MACs and 250 layers, all of them with a translation; a recurrence,
    of which each position is traced, over a short sequence."""
    small = []
    for listed in catalogue.names():
        name = SHORTER.get(listed, listed)
        analysis = archcalc.load(name).analyse()
        known = not any(row.node.layer.name in WITHOUT for row in analysis.layers)
        if known and figure(analysis, "macs") <= 1_200_000_000 and len(analysis.layers) <= 250:
            small.append(name)
    return tuple(small)
