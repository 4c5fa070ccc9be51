"""Arithmetic intensity and the roofline: small numbers with the arithmetic shown."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from inline import layers

from archcalc.analysis.roofline import DEVICES, Device, device, work
from archcalc.cli import run
from archcalc.commands.roofline.tables import build, time
from archcalc.devices import GPUS
from archcalc.diagnostics.diagnostic import UsageError

#: 1,000 operations and 100 bytes a second: the ridge is at 10 FLOPs per byte.
SLOW = Device("slow", 1_000, 100, "made up")


def test_a_layer_reads_inputs_and_parameters_and_writes_its_output_once() -> None:
    analysis = layers("4, 10, 10", "- conv: {out: 8, kernel: 3}\n- relu\n- flatten\n- linear: 5\n- dropout: 0.5")
    conv, relu, flatten, linear, dropout = (work(analysis, row) for row in analysis.layers)

    # 400 values and 288 + 8 parameters come in, 8*8*8 = 512 values go out.
    assert conv.bytes_moved == 4 * (400 + 288 + 8 + 512)
    assert conv.intensity == Fraction(288 * 64, 4 * 1208)
    assert relu.bytes_moved == 4 * (512 + 512)
    assert relu.intensity == 0
    assert flatten.bytes_moved == dropout.bytes_moved == 0
    assert linear.bytes_moved == 4 * (512 + 512 * 5 + 5 + 5)


def test_parameters_are_read_once_for_a_batch() -> None:
    analysis = layers("512", "- linear: 5")
    (row,) = analysis.layers
    assert work(analysis, row, batch=8).bytes_moved == 4 * (8 * 512 + 512 * 5 + 5 + 8 * 5)
    assert work(analysis, row, batch=8).macs == 8 * 2560


def test_a_look_up_reads_the_rows_it_needs() -> None:
    # 6 indices come in, 6 rows of 4 values are read and written, of a table of 1,000.
    analysis = layers("6", "- embedding: {count: 1000, out: 4}")
    assert work(analysis, analysis.layers[0]).bytes_moved == 4 * (6 + 24 + 24)


def test_a_join_reads_all_its_branches() -> None:
    analysis = layers("2, 3, 3", "- add: {a: [], b: [relu]}")
    assert work(analysis, analysis.layers[-1]).bytes_moved == 4 * 3 * 18


def test_the_slower_limit_is_the_bound() -> None:
    analysis = layers("4, 10, 10", "- conv: {out: 8, kernel: 3}\n- relu")
    conv, relu = (work(analysis, row) for row in analysis.layers)
    # 2*18,432 + 512 operations take 37.376 s, 4,832 bytes 48.32 s; 512 comparisons 0.512 s, 4,096 bytes 40.96 s.
    assert SLOW.ridge == 10
    assert conv.seconds(SLOW) == Fraction(4832, 100)
    assert conv.bound(SLOW) == "bandwidth"
    assert relu.seconds(SLOW) == Fraction(4096, 100)
    assert conv.bound(SLOW._replace(bandwidth=1_000)) == "computing"

    report = build(analysis, SLOW, batch=1)
    assert report.data["totals"]["seconds_at_least"] == Fraction(4832 + 4096, 100)


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


def test_the_devices_are_cards_that_archcalc_knows() -> None:
    assert set(DEVICES) <= set(GPUS)
    # 15.7 TFLOP/s and 900 GB/s.
    assert device("V100")[1:3] == (15_700 * 10**9, 900 * 10**9)
    with pytest.raises(UsageError, match="there is no device `a100`"):
        device("a100")


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["roofline", "vgg16", "--device", "v100", "--batch", "32", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["totals"]["macs"] == 32 * 15_470_264_320
    # No less than all operations at the peak rate: 32 * 30.97 G / 15.7 T = 63 ms.
    assert found["totals"]["seconds_at_least"] > found["totals"]["flops"] / 15.7e12 > 0.063

    assert run(["roofline", "vgg16", "--device", "v100"]) == 0
    assert "at least" in capsys.readouterr().out
    assert run(["roofline", "vgg16", "--device", "abacus"]) == 2
