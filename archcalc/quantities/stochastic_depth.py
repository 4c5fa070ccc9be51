"""What training with stochastic depth does on average: a branch is there with the probability that it survives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.exact import fraction
from archcalc.language.network import is_input
from archcalc.quantities.registry import Part, quantity
from archcalc.sizes.kinds import total

if TYPE_CHECKING:
    from fractions import Fraction

#: The dropped paths that a layer lies in, outermost first: numbers of their `drop_path` layers.
Paths: TypeAlias = tuple[int, ...]


def _survival(row: AnalysedLayer) -> Fraction:
    return 1 - fraction(row.node.attributes.get("rate", row.node.layer.attributes["rate"].default))


def _common(left: Paths, right: Paths) -> Paths:
    shared = 0
    while shared < min(len(left), len(right)) and left[shared] == right[shared]:
        shared += 1
    return left[:shared]


def _paths(analysis: Analysis) -> list[Paths]:
    """For each layer, the dropped paths it lies in: those that everything which reads it lies in.

    Layers come before their readers, so a walk from the end knows all readers of a layer when it reaches it.
    """
    rows = analysis.layers
    inside: list[Paths | None] = [None] * len(rows)
    for end in analysis.network.outputs.values():
        if not is_input(end):
            inside[end] = ()
    for row in reversed(rows):
        own = inside[row.node.index] or ()
        inside[row.node.index] = own
        if row.layer == "drop_path":
            own = (*own, row.node.index)
        for index in row.node.inputs:
            if not is_input(index):
                known = inside[index]
                inside[index] = own if known is None else _common(known, own)
    return [paths or () for paths in inside]


@quantity(title="expected MACs", of="network", depends=["samples"], whole=False)
def expected_macs(part: Part) -> Any:
    """Multiply-accumulates on average over the paths that training drops.

    Source: Huang et al. 2016, arXiv:1603.09382, section 3.
    """
    rows = part.analysis.layers
    expected: Any = fraction(0)
    for row, paths in zip(rows, _paths(part.analysis), strict=True):
        used = fraction(1)
        for index in paths:
            used *= _survival(rows[index])
        expected = expected + row.macs * used  # not in place: arrays would refuse fractions
    return part.samples(expected)


@quantity(of="network", whole=False)
def expected_paths(part: Part) -> Fraction:
    """Paths that training may drop, each counted with its probability to survive: the paper's expected blocks.

    Source: Huang et al. 2016, arXiv:1603.09382, section 3: E(L) = (3L - 1)/4 for survival down to 1/2.
    """
    return fraction(total(_survival(row) for row in part.layers if row.layer == "drop_path"))  # type: ignore[misc]
