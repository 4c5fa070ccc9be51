"""Layers that only one or two networks of the catalogue have."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy
import pytest
from inline import analysed, layers

from archcalc.diagnostics.diagnostic import SpecError
from archcalc.layers.outcome import Window
from archcalc.sizes.symbols import variable


def test_scale_multiplies_each_value_and_keeps_nothing() -> None:
    (row,) = layers("3, 4, 5", "- scale: 0.17").layers

    assert row.output.shape == (3, 4, 5)
    assert (row.params, row.macs, row.operations) == (0, 0, 3 * 4 * 5)
    assert row.outcome.saved == ()


def test_table_conv_has_a_kernel_for_each_connection() -> None:
    """Two output maps that see two and one of three input maps: (2 + 1) * 5 * 5 weights, 2 biases."""
    (row,) = layers("3, 14, 14", "- table_conv: {table: [[0, 2], [1]], kernel: 5}").layers

    assert row.output.shape == (2, 10, 10)
    assert [tensor.elements for tensor in row.outcome.params] == [3 * 25, 2]
    assert row.macs == 3 * 25 * 100
    assert row.operations == 2 * 100


def test_table_conv_with_a_full_table_is_a_convolution() -> None:
    (sparse,) = layers("3, 14, 14", "- table_conv: {table: [[0, 1, 2], [0, 1, 2]], kernel: 5}").layers
    (full,) = layers("3, 14, 14", "- conv: {out: 2, kernel: 5}").layers

    assert [param.elements for param in sparse.outcome.params] == [param.elements for param in full.outcome.params]
    assert sparse.outcome._replace(conditions=(), params=()) == full.outcome._replace(conditions=(), params=())


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[[0, 3]]", "the table may only name maps of the input, counted from 0: 4 is more than 3"),
        ("[[0, 0]]", "a row of table must name each input map once: 1 is not 2"),
        ("[[0 - 1]]", "table counts the input maps from 0: -1 is less than 0"),
        ("[0, 1]", "table must be a list of lists of whole numbers: [0, 1] is not"),
        ("[]", "table must be a list of lists of whole numbers: [] is not"),
        ("[[0.5]]", "table must be a list of lists of whole numbers: [[0.5]] is not"),
    ],
)
def test_table_conv_refuses_a_table_that_makes_no_sense(table: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        layers("3, 14, 14", f"- table_conv: {{table: {table}, kernel: 5}}")
    assert [diagnostic.message for diagnostic in caught.value.diagnostics] == [message]


def test_rbf_measures_distances_from_fixed_centres() -> None:
    """84 inputs, 10 centres: 840 differences and squares, and 83 additions for each of 10 sums."""
    (row,) = layers("84", "- rbf: 10").layers

    assert str(row.output) == "10"
    assert (row.params, row.buffers, row.macs) == (0, 840, 0)
    assert row.operations == 840 + 840 + 83 * 10


def test_rbf_works_on_a_vector() -> None:
    with pytest.raises(SpecError, match="rbf needs an input with 0 spatial axes"):
        layers("3, 4, 4", "- rbf: 10")


def test_an_identity_shortcut_halves_and_widens_for_nothing() -> None:
    """Positions 0, 2, 4 of 5; 16 channels and 16 of zeros."""
    halved, widened = layers("16, 5, 6", "- subsample: 2\n- pad_channels: 32").layers

    assert halved.output.shape == (16, 3, 3)
    assert widened.output.shape == (32, 3, 3)
    assert [row.params + row.macs + row.operations for row in (halved, widened)] == [0, 0]
    assert halved.outcome.windows == (Window(0, 0, 2), Window(0, 0, 2))


def test_pad_channels_does_not_take_channels_away() -> None:
    with pytest.raises(SpecError, match="at least as many channels as the input has: 8 is less than 16"):
        layers("16, 4, 4", "- pad_channels: 8")


def test_ratio_is_exact() -> None:
    """1/108 has no decimal; 54 of them are one half."""
    analysis = layers("4", "- drop_path: 54 * ratio(1, 108)")

    assert analysis.layers[0].node.attributes["rate"] == Fraction(1, 2)


@pytest.mark.parametrize(("rate", "message"), [("ratio(1, 0)", "division by zero"), ("ratio(1)", "takes 2 values")])
def test_ratio_refuses(rate: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        layers("4", f'- drop_path: "{rate}"')


def test_an_adaptive_pooling_says_where_it_changes_nothing() -> None:
    """To 7 positions from 6, 7 and 8: only the second is left as it is, whatever kind of size asks."""
    spec = "parameters: {image: 7}\ninput: [2, image, 7]\nlayers:\n  - adaptive_avgpool: 7"

    def unchanged(image: Any) -> Any:
        return analysed(spec, image=image).layers[0].outcome.unchanged

    assert [unchanged(image) for image in (6, 7, 8)] == [0, 1, 0]
    assert list(unchanged(numpy.array([6, 7, 8]))) == [0, 1, 0]
    assert [unchanged(variable("image")).evaluate({"image": image}) for image in (6, 7, 8)] == [0, 1, 0]
