"""`[tool.archcalc]` in pyproject.toml: where it is found, what it says, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcalc.cli import run

# 3*3*3*64 weights and 64 biases are 1,792 parameters; at 36 positions these are 62,208 MACs.
SPEC = """\
architecture: small
parameters: {unused: 3}
input: [3, 8, 8]
layers:
  - conv: {out: 64, kernel: 3}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one spec in its folder `specs`."""
    for folder in (".git", "specs", "docs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "specs" / "small.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configured(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f'[project]\nname = "mine"\n\n{text}')


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = run(["check", *arguments])
    shown = capsys.readouterr()
    return code, shown.out + shown.err


def test_the_paths_are_those_of_the_project_from_any_of_its_folders(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(home, '[tool.archcalc]\npaths = ["specs"]\n')
    monkeypatch.chdir(home / "docs")
    code, said = checked(capsys)
    assert (code, "1 spec, 0 claims; no errors, 1 warning" in said) == (0, True)
    # Alone, the folder has no specs; and what is named comes before what is configured.
    assert checked(capsys, "--isolated")[0] == 2
    assert "2 specs" in checked(capsys, "../specs", "lenet5")[1]


def test_what_lies_above_the_repository_is_not_read(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(home, "[tool.archcalc]\nstrict = true\n")
    (home / "specs" / ".git").mkdir()
    monkeypatch.chdir(home / "specs")
    assert checked(capsys)[0] == 0
    monkeypatch.chdir(home)
    assert checked(capsys)[0] == 1


def test_warnings_can_be_left_out(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "unused-parameter" in checked(capsys)[1]
    configured(home, '[tool.archcalc]\nignore = ["unused-parameter"]\nstrict = true\n')
    code, said = checked(capsys)
    assert (code, "unused-parameter" in said) == (0, False)


def test_a_budget_holds_for_every_spec(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "specs" / "large.yaml").write_text(SPEC.replace("small", "large").replace("64", "65"))
    configured(home, '[tool.archcalc.budget]\nparams = "<= 1800"\nmacs = "<= 1M"\n')
    code, said = checked(capsys)
    assert code == 1
    assert said.count("error[over-budget]") == 1
    assert "params: expected <= 1800, got 1,820" in said  # 3*3*3*65 + 65
    assert "specs/large.yaml:1:1" in said
    assert "the budget stands at pyproject.toml:5:1" in said


@pytest.mark.parametrize(
    "stated",
    [
        'training_peak_bytes = {value = "<= 8 kB", with = {batch = 32}}',
        '[tool.archcalc.budget.training_peak_bytes]\nvalue = "<= 8 kB"\nwith = {batch = 32}',
    ],
)
def test_a_budget_states_its_setup(home: Path, stated: str, capsys: pytest.CaptureFixture[str]) -> None:
    configured(home, f"[tool.archcalc.budget]\n{stated}\n")
    code, said = checked(capsys)
    assert code == 1
    assert "training_peak_bytes with batch=32: expected <= 8 kB, got " in said
    assert "pyproject.toml:5:1" in said


def test_a_file_of_blocks_has_no_budget(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "specs" / "small.yaml").write_text("blocks:\n  one:\n    - relu\n")
    configured(home, '[tool.archcalc.budget]\nparams = "<= 1"\n')
    assert checked(capsys)[0] == 0


def test_the_catalogue_is_not_of_the_project(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configured(home, '[tool.archcalc.budget]\nparams = "<= 1"\n')
    assert checked(capsys, "--catalogue")[0] == 0


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("[tool.archcalc", 2, "pyproject.toml is not TOML"),
        ("[tool]\narchcalc = 3\n", 2, "[tool.archcalc] is a table"),
        ("[tool.archcalc]\npath = ['specs']\n", 2, "[tool.archcalc] has no `path`: did you mean `paths`?"),
        ("[tool.archcalc]\npaths = 'specs'\n", 2, "paths is a list of texts"),
        ("[tool.archcalc]\npaths = ['']\n", 2, "paths is a list of texts"),
        ("[tool.archcalc]\npaths = ['missing/']\n", 2, "there is no file or folder"),
        ("[tool.archcalc]\nstrict = 'yes'\n", 2, "strict is true or false"),
        ("[tool.archcalc]\nignore = ['unused-params']\n", 2, "did you mean `unused-parameter`?"),
        ("[tool.archcalc]\nbudget = 3\n", 2, "[tool.archcalc.budget] is a table"),
        ("[tool.archcalc.budget]\nparams = 5000\n", 2, 'params: a budget is a bound, as in "<= 5000"'),
        ("[tool.archcalc.budget]\nparams = '5M'\n", 2, 'params: a budget is a bound, as in "<= 5M"'),
        ("[tool.archcalc.budget]\nparam = '<= 5M'\n", 1, "there is no quantity `param`"),
        ("[tool.archcalc.budget]\nparams = {value = '<= 5M', if = true}\n", 1, "a claim has no `if`"),
        ("[tool.archcalc.budget]\nparams = '<= '\n", 1, "pyproject.toml:5"),
        ("[tool.archcalc.budget]\nparams = '<= x'\n", 1, "`<= x` is not a figure"),
        (f"[tool]\na = {'[' * 3000}{']' * 3000}\n", 2, "pyproject.toml is not TOML"),
    ],
)
def test_what_is_malformed_is_said(
    home: Path, text: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(home, text)
    found, shown = checked(capsys)
    assert found == code
    assert said in shown


def test_other_files_of_python_projects_are_none_of_ours(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configured(home, "[tool.ruff]\nline-length = 120\n")
    assert checked(capsys)[0] == 0


def test_a_budget_in_one_line_has_its_place(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configured(home, '[tool.archcalc]\npaths = ["specs"]\nbudget = {params = "<= 1"}\n')
    assert "the budget stands at pyproject.toml:6:1" in checked(capsys)[1]
