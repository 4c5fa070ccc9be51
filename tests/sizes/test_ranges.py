"""Ranges: whatever a computation gives for values within the ranges, the range of the computation holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archcalc.sizes.ranges import Ceiling, Range, largest, least

_numbers = st.integers(-50, 50)


@given(
    st.sampled_from(["a + b", "a - b", "7 - a", "a * b", "3 * a", "a ** 2", "a ** 3", "min(a, b)", "max(a, 4)"]),
    st.lists(_numbers, min_size=2, max_size=5),
    st.lists(_numbers, min_size=2, max_size=5),
)
def test_a_range_holds_every_value(source: str, some: list[int], others: list[int]) -> None:
    ceiling = Ceiling()
    ranges = {"a": Range(min(some), max(some), ceiling), "b": Range(min(others), max(others), ceiling)}
    bound = eval(source, {**ranges, "min": least, "max": largest})
    for a in some:
        for b in others:
            value = eval(source, {"a": a, "b": b})
            assert bound.low <= value <= bound.high
            assert abs(value) <= ceiling.reached


@given(
    st.sampled_from(["a // b", "a // 3", "100 // b", "a % b", "a % 7", "(-9) % b"]),
    st.lists(_numbers, min_size=2, max_size=5),
    st.lists(st.integers(1, 9), min_size=2, max_size=5),
)
def test_a_range_holds_every_quotient_and_remainder(source: str, some: list[int], divisors: list[int]) -> None:
    ceiling = Ceiling()
    ranges = {"a": Range(min(some), max(some), ceiling), "b": Range(min(divisors), max(divisors), ceiling)}
    bound = eval(source, ranges)
    for a in some:
        for b in divisors:
            assert bound.low <= eval(source, {"a": a, "b": b}) <= bound.high


def test_the_ceiling_remembers_what_has_gone_again() -> None:
    ceiling = Ceiling()
    width = Range(1, 10**10, ceiling)
    assert (width * width // 10**15).high == 10**5  # the result is small
    assert ceiling.reached == 10**20  # and 64 bits would not have held the square


def test_a_divisor_that_may_be_zero_is_refused() -> None:
    ceiling = Ceiling()
    message = "a range can be divided by positive numbers only"
    with pytest.raises(ZeroDivisionError, match=message):
        5 // Range(0, 3, ceiling)
    with pytest.raises(ZeroDivisionError, match=message):
        Range(1, 3, ceiling) % 0
    with pytest.raises(ZeroDivisionError, match=message):
        Range(1, 3, ceiling) // Range(-2, -1, ceiling)
    assert 7 // Range(1, 3, ceiling) == Range(2, 7, ceiling)
    assert 7 % Range(1, 3, ceiling) == Range(0, 2, ceiling)


def test_a_power_of_a_range_around_nothing() -> None:
    around = Range(-2, 3, Ceiling())
    assert [around**power for power in range(4)] == [
        Range(low, high, Ceiling()) for low, high in ((1, 1), (-2, 3), (0, 9), (-8, 27))
    ]
    assert Range(-3, -2, Ceiling()) ** 2 == Range(4, 9, Ceiling())


def test_ranges_are_alike_by_their_ends() -> None:
    assert Range(1, 3, Ceiling()) == Range(1, 3, Ceiling())
    assert hash(Range(1, 3, Ceiling())) == hash(Range(1, 3, Ceiling()))
    assert Range(1, 3, Ceiling()) != Range(1, 4, Ceiling())
    assert Range(1, 3, Ceiling()) != Range(2, 3, Ceiling())


def test_a_remainder_is_less_than_the_divisor() -> None:
    assert Range(5, 9, Ceiling()) % 4 == Range(0, 3, Ceiling())
