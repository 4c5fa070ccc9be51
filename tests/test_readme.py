"""Whatever the README types is run here, and must print what the README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import readme

TEXT = readme.README.read_text(encoding="utf-8")
EXAMPLES = list(readme.examples(TEXT))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("readme")
    readme.lay_out(TEXT, made)
    return made


def test_the_readme_has_examples() -> None:
    assert len(EXAMPLES) >= 9


@pytest.mark.parametrize(("command", "expected"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_an_example_prints_what_the_readme_says(command: str, expected: str, folder: Path) -> None:
    printed = readme.run(command, folder)
    assert readme.agrees(printed, expected), printed


def test_python_examples_run_and_hold(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    blocks = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {"__name__": "readme_example"})


def test_the_table_of_layers_is_the_programs(folder: Path) -> None:
    assert readme.layers_table(folder) in TEXT


def test_every_command_is_in_the_readme() -> None:
    from archcalc.cli import group

    for name in group.list_commands(None):  # type: ignore[arg-type]
        assert f"archcalc {name}" in TEXT, name
