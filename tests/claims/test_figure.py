"""The values of claims: what each way of writing a figure admits, and nothing else."""

from __future__ import annotations

from fractions import Fraction

import pytest

from archcalc.claims.figure import FigureError, admits, is_volume, read, truncated, within
from archcalc.sizes.volume import Volume


def admitted(text: str, value: float | Fraction) -> bool:
    return admits(read(text), Fraction(value), {})


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        # whole numbers are exact
        ("138_357_544", [138_357_544], [138_357_543, 138_357_545]),
        ("8", [8], [7, 9]),
        # half a unit of the last digit that is written
        ("138M", [137_500_000, 138_357_544, 138_500_000], [137_499_999, 138_500_001]),
        ("35K", [34_848, 34_944, 34_500, 35_500], [34_499, 35_501]),
        ("15.5G", [15_450_000_000, 15_470_264_320], [15_449_999_999, 15_550_000_001]),
        ("0.27M", [269_722], [264_999, 275_001]),
        ("40.25", [Fraction(161, 4)], [Fraction(4024, 100)]),
        # Ki is 1024: 159 Ki is 162,816, give or take 512
        ("159Ki", [162_816, 163_328, 162_304], [163_329, 162_303]),
        # bytes
        ("58.1 MiB", [60_950_432], [60_950_432 + 200_000]),
        ("60.95 MB", [60_950_432, 60_945_000], [60_944_999]),
        ("130.3 kB", [130_344], [130_351]),
        ("60950432 B", [60_950_432], [60_950_433]),
        # ratios and shares
        ("12x", [Fraction(23, 2), Fraction(25, 2)], [Fraction(114, 10)]),
        ("7.3 %", [Fraction(725, 100)], [Fraction(724, 100)]),
        # an order of magnitude is a fifth more or less
        ("~100 MB", [80_000_000, 120_000_000], [79_999_999, 120_000_001]),
        ("~650_000", [659_272, 520_000], [519_999, 780_001]),
        # bounds
        ("<= 5M", [5_000_000, 0], [5_000_001]),
        ("< 25M", [24_999_999], [25_000_000]),
        (">= 1x", [1, 2], [Fraction(999, 1000)]),
        ("> 1", [Fraction(1001, 1000)], [1]),
    ],
)
def test_a_figure_admits_what_its_precision_says(text: str, inside: list[int], outside: list[int]) -> None:
    assert [value for value in inside if not admitted(text, value)] == []
    assert [value for value in outside if admitted(text, value)] == []


def test_arithmetic_over_the_parameters_is_exact() -> None:
    figure = read("27 * channels**2")

    assert admits(figure, Fraction(27 * 64 * 64), {"channels": 64})
    assert not admits(figure, Fraction(27 * 64 * 64 + 1), {"channels": 64})


def test_a_source_that_truncates_is_met_up_to_one_unit_more() -> None:
    # ResNet-50's 3.8 is 3,857,973,248; ResNeXt-29's 68.1 is 68,155,210.
    assert not admitted("3.8G", 3_857_973_248)
    assert admits(truncated(read("3.8G")), Fraction(3_857_973_248), {})
    assert admits(truncated(read("68.1M")), Fraction(68_155_210), {})
    assert not admits(truncated(read("68.1M")), Fraction(68_200_000), {})
    assert not admits(truncated(read("68.1M")), Fraction(68_099_999), {})


def test_a_tolerance_is_a_share_or_an_amount() -> None:
    assert admits(within(read("100M"), read("2 %")), Fraction(102_000_000), {})
    assert not admits(within(read("100M"), read("2 %")), Fraction(102_000_001), {})
    assert admits(within(read("100M"), read("3M")), Fraction(97_000_000), {})
    with pytest.raises(FigureError, match="unit of the value"):
        within(read("100M"), read("3 MB"))


@pytest.mark.parametrize(
    ("text", "volume", "same"),
    [
        ("55x55x96", Volume(96, (55, 55)), True),
        ("96x55x55", Volume(96, (55, 55)), False),
        ("55x55", Volume(96, (55, 55)), False),
        ("4096", Volume(4096), True),
        ("1x1x4096", Volume(4096), True),  # a map of one position is a vector
        ("4096", Volume(4096, (1, 1)), True),
        ("4095", Volume(4096), False),
        ("4K", Volume(4000), False),
    ],
)
def test_a_volume_is_written_channels_last(text: str, volume: Volume, same: bool) -> None:
    assert is_volume(read(text), volume) is same


@pytest.mark.parametrize(
    "text", ["", "138 MM", "12 apples", "5M to 6M", "0xz", "<= ", "~", "'", "9" * 300, "1e9", "1.2.3"]
)
def test_what_is_no_figure_is_refused(text: str) -> None:
    with pytest.raises(FigureError):
        read(text)
