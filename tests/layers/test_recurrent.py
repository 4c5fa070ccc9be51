"""Recurrent layers on small numbers: E values read, H units, both biases of each gate as PyTorch has them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from inline import eager, layers, memory

from archcalc.counting.training import training_cost
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.layers.composed import recurrence
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages, saved_memory
from archcalc.quantities.registry import figure

MEASURED = Path(__file__).parent.parent / "data" / "memory" / "saved.csv"


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_a_gate_is_a_linear_layer_of_input_and_state(cell: str, gates: int) -> None:
    """E = 8, H = 6, 5 positions: (8 + 6) * 6 weights and 2 * 6 biases for each gate."""
    (row,) = layers("8, 5", f"- {cell}: 6").layers
    assert row.output.shape == (6, 5)
    assert row.params == gates * (14 * 6 + 12)
    assert row.macs == gates * 14 * 6 * 5


def test_layers_read_what_both_directions_put_out() -> None:
    """Two directions of 6 units: the second layer reads 12 values."""
    (row,) = layers("8, 5", "- gru: {out: 6, layers: 2, bidirectional: true, bias: false}").layers
    assert row.output.shape == (12, 5)
    assert row.params == 2 * 3 * (14 * 6) + 2 * 3 * (18 * 6)


def test_a_projection_is_the_state() -> None:
    """H = 6 units, P = 2 values put out: 4 * (8 + 2) * 6 weights of gates, 2 * 6 of the projection."""
    (row,) = layers("8, 5", "- lstm: {out: 6, projection: 2, bias: false}").layers
    assert row.output.shape == (2, 5)
    assert row.params == 4 * 10 * 6 + 12
    with pytest.raises(SpecError, match="a projection makes the state smaller: 7 is more than 6"):
        layers("8, 5", "- lstm: {out: 6, projection: 6}")


def test_operations_of_a_step() -> None:
    """One unit at one position: 3 sigmoids and 2 tangents; 4 sums of input and state, f*c + i*g, o * tanh(c)."""
    (row,) = layers("1, 1", "- lstm: 1").layers
    counted: dict[tuple[str, str], int] = {}
    for role, kind, amount in row.outcome.operations:
        counted[role, kind] = amount
    assert counted == {
        ("bias", "add"): 8,
        ("activation", "multiply"): 2,
        ("activation", "exponential"): 5,
        ("activation", "add"): 3 + 4,
        ("activation", "divide"): 5,
        ("elementwise", "add"): 4 + 1,
        ("elementwise", "multiply"): 3,
    }


def test_the_state_has_a_gradient_even_where_the_input_has_none() -> None:
    """6 * 6 weights of the state at 4 of 5 positions: the first state is given."""
    cost = training_cost(layers("8, 5", "- rnn: 6"), Setup())
    assert (cost.by_weights, cost.by_input) == (14 * 6 * 5, 36 * 4)


@pytest.mark.parametrize("given", ["layers: 1001", "layers: 0"])
def test_a_stack_has_a_sensible_height(given: str) -> None:
    with pytest.raises(SpecError, match="layers must be at"):
        layers("8, 5", f"- rnn: {{out: 6, {given}}}")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", rows(MEASURED), ids=lambda row: row["layers"])
def test_saved_bytes_are_those_of_pytorchs_own_kernels_on_a_cpu(row: dict[str, str]) -> None:
    """Measured with torch 2.14.1 and oneDNN switched off, a batch of 2; experts as a loop over them."""
    steps = "".join(f"- {layer}\n" for layer in row["layers"].split("; "))
    analysis = layers(row["input"], steps)
    assert figure(analysis, "params") == int(row["params"])
    assert saved_memory(Storages(analysis.interpretation, Setup(batch=2))).total.at(2) == int(row["saved_bytes"])


@pytest.mark.parametrize(
    ("cell", "stack", "saved"),
    [
        ("rnn", "layers: 1", 500),
        ("gru", "layers: 1", 1484),
        ("lstm", "layers: 1", 1484),
        ("rnn", "layers: 2, bidirectional: true", 1580),
        ("gru", "layers: 2, bidirectional: true", 5516),
        ("lstm", "layers: 2, bidirectional: true", 5516),
    ],
)
def test_one_sample_is_read_position_by_position_as_it_lies(cell: str, stack: str, saved: int) -> None:
    """Measured with torch 2.14.1 and oneDNN switched off: no direction has a copy of the input of its own."""
    analysis = layers("5, 7", f"- {cell}: {{out: 6, {stack}}}\n- select_token: 6\n- linear: 3")
    assert saved_memory(Storages(analysis.interpretation, Setup())).total.at(1) == saved


@pytest.mark.parametrize(
    "cell",
    [
        "rnn: {out: 6, layers: 2}",
        "gru: {out: 6, bidirectional: true}",
        "lstm: {out: 6, layers: 2, bidirectional: true}",
        "lstm: {out: 6, projection: 2}",
    ],
)
@pytest.mark.parametrize("length", [5, 6, 11])
@pytest.mark.parametrize("setup", [Setup(), Setup(batch=3), Setup(batch=3, dtype="amp")], ids=str)
def test_no_peak_lies_where_positions_are_taken_together(
    cell: str, length: int, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures are the same where every position is followed."""
    steps = f"- linear: {{out: 4, each_position: true}}\n- {cell}\n- linear: {{out: 2, each_position: true}}\n"
    together = layers(f"3, {length}", steps)
    taken = (*memory(together, setup), *eager(together, setup))
    monkeypatch.setattr(recurrence, "FIRST", length)
    followed = layers(f"3, {length}", steps)
    assert (*memory(followed, setup), *eager(followed, setup)) == taken


def test_a_frozen_layer_over_a_long_sequence_holds_nothing_between_positions() -> None:
    """Nothing is saved, and a longer sequence makes the peak larger by what it reads, its gates and its state:
    4 * (8 + 18 + 6) bytes for each position."""

    def peak(length: int) -> int:
        analysis = layers(f"8, {length}", "- gru: 6\n- reduce_mean: length\n- linear: 3")
        return memory(analysis, Setup(frozen=("gru",)))[2]

    assert peak(200) - peak(100) == 100 * 4 * (8 + 18 + 6)
