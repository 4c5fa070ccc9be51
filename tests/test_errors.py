"""Malformed specs, each with the diagnostics it must give in a comment at the end of the line they must point at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import archcalc
from archcalc.analysis.totals import analyse
from archcalc.diagnostics import Source
from archcalc.spec.document import read_document
from archcalc.spec.expand import expand

ERRORS = Path(__file__).parent / "errors"
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
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else None,
)
def test_hostile_texts_are_refused(text: str, rule: str) -> None:
    assert rule in refused(text)


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
