"""Numbers that remember how they were made: they compute as ints do, and write down how."""

from __future__ import annotations

import pytest
from arithmetic_value import value
from hypothesis import given
from hypothesis import strategies as st

from archcalc.sizes.kinds import certainly_equal, is_concrete, is_many, is_size, maximum, minimum, product, total
from archcalc.sizes.traced import Traced, arithmetic, remembered


def test_the_lectures_output_size() -> None:
    width, kernel, stride, padding = map(Traced, (227, 11, 4, 0))
    size = (width - kernel + padding + padding) // stride + 1
    assert size == 55
    assert arithmetic(size) == "(227 - 11 + 2*0)/4 + 1"


def test_a_quotient_that_is_rounded_down_says_so() -> None:
    assert arithmetic((Traced(224) - 7) // Traced(2) + 1) == "floor((224 - 7)/2) + 1"


def test_a_product_of_sizes_of_one_kind_keeps_together() -> None:
    weights = product((Traced(11), Traced(11), Traced(3))) * Traced(96)
    assert arithmetic(weights) == "(11*11*3)*96"
    assert arithmetic(weights * product((Traced(55), Traced(55))), {id(weights)}) == "34,848*(55*55)"


def test_what_changes_nothing_is_not_shown() -> None:
    kernel = Traced(11)
    assert arithmetic(1 * (kernel - 1) + 1) == "11"
    assert arithmetic(kernel // 1 + 0) == "11"
    # A 1 or 0 that somebody gave is shown.
    assert arithmetic(Traced(1) * kernel + Traced(0)) == "1*11 + 0"


def test_what_is_subtracted_from_a_constant_keeps_its_sign() -> None:
    assert (10 - Traced(3), arithmetic(10 - Traced(3))) == (7, "-3 + 10")
    assert (0 - Traced(3), arithmetic(0 - Traced(3))) == (-3, "-3")
    three = Traced(3)
    assert arithmetic(three - three) == "0"


def test_numbers_on_either_side() -> None:
    three, four = Traced(3), Traced(4)
    assert (5 + three, 5 - three, 5 * three, 5 // three) == (8, 2, 15, 1)
    assert arithmetic(5 + three) == "3 + 5"
    assert arithmetic(2 * three) == "2*3"
    assert arithmetic(10 // three) == "floor(10/3)"
    assert arithmetic(four - three - three) == "4 - 2*3"
    assert arithmetic((three + four) * (three - four)) == "(3 + 4)*(3 - 4)"
    assert arithmetic(four // (three * four)) == "floor(4/(3*4))"
    assert arithmetic(Traced(11) % four) == "11 - floor(11/4)*4"
    assert Traced(11) % four == 3


def test_a_quotient_by_one_is_what_is_divided() -> None:
    kernel = Traced(11)
    assert arithmetic((kernel - 1) // 1) == "11 - 1"
    # A 1 that somebody gave is shown, unless a given number alone is divided by it.
    assert arithmetic((kernel - 1) // Traced(1)) == "(11 - 1)/1"
    assert arithmetic(kernel // Traced(1)) == "11"


def test_a_known_sum_within_a_sum_is_a_number() -> None:
    known = Traced(2) + Traced(3)
    assert arithmetic(known + Traced(4)) == "2 + 3 + 4"
    assert arithmetic(known + Traced(4), {id(known)}) == "5 + 4"
    assert arithmetic(known, {id(known)}) == "2 + 3"


def test_it_is_a_size_and_a_number() -> None:
    five = Traced(5)
    assert is_size(five)
    assert is_concrete(five)
    assert not is_many(five)
    assert certainly_equal(five, 5)
    assert hash(five) == hash(5)
    assert type(total([five, 2])) is Traced
    assert arithmetic(minimum(five, 7)) == "min(5, 7)"
    assert maximum(3, five) == 5
    assert remembered((3, (five, "same"), True)) == (3, (5, "same"), True)
    assert type(remembered(True)) is bool


def numbers() -> st.SearchStrategy[tuple[int, int]]:
    """An int, and a traced number made by the same operations."""
    leaf = st.one_of(
        st.integers(0, 12).map(lambda n: (n, Traced(n))),
        st.integers(0, 3).map(lambda n: (n, n)),
    )

    def grow(children: st.SearchStrategy[tuple[int, int]]) -> st.SearchStrategy[tuple[int, int]]:
        return st.tuples(st.sampled_from(["+", "-", "*", "//", "min", "max", "product"]), children, children).map(
            applied
        )

    def applied(drawn: tuple[str, tuple[int, int], tuple[int, int]]) -> tuple[int, int]:
        sign, (a, traced_a), (b, traced_b) = drawn
        if sign == "//":
            divisor = abs(b) + 1
            return a // divisor, traced_a // Traced(divisor)
        operations = {
            "+": lambda x, y: x + y,
            "-": lambda x, y: x - y,
            "*": lambda x, y: x * y,
            "min": minimum,
            "max": maximum,
            "product": lambda x, y: product((x, y)),
        }
        return operations[sign](a, b), operations[sign](traced_a, traced_b)

    return st.recursive(leaf, grow, max_leaves=8)


@given(numbers())
def test_what_is_written_has_the_value_that_the_rule_computed(pair: tuple[int, int]) -> None:
    plain, traced = pair
    assert traced == plain
    assert value(arithmetic(traced)) == plain


@pytest.mark.parametrize(("text", "expected"), [("34,848*(55*55)", 105_415_200), ("floor((224 - 7)/2) + 1", 109)])
def test_the_reader_of_this_test_reads_what_is_printed(text: str, expected: int) -> None:
    assert value(text) == expected
