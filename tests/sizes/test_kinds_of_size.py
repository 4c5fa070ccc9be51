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
from archcalc.sizes.conditions import divides as divides_
from archcalc.sizes.conditions import judge
from archcalc.sizes.kinds import agree, greatest, identity, is_many
from archcalc.sizes.ranges import Ceiling, Range
from archcalc.sizes.symbols import variable
from archcalc.sizes.volume import axis_names

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
    analysis = analysed(GROUPED, image=numpy.array([0, 5, 9]))
    first = analysis.interpretation.open[0]
    assert first.node is None
    assert first.verdict.tolist() == [False, True, True]
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


def test_axes_beyond_three_have_numbers() -> None:
    assert axis_names(2) == ("height", "width")
    assert axis_names(4) == ("axis 1", "axis 2", "axis 3", "axis 4")
