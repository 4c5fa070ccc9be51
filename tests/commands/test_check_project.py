"""`[tool.archcalc]` in pyproject.toml: where it is found, what it says, and how it is refused."""

from __future__ import annotations

import re
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
    # 3*3*3*65 + 65, at the value that limits it
    assert "specs/large.yaml: params: expected <= 1800, got 1,820\n --> pyproject.toml:5:10\n" in said
    assert said.endswith("2 specs, 0 claims; 4 budgets: 3 met, 1 failed; 1 error, 2 warnings\n")
    assert re.search(r"budget params +<= 1800 +1,820 +failed", checked(capsys, "-v")[1])


@pytest.mark.parametrize(
    "stated",
    [
        '[tool.archcalc.budget]\ntraining_peak_bytes = {value = !"<= 8 kB", with = {batch = 32}}',
        '[tool.archcalc.budget.training_peak_bytes]\nwith = {batch = 32}\nvalue = !"<= 8 kB"',
        '[tool.archcalc.budget]\n"training_peak_bytes".value = !"<= 8 kB"\ntraining_peak_bytes.with.batch=32',
        '[tool]\narchcalc = {budget = {training_peak_bytes={with={batch=32}, value=!"<= 8 kB"}}}',
        'tool . archcalc.budget.training_peak_bytes = {value = !"""\n<= 8 kB""", with.batch=32}',
    ],
)
def test_a_budget_states_its_setup_and_stands_where_it_is_limited(
    home: Path, stated: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exclamation mark stands before the limit."""
    text = f'# "[tool.archcalc.budget]"\nname = "mine # not a comment"\n\n{stated}\n'
    before = text.partition("!")[0].split("\n")
    (home / "pyproject.toml").write_text(text.replace("!", ""))
    code, said = checked(capsys)
    assert code == 1
    assert "training_peak_bytes with batch=32: expected <= 8 kB, got " in said
    assert f" --> pyproject.toml:{len(before)}:{len(before[-1]) + 1}\n" in said


def test_a_budget_that_cannot_be_judged_is_not_exceeded(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configured(home, '[tool.archcalc.budget]\nparams = {value = "<= 8M", with = {image = 9}}\n')
    code, said = checked(capsys)
    assert code == 1
    assert "error[bad-claim]: specs/small.yaml: " in said
    assert " --> pyproject.toml:5:36\n" in said


def test_what_is_wrong_with_a_budget_itself_is_said_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("second", "third"):
        (home / "specs" / f"{name}.yaml").write_text(SPEC.replace("small", name))
    configured(home, '[tool.archcalc.budget]\ntraining_peak_bytes = {value = "<= 8GB", with = {bacth = 9}}\n')
    code, said = checked(capsys)
    assert code == 1
    assert said.count("error[bad-claim]") == 1
    assert "specs/second.yaml: second has no parameter `bacth`\n" in said
    assert "= the same for 2 other specs\n" in said
    assert "= help: did you mean `batch`?\n" in said
    assert "3 budgets: 3 failed; 1 error, " in said
    configured(home, '[tool.archcalc.budget]\ntraining_peak_bytes = "<= 1kB"\n')
    assert checked(capsys)[1].count("error[over-budget]") == 3


def test_a_budget_of_a_broken_spec_is_not_checked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "specs" / "small.yaml").write_text(SPEC.replace("kernel: 3", "kernel: 30"))
    configured(home, '[tool.archcalc.budget]\nparams = "<= 1"\n')
    assert checked(capsys)[1].endswith("1 spec, 0 claims; 1 budget: 1 not checked; 1 error, 1 warning\n")


def test_a_file_of_blocks_has_no_budget(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "specs" / "small.yaml").write_text("blocks:\n  one:\n    - relu\n")
    configured(home, '[tool.archcalc.budget]\nparams = "<= 1"\n')
    assert checked(capsys)[0] == 0


def test_the_catalogue_is_not_of_the_project(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configured(home, '[tool.archcalc.budget]\nparams = "<= 1"\n')
    assert checked(capsys, "--catalogue")[0] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.archcalc!", "pyproject.toml is not TOML: expected ']' at the end of a table declaration"),
        ("[tool]\narchcalc = 3!\n", "[tool.archcalc] is a table"),
        ("[tool.archcalc]\npath! = ['specs']\n", "[tool.archcalc] has no `path`"),
        ("[tool.archcalc]\npaths = 'specs'!\n", "paths is a list of texts"),
        ("[tool.archcalc]\npaths = ['']!\n", "paths is a list of texts"),
        ("[tool.archcalc]\npaths = ['specs', # here\n 'missing/'!]\n", "there is no file or folder missing"),
        ("[tool.archcalc]\npaths = ['docs'!]\n", "there are no specs in docs or below"),
        ("[tool.archcalc]\nstrict = 'yes'!\n", "strict is true or false"),
        ("[tool.archcalc]\nignore = ['unused-parameter', 'unused-params'!]\n", "there is no warning `unused-params`"),
        ("[tool.archcalc]\nbudget = 3!\n", "[tool.archcalc.budget] is a table"),
        ("[tool.archcalc.budget]\nparams = 5000!\n", 'params: a budget is a bound, as in "<= 5000"'),
        ("[tool.archcalc.budget]\nparams = '5M'!\n", 'params: a budget is a bound, as in "<= 5M"'),
        ("[tool.archcalc.budget]\nparams = {value = '< 5M'!, erratum = 'no'}\n", "params: a budget is kept or not"),
        ("[tool.archcalc.budget]\nparams = true!\n", 'params: a budget is a bound, as in "<= 25M"'),
        ("[tool.archcalc.budget]\nsaved_bytes = '<= 24'!\n", "write 24GB, or 24B if bytes are meant"),
        ("[tool.archcalc.budget]\nparam! = '<= 5M'\n", "there is no quantity `param`"),
        ("[tool.archcalc.budget]\nparams = {value = '<= 5M', if! = true}\n", "a claim has no `if`"),
        ("[tool.archcalc.budget]\nparams = '<= '!\n", "`<=` is not a figure"),
        ("[tool.archcalc.budget]\nparams = '<= x'!\n", "`<= x` is not a figure"),
        ("[[tool.archcalc.budget!]]\nparams = 1\n[[tool.archcalc.budget]]\n", "[tool.archcalc.budget] is a table"),
        (f"[tool]\na = {'[' * 3000}{']' * 3000}\n", "pyproject.toml is not TOML"),
    ],
)
def test_what_is_malformed_is_said_with_its_place(
    home: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exclamation mark stands behind what is wrong."""
    before, mark, after = text.partition("!")
    configured(home, before + after)
    code, shown = checked(capsys)
    assert (code, said in shown) == (2, True)
    if mark:
        last = before.rpartition("\n")[2]
        at = f"{4 + before.count(chr(10))} | {last}{after.partition(chr(10))[0]}"
        caret = next(line for line in shown.splitlines() if "^" in line)
        assert at in shown
        assert len(caret.rstrip(" 0123456789,")) == len(f"4 | {last}") + (not after)


def test_all_that_is_malformed_is_said_in_one_run(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configured(home, "[tool.archcalc]\npath = []\nstrict = 1\nbudget = {param = '<= 1', params = '5M'}\n")
    code, said = checked(capsys)
    assert (code, said.count("error[")) == (2, 4)
    assert "did you mean `paths`?" in said


def test_a_file_that_is_not_text_ends_the_check(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "pyproject.toml").write_bytes(b"[tool.archcalc]\nstrict = true # \xff\n")
    code, said = checked(capsys)
    assert (code, "pyproject.toml is not UTF-8 text" in said) == (2, True)


def test_other_files_of_python_projects_are_none_of_ours(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configured(home, "[tool.ruff]\nline-length = 120\n")
    assert checked(capsys)[0] == 0
