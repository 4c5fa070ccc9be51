"""Malformed specs, each with the diagnostics it must give in a comment at the end of the line they must point at."""

from __future__ import annotations

import os
import re
from pathlib import Path
from textwrap import dedent

import pytest

import archcalc
from archcalc.analysis.totals import analyse
from archcalc.diagnostics.diagnostic import Diagnostic, Source
from archcalc.language.expand import expand
from archcalc.language.read import read_document

ERRORS = Path(__file__).parent.parent / "errors"
_EXPECTED = re.compile(r"# error\[([\w-]+)\]: (.*?)(?= # error\[|$)")


def expected(text: str) -> list[tuple[int, str, str]]:
    return [
        (number, rule, message.strip())
        for number, line in enumerate(text.split("\n"), 1)
        for rule, message in _EXPECTED.findall(line)
    ]


@pytest.mark.parametrize("path", sorted(ERRORS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_diagnostics_are_those_beside_the_lines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert expected(text), "an error file states what it expects"
    with pytest.raises(archcalc.SpecError) as caught:
        analyse(expand(read_document(Source(path.name, text), path)))
    found = [(d.place.line if d.place else 0, d.rule, d.message) for d in caught.value.diagnostics]
    assert sorted(found) == sorted(expected(text))


def test_a_list_that_fills_one_parameter_of_several_is_told_how_to_fill_more() -> None:
    text = """
        input: [3, 8, 8]
        blocks:
          unit(out, stride=1):
            - conv: {out: out, kernel: 3, stride: stride}
        layers:
          - unit: [64, 2]
    """
    with pytest.raises(archcalc.SpecError) as caught:
        expand(read_document(Source("spec.yaml", dedent(text)), Path("spec.yaml")))
    (found,) = caught.value.diagnostics
    assert found.message == "out must be a whole number: [64, 2] is not"
    assert found.help == "a list is a row of arguments where a block needs several: write `unit: {out: 64, stride: 2}`"


def test_a_list_that_an_expression_refuses_is_told_how_to_fill_more_than_one_parameter() -> None:
    text = """
        input: [3, 8, 8]
        blocks:
          unit(kernel, stride=1):
            - maxpool: {kernel: kernel, stride: stride, padding: kernel // 2}
        layers:
          - unit: [3, 1]
    """
    with pytest.raises(archcalc.SpecError) as caught:
        expand(read_document(Source("spec.yaml", dedent(text)), Path("spec.yaml")))
    (found,) = caught.value.diagnostics
    assert found.message == "`//` works on numbers: [3, 1] is not one"
    assert (found.help or "").endswith("write `unit: {kernel: 3, stride: 1}`")


def test_the_trail_names_the_calls_and_the_input() -> None:
    path = ERRORS / "groups.yaml"
    with pytest.raises(archcalc.SpecError) as caught:
        archcalc.load(path).analyse()
    place = str(path)
    assert str(caught.value) == (
        "error[groups-divide]: groups must divide the input channels: 64 does not divide 96\n"
        f" --> {place}:4:55\n"
        "  |\n"
        "4 |     - conv: {out: out, kernel: 3, padding: 1, groups: groups}  # error[groups-divide]: groups must divide"
        " the input channels: 64 does not divide 96\n"
        "  |                                                       ^^^^^^ 64\n"
        "  |\n"
        "  = input: 28x28x96, from the network's input\n"
        f"  = in `cardinal(out=128, groups=64)`, called at {place}:6:5"
    )


def refused(text: str) -> set[str]:
    with pytest.raises(archcalc.SpecError) as caught:
        expand(read_document(Source("spec.yaml", text), Path("spec.yaml")))
    return {diagnostic.rule for diagnostic in caught.value.diagnostics}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "empty-file"),
        ("[" * 100_000, "too-deep"),
        ("a: " + "{b: " * 100_000, "too-deep"),
        ("a: [b, {c: " + "[" * 2_000, "too-deep"),
        ('a: ["[[", [b, ' + "[" * 1_200, "too-deep"),
        ("just text", "not-a-map"),
        ("input: [3]\nlayers: []", "no-layers"),
        ("input: [3]\n---\ninput: [3]", "two-documents"),
        ("input: [3]\x00", "yaml-syntax"),
        ("{[1]: 2}", "key-not-a-word"),
        ("!!python/object/apply:os.system ['true']", "yaml-feature"),
        ("input: [3]\nlayers:\n" + "  - relu\n" * 300_000, "too-many-layers"),
        ("- x\n" * 1_000_001, "too-large"),
        ("input: [3]\nlayers:\n  - conv: {out: " + "(" * 400 + "}", "bad-expression"),
        ("input: [3]\nlayers:\n  - linear: " + "9" * 5000, "bad-expression"),
        ("input: [3]\nlayers:\n  - linear: 2 ** 64 ** 64", "bad-expression"),
        (
            "input: [3]\nblocks:\n  twice(n):\n    - twice: n - 1\n      when: n > 0\n    - twice: n - 1\n"
            "      when: n > 0\nlayers:\n  - twice: 90",
            "too-many-layers",
        ),
        (
            "input: [3]\nlayers:\n  - relu:\n    as: a\n  - concat: [" + "a, " * 99_999 + "a]\n    repeat: 100",
            "too-many-layers",
        ),
        ("parameters: {l: [" + "1, " * 10_000 + "1]}\ninput: [3]\nlayers: [relu]", "too-large"),
        ("parameters: {l: [" + "[1, 1, 1, 1], " * 2_000 + "1]}\ninput: [3]\nlayers: [relu]", "too-large"),
        ("input: [3]\nlayers: [relu]\narchitecture: \ufeffname", "yaml-syntax"),
        ("import:\n  ? " + "x" * 3000 + "\n  : [a]\ninput: [3]\nlayers: [a]", "bad-import"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else None,
)
def test_hostile_texts_are_refused(text: str, rule: str) -> None:
    assert rule in refused(text)


@pytest.mark.parametrize("text", ['a: "' + "[" * 200, "a: # " + "[" * 200 + "\n\tb", "a: b" + "[" * 200 + ": c: d"])
def test_brackets_in_quotes_comments_and_words_nest_nothing(text: str) -> None:
    assert refused(text) == {"yaml-syntax"}


def test_a_name_close_to_a_known_one_is_suggested() -> None:
    with pytest.raises(archcalc.SpecError) as caught:
        archcalc.load(ERRORS / "misspelt.yaml").expand()
    helps = [diagnostic.help for diagnostic in caught.value.diagnostics]
    assert helps[:2] == ["did you mean `conv`?", "did you mean `width`?"]


def test_places_count_lines_as_editors_do() -> None:
    # U+2028 ends a line for YAML and for no editor.
    text = 'architecture: "a\u2028b"\r\ninput: [3]\r\nlayers:\r\n  - nothing\r\n'
    with pytest.raises(archcalc.SpecError) as caught:
        read_document(Source("spec.yaml", text), Path("spec.yaml"))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.place is not None
    assert (diagnostic.place.line, diagnostic.place.column) == (4, 5)


def found(text: str, path: Path = Path("spec.yaml")) -> tuple[Diagnostic, ...]:
    with pytest.raises(archcalc.SpecError) as caught:
        expand(read_document(Source(path.name, text), path))
    return caught.value.diagnostics


def test_a_file_that_is_wrong_throughout_is_read_until_enough_is_found() -> None:
    diagnostics = found("input: [3]\nlayers:\n" + "".join(f"  - layer{i}\n" for i in range(20_000)))
    assert len(diagnostics) == 50
    assert diagnostics[-1].notes == ("there may be more: reading stops at 50 findings",)


def test_a_call_is_quoted_in_bounded_length() -> None:
    values = ", ".join(["1"] * 5_000)
    text = f"input: [3]\nparameters: {{l: [{values}]}}\nblocks:\n  b(x): [{{linear: x}}]\nlayers: [{{b: l}}]\n"
    (diagnostic,) = found(text)
    assert diagnostic.notes == ("in `b(x=[1, 1, 1, 1, 1, 1, 1 … 1, 1, 1, 1, 1, 1, 1])`, called at spec.yaml:5:11",)
    assert len(str(archcalc.SpecError([diagnostic]))) < 2_000


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("# é\ninput: [3]\x01", (2, 11)),
        ('input: [3]\nblocks:\n  "b(x, y=nothing)": []\nlayers: [relu]', (3, 11)),
        ('input: [3]\nlayers:\n  - linear: "nothing"', (3, 14)),
        ("input: [3]\rlayers:\r  - nothing\r", (3, 5)),
        ("input: [3]\r\nlayers:\r\n  - nothing\r\n", (3, 5)),
    ],
)
def test_places_are_counted_in_characters_of_the_file(text: str, place: tuple[int, int]) -> None:
    (diagnostic,) = found(text)
    assert diagnostic.place is not None
    assert (diagnostic.place.line, diagnostic.place.column) == place


def test_carets_stand_below_wide_characters() -> None:
    *_, quoted, carets, _, _ = str(archcalc.SpecError(found("{input: [3], layers: [{层: 1}]}"))).split("\n")
    # 23 characters come before; the one above the carets takes two columns
    assert carets == "  | " + " " * 23 + "^^"
    assert quoted.endswith("[{层: 1}]}")


@pytest.mark.parametrize(
    ("text", "help_text"),
    [
        (
            "input: [3]\nlayers:\n - relu\n   - relu",
            "align the dashes: a step that stands deeper than the one above is read as part of it",
        ),
        ("input: 3x8x8\nlayers: [relu]", "write sizes as a list: `[3, 8, 8]`; an input has its channels first"),
        ("input: [3]\nlayers: [{linear: {out: 3, bias: False}}]", "did you mean `false`?"),
        ("input: [3]\nlayers: [{maxpool: {kernel: 3, padding: valid}}]", "no padding is written `0`"),
        (
            "input: [3]\nlayers:\n  - linear: {out: l[0]}",
            'inside braces or brackets, quote an expression that has one of them: `{out: "widths[0]"}`',
        ),
        (
            "source: one\u2028two\ninput: [3]",
            "U+2028 stands here or a line above and ends a line for YAML: use a space",
        ),
    ],
)
def test_the_help_names_what_to_write(text: str, help_text: str) -> None:
    assert found(text)[0].help == help_text


def test_nothing_of_a_spec_steers_the_terminal() -> None:
    text = 'architecture: "a\\e[2J"\ninput: [3]\nlayers:\n  - "b\\e[2J\\nb"\n'
    shown = str(archcalc.SpecError(found(text)))
    assert "\x1b" not in shown
    assert "`b\N{REPLACEMENT CHARACTER}[2J b`" in shown
    assert read_document(Source("s", text.replace("b\\e[2J\\nb", "relu")), Path("s")).architecture == (
        "a\N{REPLACEMENT CHARACTER}[2J"
    )


def test_a_very_long_key_is_not_shown_whole() -> None:
    assert len(str(archcalc.SpecError(found(f"{'k' * 100_000}: 3\ninput: [3]\nlayers: [relu]")))) < 2_000


def test_an_import_that_cannot_be_read_is_found_with_all_else(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff")
    (tmp_path / "broken.yaml").write_text("a: [", encoding="utf-8")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    text = (
        "import: {binary.yaml: [a], broken.yaml: [b], loop.yaml: [c], pipe.yaml: [d]}\n"
        "input: [3]\nlayers: [a, b, c, d, nothing]\n"
    )
    diagnostics = {d.rule: d for d in found(text, tmp_path / "spec.yaml")}
    assert set(diagnostics) == {"not-text", "yaml-syntax", "bad-import", "unknown-layer"}
    assert str(diagnostics["not-text"].place) == "spec.yaml:1:10"
    assert str(diagnostics["yaml-syntax"].place).startswith("broken.yaml:1:")
    assert diagnostics["yaml-syntax"].notes == ("imported at spec.yaml:1:28",)
