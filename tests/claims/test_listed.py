"""Lists of figures: which networks they are about, what is malformed in them, and the verdicts in every format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from archcalc.claims.library import MOST_HELD
from archcalc.cli import run
from archcalc.commands.check.run import SpecCheck, check
from archcalc.commands.check.targets import targets
from archcalc.language.findings import MAX_FINDINGS

Told = Callable[..., tuple[int, str]]

MODELS = Path(__file__).parent.parent / "data" / "exchange"
# 3*3*3*width weights and as many biases as channels: 224 parameters at a width of 8, 448 at 16.
SMALL = """architecture: small
parameters: {width: 8}
input: [3, 32, 32]
layers:
  - conv: {out: width, kernel: 3}
    as: conv1
"""


@pytest.fixture(autouse=True)
def _zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/small.yaml").write_text(SMALL)
    (tmp_path / "squeezenet.pt2").write_bytes((MODELS / "squeezenet.pt2").read_bytes())
    monkeypatch.chdir(tmp_path)


def listed(*figures: str, source: str = "") -> Path:
    path = Path("figures.yaml")
    cited = f"source: {source}\n" if source else ""
    path.write_text(f"{cited}figures:\n" + "".join(f"  - {figure}\n" for figure in figures))
    return path


def checked(*figures: str) -> SpecCheck:
    (found,) = check(targets([str(listed(*figures))]))
    return found


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """The exit code of a check and what it writes to stdout."""

    def check(*arguments: str) -> tuple[int, str]:
        code = run(["check", *arguments])
        return code, capsys.readouterr().out

    return check


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        ("{spec: specs/small.yaml, quantity: params, value: 224}", "met"),
        ("{spec: 'specs/small.yaml:width=16', quantity: params, value: 0.4K}", "met"),
        ("{spec: specs/small.yaml, quantity: params, value: 448, with: {width: 16}}", "met"),
        ("{spec: specs/small.yaml, quantity: params, value: 28 * width}", "met"),
        ("{spec: specs/small.yaml, quantity: output, layer: conv1, value: [8, 30, 30]}", "met"),
        ("{spec: specs/small.yaml, quantity: saved_bytes, value: 24_576 B, with: {batch: 2}}", "met"),  # 2*3*32*32*4
        ("{spec: specs/small.yaml, quantity: params, value: 2x, under: 'specs/small.yaml:width=16'}", "met"),
        ("{spec: specs/small.yaml, quantity: params, value: 216, erratum: without biases}", "erratum"),
        ("{spec: specs/small.yaml, quantity: params, value: 225}", "failed"),
        ("{spec: specs/small.yaml, quantity: params, value: 224, erratum: it is not}", "failed"),
        ("{spec: resnet50:classes=10, quantity: params, value: 23_528_522}", "met"),
        ("{spec: squeezenet.pt2, quantity: params, value: 3_512}", "met"),
    ],
)
def test_each_figure_is_about_the_network_that_it_names(figure: str, verdict: str) -> None:
    found = checked(figure)

    assert [each.verdict for each in found.verdicts] == [verdict]
    assert found.passed == (verdict != "failed")


@pytest.mark.parametrize(
    ("figure", "rule", "at"),
    [
        ("{spec: specs/small.yaml, quantity: params, value: 225}", "claim-failed", "225"),
        ("{spec: specs/gone.yaml, quantity: params, value: 1}", "bad-claim", "specs/gone.yaml"),
        ("{spec: resnet51, quantity: params, value: 1}", "bad-claim", "resnet51"),
        ("{spec: resnet50:depth=3, quantity: params, value: 1}", "bad-claim", "resnet50:depth=3"),
        ("{spec: ../specs/small.yaml, quantity: params, value: 1}", "bad-claim", "../specs/small.yaml"),
        ("{spec: figures.yaml, quantity: params, value: 1}", "bad-claim", "figures.yaml"),
        ("{spec: specs/small.yaml:width=0, quantity: params, value: 1}", "bad-claim", "specs/small.yaml:width=0"),
        ("{spec: 'resnet50:image=64', quantity: params, value: 1, with: {image: 32}}", "bad-claim", "image: 32"),
        ("{spec: specs/small.yaml, quantity: params, value: 28 * widht}", "bad-claim", "28 * widht"),
        ("{spec: specs/small.yaml, quantity: parms, value: 1}", "unknown-quantity", "parms"),
        ("{spec: specs/small.yaml, quantity: macs, layer: conv2, value: 1}", "unknown-claimed-layer", "conv2"),
        ("{spec: specs/small.yaml, quantity: params, value: [1, 2]}", "claim-unit", "[1, 2]"),
        ("{spec: specs/small.yaml, quantity: params, values: 1}", "bad-claim", "values"),
        ("{spec: specs/small.yaml, value: 1}", "bad-claim", "{spec"),
        ("{quantity: params, value: 1}", "bad-claim", "{quantity"),
        ("{spec: specs/small.yaml, quantity: params}", "bad-claim", "{spec"),
        ("{spec: [], quantity: params, value: 1}", "bad-claim", "[]"),
        ("{spec: '', quantity: params, value: 1}", "bad-claim", "''"),
        ("{spec: {a: b}, quantity: params, value: 1}", "bad-claim", "{a: b}"),
        ("{spec: '-', quantity: params, value: 1}", "bad-claim", "'-'"),
        ("{spec: specs/small.yaml, quantity: [], value: 1}", "bad-claim", "[]"),
        ("params", "bad-claim", "params"),
    ],
)
def test_a_finding_stands_at_what_is_wrong(figure: str, rule: str, at: str) -> None:
    (finding,) = checked("{spec: resnet18, quantity: params, value: 11.7M}", figure).findings
    assert finding.place is not None

    assert finding.rule == rule
    assert (finding.place.source.name, finding.place.line) == ("figures.yaml", 3)
    assert finding.place.source.text[finding.place.start :].startswith(at)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("figures: 3\n", "bad-claim"),
        ("figures: []\n", "bad-claim"),
        ("figures:\n", "bad-claim"),
        ("figures: {resnet18: 3}\n", "bad-claim"),
        ("figures: [a\n", "yaml-syntax"),
        ("figures: &a [*a]\n", "yaml-feature"),
        ("figures: [a]\nsources: b\n", "unknown-section"),
        ("figures: [a]\nfigures: [a]\n", "duplicate-key"),
        ("figures: [a]\nsource: {b: c}\n", "bad-claim"),
        ("figures:" + "\n - {spec: a, quantity: params, value: 1, with: " + "[" * 99 + "]" * 99 + "}", "too-deep"),
    ],
)
def test_a_file_that_is_no_list_is_one_finding(text: str, rule: str) -> None:
    Path("figures.yaml").write_text(text)
    (found,) = check(targets(["figures.yaml"]))

    assert [finding.rule for finding in found.findings] == [rule]
    assert found.is_list


def test_one_source_stands_for_all_that_have_none_of_their_own() -> None:
    path = listed(
        "{spec: resnet18, quantity: params, value: 1}",
        "{spec: resnet18, quantity: params, value: 1, source: ours}",
        source="a table",
    )
    (found,) = check(targets([str(path)]))

    assert [verdict.claim.source for verdict in found.verdicts] == ["a table", "ours"]


def test_lists_in_a_folder_are_found_beside_its_specs(told: Told) -> None:
    listed("{spec: resnet18, quantity: params, value: 11.7M}")

    assert [target.name for target in targets([])] == ["figures.yaml", "specs/small.yaml"]
    assert told()[1] == "1 spec, 1 list of figures, 1 claim: 1 met; no errors\n"


def test_a_spec_may_not_have_figures() -> None:
    Path("specs/small.yaml").write_text(f"{SMALL}figures: []\n")
    (finding,) = check(targets(["specs/small.yaml"]))[0].findings

    assert (finding.rule, finding.help) == (
        "unknown-section",
        "a list of figures is a file of its own, for `archcalc check`",
    )


def test_figures_of_a_network_are_judged_together_and_told_in_the_order_of_the_file() -> None:
    specs = [f"specs/small.yaml:width={width}" for width in range(1, MOST_HELD + 10)]
    found = checked(
        *(f"{{spec: '{spec}', quantity: {name}, value: <= 1G}}" for name in ("params", "macs") for spec in specs)
    )

    assert [verdict.claim.quantity.name for verdict in found.verdicts] == ["params"] * len(specs) + ["macs"] * len(
        specs
    )
    assert {verdict.verdict for verdict in found.verdicts} == {"met"}


@pytest.mark.parametrize("figure", ["{spec: gone_%d, quantity: params, value: 1}", "{spec: resnet18, figure: %d}"])
def test_a_great_many_mistakes_are_not_all_told(figure: str) -> None:
    findings = checked(*(figure % number for number in range(2000))).findings

    assert len(findings) == MAX_FINDINGS
    assert findings[-1].notes[-1].startswith("there may be more")


def test_verdicts_stand_in_every_format(told: Told) -> None:
    path = str(
        listed(
            "{spec: resnet18, quantity: params, value: 11_689_512}",
            "{spec: resnet18, quantity: macs, value: 3G, source: a blog}",
        )
    )

    assert "resnet18: macs" in told(path, "-v")[1]
    rows = list(csv.DictReader(io.StringIO(told(path, "--format", "csv")[1])))
    assert [(row["spec"], row["quantity"], row["verdict"]) for row in rows[:2]] == [
        ("resnet18", "params", "met"),
        ("resnet18", "macs", "failed"),
    ]
    data = json.loads(told(path, "--format", "json")[1])
    assert data["specs"] == []
    assert data["lists"] == [{"list": path, "file": path, "path": path, "passed": False}]
    assert [(claim["spec"], claim["file"], claim["line"]) for claim in data["claims"]] == [
        ("resnet18", path, 2),
        ("resnet18", path, 3),
    ]
    junit = told(path, "--format", "junit")[1]
    assert '<testcase name="resnet18: params: 11_689_512"' in junit
    assert '<failure message="resnet18: macs: expected 3G, got 1,814,073,344"' in junit
    (result,) = json.loads(told(path, "--format", "sarif")[1])["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 3
    assert f"file={path},line=3," in told(path, "--format", "github")[1]
    assert "resnet18: macs" in told(path, "--format", "html")[1]
    assert "resnet18: macs" in told(path, "--format", "markdown")[1]


def test_a_stale_figure_without_a_source_is_rewritten(told: Told) -> None:
    path = listed(
        "{spec: specs/small.yaml, quantity: params, value: 1}",
        "{spec: specs/small.yaml, quantity: params, value: 2, source: ours}",
    )

    assert told("--fix", str(path))[0] == 1
    assert [line.rpartition("value: ")[2] for line in path.read_text().splitlines()[1:]] == ["224}", "2, source: ours}"]


def test_operations_are_counted_by_a_profile(told: Told) -> None:
    path = str(listed("{spec: resnet50, quantity: macs, value: 4_111_512_576, source: fvcore}"))

    assert told(path)[0] == 1
    assert told(path, "--counting", "fvcore")[0] == 0
