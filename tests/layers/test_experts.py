"""A mixture of experts, on small numbers."""

from __future__ import annotations

import pytest
from inline import layers

from archcalc.diagnostics.diagnostic import SpecError
from archcalc.quantities.registry import figure


def test_a_position_uses_some_of_the_experts() -> None:
    """Width 6, 4 experts of three matrices 6 x 10, 2 of them at each of 5 positions, and a router of 6 x 4."""
    analysis = layers("6, 5", "- experts: {count: 4, hidden: 10, top_k: 2}")
    assert figure(analysis, "params") == 4 * 3 * 60 + 24
    assert figure(analysis, "macs") == 5 * (2 * 3 * 60 + 24)
    assert figure(analysis, "active_params") == 2 * 3 * 60 + 24


def test_experts_without_a_gate_have_two_matrices_and_shared_ones_work_on_everything() -> None:
    analysis = layers("6, 5", "- experts: {count: 4, hidden: 10, top_k: 1, gated: false, shared: 2}")
    assert figure(analysis, "params") == 4 * 2 * 60 + 24 + 2 * 2 * 60
    assert figure(analysis, "macs") == 5 * (2 * 60 + 24 + 2 * 2 * 60)
    assert figure(analysis, "active_params") == 2 * 60 + 24 + 2 * 2 * 60


def test_no_more_experts_are_picked_than_there_are() -> None:
    with pytest.raises(SpecError, match="as many experts as are picked for a position: 5 is more than 4"):
        layers("6, 5", "- experts: {count: 4, hidden: 10, top_k: 5}")


def test_every_parameter_of_a_network_without_experts_is_active() -> None:
    analysis = layers("8", "- linear: 4")
    assert figure(analysis, "active_params") == 36
