"""What expressions come to, by value: the boundaries that a slip in a comparison or a rounding would move."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from inline import analysed

import archcalc
from archcalc.diagnostics.diagnostic import SpecError


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
        # At least nine tenths of the value: 8 is less than 8.1, and 24 is not less than 0.9 x 26 = 23.4.
        ("make_divisible(9, 8)", 16),
        ("make_divisible(26, 8)", 24),
        ("make_divisible(1, 8)", 8),
        ("floor(2.9)", 2),
        ("ceil(2.1)", 3),
        ("ceil(2)", 2),
        ("round(2.4)", 2),
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
        ("true and false", False),
        ("true or false", True),
        ("not true", False),
    ],
)
def test_an_expression_comes_to(expression: str, result: Any) -> None:
    assert value(expression) == result
    assert type(value(expression)) is type(result)


@pytest.mark.parametrize(
    "expression", ["true + 1", "010", "1 + xs", "min()", "xs[3]", "7 // 0", "7 % 0", "-true", "true < 2"]
)
def test_an_expression_that_means_nothing_is_refused(expression: str) -> None:
    with pytest.raises(SpecError):
        value(expression)


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


@pytest.mark.parametrize("word", ["and", "or", "not"])
def test_an_operator_alone_is_no_name(word: str) -> None:
    with pytest.raises(SpecError) as caught:
        value(word)
    assert [finding.message for finding in caught.value.diagnostics] == [f"`{word}` is not an expression"]


@pytest.mark.parametrize(("text", "helps"), [("max(1", True), ("1 +", False), ("max(1, 2) +", False)])
def test_a_bracket_that_is_left_open_may_have_been_cut_at_a_comma(text: str, helps: bool) -> None:
    with pytest.raises(SpecError) as caught:
        value(text)
    [finding] = caught.value.diagnostics
    assert ("quote an expression that holds one" in (finding.help or "")) is helps


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
