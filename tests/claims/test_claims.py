"""Claims in a spec: which layers and settings they are about, what is malformed, and the verdicts."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from archcalc.commands.check.run import SpecCheck, check
from archcalc.commands.check.targets import targets

# conv: 3*3*3*8 = 216 weights + 8 biases = 224; 216 * 30 * 30 = 194,400 MACs; 30x30x8 out.
# pool: 15x15x8; linear: 1800 * 10 = 18,000 weights + 10 biases. Together 18,234 parameters and 212,400 MACs.
SPEC = """
architecture: small
parameters: {width: 8, image: 32}
input: [3, image, image]
layers:
  - conv: {out: width, kernel: 3}
    as: conv1
  - relu
  - maxpool: 2
  - flatten
  - linear: 10
    as: fc
"""


def checked(folder: Path, claims: str, spec: str = SPEC, section: str = "expect") -> SpecCheck:
    path = folder / "small.yaml"
    path.write_text(f"{spec}{section}:\n{indent(dedent(claims), '  ')}\n", encoding="utf-8")
    return check(targets([str(path)]))[0]


def verdicts(found: SpecCheck) -> list[str]:
    return [verdict.verdict for verdict in found.verdicts]


def findings(found: SpecCheck) -> list[tuple[str, int]]:
    """Rule and line of each finding, the first line of the claims being 1."""
    first = SPEC.count("\n") + 1
    return [(finding.rule, finding.place.line - first) for finding in found.findings if finding.place]


@pytest.mark.parametrize(
    "claim",
    [
        "params: 18_234",
        "params: 18K",
        "params: {value: 18.2K, source: a table}",
        "macs: 212_400",
        "flops: {value: '> 424_800', note: 2 for each MAC and more}",
        "depth: 2",
        "neurons: 7_210",  # 30 * 30 * 8 + 10
        "connections: 226_810",  # 216*900 + 8*900 of the convolution, 15*15*8*4 of the pooling, 18,000 + 10
        "input: 32x32x3",
        "output: 10",
        "receptive_field: 4x4",
        "receptive_field: 4",
        "params_bytes: 72_936 B",
        "activation_bytes_without_input: 36_040",  # (7200 + 1800 + 10) * 4
        "activation_bytes: 48_328",  # and 3072 * 4
        "weights: 18_216",
        "params: {value: 18_452, with: {width: 8, image: 32}, erratum: 224 are counted twice}",
        "params: {value: 36_468, with: {width: 16}, tolerance: 1 %}",  # 448 + 36,000 + 10 = 36,458
        "params: 28 * width + (image - 2)**2 // 4 * width * 10 + 10",
        "layers: {conv1: {output: 30x30x8, params: 224, weights: 216, macs: 194_400, input: 32x32x3}}",
        "layers: {conv1: {output: [8, 30, 30]}}",
        "layers: {fc: {params: 98.8 %}}",  # 18,010 / 18,234
        "layers: {'*1': {params: 224}}",
        "layers: {maxpool: {params: 0, receptive_field: 4, receptive_field_stride: 2}}",
        "macs: {value: 1x, over: small.yaml}",
        "params: {value: 2x, under: 'small.yaml:width=16', tolerance: 1 %}",
        "params: {value: 50 %, over: 'small.yaml:width=16', tolerance: 1 %}",
        "layers: {conv1: {macs: {value: 2x, under: 'small.yaml:width=16'}}}",
        "params: {value: <= 1x, over: vgg16}",
    ],
)
def test_a_true_claim_is_met(tmp_path: Path, claim: str) -> None:
    found = checked(tmp_path, claim)

    assert [finding.message for finding in found.findings] == []
    assert set(verdicts(found)) <= {"met", "erratum"}
    assert found.verdicts


@pytest.mark.parametrize(
    "claim",
    [
        "params: 18_235",
        "params: 19K",
        "depth: 3",
        "output: 11",
        "receptive_field: 5",
        "receptive_field: 4x5",
        "activation_bytes_without_input: 0.03603 MB",
        "params: <= 18K",
        "params: {value: 18.1K, truncated: true}",
        "params: 27 * width",
        "params: {value: 18_234, with: {width: 16}}",
        "layers: {conv1: {output: 30x30x9}}",
        "layers: {fc: {params: 98.7 %}}",
        "macs: {value: 1x, over: vgg16}",
    ],
)
def test_a_false_claim_fails_at_its_value(tmp_path: Path, claim: str) -> None:
    found = checked(tmp_path, claim)

    assert verdicts(found) == ["failed"]
    (finding,) = found.findings
    assert (finding.rule, finding.severity) == ("claim-failed", "error")
    assert finding.place is not None
    written = found.verdicts[0].claim.figure.text
    assert finding.place.source.text[finding.place.start : finding.place.end] == written


def test_the_finding_gives_both_figures_the_range_and_the_source(tmp_path: Path) -> None:
    found = checked(tmp_path, "params: {value: 19K, source: a blog}")

    (finding,) = found.findings
    assert finding.message == "params: expected 19K, got 18,234"
    assert finding.notes[:2] == ("19K is met by 18,500 to 19,500", "source: a blog")


def test_a_finding_about_bytes_says_them_in_both_kinds_of_units(tmp_path: Path) -> None:
    # 18,234 parameters of 4 bytes
    (finding,) = checked(tmp_path, "params_bytes: 72.8 kB").findings
    assert finding.notes == ("72.8 kB is met by 72,750 to 72,850 bytes", "72,936 bytes is 72.94 kB, or 71.23 KiB")
    assert finding.definition.startswith("params_bytes: ")


def test_an_erratum_must_be_wrong(tmp_path: Path) -> None:
    known = "erratum: weights alone are counted"

    assert verdicts(checked(tmp_path, f"params: {{value: 18_216, {known}}}")) == ["erratum"]
    found = checked(tmp_path, f"params: {{value: 18_234, {known}}}")
    assert verdicts(found) == ["failed"]
    assert findings(found) == [("erratum-true", 1)]


def test_several_sources_may_claim_the_same_quantity(tmp_path: Path) -> None:
    found = checked(
        tmp_path,
        """
        source: the paper
        params:
          - 18_234
          - {value: 18K, source: [a blog, another]}
          - {value: 20K, erratum: rounded up}
        """,
    )

    assert verdicts(found) == ["met", "met", "erratum"]
    assert [verdict.claim.source for verdict in found.verdicts] == ["the paper", "a blog; another", "the paper"]


@pytest.mark.parametrize(
    ("claims", "rule", "line"),
    [
        ("parms: 5", "unknown-quantity", 1),
        ("top5_error: 5 %", "unknown-quantity", 1),
        ("params: five", "bad-claim", 1),
        ("params:", "bad-claim", 1),
        ("params: []", "bad-claim", 1),
        ("params: 5 MB", "claim-unit", 1),
        ("params: 55x55", "claim-unit", 1),
        ("params: 5x", "claim-unit", 1),
        ("params: 5 %", "claim-unit", 1),
        ("params: {value: 5 MB, over: vgg16}", "claim-unit", 1),
        ("output: 5 %", "claim-unit", 1),
        ("output: 4K", "claim-unit", 1),
        ("params: {source: a table}", "bad-claim", 1),
        ("params: {value: 5, sauce: a table}", "bad-claim", 1),
        ("params: {value: 5, over: vgg16, under: vgg16}", "bad-claim", 1),
        ("params: {value: 5, erratum: true}", "bad-claim", 1),
        ("params: {value: 5, truncated: yes}", "bad-claim", 1),
        ("params: {value: <= 5M, truncated: true}", "bad-claim", 1),
        ("params: {value: 5, with: width}", "bad-claim", 1),
        ("params: {value: 5, with: {wdth: 3}}", "bad-claim", 1),
        ("params: {value: 5, with: {width: 0}}", "bad-claim", 1),
        ("params: {value: 5, over: vgg61}", "bad-claim", 1),
        ("params: {value: 5, over: missing.yaml}", "bad-claim", 1),
        ("params: {value: 5, over: '-'}", "bad-claim", 1),
        ("params: {value: 5, over: [a, b]}", "bad-claim", 1),
        ("params: {value: 5, over: 'vgg16:width=3'}", "bad-claim", 1),
        ("params: 5 // (width - 8)", "bad-claim", 1),
        ("params: 9 ** 9 ** 9", "bad-claim", 1),
        ("layers: 5", "bad-claim", 1),
        ("layers: {conv1: 5}", "bad-claim", 1),
        ("layers: {conv1: {}}", "bad-claim", 1),
        ("layers: {conv1: {output: []}}", "bad-claim", 1),
        ("layers: {conv1: {depth: 5}}", "bad-claim", 1),
        ("layers: {conv2: {params: 5}}", "unknown-claimed-layer", 1),
        ("macs: 212_400\nparams:\n  - 18_234\n  - {value: 5, oops: 1}", "bad-claim", 4),
    ],
)
def test_a_malformed_claim_is_a_finding_at_its_place(tmp_path: Path, claims: str, rule: str, line: int) -> None:
    assert findings(checked(tmp_path, claims)) == [(rule, line)]


@pytest.mark.parametrize(
    ("claim", "help_text"),
    [
        ("params: {max: 1M}", "a bound is a value: `<= 1M`"),
        ("params: {min: 2K}", "a bound is a value: `>= 2K`"),
        (
            "training_peak_bytes: {value: 8 GB, batch: 32}",
            "how the network is run stands in `with`, beside `value`: `batch` too",
        ),
    ],
)
def test_what_claims_say_otherwise_is_led_there(tmp_path: Path, claim: str, help_text: str) -> None:
    (finding,) = checked(tmp_path, claim).findings
    assert (finding.rule, finding.help) == ("bad-claim", help_text)


def test_a_bound_in_bytes_without_its_unit_is_a_finding_and_an_exact_count_is_none(tmp_path: Path) -> None:
    found = checked(tmp_path, "saved_bytes: <= 24")
    assert findings(found) == [("claim-unit", 1)]
    assert found.findings[0].message == "saved_bytes: `24` is 24 bytes: write 24GB, or 24B if bytes are meant"
    for legal in ("saved_bytes: <= 24B", "saved_bytes: '> 0'", "saved_bytes: <= 0", "saved_bytes: 24", "params: <= 24"):
        assert [rule for rule, _ in findings(checked(tmp_path, legal))] in ([], ["claim-failed"]), legal


@pytest.mark.parametrize("name", [r"a/\0b", "a/" + "b" * 5000])
def test_a_ratio_to_what_is_not_a_path_is_refused(tmp_path: Path, name: str) -> None:
    (finding,) = checked(tmp_path, f'params: {{value: 1x, over: "{name}"}}').findings
    assert finding.rule == "bad-claim"


@pytest.mark.parametrize("way", ["../other.yaml", "{folder}/other.yaml", "link.yaml"])
def test_a_ratio_to_a_spec_outside_the_folder_is_refused(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "specs"
    folder.mkdir()
    (tmp_path / "other.yaml").write_text(SPEC, encoding="utf-8")
    (folder / "link.yaml").symlink_to(tmp_path / "other.yaml")

    (finding,) = checked(folder, f"params: {{value: 1x, over: '{way.format(folder=tmp_path)}'}}").findings
    assert finding.rule == "bad-claim"
    assert finding.message.endswith("other.yaml is outside the folder of the file that names it") or way == "link.yaml"


def test_one_malformed_claim_does_not_hide_the_others(tmp_path: Path) -> None:
    found = checked(tmp_path, "parms: 5\nparams: 5\nlayers: {conv1: {output: oops, params: 225}}")

    assert findings(found) == [("unknown-quantity", 1), ("claim-failed", 2), ("bad-claim", 3), ("claim-failed", 3)]


def test_misspelt_layers_and_quantities_are_suggested(tmp_path: Path) -> None:
    found = checked(tmp_path, "layers: {conv_1: {params: 5}}\nparms: 5")

    assert [finding.help for finding in found.findings] == ["did you mean `conv1`?", "did you mean `params`?"]


def test_a_quantity_of_a_layer_is_led_to_where_it_is_claimed(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, "parms of conv1: 224").findings
    assert finding.message == "there is no quantity `parms of conv1`"
    assert finding.help == "write a figure of a layer as `layers: {conv1: {params: ...}}`"


def test_billions_are_not_bytes(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, "params: '<= 3B'").findings
    assert finding.help == "B is bytes; for billions write <= 3G"
    (finding,) = checked(tmp_path, "params: 3 GB").findings
    assert finding.help is None


def test_a_claim_can_be_about_a_block_and_all_that_is_in_it(tmp_path: Path) -> None:
    spec = """
input: [4, 8, 8]
blocks:
  pair(out):
    - conv: {out: out, kernel: 1}
    - relu
    - conv: {out: out, kernel: 1, bias: false}
layers:
  - pair: 4
    as: first
  - pair: 8
    repeat: 2
"""
    # first: 16 + 4 + 16 = 36; pair.1: 32 + 8 + 64 = 104; pair.2: 64 + 8 + 64 = 136
    claims = """
    layers:
      first: {params: 36, output: 8x8x4}
      pair.1: {params: 104, input: 8x8x4, output: 8x8x8}
      pair.2/conv.2: {params: 64}
      "pair.*": {params: 240}
      "*/conv.1": {params: 132}
    """
    found = checked(tmp_path, claims, spec)

    assert verdicts(found) == ["met"] * 8


# --- facts


def test_published_facts_have_values_and_sources(tmp_path: Path) -> None:
    found = checked(
        tmp_path,
        """
        year: 2014
        top5_error:
          - {value: 7.3 %, source: the challenge, note: ensemble of 7}
          - 9.9
        """,
        section="published",
    )

    assert found.findings == []
    assert [(fact.name, float(fact.value), fact.source, fact.note) for fact in found.facts] == [
        ("year", 2014, "", ""),
        ("top5_error", 7.3, "the challenge", "ensemble of 7"),
        ("top5_error", 9.9, "", ""),
    ]


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ("top5_eror: 7.3 %", "unknown-fact"),
        ("params: 5M", "unknown-fact"),
        ("top5_error: seven", "bad-claim"),
        ("top5_error: 7.3 MB", "claim-unit"),
        ("year: 7 %", "claim-unit"),
        ("year: {value: 2014, page: 3}", "bad-claim"),
    ],
)
def test_a_malformed_fact_is_a_finding(tmp_path: Path, facts: str, rule: str) -> None:
    assert findings(checked(tmp_path, facts, section="published")) == [(rule, 1)]


def test_python_warns_of_nothing_that_a_spec_holds(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    found = checked(tmp_path, "params: 3and 4\nmacs: 1if 2else 3")

    assert findings(found) == [("bad-claim", 1), ("bad-claim", 2)]
    assert len(recwarn) == 0
