"""A mixture of experts, on small numbers."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from inline import eager, layers, memory

from archcalc.diagnostics.diagnostic import SpecError
from archcalc.memory.setup import Setup
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


def rows() -> list[dict[str, str]]:
    with (Path(__file__).parent.parent / "data" / "memory" / "experts.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['layers']} {row['input']} {row['dtype']}")
def test_peaks_are_those_of_all_picks_at_once(row: dict[str, str]) -> None:
    """Measured with torch 2.14.1: the rows sorted by their experts, and one operation that multiplies each with its own
    expert's matrix."""
    steps = "".join(f"- {layer}\n" for layer in row["layers"].split("; "))
    setup = Setup(batch=int(row["batch"]), dtype=row["dtype"])
    analysis = layers(row["input"], steps)
    assert memory(analysis, setup) == tuple(
        int(row[name]) for name in ("saved_bytes", "inference_peak", "training_peak", "training_peak_with_gradients")
    )
    assert eager(analysis, setup) == (int(row["inference_peak_eager"]), int(row["training_peak_eager"]))
