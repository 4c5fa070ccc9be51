"""Layers that only one or two networks of the catalogue have."""

from __future__ import annotations

from inline import layers


def test_scale_multiplies_each_value_and_keeps_nothing() -> None:
    (row,) = layers("3, 4, 5", "- scale: 0.17").layers

    assert row.output.shape == (3, 4, 5)
    assert (row.params, row.macs, row.operations) == (0, 0, 3 * 4 * 5)
    assert row.outcome.kept == ()
