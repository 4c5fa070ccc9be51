"""Equal copies: what makes neighbours one, and how many they are."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from inline import analysed

from archcalc.analysis.totals import AnalysedLayer
from archcalc.analysis.tree import copies

NESTED = """
input: [4, 8, 8]
layers:
  - outer:
    repeat: 2
  - conv: {out: 4, kernel: 1}
blocks:
  outer():
    - inner:
      repeat: 3
    - relu
  inner():
    - conv: {out: 4, kernel: 1}
"""


def found(telling: Callable[[AnalysedLayer], Hashable]) -> list[tuple[str, int]]:
    analysis = analysed(NESTED)
    return [(each.path, each.times) for each in copies(analysis.layers, telling)]


def test_copies_within_copies_are_counted_together() -> None:
    assert found(lambda row: None) == [("outer.1 x 2/inner.1 x 3/conv", 6), ("outer.1 x 2/relu", 2), ("conv", 1)]


def test_what_tells_copies_apart_keeps_them_apart() -> None:
    assert found(lambda row: row.node.index == 4) == [
        ("outer.1/inner.1 x 3/conv", 3),
        ("outer.1/relu", 1),
        ("outer.2/inner.1/conv", 1),
        ("outer.2/inner.2 x 2/conv", 2),
        ("outer.2/relu", 1),
        ("conv", 1),
    ]
