"""Equal copies: what makes neighbours one, and how many they are."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pytest
from inline import analysed

from archcalc.analysis.totals import AnalysedLayer
from archcalc.analysis.tree import copies, lines

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


def labels(layers: str, blocks: str) -> list[str]:
    """The lines of the tree."""
    text = f"input: [4, 8, 8]\nlayers:\n{layers}\n"
    analysis = analysed(f"{text}blocks:\n{blocks}" if blocks else text)
    return [line.label for line in lines(analysis, lambda row: None)]


CONV = "conv: {out: 4, kernel: 3, padding: 1}"


@pytest.mark.parametrize(
    ("steps", "blocks", "found"),
    [
        # A block of one convolution and what follows it is one line; one of two has a line for each.
        (f"  - one\n  - {CONV}", f"  one(): [{CONV}, relu]", ["one", "conv"]),
        (f"  - two\n  - {CONV}", f"  two(): [{CONV}, {CONV}]", ["two", "  conv.1 x 2", "conv"]),
        # Names that end with a number stand for copies, others do not.
        (f"  - {CONV}\n    repeat: 3", "", ["conv.1 x 3"]),
        (f"  - {CONV}\n    as: a\n  - {CONV}\n    as: b", "", ["a", "b"]),
        # A block in a block has no line of its own where it is all there is.
        ("  - out", f"  out(): [inner]\n  inner(): [{CONV}, {CONV}]", ["out/inner", "  conv.1 x 2"]),
        (
            "  - out",
            f"  out(): [inner, relu]\n  inner(): [{CONV}, {CONV}]",
            ["out", "  inner", "    conv.1 x 2", "  relu"],
        ),
        # Equal copies have equal layers in equal places.
        (
            "  - b: 3\n  - b: 3\n  - b: 1",
            "  b(k): [{conv: {out: 4, kernel: k, padding: k // 2}}, relu, {linear: {out: 4, each_position: true}}]",
            ["b.1 x 2", "  conv", "  relu", "  linear", "b.3", "  conv", "  relu", "  linear"],
        ),
    ],
)
def test_lines_of_the_tree(steps: str, blocks: str, found: list[str]) -> None:
    assert labels(steps, blocks) == found
