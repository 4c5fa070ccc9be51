"""Small files that ask for much: each is answered with a finding at its place, in little time and memory."""

from __future__ import annotations

import time

import pytest
from inline import analysed

import archcalc

ZEROS = ", ".join(["0"] * 9_999)


def findings(text: str) -> list[tuple[str, str, int]]:
    """Rule, message and line of each finding, which take less than two seconds of processor time."""
    before = time.process_time()
    with pytest.raises(archcalc.SpecError) as caught:
        analysed(text)
    assert time.process_time() - before < 2
    return [(d.rule, d.message, d.place.line if d.place else 0) for d in caught.value.diagnostics]


def test_a_list_is_bounded_as_it_is_evaluated() -> None:
    doubled = "".join(f"  p{i}: [p{i - 1}, p{i - 1}]\n" for i in range(1, 40))
    text = f"parameters:\n  p0: [0, 0]\n{doubled}input: [3]\nlayers: [relu]"
    # p0 holds 2 values, and p(n) twice as many as p(n - 1) and two lists more: p11 holds 8,190 and p12 too many
    assert findings(text) == [("too-large", "a list has at most 10,000 values, those of lists within it included", 14)]


def test_a_list_that_is_written_out_is_bounded() -> None:
    # 9,999 zeros in a list within the list, which is the 10,000th value; one more is refused at the bracket.
    text = f"parameters: {{p: [[{ZEROS}]MORE]}}\ninput: [3]\nlayers: [relu]"
    assert len(analysed(text.replace("MORE", "")).network.parameters["p"][0]) == 9_999
    with pytest.raises(archcalc.SpecError) as caught:
        analysed(text.replace("MORE", ", 0"))
    [finding] = caught.value.diagnostics
    place = finding.place
    assert place is not None
    assert finding.message == "a list has at most 10,000 values, and this one has 10,001"
    assert (place.column, place.source.text[place.start : place.end]) == (17, "[")


def test_lists_lie_within_each_other_up_to_a_depth() -> None:
    deeper = "".join(f"  p{i}: [p{i - 1}]\n" for i in range(1, 500))
    message = "lists lie within each other up to 64 levels deep"
    assert findings(f"parameters:\n  p0: [0]\n{deeper}input: [3]\nlayers: [relu]") == [("too-large", message, 66)]


def test_what_expressions_read_of_lists_is_bounded() -> None:
    message = "the expressions of the network read more than 1,000,000 values of lists"
    condition = " + ".join(["sum(p)"] * 20)
    text = f"parameters: {{p: [{ZEROS}]}}\ninput: [3]\nblocks:\n  b:\n    - relu:\n      when: {condition} == 0\n"
    assert findings(f"{text}layers:\n  - b:\n    repeat: 100000\n")[0] == ("too-large", message, 6)
    many = "".join(f"  q{i}: sum(p)\n" for i in range(2_000))
    text = f"parameters:\n  p: [{ZEROS}]\n{many}input: [3]\nlayers: [relu]"
    # 100 sums read 999,900 values; q100 stands in line 103
    assert findings(text) == [("too-large", message, 103)]


def test_one_value_of_a_long_list_costs_nothing() -> None:
    steps = "  - linear: p[i] + 3\n    repeat: {i: 2000}\n"
    assert len(analysed(f"parameters: {{p: [{ZEROS}]}}\ninput: [3]\nlayers:\n{steps}").layers) == 2_000


def test_the_paths_of_layers_are_bounded() -> None:
    name = "n" * 1_000
    blocks = "".join(f"  b{i}:\n    - b{i - 1}:\n      as: {name}\n" for i in range(1, 96))
    text = f"input: [3]\nblocks:\n  b0:\n    - relu:\n      repeat: 100000\n{blocks}layers: [b95]\n"
    message = "the paths of the layers have more than 50,000,000 characters: names are too long"
    assert findings(text) == [("too-large", message, 4)]


def test_many_parameters_and_many_blocks_are_read_in_linear_time() -> None:
    def seconds(count: int) -> float:
        parameters = "".join(f"  p{i}: {i}\n" for i in range(count))
        blocks = "".join(f"  b{i}: []\n" for i in range(count))
        before = time.process_time()
        analysed(f"parameters:\n{parameters}input: [3]\nblocks:\n{blocks}layers: [relu]")
        return time.process_time() - before

    # eight times as many take eight times as long; 64 times if every block copied every name
    assert seconds(4_000) < 24 * min(seconds(500) for _ in range(3))
