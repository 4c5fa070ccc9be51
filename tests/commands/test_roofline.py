"""Arithmetic intensity and the roofline: small numbers with the arithmetic shown."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from inline import layers

from archcalc.analysis.roofline import bound
from archcalc.analysis.totals import Analysis
from archcalc.cli import run
from archcalc.devices import CARDS, Card, card
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.memory.setup import Setup
from archcalc.quantities.registry import Part, quantities
from archcalc.units import time

#: 1,000 operations and 100 bytes a second: the ridge is at 10 FLOPs per byte.
SLOW = Card("slow", 1 << 30, 1_000, 100, "made up")


def of_layers(analysis: Analysis, name: str, setup: Setup | None = None) -> list[object]:
    measure = quantities()[name].measure
    return [measure(Part(analysis, [row], setup)) for row in analysis.layers]


def test_a_layer_reads_inputs_and_parameters_and_writes_its_output_once() -> None:
    analysis = layers("4, 10, 10", "- conv: {out: 8, kernel: 3}\n- relu\n- flatten\n- linear: 5\n- dropout: 0.5")
    # 400 values and 288 + 8 parameters come in, 8*8*8 = 512 values go out; a view and a dropout move nothing.
    conv, relu, linear = 4 * (400 + 288 + 8 + 512), 4 * (512 + 512), 4 * (512 + 512 * 5 + 5 + 5)
    assert of_layers(analysis, "bytes_moved") == [conv, relu, 0, linear, 0]
    # 2 operations a MAC and one for each bias; ReLU compares each of 512 values.
    intensities = [Fraction(2 * 288 * 64 + 512, conv), Fraction(512, relu), 0, Fraction(2 * 2560 + 5, linear), 0]
    assert of_layers(analysis, "flops_per_byte") == intensities


def test_parameters_are_read_once_for_a_batch() -> None:
    analysis = layers("512", "- linear: 5")
    assert of_layers(analysis, "bytes_moved", Setup(batch=8)) == [4 * (8 * 512 + 512 * 5 + 5 + 8 * 5)]
    assert of_layers(analysis, "macs", Setup(batch=8)) == [8 * 2560]


def test_a_look_up_reads_the_rows_it_needs() -> None:
    # 6 indices come in, 6 rows of 4 values are read and written, of a table of 1,000.
    analysis = layers("6", "- embedding: {count: 1000, out: 4}")
    assert of_layers(analysis, "bytes_moved") == [4 * (6 + 24 + 24)]


def test_a_join_reads_all_its_branches() -> None:
    analysis = layers("2, 3, 3", "- add: {a: [], b: [relu]}")
    assert of_layers(analysis, "bytes_moved")[-1] == 4 * 3 * 18


def test_the_slower_limit_is_the_bound() -> None:
    analysis = layers("4, 10, 10", "- conv: {out: 8, kernel: 3}\n- relu")
    # 2*18,432 + 512 operations take 37.376 s, 4,832 bytes 48.32 s; 512 comparisons 0.512 s, 4,096 bytes 40.96 s.
    assert SLOW.ridge == 10
    assert of_layers(analysis, "roofline_seconds", Setup(card=SLOW)) == [Fraction(4832, 100), Fraction(4096, 100)]
    assert bound(2 * 18_432 + 512, 4832, SLOW) == "memory"
    assert bound(2 * 18_432 + 512, 4832, SLOW._replace(bandwidth=1_000)) == "compute"
    assert bound(0, 0, SLOW) is None

    whole = quantities()["roofline_seconds"].measure(Part(analysis, setup=Setup(card=SLOW)))
    assert whole == Fraction(4832 + 4096, 100)


def test_without_a_card_there_is_no_time() -> None:
    analysis = layers("512", "- linear: 5")
    with pytest.raises(UsageError, match="the least time depends on a card"):
        of_layers(analysis, "roofline_seconds")
    with pytest.raises(UsageError, match="m1-8gb has no stated rate"):
        of_layers(analysis, "roofline_seconds", Setup(card=card("m1-8gb")))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (Fraction(3, 2), "1.50 s"),
        (Fraction(1, 400), "2.50 ms"),
        (Fraction(1, 10**6), "1.00 us"),
        (Fraction(0), "0.00 us"),
    ],
)
def test_times_have_a_unit(seconds: Fraction, text: str) -> None:
    assert time(seconds) == text


def test_a_card_has_its_memory_and_its_rates_in_one_place() -> None:
    # 16 GiB, 15.7 TFLOP/s and 900 GB/s.
    assert card("V100")[1:4] == (16 << 30, 15_700 * 10**9, 900 * 10**9)
    assert all(made.source and made.bandwidth > 0 for made in CARDS.values())
    with pytest.raises(UsageError, match="unknown card `a10O`: did you mean `a10`"):
        card("a10O")


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["roofline", "vgg16", "--gpu", "v100", "--batch", "32", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["totals"]["macs"] == 32 * 15_470_264_320
    # No less than all operations at the peak rate: 32 * 30.97 G / 15.7 T = 63 ms.
    assert found["totals"]["roofline_seconds"] > found["totals"]["flops"] / 15.7e12 > 0.063
    assert 0 < found["totals"]["compute_bound_flops"] <= found["totals"]["flops"]

    assert run(["roofline", "vgg16", "--gpu", "v100"]) == 0
    assert "at least" in capsys.readouterr().out
    assert run(["roofline", "vgg16", "--gpu", "abacus"]) == 2


def test_a_network_without_layers_has_a_roofline(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "empty.yaml"
    path.write_text("parameters: {deep: false}\ninput: [3, 8, 8]\nlayers:\n  - relu:\n    when: deep\n")
    assert run(["roofline", str(path), "--gpu", "v100", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["totals"]["bytes_moved"] == 0


def test_a_screen_shows_what_takes_longest_and_programs_get_every_layer(capsys: pytest.CaptureFixture[str]) -> None:
    def lines(*options: str) -> list[str]:
        assert run(["roofline", "vgg16", "--gpu", "v100", *options]) == 0
        return capsys.readouterr().out.splitlines()

    table = [line for line in lines() if line.endswith(("  memory", "  compute"))]
    times = [float(line.split()[-3]) * {"us": 1, "ms": 1_000}[line.split()[-2]] for line in table]
    assert len(times) == 6
    assert times == sorted(times, reverse=True)
    # Equal copies share a line: the six stand for 2 + 2 + 1 + 1 + 1 + 3 layers, and the other 30 for the rest of 40.
    assert any(line.startswith("stage4/conv3.2 x 2/conv ") for line in table)
    assert any(line.startswith("30 other layers ") for line in lines())
    assert len([line for line in lines("--full") if line.startswith(("stage", "classifier/"))]) == 40
    assert len(lines("--format", "csv")) == 1 + 40


def test_the_intensity_and_the_ridge_have_one_unit(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["roofline", "vgg16", "--gpu", "v100"]) == 0
    said = capsys.readouterr().out
    assert "FLOPs per byte moved" in said
    assert "17.44 FLOPs per byte" in said
    assert "MAC" not in said
