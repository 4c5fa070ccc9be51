"""Solving: the value found meets the bounds and the next one does not; against trying every value."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from inline import totals

import archcalc
from archcalc.claims.bounds import read_limits
from archcalc.cli import group, run
from archcalc.commands.solve import answer
from archcalc.commands.solve.answer import scale, solve
from archcalc.diagnostics.diagnostic import NoAnswer, UsageError
from archcalc.quantities.registry import figure


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("solve") / "spec.yaml"
    path.write_text("""
architecture: solved
parameters: {width: 8, image: 16, depth: 1, groups: 2, multiplier: 1}
input: [3, image, image]
layers:
  - conv: {out: 4 * width, kernel: 3, stride: 2}
  - conv: {out: 12 * width, kernel: 3, padding: 1, groups: groups}
    repeat: depth
  - conv: {out: 12 * width, kernel: 1, groups: 8}
  - conv: {out: floor(multiplier * 16), kernel: 1}
  - global_avgpool
  - flatten
  - linear: 10
""")
    return path


def figures(spec: Any, **values: Any) -> tuple[int, int] | None:
    try:
        found = totals(archcalc.load(spec, **values).analyse())
    except archcalc.SpecError:
        return None
    return found.params, found.macs


def test_the_width_for_a_budget() -> None:
    # 5724 w^2 + 32977 w + 1000: 9,993,307 at 39 and 10,478,480 at 40.
    made = solve("resnet50", "width", "params <= 10M")
    assert (made.settings, made.figures) == ({"width": 39}, {"params": 9_993_307})
    assert (made.beyond, made.beyond_figures) == ({"width": 40}, {"params": 10_478_480})
    assert made.method == "bisection"
    assert made.reference == "resnet50:width=39"
    assert figure(archcalc.load(made.reference).analyse(), "params") == 9_993_307


def test_multiples_only() -> None:
    made = solve("resnet50", "width", "macs <= 300M", multiple=8)
    assert made.settings == {"width": 16}
    assert made.beyond == {"width": 24}
    assert made.figures["macs"] == 969_024 * 16**2 + 1_875_968 * 16 <= 300 * 10**6


def test_several_bounds_and_the_smallest() -> None:
    made = solve("resnet50", "width", "macs >= 4G and params <= 30M", smallest=True)
    assert made.settings == {"width": 64}  # 969024 * 63^2 + 1875968 * 63 = 3,964,242,240 < 4G
    assert made.beyond_figures["macs"] == 3_964_242_240
    with pytest.raises(archcalc.UsageError, match="no value of width meets macs >= 4G and params <= 20M"):
        solve("resnet50", "width", "macs >= 4G and params <= 20M")


@pytest.mark.parametrize(
    ("target", "closest"),
    [("macs <= 1", "width = 8 has macs 77,025,280"), ("macs >= 100G", "width = 64 has macs 4,089,184,256")],
)
def test_no_answer_says_what_comes_closest(target: str, closest: str) -> None:
    with pytest.raises(archcalc.UsageError, match=f"no value of width meets {target}: {closest}"):
        solve("resnet50", "width", target, within=range(8, 65, 8))


def test_a_reference_with_settings_gets_one_more() -> None:
    made = solve("resnet50:image=160", "width", "macs <= 1G")
    assert made.reference == f"resnet50:image=160,width={made.settings['width']}"


@settings(deadline=None, max_examples=20)
@given(
    st.sampled_from(["width", "image"]),
    st.sampled_from(["params", "macs"]),
    st.integers(100, 60_000),
    st.booleans(),
    st.sampled_from([1, 2, 3]),
)
def test_bisection_finds_what_trying_every_value_finds(
    spec: Path, name: str, quantity: str, bound: int, smallest: bool, multiple: int
) -> None:
    relation = ">=" if smallest else "<="
    index = ("params", "macs").index(quantity)
    candidates = range(multiple, 80, multiple)
    meeting = [
        value
        for value in candidates
        if (found := figures(spec, **{name: value})) is not None
        and (found[index] >= bound if smallest else found[index] <= bound)
    ]
    asked = f"{quantity} {relation} {bound}"
    if meeting:
        made = solve(spec, name, asked, smallest=smallest, multiple=multiple, within=range(1, 80))
        assert made.settings[name] == (min(meeting) if smallest else max(meeting))
        assert made.method == "bisection"
    else:
        with pytest.raises(archcalc.UsageError, match=f"no value of {name} meets"):
            solve(spec, name, asked, smallest=smallest, multiple=multiple, within=range(1, 80))


def test_structure_is_searched_value_by_value(spec: Path) -> None:
    made = solve(spec, "depth", "params <= 50K", within=range(1, 30))
    assert made.method == "sweep"
    within = [d for d in range(1, 30) if (found := figures(spec, depth=d)) and found[0] <= 50_000]
    assert made.settings == {"depth": max(within)}
    with pytest.raises(archcalc.UsageError, match="say which values to try, as --within 1:64"):
        solve(spec, "depth", "params <= 50K")


def test_a_figure_that_may_fall_is_searched_value_by_value(spec: Path) -> None:
    # More groups, fewer parameters: the smallest number of groups under a budget.
    made = solve(spec, "groups", "params <= 6K", within=range(1, 33), smallest=True)
    groups = [g for g in range(1, 33) if (found := figures(spec, groups=g)) and found[0] <= 6000]
    assert made.settings == {"groups": min(groups)}
    assert made.method == "sweep"


def test_a_multiplier_is_searched_among_fractions(spec: Path) -> None:
    budget = figures(spec, multiplier=Fraction("1.25"))
    assert budget is not None
    made = solve(spec, "multiplier", f"params <= {budget[0] + 50}", within=[Fraction(i, 4) for i in range(1, 9)])
    assert made.settings == {"multiplier": Fraction("1.25")}
    assert made.beyond == {"multiplier": Fraction("1.5")}
    assert made.reference.endswith(":multiplier=1.25")


def test_memory_is_a_bound_too() -> None:
    made = solve("resnet50", "image", "saved_bytes <= 86_121_984")  # what ResNet-50 keeps at 224
    assert 224 <= made.settings["image"] < 232
    assert made.method == "bisection"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("saved_bytes <= 24", "saved_bytes: `24` is 24 bytes: write 24GB, or 24B if bytes are meant"),
        ("saved_bytes <= 0.5", "`0.5` is 0.5 bytes"),
        ("params <= 24GB", "params is not in bytes: `params <= 24GB` cannot hold"),
        ("params <= 3B", "params is not in bytes: B is bytes; for billions write <= 3G"),
    ],
)
def test_a_bound_in_bytes_has_a_unit_unless_it_is_a_count(target: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        solve("resnet50", "image", target)
    limits = [limit.bounds[0].limit for limit in read_limits("saved_bytes <= 24B and params <= 24 and macs < 1G")]
    assert limits == [24, 24, 10**9]


def test_a_setup_that_a_bound_does_not_depend_on_leaves_the_formula() -> None:
    made = solve("resnet50", "width", "params <= 10M", words={"batch": "32"})
    assert (made.settings, made.method) == ({"width": 39}, "bisection")


def test_a_wrong_setup_is_named_before_the_range() -> None:
    with pytest.raises(archcalc.UsageError, match="unknown card `x`"):
        solve("resnet50", "width", "macs <= 3G", words={"gpu": "x"})
    with pytest.raises(archcalc.UsageError, match="unknown card `x`"):
        solve("resnet50", "width", "params <= 10M", words={"gpu": "x"})


def test_a_search_without_end_is_refused() -> None:
    with pytest.raises(archcalc.UsageError, match="can grow without end"):
        solve("resnet50", "width", "params >= 10M")
    with pytest.raises(archcalc.UsageError, match="can grow without end"):
        solve("resnet50", "image", "params <= 100M")  # parameters do not depend on the image
    with pytest.raises(archcalc.UsageError, match="did you mean `width`"):
        solve("resnet50", "widht", "params <= 10M")


def test_compound_scaling(spec: Path) -> None:
    made = scale(spec, {"depth": Fraction("1.2"), "width": Fraction("1.1"), "image": Fraction("1.15")}, "macs <= 3M")
    before, after = made.figures["macs"], made.beyond_figures["macs"]
    assert before <= 3 * 10**6 < after
    assert figures(spec, **made.settings)[1] == before  # type: ignore[index]
    # depth 1.2^p, width 8 * 1.1^p, image 16 * 1.15^p for one p
    powers = [p / 10 for p in range(101) if round(16 * 1.15 ** (p / 10)) == made.settings["image"]]
    assert any(round(8 * 1.1**p) == made.settings["width"] for p in powers)


def test_the_command(spec: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(group, ["solve", "resnet50", "--for", "width", "--target", "params <= 10M"])
    assert run.stdout.splitlines()[:2] == ["width   39", "params  9,993,307 (9.993 M)"]
    written = tmp_path / "found.yaml"
    arguments = ["--for", "width", "--target", "params <= 20K", "--round", "2"]
    run = CliRunner().invoke(group, ["solve", str(spec), *arguments, "--spec", "-o", str(written)])
    assert run.exit_code == 0
    made = solve(spec, "width", "params <= 20K", multiple=2)
    assert figure(archcalc.load(written).analyse(), "params") == made.figures["params"]


def test_a_parameter_may_be_called_like_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "names.yaml"
    path.write_text(
        "parameters: {layer: 3, name: 4}\ninput: [3]\nlayers:\n  - linear: layer\n  - linear: name\n", encoding="utf-8"
    )
    # 3*5 + 5 = 20, and 5*name + name
    assert run(["formula", str(path), "--free", "name", "--set", "layer=5", "--quantity", "params"]) == 0
    assert "6*name + 20" in capsys.readouterr().out
    # 3*layer + layer + 2*layer + 2 <= 100: 16
    assert run(["solve", str(path), "--for", "layer", "--set", "name=2", "--target", "params <= 100"]) == 0
    assert "layer=16" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("within", "options", "value"),
    [
        # 300M MACs are met by 16 at the most, which is not among the values; of the rest 10 is.
        (range(10, 513, 100), {}, 10),
        # In any order: 32 fits 1 GMAC, and 8 does.
        ([32, 8], {"target": "macs <= 2G"}, 32),
        ([8, 32], {"target": "macs <= 2G", "smallest": True}, 8),
    ],
)
def test_only_values_that_were_asked_about_are_answered(within: Any, options: dict[str, Any], value: int) -> None:
    made = solve("resnet50", "width", **{"target": "macs <= 300M", **options}, within=within)
    assert made.settings == {"width": value}


def test_multiples_within_a_range_are_those_of_the_range() -> None:
    # 10, 13, 16, ...: 16, 40 and 64 are multiples of 8; 40 has the most parameters below 12M.
    made = solve("resnet50", "width", "params <= 12M", within=range(10, 70, 3), multiple=8)
    assert (made.settings, made.beyond) == ({"width": 40}, {"width": 64})


def test_a_range_without_values_is_refused() -> None:
    with pytest.raises(archcalc.UsageError, match="there is no value of width to try"):
        solve("resnet50", "width", "macs <= 300M", within=range(0))
    with pytest.raises(archcalc.UsageError, match="only whole numbers are multiples of 8"):
        solve("resnet50", "strides", "macs <= 3G", within=["same"], multiple=8)


def test_a_very_long_range_of_structures_is_not_made_a_list(tmp_path: Path) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text("parameters: {deep: 1}\ninput: [3]\nlayers:\n  - linear: 3\n    repeat: deep\n")
    made = solve(path, "deep", "params >= 24", within=range(1, 10**12), smallest=True)
    assert made.settings == {"deep": 2}


def test_peaks_are_solved_for_in_a_setup() -> None:
    words = {"batch": "8", "optimizer": "adam"}
    made = solve("resnet18", "image", "training_peak_bytes <= 300MB", within=range(32, 257, 32), words=words)
    larger = archcalc.load("resnet18", **made.beyond).figure("training_peak_bytes", batch=8, optimizer="adam")
    assert made.figures["training_peak_bytes"] <= 300 * 10**6 < larger


def stack(folder: Path) -> str:
    """A spec of n layers of 20 parameters each."""
    path = folder / "stack.yaml"
    path.write_text("parameters: {n: 2}\ninput: [4]\nlayers:\n  - linear: 4\n    repeat: n\n", encoding="utf-8")
    return str(path)


def test_a_parameter_that_decides_the_structure_is_searched_in_a_range(tmp_path: Path) -> None:
    assert solve(stack(tmp_path), "n", "params <= 100", within=range(1, 300)).settings == {"n": 5}


@pytest.mark.parametrize(
    ("within", "message"),
    [
        # What is refused for its size has cost as much as may be; then 9,999 and so on are a few.
        (range(1, 10**12), "none of the 2 values of n down to 999999999998 meets params <= 100: narrow"),
        (range(1, 10_001), "none of the 11 values of n down to 9990 meets params <= 100: narrow the range"),
    ],
)
def test_a_search_through_networks_has_an_end(tmp_path: Path, within: range, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        solve(stack(tmp_path), "n", "params <= 100", within=within)


@pytest.mark.parametrize("how", [["--for", "width"], ["--scale", "width=1.1"]], ids=" ".join)
def test_where_no_value_meets_a_budget_the_exit_code_is_the_answer(
    how: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["solve", "resnet18", *how, "--target", "params <= 1K"]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_one_value_that_is_too_large_does_not_end_a_search(tmp_path: Path) -> None:
    assert solve(stack(tmp_path), "n", "params <= 100", within=[3, 10**6]).settings == {"n": 3}


def test_a_peak_is_searched_among_many_values_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole numbers that leave the structure as it is are not tried one by one."""
    tried: list[object] = []
    measured = answer._Question.measured
    monkeypatch.setattr(
        answer._Question, "measured", lambda self, settings: tried.append(settings) or measured(self, settings)
    )
    made = solve("lenet5", "image", "training_peak_bytes <= 4MB", within=range(28, 2000, 4))
    # 28, 32, ...: the answer and the value beyond it, measured by themselves.
    assert tried == [made.settings, made.beyond] or tried == [made.beyond, made.settings]
    assert made.figures["training_peak_bytes"] <= 4 * 10**6 < made.beyond_figures["training_peak_bytes"]
    smallest = solve("lenet5", "image", "training_peak_bytes >= 4MB", within=range(28, 2000, 4), smallest=True)
    assert (smallest.settings, smallest.beyond) == (made.beyond, made.settings)


def test_more_values_than_can_be_tried_together_are_refused() -> None:
    with pytest.raises(UsageError, match=r"none of the 10,000 values of image down to \d+ meets .*: narrow the range"):
        solve("lenet5", "image", "training_peak_bytes <= 1KB", within=range(28, 100_000, 4))


def test_a_figure_without_a_value_meets_no_bound() -> None:
    # Nothing is trained, so there is no training peak.
    with pytest.raises(NoAnswer, match="meets training_peak_bytes <= 8GB: classes = 1 has no training_peak"):
        solve("lenet5", "classes", "training_peak_bytes <= 8GB", within=range(1, 4), words={"freeze": "*"})
