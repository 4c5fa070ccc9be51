"""`archcalc check` as a program: what it checks, its exit codes, its formats, and what changed since a baseline."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml

from archcalc.cli import run
from archcalc.commands.check.run import Checked, check
from archcalc.commands.check.tables import claims
from archcalc.commands.check.targets import is_spec, targets
from archcalc.commands.check.watch import changes
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.language import shipped
from archcalc.output.formats.text import on_terminal
from archcalc.output.layout import Report

SMALL = """\
architecture: small
input: [3, 32, 32]
layers:
  - conv: {out: 8, kernel: 3}
    as: conv1
expect:
  params: 224
  macs: {value: 194K, source: a table}
  layers:
    conv1: {output: 30x30x8}
"""
#: One digit of SMALL changed, at line 8.
WRONG = SMALL.replace("194K", "195K")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def checked(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = run(["check", *arguments])
        return Outcome(code, *capsys.readouterr())

    return call


# --- what is checked


def test_the_catalogue_is_checked_and_true(checked: Any) -> None:
    found = checked("--catalogue", "--format", "json")

    assert found.code == 0
    data = json.loads(found.out)
    assert {"vgg16", "googlenet", "resnet50"} <= {spec["spec"] for spec in data["specs"]}
    assert data["counts"]["failed"] == data["counts"]["errors"] == 0
    assert data["counts"]["met"] == sum(claim["verdict"] == "met" for claim in data["claims"])


def test_folders_recurse_and_leave_out_what_is_no_spec(folder: Path) -> None:
    write(folder / "a/small.yaml", SMALL)
    write(folder / "a/deep/other.yml", SMALL)
    write(folder / "a/blocks.yaml", "blocks:\n  twice:\n    - relu\n")
    write(folder / "a/compose.yaml", "services:\n  web: {image: nginx}\n")
    write(folder / "a/.hidden/small.yaml", SMALL)
    write(folder / "a/notes.txt", SMALL)

    assert [target.name for target in targets(["a"])] == ["a/blocks.yaml", "a/deep/other.yml", "a/small.yaml"]


def test_a_broken_spec_in_a_folder_is_found_all_the_same(folder: Path, checked: Any) -> None:
    write(folder / "specs/small.yaml", SMALL.replace("kernel: 3}", "kernel: 3"))

    found = checked("specs")
    assert found.code == 1
    assert "error[yaml-syntax]" in found.out


def test_a_file_that_is_named_is_checked_whatever_it_is(folder: Path, checked: Any) -> None:
    write(folder / "compose.yaml", "services:\n  web: {image: nginx}\n")

    found = checked("compose.yaml")
    assert found.code == 1
    assert "error[unknown-section]: there is no section `services`" in found.out


def test_a_file_is_checked_once_however_often_it_is_named(folder: Path) -> None:
    write(folder / "a/small.yaml", SMALL)

    assert len(targets(["a", "a/small.yaml", "./a"])) == 1


def test_catalogue_names_can_be_checked(checked: Any) -> None:
    assert [spec["spec"] for spec in json.loads(checked("vgg16", "--format", "json").out)["specs"]] == ["vgg16"]


@pytest.mark.parametrize("path", ["missing.yaml", "missing/", "vgg61", "vgg16:image=32", "empty"])
def test_what_cannot_be_checked_is_a_usage_error(folder: Path, checked: Any, path: str) -> None:
    (folder / "empty").mkdir()
    found = checked(path)

    assert found.code == 2
    assert found.err.startswith("error: ")
    assert found.out == ""


def test_a_broken_symbolic_link_in_a_folder_is_no_spec(folder: Path) -> None:
    write(folder / "a/small.yaml", SMALL)
    (folder / "a/gone.yaml").symlink_to(folder / "nowhere.yaml")

    assert not is_spec(folder / "a/gone.yaml")
    assert [target.name for target in targets(["a"])] == ["a/small.yaml"]
    with pytest.raises(UsageError):
        targets(["a/gone.yaml"])


# --- verdicts and exit codes


def test_a_true_spec_passes(folder: Path, checked: Any) -> None:
    write(folder / "small.yaml", SMALL)

    found = checked("small.yaml", "-v")
    assert (found.code, found.err) == (0, "")
    assert found.out.rstrip().endswith("1 spec, 3 claims: 3 met; no errors")
    assert re.search(r"macs\s+194K\s+194,400\s+met\s+a table", found.out)


def test_without_paths_the_current_folder_is_checked(folder: Path, checked: Any) -> None:
    write(folder / "deep/small.yaml", WRONG)
    found = checked()
    assert found.code == 1
    assert " --> deep/small.yaml:8:17\n" in found.out


def test_a_folder_without_specs_is_an_error(folder: Path, checked: Any) -> None:
    write(folder / "compose.yaml", "services: {}\n")
    found = checked()
    assert (found.code, found.out) == (2, "")
    assert "there are no specs in this folder or below: --catalogue checks those of archcalc" in found.err
    assert checked("--catalogue", "small.yaml").code == 2


def test_a_check_is_quiet_unless_asked(folder: Path, checked: Any) -> None:
    write(folder / "good.yaml", SMALL)
    write(folder / "wrong.yaml", WRONG)
    assert checked("good.yaml").out == "1 spec, 3 claims: 3 met; no errors\n"
    assert "194K" not in checked(".").out
    verbose = checked(".", "-v").out
    assert re.search(r"macs\s+194K\s+194,400\s+met", verbose)
    assert re.search(r"macs\s+195K\s+194,400\s+failed", verbose)
    assert verbose.count("macs: expected 195K") == 1
    assert (checked(".", "-q").code, checked(".", "-q").out) == (1, "")
    write(folder / "none.yaml", "input: [3]\nlayers: [relu]\n")
    assert checked("none.yaml", "-v").out == "1 spec, 0 claims; no errors\n"
    # What programs read holds every claim, however much people see.
    assert len(json.loads(checked(".", "--format", "json", "-q").out)["claims"]) == 6
    assert checked(".", "-q", "-v").code == 2


# --- fixing

STALE = """\
# the figures of a small network
architecture: small
input: [3, 32, 32]
layers:
  - conv: {out: 8, kernel: 3}
    as: conv1
expect:
  params: 999   # three digits
  weights:    "999"
  macs: {value: 1_000, with: {}, note: ours}
  flops: 1000
  activation_bytes: 1 B
  neurons: [{value: 8, source: a table}, {value: 9, erratum: counted twice}]
  depth: {value: 3, tolerance: 1}
  buffers: "> 3"
  layers:
    conv1: {output: 31x31x8, receptive_field: 5x5}  # as the lecture has it
"""


def test_fix_rewrites_exact_figures_and_nothing_else(folder: Path, checked: Any) -> None:
    path = folder / "small.yaml"
    stale = STALE.replace("with: {}, ", "")
    path.write_bytes(b"\xef\xbb\xbf" + stale.replace("\n", "\r\n").encode())

    found = checked("small.yaml", "--fix")
    assert found.err.splitlines() == [
        "small.yaml:8: params: 999 -> 224",
        "small.yaml:9: weights: 999 -> 216",
        "small.yaml:10: macs: 1_000 -> 194_400",
        "small.yaml:11: flops: 1000 -> 396000",
        "small.yaml:12: activation_bytes: 1 -> 41_088",
        "small.yaml:17: output of conv1: 31x31x8 -> 30x30x8",
        "small.yaml:17: receptive_field of conv1: 5x5 -> 3x3",
        "rewrote 7 figures",
    ]
    # 8 * 27 weights and 8 biases; 3,072 values in and 30 * 30 * 8 out, of 4 bytes; 216 MACs for each of 900 positions,
    # 2 FLOPs for each and a bias addition for each value
    fixed = stale
    for old, new in [
        ("999   #", "224   #"),
        ('"999"', '"216"'),
        ("1_000", "194_400"),
        ("1000", "396000"),
        ("1 B", "41_088 B"),
        ("31x31x8", "30x30x8"),
        ("5x5", "3x3"),
    ]:
        fixed = fixed.replace(old, new)
    assert path.read_bytes() == b"\xef\xbb\xbf" + fixed.replace("\n", "\r\n").encode()
    # What a source says, and what is not exact, stays wrong.
    assert found.code == 1
    assert found.out.count("error[") == 3
    assert checked("small.yaml", "--fix").err == ""
    path.write_text(stale, encoding="utf-8")
    assert (checked("small.yaml", "--fix", "-q").err, path.read_text(encoding="utf-8")) == ("", fixed)
    assert "--fix" not in checked("small.yaml").out


def test_a_check_says_how_many_figures_it_could_fix(folder: Path, checked: Any) -> None:
    write(folder / "one.yaml", SMALL.replace("224", "225"))
    assert checked("one.yaml").out.endswith("1 spec, 3 claims: 2 met, 1 failed; 1 error\n1 figure fixable with --fix\n")
    write(folder / "two.yaml", SMALL.replace("224", "225").replace("30x30", "31x31"))
    assert checked(".").out.endswith("\n3 figures fixable with --fix\n")
    assert "fixable" not in checked(".", "--format", "github").out


def test_fix_does_not_touch_what_is_true(folder: Path, checked: Any) -> None:
    path = write(folder / "small.yaml", SMALL)
    before = path.stat()
    assert (checked("small.yaml", "--fix").code, checked("small.yaml", "--fix").err) == (0, "")
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def test_fix_needs_the_path_of_what_it_rewrites(folder: Path, monkeypatch: pytest.MonkeyPatch, checked: Any) -> None:
    write(folder / "nets/stale/stale.yaml", SMALL.replace("224", "225"))
    monkeypatch.setattr(shipped, "folder", lambda: folder / "nets")
    found = checked("stale", "--fix")
    assert found.code == 2
    assert "name `stale` by its path" in found.err
    assert "fixable" not in checked("stale").out
    write(folder / "mine.yaml", SMALL.replace("224", "225"))
    checked("mine.yaml", "stale", "--fix")
    assert "225" in (folder / "mine.yaml").read_text(encoding="utf-8")
    assert "225" in (folder / "nets/stale/stale.yaml").read_text(encoding="utf-8")


def test_watch_sees_what_is_changed_new_or_gone(folder: Path) -> None:
    spec = write(folder / "spec.yaml", "input: [3]\nlayers: [relu]\n")
    pauses: list[float] = []
    steps = [
        lambda: None,
        lambda: spec.write_text("input: [3]\nlayers: [relu, relu]\n", encoding="utf-8"),
        lambda: write(folder / "new.yaml", "input: [3]\nlayers: [relu]\n"),
        lambda: None,
        lambda: spec.unlink(),
    ]

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        steps[len(pauses) - 1]()

    watched = changes(lambda: sorted(folder.glob("[ns]*.yaml")), pause)
    seen = []
    for _ in range(4):  # at once, and after each of the three changes
        next(watched)
        seen.append(len(pauses))
    assert seen == [0, 2, 3, 5]


def test_watch_sees_a_file_that_is_imported(folder: Path) -> None:
    blocks = write(folder / "blocks.yaml", "blocks:\n  twice:\n    - relu\n")
    spec = write(folder / "spec.yaml", "import: {blocks.yaml: [twice]}\ninput: [3]\nlayers: [twice]\n")
    watched = changes(lambda: [spec], lambda _: blocks.write_text("blocks:\n  twice: [relu, relu]\n", encoding="utf-8"))
    next(watched)
    next(watched)
    assert len(blocks.read_text(encoding="utf-8").splitlines()) == 2


def test_watch_checks_until_it_is_interrupted(folder: Path, checked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = write(folder / "small.yaml", SMALL)
    texts = iter([WRONG, SMALL])

    def sleep(_: float) -> None:
        text = next(texts, None)
        if text is None:
            raise KeyboardInterrupt
        spec.write_text(text, encoding="utf-8")

    monkeypatch.setattr(changes, "__defaults__", (sleep,))
    found = checked("--watch")
    assert found.code == 130
    assert found.err == "interrupted\n"
    assert [line for line in found.out.splitlines() if line.startswith("1 spec")] == [
        "1 spec, 3 claims: 3 met; no errors",
        "1 spec, 3 claims: 2 met, 1 failed; 1 error",
        "1 spec, 3 claims: 3 met; no errors",
    ]


def test_watch_goes_on_while_nothing_can_be_checked(
    folder: Path, checked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "specs/small.yaml", SMALL)
    project = folder / "pyproject.toml"
    (folder / ".git").mkdir()
    texts = iter(
        ["[tool.archcalc\n", "[tool.archcalc]\npaths = ['gone']\n", "[tool.archcalc.budget]\nparams = '<= 1'\n"]
    )

    def sleep(_: float) -> None:
        text = next(texts, None)
        if text is None:
            raise KeyboardInterrupt
        project.write_text(text, encoding="utf-8")

    monkeypatch.setattr(changes, "__defaults__", (sleep,))
    found = checked("--watch")
    assert [line for line in found.err.splitlines() if "error[" in line] == [
        "error[toml-syntax]: pyproject.toml is not TOML: expected ']' at the end of a table declaration",
        "error[bad-project]: there is no file or folder gone",
    ]
    assert [line for line in found.out.splitlines() if line.startswith("1 spec")] == [
        "1 spec, 3 claims: 3 met; no errors",
        "1 spec, 3 claims: 3 met; 1 budget: 1 failed; 1 error",
    ]


def test_a_long_check_says_how_far_it_is(folder: Path) -> None:
    for number in range(3):
        write(folder / f"{number}.yaml", SMALL)
    done: list[int] = []
    check(targets(["."]), watch=done.append)
    assert done == [1, 2, 3]


def test_a_changed_digit_fails_at_its_line(folder: Path, checked: Any) -> None:
    write(folder / "small.yaml", WRONG)

    found = checked("small.yaml")
    assert found.code == 1
    assert "error[claim-failed]: macs: expected 195K, got 194,400\n --> small.yaml:8:17\n" in found.out


def test_errors_of_the_network_are_findings(folder: Path, checked: Any) -> None:
    write(folder / "small.yaml", SMALL.replace("kernel: 3", "kernel: 33"))

    found = checked("small.yaml")
    assert found.code == 1
    assert "error[kernel-fits]" in found.out
    assert found.out.rstrip().endswith("1 spec, 3 claims: 3 not checked; 1 error")
    data = json.loads(checked("small.yaml", "--format", "json").out)
    assert {(claim["verdict"], claim["computed"]) for claim in data["claims"]} == {("unchecked", None)}
    assert data["counts"]["unchecked"] == 3


def test_warnings_pass_unless_the_check_is_strict(folder: Path, checked: Any) -> None:
    write(folder / "small.yaml", SMALL.replace("input:", "parameters: {unused: 1}\ninput:"))

    assert checked("small.yaml").code == 0
    assert "1 warning" in checked("small.yaml").out
    found = checked("small.yaml", "--strict")
    assert found.code == 1
    assert "error[unused-parameter]" in found.out


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"[" * 100_000, b"- a\n- b\n", b"expect: {params: 5}\n", b"a: &a [*a]\n", b"\x00\x01"],
)
def test_a_hostile_file_is_a_finding(folder: Path, checked: Any, content: bytes) -> None:
    (folder / "hostile.yaml").write_bytes(content)

    found = checked("hostile.yaml")
    assert found.code == 1
    assert "error[" in found.out
    assert "archcalc failed" not in found.err


# --- formats


def test_json_has_every_claim_with_its_place(folder: Path, checked: Any) -> None:
    write(folder / "small.yaml", WRONG)

    data = json.loads(checked("small.yaml", "--format", "json").out)
    keys = ("spec", "quantity", "layer", "claimed", "computed", "source", "verdict", "line")
    assert [tuple(claim[key] for key in keys) for claim in data["claims"]] == [
        ("small.yaml", "params", None, "224", 224, "", "met", 7),
        ("small.yaml", "macs", None, "195K", 194_400, "a table", "failed", 8),
        ("small.yaml", "output", "conv1", "30x30x8", [8, 30, 30], "", "met", 10),
    ]
    (finding,) = data["findings"]
    place = {key: finding[key] for key in ("file", "line", "column", "end_line", "end_column")}
    assert place == {"file": "small.yaml", "line": 8, "column": 17, "end_line": 8, "end_column": 21}
    assert data["counts"] == {
        "specs": 1, "lists": 0, "claims": 3, "met": 2, "failed": 1, "erratum": 0, "unchecked": 0,
        "budgets": 0, "budgets_met": 0, "budgets_failed": 0, "budgets_unchecked": 0, "errors": 1, "warnings": 0,
    }  # fmt: skip


#: GitHub's grammar of a workflow command: no bare `:` or `,` in a property, nothing unescaped that ends a line.
_COMMAND = re.compile(r"::(error|warning) ((?:\w+=[^,:\r\n]*)(?:,\w+=[^,:\r\n]*)*)::([^\r\n]+)")


def test_github_annotations_keep_to_the_grammar(folder: Path, checked: Any) -> None:
    name = "odd, name: 100%.yaml"
    write(folder / name, WRONG.replace("a table", "'50 % of it: yes, so'"))

    lines = checked(name, "--format", "github").out.split("\n")
    match = _COMMAND.fullmatch(lines[0])
    assert match is not None
    properties = dict(pair.split("=") for pair in match[2].split(","))
    assert properties == {
        "title": "archcalc claim-failed",
        "file": "odd%2C name%3A 100%25.yaml",
        "line": "8",
        "endLine": "8",
        "col": "17",
        "endColumn": "20",
    }
    # The log shows the message alone: it says where.
    assert match[3].startswith("odd, name: 100%25.yaml:8:17: [claim-failed] macs: expected 195K, got 194,400%0A")
    assert "50 %25 of it" in match[3]
    # Every finding once, and the counts.
    assert lines[1:] == ["1 spec, 3 claims: 2 met, 1 failed; 1 error", ""]


def test_a_spec_cannot_smuggle_in_a_workflow_command(folder: Path, checked: Any) -> None:
    write(folder / "small.yaml", WRONG + "::error::gotcha\n")

    lines = checked("small.yaml", "--format", "github").out.split("\n")
    assert [line for line in lines if line.startswith("::error::")] == []
    write(folder / "old/::error::gotcha.yaml", SMALL)
    lines = checked("small.yaml", "--baseline", "old", "--format", "github").out.split("\n")
    assert [line for line in lines if line.startswith("::error::")] == []


def test_github_writes_a_step_summary(folder: Path, checked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "small.yaml", WRONG)
    summary = write(folder / "summary.md", "before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    checked("small.yaml", "--format", "github")
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert "| macs | 195K | 194,400 | failed | a table |" in text
    assert "| error | claim-failed | small.yaml:8:17 | macs: expected 195K, got 194,400 |" in text


def test_junit_has_a_suite_for_each_spec_and_a_case_for_each_claim(folder: Path, checked: Any) -> None:
    write(folder / "specs/good.yaml", SMALL)
    write(folder / "specs/wrong.yaml", WRONG.replace("a table", '"a \\x07 <table> & ]]>"'))

    root = ElementTree.fromstring(checked("specs", "--format", "junit").out)
    assert (root.tag, root.attrib["tests"], root.attrib["failures"]) == ("testsuites", "8", "1")
    suites = {suite.attrib["name"]: suite for suite in root}
    assert [case.attrib["name"] for case in suites["specs/good.yaml"]] == [
        "consistent",
        "params: 224",
        "macs: 194K",
        "output of conv1: 30x30x8",
    ]
    failed = [case for case in suites["specs/wrong.yaml"] if case.find("failure") is not None]
    assert [case.attrib["name"] for case in failed] == ["macs: 195K"]
    failure = failed[0].find("failure")
    assert failure is not None
    assert failure.attrib == {"message": "macs: expected 195K, got 194,400", "type": "claim-failed"}
    assert "specs/wrong.yaml:8:17" in (failure.text or "")
    for suite in root:
        assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
        assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))


def test_junit_has_a_case_for_each_budget_and_for_growth(folder: Path, checked: Any) -> None:
    write(folder / "nets/small.yaml", WRONG)
    write(folder / "old/small.yaml", SMALL.replace("kernel: 3", "kernel: 1"))
    write(folder / "pyproject.toml", '[tool.archcalc.budget]\nparams = "<= 200"\nmacs = "<= 1M"\n')

    found = checked("nets", "--baseline", "old", "--max-growth", "900", "--format", "junit")
    (suite,) = ElementTree.fromstring(found.out)
    outcome = {case.attrib["name"]: [failure.attrib["type"] for failure in case] for case in suite}
    # 32 parameters of 1x1 kernels, and 224 of 3x3 kernels: 600% more; MACs are 194,400 and were 3 * 8 * 1024.
    assert outcome == {
        "consistent": [],
        "params: 224": [],
        "macs: 195K": ["claim-failed"],
        "output of conv1: 30x30x8": [],
        "budget params: <= 200": ["over-budget"],
        "budget macs: <= 1M": [],
        "growth": [],
    }
    grown = checked("nets", "--baseline", "old", "--max-growth", "100", "--format", "junit")
    (suite,) = ElementTree.fromstring(grown.out)
    assert suite[-1].attrib["name"] == "growth"
    assert suite[-1][0].attrib["type"] == "figure-grew"
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("7", "3")


def test_rows_hold_claims_budgets_and_other_findings_each_once(folder: Path, checked: Any) -> None:
    write(folder / "small.yaml", WRONG.replace("input:", "parameters: {unused: 1}\ninput:"))
    write(folder / "pyproject.toml", '[tool.archcalc.budget]\nparams = {value = "<= 200", with = {batch = 2}}\n')

    rows = list(csv.DictReader(io.StringIO(checked("--format", "csv").out)))
    shown = ("kind", "quantity", "layer", "settings", "claimed", "computed", "unit", "verdict", "rule", "file", "line")
    assert [tuple(row[key] for key in shown) for row in rows] == [
        ("claim", "params", "", "", "224", "224", "count", "met", "", "small.yaml", "8"),
        ("claim", "macs", "", "", "195K", "194400", "count", "failed", "claim-failed", "small.yaml", "9"),
        ("claim", "output", "conv1", "", "30x30x8", "30x30x8", "volume", "met", "", "small.yaml", "11"),
        ("budget", "params", "", "batch=2", "<= 200", "224", "count", "failed", "over-budget", "pyproject.toml", "2"),
        ("finding", "", "", "", "", "", "", "warning", "unused-parameter", "small.yaml", "2"),
    ]  # fmt: skip
    assert rows[1]["message"] == "macs: expected 195K, got 194,400"
    # The same words as in JSON.
    data = json.loads(checked("--format", "json").out)
    assert set(data["claims"][0]) <= {*rows[0], "note", "erratum"}
    assert [claim["quantity"] for claim in data["budgets"]] == ["params"]


def test_junit_has_the_errors_of_a_network_as_one_failure(folder: Path, checked: Any) -> None:
    write(folder / "small.yaml", SMALL.replace("kernel: 3", "kernel: 33"))

    root = ElementTree.fromstring(checked("small.yaml", "--format", "junit").out)
    (failure,) = root.findall("testsuite/testcase/failure")
    assert failure.attrib["type"] == "kernel-fits"
    # What was not checked has a case all the same, which was not run.
    assert [case.attrib["name"] for case in root.iter("testcase") if case.find("skipped") is not None] == [
        "params: 224",
        "macs: 194K",
        "output of conv1: 30x30x8",
    ]
    assert [suite.attrib["skipped"] for suite in root] == ["3"]


def test_sarif_has_each_finding_at_its_place_and_its_rule(folder: Path, checked: Any) -> None:
    write(folder / "odd name.yaml", WRONG.replace("input:", "parameters: {unused: 1}\ninput:"))
    write(folder / "empty.yaml", "")

    found = json.loads(checked("odd name.yaml", "empty.yaml", "--format", "sarif").out)
    (sarif,) = found["runs"]
    assert [(result["ruleId"], result["level"]) for result in sarif["results"]] == [
        ("unused-parameter", "warning"),
        ("claim-failed", "error"),
        ("empty-file", "error"),
    ]
    named = sarif["tool"]["driver"]["rules"]
    assert all(named[result["ruleIndex"]]["id"] == result["ruleId"] for result in sarif["results"])
    location = sarif["results"][1]["locations"][0]["physicalLocation"]
    assert location == {
        "artifactLocation": {"uri": "odd%20name.yaml"},
        "region": {"startLine": 9, "startColumn": 17, "endLine": 9, "endColumn": 21},
    }
    # About the whole of an empty file.
    assert sarif["results"][2]["locations"][0]["physicalLocation"]["region"] == {"startLine": 1, "endLine": 1}


def test_sarif_without_findings_has_a_run_without_results(folder: Path, checked: Any) -> None:
    write(folder / "small.yaml", SMALL)

    found = json.loads(checked("small.yaml", "--format", "sarif").out)
    assert found["runs"][0]["results"] == []


def test_markdown_has_tables_of_claims_and_findings(folder: Path, checked: Any) -> None:
    write(folder / "small.yaml", WRONG)

    found = checked("small.yaml", "--format", "markdown").out
    assert "| macs | 195K | 194,400 | failed | a table |" in found
    assert "| error | claim-failed | small.yaml:8:17 | macs: expected 195K, got 194,400 |" in found


@pytest.mark.parametrize("format_", ["text", "json", "github", "junit", "sarif", "markdown"])
def test_every_format_can_be_written_to_a_file(folder: Path, checked: Any, format_: str) -> None:
    write(folder / "small.yaml", WRONG)

    printed = checked("small.yaml", "--format", format_)
    written = checked("small.yaml", "--format", format_, "--output", "out")
    assert (written.code, written.out) == (1, "")
    assert (folder / "out").read_text(encoding="utf-8") == printed.out


# --- the baseline


def test_a_baseline_folder_shows_what_changed(folder: Path, checked: Any) -> None:
    write(folder / "old/nets/small.yaml", SMALL)
    write(folder / "old/nets/gone.yaml", SMALL)
    write(folder / "new/nets/small.yaml", SMALL.replace("out: 8", "out: 9").replace("224", "252"))
    write(folder / "new/nets/added.yaml", SMALL)

    # 9 * 28 = 252 parameters instead of 224: 12.5 % more; so are MACs and operations. The depth is the same.
    # FLOPs of what is new: 2 * 194,400 and 7,200 bias additions; 7,200 values of 4 bytes come out
    # and 3,072 go in; a ninth map is 3,600 bytes more, 8.8 %.
    changes = [
        "new/nets/added.yaml: new, params 224, macs 194,400, flops 396,000, activation_bytes 41,088, depth 1",
        "new/nets/small.yaml: params +12.5%, macs +12.5%, flops +12.5%, activation_bytes +8.8%",
        "nets/gone.yaml: no longer there, or no longer a network",
    ]
    assert "\n\n" + "\n".join(changes) + "\n\n" in checked("new", "--baseline", "old").out
    assert "\n" + "\n".join(changes) + "\n" in checked("new", "--baseline", "old", "--format", "github").out


def test_a_saved_json_report_is_a_baseline(folder: Path, checked: Any) -> None:
    write(folder / "nets/small.yaml", SMALL)
    checked("nets", "--format", "json", "--output", "old.json")

    assert "nothing changed since the baseline" in checked("nets", "--baseline", "old.json").out
    write(folder / "nets/small.yaml", SMALL.replace("kernel: 3", "kernel: 1"))
    found = checked("nets", "--baseline", "old.json", "--format", "json")
    # 3 * 8 + 8 = 32 parameters instead of 224
    assert json.loads(found.out)["changes"][0] == {
        "spec": "nets/small.yaml",
        "quantity": "params",
        "before": 224,
        "after": 32,
        "growth": pytest.approx(-192 / 224),
    }


def test_growth_can_fail_the_check(folder: Path, checked: Any) -> None:
    write(folder / "old/small.yaml", "input: [3, 32, 32]\nlayers:\n  - conv: {out: 100, kernel: 1}\n")
    write(folder / "new/small.yaml", "input: [3, 32, 32]\nlayers:\n  - conv: {out: 101, kernel: 1}\n")

    assert checked("new", "--baseline", "old").code == 0
    assert checked("new", "--baseline", "old", "--max-growth", "1").code == 0  # exactly 1 %
    found = checked("new", "--baseline", "old", "--max-growth", "0.5")
    assert found.code == 1
    assert (
        "error[figure-grew]: params grew by 1%, from 400 to 404: --max-growth allows 0.5%\n --> new/small.yaml\n"
        in found.out
    )
    assert checked("old", "--baseline", "new", "--max-growth", "0").code == 0


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"specs": 5}',
        '{"specs": [{"path": "a"}]}',
        "\x00",
        '{"specs": [{"path": "small.yaml", "figures": 5}]}',
    ],
)
def test_a_baseline_that_is_none_is_a_usage_error(folder: Path, checked: Any, content: str) -> None:
    write(folder / "small.yaml", SMALL)
    write(folder / "old.json", content)

    found = checked("small.yaml", "--baseline", "old.json")
    assert found.code == 2
    assert "is not a JSON report" in found.err
    assert checked("small.yaml", "--baseline", "missing.json").code == 2


def test_growth_since_a_baseline_of_other_specs_is_a_usage_error(folder: Path, checked: Any) -> None:
    write(folder / "old/small.yaml", SMALL)
    write(folder / "old/deep/small.yaml", SMALL)
    write(folder / "new/large.yaml", SMALL)
    (folder / "none").mkdir()

    assert checked("new", "--baseline", "old").code == 0  # what changed: one is new, two are gone
    found = checked("new", "--baseline", "old", "--max-growth", "1")
    assert (found.code, found.out) == (2, "")
    assert "the baseline has `deep/small.yaml`, checked is `large.yaml`" in found.err
    assert checked("new", "--baseline", "none", "--max-growth", "1").code == 2


@pytest.mark.parametrize("arguments", [["--max-growth", "1"], ["--baseline", ".", "--max-growth", "much"]])
def test_growth_needs_a_baseline_and_a_percentage(folder: Path, checked: Any, arguments: list[str]) -> None:
    write(folder / "small.yaml", SMALL)

    assert checked("small.yaml", *arguments).code == 2


# --- where it is run


@pytest.mark.parametrize(("width", "there"), [(100, True), (60, False)])
def test_on_a_terminal_words_wrap_and_numbers_stay_whole(
    width: int, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    on_terminal(Report("", (), claims(Checked(check(targets(["cnn_basics"])))), (), {}), out)

    lines = out.getvalue().split("\n")
    assert max(map(len, lines)) <= width
    assert any("2_145_024" in line and "352,800" in line and "erratum" in line for line in lines)
    assert ("counted twice" in " ".join(out.getvalue().split())) is there


def test_the_pre_commit_hook_runs_the_check() -> None:
    root = Path(__file__).resolve().parents[2]
    hooks = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))

    (hook,) = hooks
    assert (hook["entry"], hook["language"]) == ("archcalc check", "python")
    # It is given no file names, and checks what `archcalc check` does: the paths of the project.
    assert (hook["pass_filenames"], hook.get("args", [])) == (False, [])
    files = ["specs/a.yaml", "a.yml", "pyproject.toml", "sub/pyproject.toml", "a.yaml.md", "my_pyproject.toml"]
    assert [name for name in files if re.search(hook["files"], name)] == files[:4]


def test_an_empty_path_is_not_the_current_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", ""]) == 2
    assert "a path is empty" in capsys.readouterr().err


def test_a_check_that_goes_to_a_file_says_its_result_beside_it(folder: Path, checked: Any) -> None:
    write(folder / "one.yaml", "input: [3]\nlayers:\n  - linear: 1\nexpect: {params: 5}\n")  # 3 weights and a bias
    found = checked("one.yaml", "-o", "found.json")
    assert (found.code, found.out) == (1, "")
    assert found.err == "1 spec, 1 claim: 1 failed; 1 error\n"
    assert checked("one.yaml", "-q", "-o", "found.json").err == ""


def test_a_spec_on_standard_input_is_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "architecture: tiny\ninput: [3, 4, 4]\nlayers: [flatten]\nexpect: {params: 1}\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert run(["check", "-"]) == 1
    assert "<stdin>:4:18" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert run(["check", "-", "--fix"]) == 2
    assert "--fix rewrites files" in capsys.readouterr().err
