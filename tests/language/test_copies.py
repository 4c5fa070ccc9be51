"""All copies of a repeated step by one name, also in the step itself, and lists that a block has as an input."""

from __future__ import annotations

import pytest
from inline import analysed

import archcalc

DENSE = """
parameters: {n: 3}
input: [4, 8, 8]
blocks:
  dense:
    - concat: [maps.*]
    - conv: {out: 2, kernel: 1}
layers:
  - dense:
    as: layer
    from: {maps: [input, layer.*]}
    repeat: n
  - concat: [input, layer.*]
"""


def joined(text: str, **parameters: object) -> list[tuple[str, list[str]]]:
    """The joins, with what each reads."""
    analysis = analysed(text, **parameters)
    return [(row.name, analysis.inputs(row)) for row in analysis.layers if row.node.layer.joins]


def finding(text: str) -> tuple[str, str, str | None]:
    with pytest.raises(archcalc.SpecError) as caught:
        analysed(text)
    (found,) = caught.value.diagnostics
    return found.rule, found.message, found.help


def test_a_repeated_step_names_all_copies_before_it() -> None:
    # The first copy has nothing but the input to join, which is then no join.
    assert joined(DENSE) == [
        ("layer.2/concat", ["input", "layer.1/conv"]),
        ("layer.3/concat", ["input", "layer.1/conv", "layer.2/conv"]),
        ("concat", ["input", "layer.1/conv", "layer.2/conv", "layer.3/conv"]),
    ]
    # 4 channels enter, each copy adds 2: weights and biases of 1x1 convolutions on 4, 6 and 8 channels.
    assert [row.params for row in analysed(DENSE).layers if row.params] == [4 * 2 + 2, 6 * 2 + 2, 8 * 2 + 2]


def test_of_no_copies_there_is_nothing_to_name() -> None:
    assert joined(DENSE, n=0) == []
    assert joined(DENSE, n=1) == [("concat", ["input", "layer/conv"])]


def test_a_step_in_earlier_copies_can_be_named() -> None:
    text = DENSE.replace("layer.*]", "layer.*/wide]").replace("conv: {out: 2, kernel: 1}", "conv: {out: 9, kernel: 1}")
    text = text.replace("    - conv", "    - conv: {out: 5, kernel: 1}\n      as: wide\n    - conv")
    assert joined(text)[1] == ("layer.3/concat", ["input", "layer.1/wide", "layer.2/wide"])


def test_a_join_is_repeated_over_its_own_copies() -> None:
    text = "input: [4]\nlayers:\n  - linear: 4\n    as: stem\n"
    text += "  - add: [stem, stem, sum.*]\n    as: sum\n    repeat: 3\n"
    assert joined(text) == [
        ("sum.1", ["stem", "stem"]),
        ("sum.2", ["stem", "stem", "sum.1"]),
        ("sum.3", ["stem", "stem", "sum.1", "sum.2"]),
    ]


def test_a_block_knows_a_list_by_numbers_and_its_last_by_the_name_alone() -> None:
    text = "input: [4]\nblocks:\n  ends:\n    - concat: [all.1, all]\n  mixed:\n    - concat: [one, all.*]\nlayers:\n"
    text += "  - linear: 1\n    as: a\n  - linear: 2\n    as: b\n  - linear: 3\n    as: c\n"
    text += "  - ends:\n    from: {all: [a, b, c]}\n  - mixed:\n    from: {one: c, all: [a, b]}\n"
    assert [names for _, names in joined(text)] == [["a", "c"], ["c", "a", "b"]]


def test_a_list_goes_on_into_blocks_within() -> None:
    text = "input: [4]\nblocks:\n  outer:\n    - inner:\n      from: {parts: [all.*, input]}\n"
    text += "  inner:\n    - concat: [parts.*]\nlayers:\n  - linear: 1\n    as: a\n  - linear: 2\n    as: b\n"
    text += "  - outer:\n    from: {all: [a, b]}\n"
    assert [names for _, names in joined(text)] == [["a", "b", "b"]]


GIVEN = "{maps: [input, layer.*]}"


@pytest.mark.parametrize(
    ("written", "instead", "rule", "message"),
    [
        ("[maps.*]", "[other.*]", "unknown-step", "no step before this one is called `other`"),
        ("[maps.*]", "[input.*]", "unknown-step", "`input` is not repeated: it has no copies"),
        (GIVEN, "{maps: [layer.*]}", "wrong-inputs", "`maps.*` names nothing yet: no copy comes before this one"),
        (GIVEN, "{maps: layer}", "unknown-step", "`layer` names nothing: it has no copy before this step"),
        (GIVEN, "{input: layer.*}", "wrong-inputs", "the input that a block begins with is one step: this is a list"),
        (GIVEN, "{maps: []}", "wrong-inputs", "`maps` is empty: name a step"),
        (GIVEN, "{maps: {a: b}}", "bad-name", "this is not a name: a step is called by letters, digits and `_`"),
        (
            "- concat: [input, layer.*]",
            "- relu:\n    from: layer.*",
            "wrong-inputs",
            "relu takes 1 input, and `from` names 3",
        ),
    ],
)
def test_what_is_wrong_with_a_list_is_said(written: str, instead: str, rule: str, message: str) -> None:
    assert written in DENSE
    assert finding(DENSE.replace(written, instead))[:2] == (rule, message)


def test_a_step_of_no_copies_gives_its_name_to_another() -> None:
    text = "parameters: {wide: true}\ninput: [4]\nlayers:\n"
    text += "  - linear: 8\n    as: body\n    repeat: 2 if wide else 0\n"
    text += "  - linear: 4\n    as: body\n    repeat: 0 if wide else 2\n  - concat: [input, body.*]\n"
    for wide, channels in ((True, 4 + 8 + 8), (False, 4 + 4 + 4)):
        assert analysed(text, wide=wide).layers[-1].output.channels == channels


def test_the_names_in_lists_are_bounded() -> None:
    # 900 copies name 900 * 899 / 2 copies before them: more than any network takes to write out.
    rule, message, _ = finding(DENSE.replace("n: 3", "n: 900"))
    assert (rule, message) == ("too-many-layers", "the network takes more than 300,000 steps to write out")
