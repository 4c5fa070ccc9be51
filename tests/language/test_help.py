"""What archcalc answers to the mistakes that newcomers make: the place, the reason and what to write."""

from __future__ import annotations

import pytest
from inline import analysed

import archcalc


def findings(text: str) -> list[tuple[str, str, str | None]]:
    """Of each finding the place (line and column), the message and the help."""
    with pytest.raises(archcalc.SpecError) as caught:
        analysed(text)
    return [
        (f"{d.place.line}:{d.place.column}" if d.place else "", d.message, d.help) for d in caught.value.diagnostics
    ]


def test_a_misspelt_attribute_is_one_finding() -> None:
    assert findings("input: [3, 8, 8]\nlayers:\n  - conv: {out: 3, kernal: 3}\n") == [
        ("3:20", "conv has no attribute `kernal`", "did you mean `kernel`?")
    ]


@pytest.mark.parametrize(
    ("step", "help_text"),
    [
        ("maxpool: {size: 2}", "did you mean `kernel`?"),
        ("conv: {filters: 2, kernel: 1}", "did you mean `out`?"),
        ("dropout: {p: 0.5}", "did you mean `rate`?"),
        ("group_conv: 3", "write `conv` with `groups`"),
        ("rope", "it is called `rotary` here"),
        ("squeeze", "write `take` with the axis that goes, or `reshape`"),
        ("nn.BatchNorm2d: 3", "it is called `batch_norm` here"),
        ("dense: 3", "it is called `linear` here"),
        ("conv: {in_channels: depth, out: 3, kernel: 1}", "leave it out: the step before says what comes in"),
        ("conv: {name: first, out: 3, kernel: 1}", "a step is named by `as`, beside the layer"),
        ("conv: {out: 3, kernel: 1, activation: relu}", "write the activation as a step of its own, as in `- relu`"),
        ("conv: {out: 3, kernel: 1, colour: red}", "it has out, kernel, stride, padding, dilation, groups, bias"),
        (
            "maxpool: 3, 2",
            "name several values in braces, as in `{out: 64, kernel: 3}`, or list them in brackets",
        ),
        ("dropout: 50%", "write a part of the whole: `0.5`"),
        ("dropout: {rate: 12.5 %}", "write a part of the whole: `0.125`"),
        (
            "repeat: 3\n    layers:\n      - relu",
            "what is repeated together is a block: define it in the section `blocks`, and write `repeat` below "
            "its name",
        ),
    ],
)
def test_words_of_other_tools_are_understood(step: str, help_text: str) -> None:
    assert [hint for _, _, hint in findings(f"input: [3, 8, 8]\nlayers:\n  - {step}\n")] == [help_text]


@pytest.mark.parametrize("key", ["when: true", "repeat: 3", "as: name", "from: input"])
@pytest.mark.parametrize("comment", ["", "  # normalise\n"])
def test_keys_below_a_bare_layer_are_answered_at_the_layer(key: str, comment: str) -> None:
    steps = f"  - relu\n  - batch_norm{comment}\n    {key}\n  - conv: {{out: 3, kernel: 3}}\n"
    message = f"`batch_norm` needs a colon, because `{key.partition(':')[0]}` stands below it"
    assert findings(f"input: [3, 8, 8]\nlayers:\n{steps}") == [("4:5", message, "write `- batch_norm:`")]


@pytest.mark.parametrize(
    ("step", "message", "help_text"),
    [
        ('"relu"\n    repeat: 2', '`"relu"` needs a colon, because `repeat` stands below it', "write `- relu:`"),
        (
            "maxpool 2\n    repeat: 2",
            "`maxpool 2` needs a colon, because `repeat` stands below it",
            "write `- maxpool: 2`",
        ),
        (
            "conv(8, 3)\n    repeat: 2",
            "`conv(8, 3)` needs a colon, because `repeat` stands below it",
            "write `- conv:`, and its attributes in braces",
        ),
        (
            "conv\n    out: 8\n    kernel: 3",
            "`conv` needs a colon, because `out` stands below it",
            "write what belongs to the layer in braces: `- conv: {out: …}`",
        ),
    ],
)
def test_a_step_without_a_colon_is_answered_with_the_step_to_write(step: str, message: str, help_text: str) -> None:
    assert findings(f"input: [3, 8, 8]\nlayers:\n  - {step}\n") == [("3:5", message, help_text)]


def test_all_steps_without_a_colon_are_shown_in_one_run() -> None:
    steps = [
        "- relu\n    repeat: 2",
        "- conv 8  # a comment\n    repeat: 3",
        "- maxpool: 2",
        '- "relu"\n    as: end',
        "- conv\n    out: 8\n    kernel: 3",
    ]
    text = "input: [3, 8, 8]\nlayers:\n" + "".join(f"  {step}\n" for step in steps)
    assert [(place, hint) for place, _, hint in findings(text)] == [
        ("3:5", "write `- relu:`"),
        ("5:5", "write `- conv: 8`"),
        ("8:5", "write `- relu:`"),
        ("10:5", "write what belongs to the layer in braces: `- conv: {out: …}`"),
    ]


def test_steps_without_a_colon_are_shown_up_to_another_error_and_to_a_screenful() -> None:
    steps = "  - relu\n    repeat: 2\n"
    assert len(findings(f"input: [3, 8, 8]\nlayers:\n{steps * 50}")) == 20
    assert len(findings(f"input: [3, 8, 8]\nlayers:\n{steps}  - conv: {{out: 2\n{steps}")) == 1


@pytest.mark.parametrize(
    ("step", "place", "message", "help_text"),
    [
        (
            "linear: 8\n      repeat: 2",
            "4:7",
            "`repeat` belongs to the step, and is indented too far",
            "indent it by 4 spaces, as `linear` is",
        ),
        (
            "conv: 8\n      kernel: 3",
            "4:7",
            "`kernel` stands below `conv`, which has its value already",
            "write all that belongs to the layer in braces: `- conv: {…, kernel: …}`",
        ),
    ],
)
def test_a_key_below_a_value_is_answered_at_the_key(step: str, place: str, message: str, help_text: str) -> None:
    assert findings(f"input: [3, 8, 8]\nlayers:\n  - {step}\n") == [(place, message, help_text)]


@pytest.mark.parametrize(
    ("lines", "place", "message", "help_text"),
    [
        ("  - relu\n - linear: 3", "4:2", "indented by 1 space, which fits no line above", "0, 2 or 4 spaces"),
        (
            "  - add:\n      a: []\n     b: []",
            "5:6",
            "indented by 5 spaces, which fits no line above",
            "0, 2, 4 or 6 spaces",
        ),
        (
            "  - relu\n    - relu: 3",
            "4:5",
            "indented deeper than the one above, which nothing can stand in",
            "0, 2 or 4 spaces",
        ),
    ],
)
def test_wrong_indentation_is_said_in_spaces(lines: str, place: str, message: str, help_text: str) -> None:
    help_text = f"the lines above that it could continue are indented by {help_text}"
    assert findings(f"input: [3, 8, 8]\nlayers:\n{lines}\n") == [(place, f"the line is {message}", help_text)]


def test_two_colons_in_a_line() -> None:
    assert findings("input: [3, 8, 8]\nlayers:\n  - conv: out: 3\n") == [
        (
            "3:14",
            "a second colon in one line",
            "write what belongs to a layer in braces: `- conv: {out: 64, kernel: 3}`",
        )
    ]


def test_a_join_has_no_attributes() -> None:
    steps = "  - relu:\n    as: a\n  - relu:\n    as: b\n  - concat: {branches: [a, b], axis: 1}\n"
    hint = "a join lists names, `concat: [a, b]`, or holds branches by names of their own"
    assert findings(f"input: [3, 8, 8]\nlayers:\n{steps}") == [("7:14", "concat has no attribute `branches`", hint)]
    steps = "  - add: {one: [relu], axis: 1}\n"
    hint = "a join lists names, `add: [low, high]`, or holds branches by names of their own"
    assert [message for _, message, _ in findings(f"input: [3, 8, 8]\nlayers:\n{steps}")] == [
        "add has no attribute `axis`"
    ]


def test_a_branch_may_be_called_as_other_tools_call_an_attribute() -> None:
    assert len(analysed("input: [3, 8, 8]\nlayers:\n  - add: {inputs: [relu], layers: []}\n").layers) == 2


def test_the_volume_is_no_parameter_of_the_file() -> None:
    help_text = "volumes are known at a step, and in the defaults of a block's parameters"
    assert findings("parameters: {c: channels // 4}\ninput: [3, 8, 8]\nlayers: [relu]") == [
        ("1:17", "there is no parameter `channels`", help_text)
    ]
    assert findings("parameters: {c: 2 * channels(a)}\ninput: [3, 8, 8]\nlayers: [{relu: , as: a}]") == [
        ("1:30", "no step comes before this", help_text)
    ]


@pytest.mark.parametrize(
    ("value", "name", "help_text"),
    [
        ("ture", "ture", "did you mean `true`?"),
        ("fasle", "fasle", "did you mean `false`?"),
        ("wdth", "wdth", "did you mean `width`?"),
        ("channel // 2", "channel", "did you mean `channels`?"),
        ("True", "True", "did you mean `true`?"),
        ("None", "None", "leave out what is not given"),
    ],
)
def test_a_name_that_is_not_known_may_be_a_slip(value: str, name: str, help_text: str) -> None:
    text = f"parameters: {{width: 4}}\ninput: [3]\nlayers: [{{linear: {{out: {value}}}}}]"
    assert findings(text) == [("3:25", f"there is no parameter `{name}`", help_text)]


def test_a_word_of_a_layer_is_one_within_an_expression_too() -> None:
    step = "{upsample: {scale: 2, mode: nearest if n > 1 else linear}}"
    [layer] = analysed(f"parameters: {{n: 2}}\ninput: [3, 8, 8]\nlayers: [{step}]").layers
    assert layer.node.attributes["mode"] == "nearest"


def test_blocks_of_the_catalogue_are_found_by_their_file_alone() -> None:
    begin = "input: [3, 8, 8]\nlayers: [relu]\nimport:"
    (found,) = findings(f"{begin} {{blocks.yaml: [classifier, decoder]}}\n")
    assert found[2] is not None
    assert found[2].startswith("write the path of one that the catalogue has: `llama/blocks.yaml`;")
    (found,) = findings(f"{begin} {{blocks.yaml: [classifier, nowhere]}}\n")
    assert found[2] is not None
    assert found[2].startswith("an import is looked for beside the file that has it")
