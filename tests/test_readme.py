"""Whatever the README and the guide type is run here, and must print what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import readme

PAGES = readme.pages()
EXAMPLES = [example for page in PAGES for example in readme.examples(page)]
PYTHON = [(page, block) for page in PAGES for block in readme.python_blocks(page)]
_LINK = re.compile(r"\]\(([^)#:]+)(#[^)]*)?\)")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """For each page, a folder that holds its files."""
    made = {}
    for page in PAGES:
        made[page] = tmp_path_factory.mktemp(page.stem)
        readme.lay_out(page, made[page])
    return made


def test_the_pages_have_examples() -> None:
    assert len([example for example in EXAMPLES if example.page == readme.README]) >= 4
    assert len(EXAMPLES) >= 20
    assert PYTHON


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=[f"{readme.title(example.page)}: {example.command}" for example in EXAMPLES]
)
def test_an_example_prints_what_its_page_says(example: readme.Example, folders: dict[Path, Path]) -> None:
    printed = readme.run(example.command, folders[example.page])
    assert readme.agrees(printed, example.expected), printed


@pytest.mark.parametrize(("page", "block"), PYTHON, ids=[readme.title(page) for page, _ in PYTHON])
def test_python_examples_run_and_hold(
    page: Path, block: str, folders: dict[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folders[page])
    exec(compile(block, page.name, "exec"), {"__name__": "example"})


@pytest.mark.parametrize("page", PAGES, ids=readme.title)
def test_generated_parts_are_those_of_the_code(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == readme.generated(text), "run `python tests/readme.py`"


@pytest.mark.parametrize("page", PAGES, ids=readme.title)
def test_links_lead_to_pages_that_exist(page: Path) -> None:
    for target, _ in _LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).is_file(), target


def test_the_readme_leads_to_every_page() -> None:
    linked = {target for target, _ in _LINK.findall(readme.README.read_text(encoding="utf-8"))}
    guide = {page.relative_to(readme.ROOT).as_posix() for page in PAGES if page != readme.README}
    assert guide <= linked


def test_the_readme_is_short() -> None:
    assert len(readme.README.read_text(encoding="utf-8").splitlines()) <= 150


def test_a_line_of_dots_stands_for_any_lines() -> None:
    assert readme.agrees("a\nb\nc\n", "a\n...\nc\n")
    assert readme.agrees("a\nc\n", "a\n...\nc\n")
    assert not readme.agrees("a\nb\n", "a\n...\nc\n")
    assert not readme.agrees("a\nb\nc\n", "a\nc\n")


@pytest.mark.parametrize(("picture", "command"), readme.PICTURES.items(), ids=[each.stem for each in readme.PICTURES])
def test_pictures_are_those_that_the_program_draws(picture: Path, command: str) -> None:
    assert picture.read_text(encoding="utf-8") == readme.run(command, readme.ROOT)
    assert any(f"/{picture.name})" in page.read_text(encoding="utf-8") for page in PAGES)
