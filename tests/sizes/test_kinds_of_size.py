"""One rule for three kinds of size: where the kinds are told apart, and what the interpreter leaves open."""

from pathlib import Path
from typing import Any

import numpy
import pytest

from archcalc.analysis.interpret import interpret
from archcalc.analysis.totals import Analysis
from archcalc.diagnostics.diagnostic import Source, SpecError
from archcalc.language.expand import expand
from archcalc.language.read import read_document
from archcalc.sizes.conditions import Condition, at_least, at_most, equal, judge
from archcalc.sizes.conditions import divides as divides_
from archcalc.sizes.kinds import (
    agree,
    equals,
    greatest,
    identity,
    is_many,
    magnitude,
    plus,
    settled,
    times,
    total,
    undecided,
)
from archcalc.sizes.ranges import Ceiling, Range
from archcalc.sizes.symbols import variable
from archcalc.sizes.volume import Volume, axis_names

GROUPED = """
architecture: grouped
parameters: {groups: 2, width: 8, image: 9}
input: [4, image, image]
layers:
  - conv: {out: width, kernel: 3, groups: groups}
  - relu
  - conv: {out: width, kernel: 3, groups: groups}
"""


def analysed(text: str, **parameters: Any) -> Analysis:
    document = read_document(Source("spec.yaml", text), Path("spec.yaml"))
    return Analysis(interpret(expand(document, parameters)))


def test_a_condition_that_fails_somewhere_is_a_mask_and_one_that_never_does_is_nothing() -> None:
    analysis = analysed(GROUPED, groups=numpy.array([1, 2, 3, 4, 8]))
    left = [
        (each.node and each.node.name, each.condition.message, each.verdict.tolist())
        for each in analysis.interpretation.open
    ]
    assert left == [
        ("conv.1", "groups must divide the input channels", [True, True, False, True, False]),
        ("conv.1", "groups must divide the output channels", [True, True, False, True, True]),
        ("conv.2", "groups must divide the input channels", [True, True, False, True, True]),
        ("conv.2", "groups must divide the output channels", [True, True, False, True, True]),
    ]


def test_a_condition_on_symbols_is_left_open() -> None:
    analysis = analysed(GROUPED, groups=variable("g"))
    assert [(str(each.condition.left), each.condition.right) for each in analysis.interpretation.open] == [
        ("g", 1),  # g is at least 1
        ("g", 4),
        ("g", 8),
        ("g", 1),
        ("g", 8),
        ("g", 8),
    ]


def test_the_input_has_conditions_of_its_own() -> None:
    analysis = analysed(GROUPED, image=numpy.array([0, 1, 9]))
    first = analysis.interpretation.open[0]
    assert first.node is None
    assert first.verdict.tolist() == [False, True, True]
    assert analysed(GROUPED, image=numpy.array([5, 9])).interpretation.open == []
    with pytest.raises(SpecError):
        analysed(GROUPED, image=0)


def test_equal_layers_of_a_sweep_are_computed_once() -> None:
    text = """
architecture: twice
parameters: {width: 8, image: 9}
input: [4, image, image]
layers:
  - conv: {out: width, kernel: 3, padding: 1}
  - conv: {out: 2 * width - width, kernel: 3, padding: 1}
    repeat: 3
"""
    width, image = numpy.array([[8], [16]]), numpy.array([[9, 11, 13]])
    outcomes = analysed(text, width=width, image=image).interpretation.outcomes
    assert outcomes[1] is outcomes[2] is outcomes[3]
    assert outcomes[0] is not outcomes[1]


def test_shared_weights_must_agree_in_every_combination() -> None:
    text = """
architecture: shared
parameters: {a: 3, b: 3}
input: [8, 9, 9]
layers:
  - conv: {out: 8, kernel: a, padding: 1}
    weights: both
  - conv: {out: 8, kernel: b, padding: 1}
    weights: both
"""
    analysis = analysed(text, a=numpy.array([[1], [3]]), b=numpy.array([[1, 3]]))
    height, width = analysis.interpretation.open
    for axis in (height, width):
        assert axis.condition.rule == "weights-differ"
        assert axis.verdict.tolist() == [[True, False], [False, True]]
    with pytest.raises(SpecError, match="shared weights must have the same shape"):
        analysed(text, a=1, b=3)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("when: width > 4", "`>` cannot be decided while"),
        ("when: 4 < width", "`<` cannot be decided while"),
        ("repeat: width", "structure cannot be free"),
        ("repeat: floor(0.5 * width)", "cannot take the fraction 0.5 of a size that is not known"),
    ],
)
@pytest.mark.parametrize("width", [variable("width"), numpy.array([4, 8])])
def test_structure_is_concrete(setting: str, message: str, width: Any) -> None:
    text = f"""
architecture: structured
parameters: {{width: 8}}
input: [8, 9, 9]
layers:
  - relu:
    {setting}
"""
    with pytest.raises(SpecError) as raised:
        analysed(text, width=width)
    assert message in raised.value.diagnostics[0].message


def test_arrays_are_recognised_by_what_is_in_them() -> None:
    one, same, other = numpy.array([1, 2]), numpy.array([1, 2]), numpy.array([[1], [2]])
    assert identity((3, (one, "same"))) == identity((3, (same, "same")))
    assert identity(one) != identity(other)
    assert not is_many(3)
    assert is_many(one)
    assert judge(divides_("rule", one, 4 * one, "")) is True


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        (3, 3, True),
        (3, 4, False),
        (numpy.array([2, 3]), numpy.array([2, 3]), True),
        (numpy.array([2, 3]), numpy.array([2, 4]), None),
        (numpy.array([2, 3]), numpy.array([3, 4]), False),
        (numpy.array([2, 3]), 3, None),
        (variable("n") + 1, 1 + variable("n"), True),
        (variable("n") + 1, variable("n"), False),
        (variable("n"), 3, None),
        (Range(2, 4, Ceiling()), Range(4, 6, Ceiling()), None),
        (Range(2, 4, Ceiling()), Range(5, 6, Ceiling()), False),
        (Range(5, 6, Ceiling()), 4, False),
        (Range(4, 4, Ceiling()), 4, True),
        (Range(4, 5, Ceiling()), 4, None),
    ],
)
def test_sizes_agree_for_all_values_for_none_or_for_some(left: Any, right: Any, verdict: bool | None) -> None:
    assert agree(left, right) is verdict


def test_the_greatest_of_some_sizes() -> None:
    assert greatest([]) == 0
    assert greatest([3, 5, 4]) == 5
    assert greatest([4, numpy.array([3, 6]), 5]).tolist() == [5, 6]
    assert str(greatest([2, variable("n"), 1])) == "max(max(2, n), 1)"


def test_a_large_array_is_recognised_as_the_object_that_it_is() -> None:
    # 8,192 numbers of 8 bytes are 65,536 bytes, and one more is beyond what is compared.
    assert identity(numpy.zeros(8_192, "int64")) == identity(numpy.zeros(8_192, "int64"))
    large = numpy.zeros(8_193, "int64")
    assert identity(large) == identity(large)
    assert identity(large) != identity(large.copy())


def test_arrays_of_pythons_integers_are_recognised_by_their_values() -> None:
    assert identity(numpy.array([1, 10**30])) == identity(numpy.array([1, 10**30]))
    assert identity(numpy.array([1, 10**30])) != identity(numpy.array([2, 10**30]))


@pytest.mark.parametrize(("value", "many"), [([1], True), ([10**30], True), ([1.5], False), (["a"], False)])
def test_an_array_of_whole_numbers_is_a_size(value: list[Any], many: bool) -> None:
    assert is_many(numpy.array(value)) is many


def test_a_size_from_outside_is_a_wide_integer() -> None:
    assert type(settled(numpy.int32(7))) is int
    assert settled(numpy.array([7], "int8")).dtype == "int64"
    assert settled("same") == "same"
    assert settled(10**15) == 10**15
    assert settled(-(10**15)) == -(10**15)
    for beyond in (10**15 + 1, -(10**15) - 1):
        with pytest.raises(OverflowError, match="sizes go up to 1,000,000,000,000,000"):
            settled(beyond)


@pytest.mark.parametrize(
    ("size", "largest"),
    [
        (Range(-7, 3, Ceiling()), 7),
        (Range(-2, 5, Ceiling()), 5),
        (numpy.array([3, -(10**30)]), 10**30),
        (numpy.array([], object), 0),
        (variable("n"), 0),
    ],
)
def test_the_magnitude_of_a_size(size: Any, largest: int) -> None:
    assert magnitude(size) == largest


def test_what_changes_nothing_makes_no_new_array() -> None:
    sweep = numpy.array([3, 4])
    assert plus(sweep, 0) is sweep
    assert plus(0, sweep) is sweep
    assert times(1, sweep) is sweep
    assert total([0, sweep, 0]) is sweep
    assert plus(sweep, 1).tolist() == [4, 5]
    assert plus(1, sweep).tolist() == [4, 5]
    assert times(2, sweep).tolist() == [6, 8]


def test_where_sizes_are_equal_is_one_and_elsewhere_nothing() -> None:
    assert equals((3, 4), (3, 4)) == 1
    assert equals((3, 4), (4, 3)) == 0
    assert equals((3, numpy.array([3, 4])), (3, 4)).tolist() == [0, 1]


def test_only_pairs_that_are_equal_for_some_values_are_undecided() -> None:
    some = (numpy.array([2, 3]), numpy.array([2, 4]))
    assert undecided([(2, 3), (3, 3), some]) == (some,)


@pytest.mark.parametrize(
    ("condition", "holds", "explained"),
    [
        (divides_("rule", 3, 6, "m"), True, "m: 3 does not divide 6"),
        (divides_("rule", 4, 6, "m"), False, "m: 4 does not divide 6"),
        (equal("rule", 4, 4, "m"), True, "m: 4 is not 4"),
        (equal("rule", 4, 6, "m"), False, "m: 4 is not 6"),
        (at_least("rule", 4, 4, "m"), True, "m: 4 is less than 4"),
        (at_least("rule", 3, 4, "m"), False, "m: 3 is less than 4"),
        (at_most("rule", 4, 4, "m"), True, "m: 4 is more than 4"),
        (at_most("rule", 5, 4, "m"), False, "m: 5 is more than 4"),
        (at_least("rule", variable("n"), 4, "m"), None, "m: n is less than 4"),
        (at_least("rule", Range(5, 6, Ceiling()), 4, "m"), None, "m: 5 to 6 is less than 4"),
        (at_most("rule", 4, Range(5, 6, Ceiling()), "m"), None, "m: 4 is more than 5 to 6"),
    ],
)
def test_a_condition_is_judged_at_its_boundary(condition: Condition, holds: bool | None, explained: str) -> None:
    assert judge(condition) is holds
    assert condition.explain() == explained


def test_a_volume_is_written_channels_last_and_given_channels_first() -> None:
    image, vector = Volume(96, (55, 27)), Volume(10)
    assert (str(image), image.shape, image.rank) == ("55x27x96", (96, 55, 27), 2)
    assert (image.positions, image.elements) == (55 * 27, 55 * 27 * 96)
    assert (str(vector), vector.shape, vector.rank) == ("10", (10,), 0)
    assert (vector.positions, vector.elements) == (1, 10)


def test_axes_beyond_three_have_numbers() -> None:
    assert axis_names(2) == ("height", "width")
    assert axis_names(4) == ("axis 1", "axis 2", "axis 3", "axis 4")
