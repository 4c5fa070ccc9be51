"""The exact algebra: identities checked by their form, and everything against plain integers."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archcalc.sizes.symbols import (
    Expression,
    TooLong,
    Undecided,
    atom_of,
    decide,
    exact_quotient,
    extreme,
    lower_bound,
    never_falls,
    number,
    variable,
)

x, y = variable("x"), variable("y")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (27 * x**2, "27*x**2"),
        (x * y + 3 * x - y * x, "3*x"),
        (1000 + 32977 * x + 5724 * x**2, "5724*x**2 + 32977*x + 1000"),
        (y - x, "-x + y"),
        (x - x, "0"),
        ((6 * x + 4) // 2, "3*x + 2"),
        ((3 * x + 7) // 2, "x + (x + 1)//2 + 3"),  # 3x + 7 = 2(x + 3) + x + 1
        ((2 * x + 3) // 6, "(x + 1)//3"),  # a common factor: floor((2x + 3)/6) = floor((x + 3//2)/3)
        (((x + 1) // 2 + 1) // 2, "(x + 3)//4"),  # floors nest
        (((x + 1) // 2 + y) // 2, "(x + 2*y + 1)//4"),
        ((x * y + 1) // y, "x + 1//y"),
        ((x * y) // x, "y"),
        ((x * x - 1) // x, "x + (-1)//x"),
        (x % 2, "x - 2*(x//2)"),
        ((2 * x) % 2, "0"),
        (extreme("max", x + 1, x), "x + 1"),
        (extreme("min", x, 8), "min(x, 8)"),
        ((32 * x + 31) // 32, "x"),
        ((x + 1) // (x + 1), "1"),
        ((x + 1) % (x + 1), "0"),
        (-x * y, "-x*y"),
        (3 - 2 * x, "-2*x + 3"),
        (-1 - x * 0, "-1"),
        (7 % x, "-x*(7//x) + 7"),
        (7 // x, "7//x"),
        (x // (y + 1), "x//(y + 1)"),
        (x * ((x + 1) // 3), "x*((x + 1)//3)"),
        (x**2 * extreme("min", x, 8), "x**2*min(x, 8)"),
        ((2 * x * y) ** -2, "1/(4*x**2*y**2)"),
        (3 * x * y**-2, "3*x/y**2"),
        (-x * y**-1, "-x/y"),
        (Fraction(-2, 3) * x, "-2*x/3"),
        (Fraction(1, 2) * x * y**-1, "x/(2*y)"),
        (number(1) * Fraction(-1, 2), "-1/2"),
    ],
)
def test_there_is_one_form_printed_in_one_order(expression: Expression, text: str) -> None:
    assert str(expression) == text


def test_the_size_after_a_chain_of_convolutions_has_one_floor() -> None:
    size: Any = variable("image")
    for kernel, stride, padding in [(7, 2, 3), (3, 2, 1), (3, 1, 1), (3, 2, 1), (1, 2, 0), (3, 2, 1)]:
        size = (size + 2 * padding - kernel) // stride + 1
    assert str(size) == "(image + 31)//32"


def _written() -> st.SearchStrategy[str]:
    """Python source over x and y with positive divisors."""
    leaf = st.sampled_from(["x", "y"]) | st.integers(-20, 20).map(lambda n: f"({n})")
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
            st.tuples(inner, st.sampled_from(["//", "%"]), st.integers(1, 12)).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
            st.tuples(inner, st.sampled_from(["//", "%"]), st.sampled_from(["x", "y", "(x*y)", "(x+2)"])).map(
                lambda p: f"({p[0]} {p[1]} {p[2]})"
            ),
            st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
        ),
        max_leaves=8,
    )


def _symbolic(source: str) -> Any:
    return eval(source, {"x": x, "y": y, "min": _least, "max": _most})


def _least(a: Any, b: Any) -> Any:
    return min(a, b) if type(a) is int and type(b) is int else extreme("min", a, b)


def _most(a: Any, b: Any) -> Any:
    return max(a, b) if type(a) is int and type(b) is int else extreme("max", a, b)


@given(_written(), st.integers(1, 60), st.integers(1, 60))
def test_an_expression_has_the_value_that_integers_give(source: str, a: int, b: int) -> None:
    plain = eval(source, {"x": a, "y": b})
    made = _symbolic(source)
    if isinstance(made, Expression):
        assert made.evaluate({"x": a, "y": b}) == plain
        assert eval(str(made), {"x": a, "y": b}) == plain
        assert made.substitute({"x": number(a)}).evaluate({"y": b}) == plain
    else:
        assert made == plain


@given(_written(), st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=9))
def test_arrays_give_the_same_values(source: str, points: list[tuple[int, int]]) -> None:
    import numpy

    made = _symbolic(source)
    if isinstance(made, Expression):
        values = made.evaluate({"x": numpy.array([p[0] for p in points]), "y": numpy.array([p[1] for p in points])})
        expected = [made.evaluate({"x": a, "y": b}) for a, b in points]
        assert numpy.broadcast_to(values, len(points)).tolist() == expected


def test_numbers_of_any_size_stay_exact() -> None:
    big = 10**40 + 1
    assert ((x * big + 7) // big).evaluate({"x": big}) == (big * big + 7) // big
    assert (x // 3).evaluate({"x": big}) == big // 3


@given(_written(), st.integers(1, 5), st.integers(1, 5), st.integers(0, 30), st.integers(0, 30))
def test_what_is_shown_never_to_fall_never_falls(source: str, a: int, b: int, more: int, further: int) -> None:
    made = _symbolic(source)
    if isinstance(made, Expression) and never_falls(made, {"x": a, "y": b}):
        low = made.evaluate({"x": a, "y": b})
        middle = made.evaluate({"x": a + more, "y": b})
        assert low <= middle <= made.evaluate({"x": a + more, "y": b + further})
        assert lower_bound(made, {"x": a, "y": b}) == low


def test_growth_sees_through_a_shifted_floor() -> None:
    size = (x - 7) // 2 + 1  # an unpadded 7x7 with stride 2: 1 from x = 7 on
    assert not never_falls(size**2, {"x": 1})
    assert never_falls(size**2, {"x": 7})
    assert lower_bound(size**2, {"x": 7}) == 1
    assert lower_bound(-x, {"x": 1}) is None
    assert lower_bound(x // y, {"x": 1, "y": 1}) is None


def test_a_divisor_that_divides_whatever_the_variables_are() -> None:
    assert exact_quotient(6 * x + 4, number(2)) == 3 * x + 2
    assert exact_quotient(6 * x * y, 2 * x) == 3 * y
    assert exact_quotient(6 * x + 3, number(2)) is None
    assert exact_quotient(x, number(0)) is None


@pytest.mark.parametrize(
    ("relation", "left", "right", "verdict"),
    [
        ("divides", 2, 4 * x, True),
        ("divides", 2, 4 * x + 1, False),
        ("divides", x, x * y, True),
        ("divides", 2, x, None),
        ("divides", number(0), 4, None),
        ("divides", -2, 4 * x + 1, None),
        ("at_least", x, x, True),
        ("at_least", x, x + 1, False),
        ("at_most", x, x, True),
        ("at_most", x, x + 1, True),
        ("divides", x, 8, None),
        ("equal", x + 1, 1 + x, True),
        ("equal", x + 1, x, False),
        ("equal", x, 3, None),
        ("at_least", x + 1, x, True),
        ("at_most", x + 1, x, False),
        ("at_least", x, 1, None),
    ],
)
def test_a_relation_is_decided_only_where_the_values_do_not_matter(
    relation: str, left: Any, right: Any, verdict: bool | None
) -> None:
    if verdict is None:
        with pytest.raises(Undecided):
            decide(relation, left, right)
    else:
        assert decide(relation, left, right) is verdict


def test_what_an_expression_is_linear_in() -> None:
    assert (3 * x * y + y**2 + 2).linear_in("x") == (y**2 + 2, 3 * y)
    assert number(5).linear_in("x") == (number(5), number(0))
    assert (x**2 + x).linear_in("x") is None
    assert (x + x // 2).linear_in("x") is None
    assert (x * (x // 2)).linear_in("x") is None


@pytest.mark.parametrize(
    ("expression", "is_one"),
    [(x, True), (x // 2, True), (2 * x, False), (x**2, False), (x * y, False), (x + 1, False), (number(1), False)],
)
def test_what_is_one_atom(expression: Expression, is_one: bool) -> None:
    assert (atom_of(expression) is not None) is is_one


def test_a_product_has_a_bounded_number_of_terms() -> None:
    # 250 terms times 400 are 100,000 products of terms.
    short, long = (
        sum((variable(f"{name}{i}") for i in range(count)), number(0)) for name, count in (("a", 250), ("b", 400))
    )
    assert len((short * long).terms) == 100_000
    with pytest.raises(TooLong, match="250 terms times 401 are more than 100,000 products"):
        short * (long + 1)


def test_a_number_is_found_by_its_value() -> None:
    assert {5: "five"}[number(5)] == "five"  # type: ignore[index]
    assert hash(x + y) == hash(y + x)


def test_a_floor_needs_a_positive_divisor() -> None:
    with pytest.raises(ZeroDivisionError):
        x // 0
    with pytest.raises(ZeroDivisionError):
        x // -2


def test_symbols_and_arrays_do_not_mix() -> None:
    import numpy

    with pytest.raises(TypeError):
        x + numpy.array([1, 2])
    with pytest.raises(TypeError):
        numpy.array([1, 2]) * x


def test_a_fraction_of_a_variable_is_printed_as_one() -> None:
    assert str(Fraction(9, 32) * x**2 + x**2 * y**-1) == "9*x**2/32 + x**2/y"
    assert (Fraction(1, 2) * x + y * x**-1).evaluate({"x": Fraction(4), "y": Fraction(8)}) == 4
