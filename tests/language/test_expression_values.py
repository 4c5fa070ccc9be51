"""What expressions come to, by value: the boundaries that a slip in a comparison or a rounding would move."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from inline import analysed

import archcalc
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.language.expression import compile_expression, unknown_names


def value(expression: str) -> Any:
    """What a parameter with that default is, after a list `xs`."""
    spec = f'parameters: {{xs: [3, 2, 5], x: "{expression}"}}\ninput: [1]\nlayers:\n  - identity\n'
    return analysed(spec).network.parameters["x"]


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        # Comparisons at the boundary and one beside it.
        ("2 <= 2", True),
        ("3 <= 2", False),
        ("2 >= 2", True),
        ("1 >= 2", False),
        ("2 < 2", False),
        ("1 < 2", True),
        ("2 > 2", False),
        ("3 > 2", True),
        ("2 == 2", True),
        ("2 != 2", False),
        # A truth is no number, and equal to none.
        ("true == 1", False),
        ("true != 1", True),
        # Halves are rounded up: 12/8 = 1.5; 13 is nearer to 16 than to 8, 11 to 8 than to 16.
        ("round_to(12, 8)", 16),
        ("round_to(13, 8)", 16),
        ("round_to(11, 8)", 8),
        ("round_to(16, 8)", 16),
        ("round_to(2.5, 1)", 3),
        # At least nine tenths of the value: 8 is less than 8.1, and 24 is not less than 0.9 x 26 = 23.4.
        ("make_divisible(9, 8)", 16),
        ("make_divisible(26, 8)", 24),
        ("make_divisible(1, 8)", 8),
        ("make_divisible(10, 9)", 9),  # 9 is nine tenths, and not less
        ("ratio(3, 1)", 3),
        ("ratio(1, 108)", Fraction(1, 108)),
        ("ratio(10 ** 15, 7)", Fraction(10**15, 7)),
        ("ratio(7, 10 ** 15)", Fraction(7, 10**15)),
        ("0 - 10 ** 15", -(10**15)),
        ("floor(2.9)", 2),
        ("ceil(2.1)", 3),
        ("ceil(2)", 2),
        ("round(2.4)", 2),
        ("round(2.5)", 3),
        ("round(2.6)", 3),
        ("min(3, 2)", 2),
        ("max(3, 2)", 3),
        ("min(xs)", 2),
        ("max(xs)", 5),
        ("sum(xs)", 10),
        ("len(xs)", 3),
        ("7 // 2", 3),
        ("7 % 4", 3),
        ("2 ** 5", 32),
        ("xs[1]", 2),
        ("0.75 * 3", Fraction(9, 4)),
        ("xs[1:]", (2, 5)),
        ("xs[:1]", (3,)),
        ("xs[0:3]", (3, 2, 5)),
        ("xs[3:]", ()),
        ("1_000 + 1", 1001),
        ("1_0.2_5 * 4", 41),
        ("true and false", False),
        ("true or false", True),
        ("not true", False),
    ],
)
def test_an_expression_comes_to(expression: str, result: Any) -> None:
    assert value(expression) == result
    assert type(value(expression)) is type(result)


@pytest.mark.parametrize(
    "expression", ["true + 1", "010", "1 + xs", "min()", "xs[3]", "7 // 0", "7 % 0", "-true", "true < 2", "_1"]
)
def test_an_expression_that_means_nothing_is_refused(expression: str) -> None:
    with pytest.raises(SpecError):
        value(expression)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("round_to(12, 0)", "round_to needs a whole number of at least 1 to round to: 0 is not"),
        ("round_to(12, 1.5)", "round_to needs a whole number of at least 1 to round to: 1.5 is not"),
        ("make_divisible(12, -8)", "make_divisible needs a whole number of at least 1 to round to: -8 is not"),
        ("1 ** 65", "an exponent must be a whole number from 0 to 64: 65 is not"),
        ("1 ** -1", "an exponent must be a whole number from 0 to 64: -1 is not"),
        ("4 ** 0.5", "an exponent must be a whole number from 0 to 64: 0.5 is not"),
        ("2 < true", "`<` works on numbers: true is not one"),
        ("0x10 + 1", "`0x10` is not a number of the language"),
        ("1e3 + 1", "`1e3` is not a number of the language"),
        ("2j + 1", "`2j` is not a number of the language"),
        ("1 < 2 < 3", "a comparison has two sides"),
        ("2 in xs", "a comparison has two sides"),
        ("max(*xs)", "max takes plain values"),
        ("round_to(12, multiple=8)", "round_to takes plain values"),
        ("len(1, 2)", "len takes 1 value"),
        ("ratio(1, 0)", "division by zero"),
        ("4 / 2", "`/` is not part of the language"),
        ("channels()", "channels takes the name of one step"),
        ("channels(a, b)", "channels takes the name of one step"),
        ("channels(a, b=1)", "channels takes the name of one step"),
        ("round_to(12)", "round_to takes 2 values"),
        ("xs[-1]", "index -1 is outside a list of 3 (the first is 0)"),
        ("xs[:4]", "[0:4] is outside a list of 3 (the first is 0)"),
        ("xs[2:1]", "[2:1] is outside a list of 3 (the first is 0)"),
        ("xs[0.5:]", "a bound of a slice must be a whole number: 0.5 is not"),
        ("xs[:true]", "a bound of a slice must be a whole number: true is not"),
        ("xs[::2]", "a slice has a first and a last bound, and no step"),
    ],
)
def test_a_value_outside_what_is_allowed_is_named(expression: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        value(expression)
    assert [finding.message for finding in caught.value.diagnostics] == [message]


def test_a_text_is_bounded() -> None:
    # 500 characters; 200 parts: a number, 65 sums of three parts more, and two signs of two.
    assert value("1 +" + " " * 496 + "1") == 2
    assert value("--1" + " + 1" * 65) == 66
    for text, message in (
        ("1 +" + " " * 497 + "1", "the expression is longer than 500 characters"),
        ("-1" + " + 1" * 66, "the expression is too complicated"),
    ):
        with pytest.raises(SpecError, match=message):
            value(text)


@pytest.mark.parametrize(("condition", "layers"), [("n <= 2", 2), ("n >= 2", 2), ("n < 2", 1), ("n > 2", 1)])
def test_when_decides_at_the_boundary(condition: str, layers: int) -> None:
    spec = f'parameters: {{n: 2}}\ninput: [1]\nlayers:\n  - identity\n  - relu\n    when: "{condition}"\n'.replace(
        "  - relu\n    when", "  - relu:\n    when"
    )
    assert len(analysed(spec).layers) == layers


def test_an_unknown_name_is_shown_where_it_stands() -> None:
    with pytest.raises(SpecError) as caught:
        analysed("parameters:\n  x: 1 + gone * 2\ninput: [1]\nlayers:\n  - identity\n")
    [finding] = caught.value.diagnostics
    place = finding.place
    assert place is not None
    assert place.source.text[place.start : place.end] == "gone"


@pytest.mark.parametrize(
    ("text", "wrong", "help_text"),
    [
        ("1 + mx(2, 3) * 2", "mx(2, 3)", "did you mean `max`?"),
        ("2 + 4 / 2", "4 / 2", "`//` divides and rounds down"),
        ("2 + 4 @ 2", "4 @ 2", None),
        ("3 +", "3 +", None),
    ],
)
def test_a_slip_in_an_expression_is_shown_where_it_stands(text: str, wrong: str, help_text: str | None) -> None:
    with pytest.raises(SpecError) as caught:
        analysed(f'parameters:\n  x: "{text}"\ninput: [1]\nlayers:\n  - identity\n')
    [finding] = caught.value.diagnostics
    place = finding.place
    assert place is not None
    assert place.source.text[place.start : place.end] == wrong
    assert finding.help == help_text


def test_a_name_like_that_of_a_volume_is_meant_where_there_is_one() -> None:
    """At a step there are volumes; among the spec's parameters there are none yet."""
    for text, help_text in (
        ("input: [1, 8]\nlayers:\n  - conv: {out: sise, kernel: 1}\n", "did you mean `size`?"),
        ("parameters: {x: sise * 2}\ninput: [1]\nlayers:\n  - identity\n", "did you mean `slice`?"),
    ):
        with pytest.raises(SpecError) as caught:
            analysed(text)
        assert caught.value.diagnostics[0].help == help_text


def test_names_that_are_not_known_are_told() -> None:
    compiled = compile_expression("n + width * n + max(gone, 2)")
    assert [(name.text, name.start, name.end) for name in unknown_names(compiled, ["n", "width"])] == [("gone", 20, 24)]


def test_a_list_is_spent_where_it_is_read_and_not_where_it_is_counted() -> None:
    """A list of 10,000 values is read by 100 steps, up to a million values: one step more is too many."""
    values = ", ".join(["1"] * 9_999 + ["2"])

    def written(function: str, times: int) -> str:
        steps = f"  - identity:\n    when: {function}(xs) > 0\n" * times
        return f"parameters: {{xs: [{values}]}}\ninput: [1]\nlayers:\n{steps}"

    assert len(analysed(written("sum", 100)).layers) == 100
    with pytest.raises(SpecError, match="read more than 1,000,000 values of lists"):
        analysed(written("sum", 101))
    assert len(analysed(written("len", 101)).layers) == 101


@pytest.mark.parametrize("word", ["and", "or", "not"])
def test_an_operator_alone_is_no_name(word: str) -> None:
    with pytest.raises(SpecError) as caught:
        value(word)
    assert [finding.message for finding in caught.value.diagnostics] == [f"`{word}` is not an expression"]


@pytest.mark.parametrize(
    ("text", "help_text"),
    [
        ("max(1", "in a flow list or map a comma splits: quote an expression that holds one"),
        ("out:8", "write a space after the colon of a key"),
        ("3x224x224", "write sizes as a list: `[3, 224, 224]`; an input has its channels first"),
        ("1 +", None),
        ("max(1, 2) +", None),
    ],
)
def test_a_text_that_is_no_expression_may_be_a_known_slip(text: str, help_text: str | None) -> None:
    with pytest.raises(SpecError) as caught:
        value(text)
    [finding] = caught.value.diagnostics
    assert finding.message == f"`{text}` is not an expression"
    assert finding.help == help_text


def test_the_smallest_and_the_largest_with_a_free_size(tmp_path: Path) -> None:
    # A linear layer from 1 to so many values, without a bias.
    for function, least, most in (("min", 3, 8), ("max", 8, 20)):
        spec = tmp_path / f"{function}.yaml"
        out = f"{{out: '{function}(n, 8)', bias: false}}"
        spec.write_text(f"parameters: {{n: 4}}\ninput: [1]\nlayers:\n  - linear: {out}\n", encoding="utf-8")
        by_formula = archcalc.formula(spec, ["n"], ["params"])["params"]
        assert (by_formula(n=3), by_formula(n=20)) == (least, most)


def test_a_free_size_is_rounded_to_the_nearest_multiple(tmp_path: Path) -> None:
    spec = tmp_path / "rounded.yaml"
    out = "{out: 'round_to(n, 8)', bias: false}"
    spec.write_text(f"parameters: {{n: 16}}\ninput: [1]\nlayers:\n  - linear: {out}\n", encoding="utf-8")
    params = archcalc.formula(spec, ["n"], ["params"])["params"]
    assert [params(n=n) for n in (11, 12, 13, 16, 19, 20)] == [8, 16, 16, 16, 16, 24]


def test_the_largest_number_is_a_number() -> None:
    assert value("10 ** 15") == 10**15
    assert value("1.0 * 10 ** 15") == 10**15
    for beyond in ("10 ** 15 + 1", "2.5 * 10 ** 15"):
        with pytest.raises(SpecError):
            value(beyond)


def test_a_slip_in_a_text_of_several_lines_is_shown_at_the_whole_of_it() -> None:
    with pytest.raises(SpecError) as caught:
        analysed("parameters:\n  x: >\n    1 +\n    gone\ninput: [1]\nlayers:\n  - identity\n")
    [finding] = caught.value.diagnostics
    assert str(finding.place) == "spec.yaml:2:6"
