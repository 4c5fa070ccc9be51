"""`archcalc help` and `archcalc --help`: every command under a question, every page by its topic."""

from __future__ import annotations

import re

import click
import pytest

from archcalc.cli import run
from archcalc.commands import QUESTIONS, names
from archcalc.guide import pages


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(list(arguments)) == 0
    return capsys.readouterr().out


def test_every_command_stands_under_one_question() -> None:
    assert sorted(name for group in QUESTIONS.values() for name in group) == names()


def test_the_help_lists_commands_by_question(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "--help")
    assert text.index("Look:") < text.index("  report ") < text.index("Check:") < text.index("  check ")


def test_without_a_topic_commands_and_pages_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "help")
    assert "  report " in text
    assert all(f"  {topic} " in text for topic in pages())


@pytest.mark.parametrize("topic", list(pages()))
def test_every_page_has_a_heading_and_is_shown_without_marks_and_pictures(
    topic: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, "help", topic)
    assert text.startswith(f"# {pages()[topic].title}\n")
    assert "\n<!--" not in text
    assert "\n![" not in text


@pytest.mark.parametrize("command", [(), *((name,) for name in names())], ids="".join)
def test_help_fits_a_screen_of_80(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert [line for line in printed(capsys, "help", *command).splitlines() if len(line) > 80] == []


def test_a_topic_can_be_named_by_its_last_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "help", "language") == printed(capsys, "help", "reference/language")


def test_a_command_comes_before_a_page_and_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "help", "memory")
    assert text.startswith("Usage: archcalc memory ")
    assert text.endswith("See also: archcalc help explanation/memory\n")


def test_a_word_that_is_no_topic_leads_to_the_pages_that_mention_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "lecture"]) == 2
    said = capsys.readouterr().err
    assert "there is no help on `lecture`: `archcalc help tutorial`, " in said
    assert said.endswith(" mention it\n")


@pytest.mark.parametrize(
    ("topic", "hint"),
    [
        ("langage", "did you mean `language`?"),
        ("repot", "did you mean `report`?"),
        ("conv", "it is a layer, see `archcalc layers conv`"),
        ("groups-divide", "it is a rule, see `archcalc explain groups-divide`"),
        ("qqqqqqq", "`archcalc help` lists the topics"),
    ],
)
def test_an_unknown_topic_is_told_what_it_may_be(topic: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", topic]) == 2
    assert capsys.readouterr().err == f"error: there is no help on `{topic}`: {hint}\n"


def test_links_become_topics_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from archcalc.commands.help import screen

    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "1000")
    screen.show(pages()["explanation/conventions"])
    text = click.unstyle(capsys.readouterr().out)
    assert "archcalc help explanation/memory" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 60
    assert ".md" not in text


def test_examples_of_80_columns_are_whole_on_a_screen_of_80(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from archcalc.commands.help import screen

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "100000")
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    screen.show(pages()["tutorial"])
    shown = re.sub("\x1b\\[[0-9;]*m", "", out.getvalue()).splitlines()
    row = "  conv3.2 x 2       3x3     2*(56*56*256)=1.606M  2*((3*3*256)*256)=1,179,648"
    assert row in [line.rstrip() for line in shown]
    assert max(map(len, shown)) <= 80
