"""Sizes of many variants: arithmetic as of arrays, and no decision that is not the same for all of them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from archcalc.sizes.conditions import at_least, divides, judge
from archcalc.sizes.kinds import agree, ceil_div, certainly_equal, identity, is_many, magnitude, maximum, minimum, total
from archcalc.sizes.many import Many, plain
from archcalc.sizes.symbols import Undecided

A, B = [6, 9, 12], [2, 3, 5]


def many(*values: int, dtype: Any = numpy.int64) -> Many:
    return Many(numpy.array(values, dtype=dtype))


@pytest.mark.parametrize(
    "rule",
    [
        lambda a, b: a + b,
        lambda a, b: 1 + a - b,
        lambda a, b: 5 - a,
        lambda a, b: a * b * 3,
        lambda a, b: 2 * a // b,
        lambda a, b: 100 // a % b,
        lambda a, b: a**2 + 7 % b,
        lambda a, b: -a,
        ceil_div,
        maximum,
        minimum,
        lambda a, b: total([0, a, b, 4]),
    ],
)
def test_arithmetic_is_that_of_each_number(rule: Callable[[Any, Any], Any]) -> None:
    assert plain(rule(many(*A), many(*B))).tolist() == [rule(a, b) for a, b in zip(A, B, strict=True)]


def test_axes_are_spread_over_each_other() -> None:
    rows, columns = Many(numpy.array([[1], [2]])), Many(numpy.array([[10, 20, 30]]))
    assert plain(rows + columns).tolist() == [[11, 21, 31], [12, 22, 32]]


def test_a_decision_is_the_same_for_all_or_none() -> None:
    assert many(5, 6) > 4
    assert not many(5, 6) <= 4
    assert many(1, 2)
    assert not many(0, 0)
    for question in (lambda: many(5, 6) < 6, lambda: bool(many(0, 1)), lambda: many(1, 2) >= many(1, 3)):
        with pytest.raises(Undecided):
            question()
    assert many(5, 5) <= 5
    assert many(5, 5) >= 5
    assert not many(5, 5) < 5
    assert not many(5, 5) > 5
    assert certainly_equal(many(3, 3), 3)
    assert agree(many(3, 3), many(4, 5)) is False
    with pytest.raises(Undecided):
        certainly_equal(many(3, 4), 3)


def test_a_condition_is_a_mask() -> None:
    assert judge(divides("rule", many(2, 4), 6, "message")).tolist() == [True, False]
    assert judge(at_least("rule", many(2, 4), 1, "message")) is True
    assert judge(at_least("rule", many(2, 4), 5, "message")).tolist() == [False, False]


def test_equal_computations_are_recognised() -> None:
    assert many(1, 2) == many(1, 2)
    one = many(1, 2)
    assert operator.eq(one, one)
    # Numbers of Python's that are equal and not one object.
    assert hash(many(int("9" * 30), dtype=object)) == hash(many(int("9" * 30), dtype=object))
    assert len({many(1, 2), many(1, 2), many(2, 1), many(1, 2, dtype=object)}) == 3
    assert many(1, 2) != 1
    assert many(1, 2) != Many(numpy.array([[1, 2]]))
    assert many(1, 2) != many(1, 2, dtype=object)
    assert identity((many(1), 2)) == (many(1), 2)


def test_it_is_a_size_of_several_numbers() -> None:
    assert is_many(many(1, 1))
    assert magnitude(many(3, -(2**70), dtype=object)) == 2**70
