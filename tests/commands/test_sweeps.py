"""Sweeps: every combination has the figures that it has alone, whatever the way it was computed."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from fractions import Fraction
from itertools import product
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy
import pytest
from click.testing import CliRunner
from inline import totals as figures

import archcalc
from archcalc.cli import group, run
from archcalc.commands.sweep import plan as plans
from archcalc.commands.sweep.choose import undominated
from archcalc.commands.sweep.run import Columns, sweep
from archcalc.quantities.registry import figure


@pytest.fixture
def grouped(tmp_path: Path) -> Path:
    path = tmp_path / "grouped.yaml"
    path.write_text(
        dedent("""
        architecture: grouped
        parameters: {width: 8, groups: 1, image: 16, depth: 2, bias: true, alpha: 1, blocks: [1, 1]}
        input: [3, image, image]
        layers:
          - conv: {out: floor(alpha * 12), kernel: 3, padding: 1, bias: bias}
          - conv: {out: width, kernel: 3, groups: groups, bias: bias}
            repeat: depth
          - maxpool: 2
            when: depth > 2
          - conv: {out: width, kernel: 5, stride: 2}
            repeat: blocks[0]
          - flatten
          - linear: 10
        """),
        encoding="utf-8",
    )
    return path


def rows(columns: dict[str, Any]) -> list[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in columns.values()), strict=True))


def one_by_one(path: Path, over: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = []
    for point in product(*over.values()):
        try:
            totals = figures(archcalc.load(path, **dict(zip(over, point, strict=True))).analyse())
        except archcalc.SpecError:
            continue
        found.append((*point, totals.params, totals.macs, totals.flops, totals.activation_bytes_without_input))
    return found


QUANTITIES = ("params", "macs", "flops", "activation_bytes_without_input")


@pytest.mark.parametrize(
    "over",
    [
        {"width": range(-2, 14), "image": range(6, 20)},
        {"groups": [0, 1, 2, 3, 4, 5], "width": [4, 6, 12], "image": [13, 16]},
        {"depth": range(5), "width": [4, 8], "image": range(8, 30, 3)},
        {"bias": [False, True], "width": range(1, 4)},
        {"alpha": [Fraction(1, 4), Fraction(1, 2), 1], "image": [16, 17]},
        {"image": [0], "width": [1, 2, 3]},
    ],
)
def test_a_sweep_has_the_figures_of_every_combination(grouped: Path, over: dict[str, Any]) -> None:
    found = sweep(grouped, over, QUANTITIES)
    assert sorted(rows(found)) == sorted(one_by_one(grouped, over))
    assert found.visited == len(list(product(*over.values())))
    assert sum(found.reasons.values()) == found.visited - len(found["params"])


def test_a_list_is_a_value_too(grouped: Path) -> None:
    found = sweep(grouped, {"blocks": [(0, 1), (1, 1)], "image": [16]}, ["params"])
    assert found["blocks"].tolist() == ["[0, 1]", "[1, 1]"]
    assert found["params"].tolist() == [
        figure(archcalc.load(grouped, blocks=blocks).analyse(), "params") for blocks in [(0, 1), (1, 1)]
    ]


def test_small_pieces_and_one_large_one_give_the_same(grouped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = {"width": range(14), "depth": [1, 2], "image": range(6, 20)}
    whole = rows(sweep(grouped, over, QUANTITIES))
    monkeypatch.setattr("archcalc.commands.sweep.visit.CHUNK", 9)
    assert rows(sweep(grouped, over, QUANTITIES)) == whole


@pytest.mark.parametrize("way", [{}, {"zipped": True}, {"sample": 40, "seed": 3}])
def test_the_union_of_the_shards_is_the_sweep(grouped: Path, way: dict[str, Any]) -> None:
    over = {"width": range(1, 13), "depth": [1, 3] * 6, "image": range(8, 32, 2)}
    whole = sweep(grouped, over, **way)
    shards = [sweep(grouped, over, **way, shard=(i, 5)) for i in range(1, 6)]
    assert [row for shard in shards for row in rows(shard)] == rows(whole)
    assert sum((shard.reasons for shard in shards), Counter()) == whole.reasons
    assert sum(shard.visited for shard in shards) == whole.visited


def test_zipped_values_go_together(grouped: Path) -> None:
    found = sweep(grouped, {"width": [4, 6, 8], "depth": [1, 3, 1], "image": [16, 20, 24]}, zipped=True)
    assert [row[:3] for row in rows(found)] == [(4, 1, 16), (6, 3, 20), (8, 1, 24)]
    for width, depth, image, params, macs in rows(found):
        totals = figures(archcalc.load(grouped, width=width, depth=depth, image=image).analyse())
        assert (params, macs) == (totals.params, totals.macs)


def test_a_sample_is_a_part_of_the_grid(grouped: Path) -> None:
    over = {"width": range(1, 20), "depth": [1, 2, 3], "image": range(8, 40)}
    everything, some = rows(sweep(grouped, over)), rows(sweep(grouped, over, sample=50, seed=1))
    assert set(some) <= set(everything)
    assert len(set(some)) == len(some) > 20


# --- exactness


def test_what_leaves_64_bits_is_still_exact() -> None:
    widths = [10**8, 10**9, 3 * 10**9]
    found = sweep("resnet50", {"width": [64, *widths]})
    assert found["params"].tolist() == [5724 * w**2 + 32977 * w + 1000 for w in [64, *widths]]
    assert found["params"].dtype == object
    assert sweep("resnet50", {"width": [64, 128]})["params"].dtype == numpy.int64


@pytest.mark.parametrize("zipped", [False, True])
def test_64_bits_are_left_at_the_same_place_as_by_arithmetic(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("""
parameters: {a: 1, b: 1}
input: [a, b, b]
layers:
  - conv: {out: a, kernel: 1, bias: false}
""")
    sides = [2**k + d for k in (14, 15, 16, 30, 31, 32) for d in (-1, 0, 1)]
    found = sweep(path, {"a": sides, "b": sides}, ["macs"], zipped=zipped)
    assert [row[2] for row in rows(found)] == [a * a * b * b for a, b, _ in rows(found)]
    assert len(found["macs"]) == (len(sides) if zipped else len(sides) ** 2)


def test_a_volume_that_is_too_long_is_masked_as_it_is_refused_alone() -> None:
    """AlexNet at an image of 2^33: 256 * 268435456^2 = 1.8e19 values in a vector, where 10^15 is the limit."""
    columns = sweep("alexnet", {"image": [227, 2**33], "classes": [10, 20]}, ["params"])
    assert columns["image"].tolist() == [227, 227]
    with pytest.raises(archcalc.SpecError, match="an axis of a volume is too long"):
        archcalc.load("alexnet", image=2**33).analyse()


def test_bounds_are_exact_on_large_figures() -> None:
    # 5724 w^2 leaves 64 bits at w = 4.02 * 10^7, and 2^63 - 1 = 9.22 * 10^18.
    found = sweep("resnet50", {"width": [64, 10**7, 4 * 10**7, 5 * 10**7]}, where="params <= 999999999999999999")
    assert found["width"].tolist() == [64, 10**7]
    found = sweep("resnet50", {"width": range(1, 100)}, where="params < 25557032")
    assert found["width"].max() == 63
    found = sweep("resnet50", {"width": range(1, 100)}, where="params <= 25557032 and params >= 25.4M")
    assert found["width"].tolist() == [64]


# --- choosing


def test_the_first_of_an_order(grouped: Path) -> None:
    over = {"width": range(1, 30), "image": range(10, 40)}
    everything = sweep(grouped, over)
    first = sweep(grouped, over, sort="-macs", top=7)
    assert first["macs"].tolist() == sorted(everything["macs"].tolist(), reverse=True)[:7]
    assert sweep(grouped, over, sort="macs")["macs"].tolist() == sorted(everything["macs"].tolist())
    assert rows(sweep(grouped, over, top=3)) == rows(everything)[:3]


def test_the_first_of_a_sweep_without_end() -> None:
    assert sweep("resnet50", {"width": range(1, 10**12)}, top=2)["width"].tolist() == [1, 2]
    made = sweep("wrn_28_10", {"depth": range(1, 10**11)}, sample=3)  # too deep, each of them
    assert (len(made["depth"]), made.visited) == (0, 3)


def test_a_figure_that_is_a_fraction_stays_one() -> None:
    made = sweep("stochastic_depth_resnet110", {"classes": [10]}, ["expected_macs"])
    (value,) = made["expected_macs"].tolist()
    assert isinstance(value, (Fraction, int))
    shown = invoke("stochastic_depth_resnet110", "--over", "classes=10", "--columns", "expected_macs")
    assert f"{float(value):.10g}" in shown.stdout.replace(",", "")


def test_bounds_keep_what_they_say(grouped: Path) -> None:
    over = {"width": range(1, 30), "image": range(10, 40)}
    kept = [row for row in rows(sweep(grouped, over)) if row[2] <= 5000 and row[3] > 20_000 and row[1] >= 20]
    assert rows(sweep(grouped, over, where="params <= 5K and macs > 20000 and image >= 20")) == kept


def test_nothing_betters_the_front(grouped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = {"width": range(1, 30), "image": range(10, 40)}
    everything = rows(sweep(grouped, over))
    front = [
        one
        for one in everything
        if not any(o[2] >= one[2] and o[3] <= one[3] and (o[2] > one[2] or o[3] < one[3]) for o in everything)
    ]
    assert rows(sweep(grouped, over, pareto=["-params", "macs"])) == front
    monkeypatch.setattr("archcalc.commands.sweep.visit.CHUNK", 50)
    assert rows(sweep(grouped, over, pareto=["-params", "macs"])) == front


def test_equal_points_are_all_on_the_front() -> None:
    keys = [numpy.array([1, 1, 2, 3]), numpy.array([5, 5, 4, 4])]
    assert undominated(keys).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"over": {"widht": [1]}}, "did you mean `width`"),
        ({"quantities": ["prams"]}, "did you mean `params`"),
        ({"quantities": ["output"]}, "output is not one number"),
        ({"where": "params"}, "is not a bound"),
        ({"where": "params <= many"}, "is not a bound"),
        ({"where": "params <= 5M or macs <= 1"}, "is not a bound"),
        ({"where": "nothing <= 5M"}, "unknown quantity `nothing`"),
        ({"where": "saved <= 5M"}, "unknown quantity `saved`: did you mean `saved_bytes`?"),
        ({"sort": "prams"}, "did you mean `params`"),
        ({"over": {}}, "a sweep needs at least one parameter"),
        ({"layer": "nowhere"}, "no layer `nowhere`"),
    ],
)
def test_what_cannot_be_swept(grouped: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(archcalc.UsageError, match=message):
        sweep(grouped, **{"over": {"width": [1, 2]}, **arguments})


# --- the papers' tables, each by one sweep


@pytest.mark.parametrize(
    ("width", "image", "macs", "params"),
    [
        # Howard et al. 2017, arXiv:1704.04861, table 6 (width multiplier, at 224) and table 7 (resolution, at width 1).
        (1, 224, 569, Fraction("4.2")),
        (Fraction(3, 4), 224, 325, Fraction("2.6")),
        (Fraction(1, 2), 224, 149, Fraction("1.3")),
        (Fraction(1, 4), 224, 41, Fraction("0.5")),
        (1, 192, 418, Fraction("4.2")),
        (1, 160, 290, Fraction("4.2")),
        (1, 128, 186, Fraction("4.2")),
    ],
)
def test_mobilenets_tables_6_and_7(mobilenets: Columns, width: Any, image: int, macs: int, params: Fraction) -> None:
    ((found_params, found_macs),) = [row[2:] for row in rows(mobilenets) if row[:2] == (float(width), image)]
    assert abs(found_params - params * 10**6) <= 50_000  # rounded to a tenth of a million
    # In millions, cut off (418.1, 290.7, 325.4, 149.5, 41.03, 186.4), but for 568.7, which is rounded.
    assert macs in (found_macs // 10**6, round(found_macs / 10**6))


@pytest.fixture(scope="module")
def mobilenets() -> Columns:
    widths = [1, Fraction(3, 4), Fraction(1, 2), Fraction(1, 4)]
    return sweep("mobilenet", {"width": widths, "image": [224, 192, 160, 128]})


def test_wide_residual_networks_table_5() -> None:
    # Zagoruyko & Komodakis 2016, arXiv:1605.07146: WRN-40-4 8.9M, WRN-16-8 11.0M, WRN-28-10 36.5M.
    made = sweep("wrn_28_10", {"depth": [40, 16, 28], "factor": [4, 8, 10]}, ["params"], zipped=True)
    assert made["params"].tolist() == [8_949_210, 10_961_370, 36_479_194]
    assert [f"{params / 1e6:.1f}" for params in made["params"]] == ["8.9", "11.0", "36.5"]


def test_a_depth_without_whole_blocks_is_masked() -> None:
    made = sweep("wrn_28_10", {"depth": range(10, 41), "factor": [1, 2]})
    assert sorted(set(made["depth"].tolist())) == [10, 16, 22, 28, 34, 40]  # 6 n + 4
    assert sum(made.reasons.values()) == 2 * (31 - 6)


def test_densenets_table_2() -> None:
    # Huang et al. 2016, arXiv:1608.06993: 1.0M, 7.0M, 27.2M plain; 0.8M, 15.3M, 25.6M with bottlenecks (BC).
    plain = sweep("densenet40_k12", {"depth": [40, 100, 100], "growth": [12, 12, 24]}, ["params"], zipped=True)
    assert plain["params"].tolist() == [1_019_722, 6_979_642, 27_249_082]
    assert [f"{params / 1e6:.1f}" for params in plain["params"]] == ["1.0", "7.0", "27.2"]
    bottleneck = {"depth": [100, 250, 190], "growth": [12, 24, 40]}
    found = sweep("densenet_bc100_k12", bottleneck, ["params"], zipped=True)["params"].tolist()
    assert found == [769_162, 15_324_406, 25_624_430]
    assert [f"{params / 1e6:.1f}" for params in found] == ["0.8", "15.3", "25.6"]


def test_densenets_table_1_by_lists_of_layers() -> None:
    # DenseNet-121, -169, -201 and torchvision's -161 (growth 48), whose parameters torchvision states.
    blocks = [(6, 12, 24, 16), (6, 12, 32, 32), (6, 12, 48, 32), (6, 12, 36, 24)]
    made = sweep("densenet121", {"layers": blocks, "growth": [32, 32, 32, 48]}, ["params"], zipped=True)
    assert made["params"].tolist() == [7_978_856, 14_149_480, 20_013_928, 28_681_000]


def test_chunks_bound_the_memory() -> None:
    assert plans.CHUNK <= 1 << 20
    pieces = plans.boxes((10**6, 10**6), 0, 10**12, plans.CHUNK)  # nothing is written out beforehand
    first = next(pieces)
    assert (first[0].stop - first[0].start) * (first[1].stop - first[1].start) <= plans.CHUNK


# --- the command


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(group, ["sweep", *arguments])


def test_the_command_writes_every_format(grouped: Path, tmp_path: Path) -> None:
    over = ("--over", "width=4:8:2", "--over", "image=[16, 17]")
    expected = rows(sweep(grouped, {"width": [4, 6, 8], "image": [16, 17]}))
    made = list(csv.reader(io.StringIO(invoke(str(grouped), *over, "--format", "csv").stdout)))
    assert made == [["width", "image", "params", "macs"], *([str(value) for value in row] for row in expected)]
    lines = invoke(str(grouped), *over, "--format", "jsonl").stdout.splitlines()
    assert [tuple(json.loads(line).values()) for line in lines] == expected
    assert [
        tuple(row.values()) for row in json.loads(invoke(str(grouped), *over, "--format", "json").stdout)["rows"]
    ] == (expected)
    assert len(invoke(str(grouped), *over).stdout.splitlines()) == 2 + len(expected)
    written = tmp_path / "out.csv"
    invoke(str(grouped), *over, "-o", str(written))
    assert written.read_text() == invoke(str(grouped), *over, "--format", "csv").stdout


def test_architectures_that_differ_in_structure_ask_each_layer_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archcalc.layers import apply

    asked: list[str] = []
    applied = apply._applied
    monkeypatch.setattr(apply, "_applied", lambda layer, *rest: asked.append(layer.name) or applied(layer, *rest))
    path = tmp_path / "deep.yaml"
    path.write_text(
        "parameters: {n: 1}\ninput: [4, 8, 8]\nlayers:\n  - conv: {out: 4, kernel: 3, padding: 1}\n    repeat: n\n"
    )
    assert sweep(path, {"n": range(1, 6)}, ["depth"])["depth"].tolist() == [1, 2, 3, 4, 5]
    # Each asks the same convolution of the same volume; while `n` is free it was asked before, to see what varies.
    assert 1 <= asked.count("conv") <= 2


def test_parquet(grouped: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an optional dependency")
    path = tmp_path / "out.parquet"
    run = invoke(str(grouped), "--over", "width=4:8:2", "--over", "image=16:20", "-o", str(path))
    assert run.exit_code == 0
    expected = sweep(grouped, {"width": [4, 6, 8], "image": range(16, 21)})
    assert parquet.read_table(path).to_pydict() == {name: column.tolist() for name, column in expected.items()}


def test_record_batches_have_the_same_types_in_every_shard(grouped: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is an optional dependency")
    over = {"alpha": [1, Fraction(1, 2)], "bias": [True, False], "blocks": [(1, 1), (0, 1)], "image": [0, 16, 18]}
    names = ("params", "flops_per_byte", "training_peak_bytes")
    batches = list(archcalc.sweep_batches(grouped, over, names, shards=9))
    assert len(batches) == 9
    assert min(batch.num_rows for batch in batches) < max(batch.num_rows for batch in batches)
    types = {"alpha": "double", "bias": "bool", "blocks": "string", "image": "int64", "params": "int64"}
    types |= {"flops_per_byte": "double", "training_peak_bytes": "int64"}
    assert all({field.name: str(field.type) for field in batch.schema} == types for batch in batches)
    whole = sweep(grouped, over, names)
    table = pyarrow.Table.from_batches(batches)
    assert table.equals(pyarrow.Table.from_batches([whole.record_batch()]))
    assert table.column("training_peak_bytes").to_pylist() == whole["training_peak_bytes"].tolist()


def test_arrow_refuses_what_it_cannot_hold() -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is an optional dependency")
    with pytest.raises(archcalc.UsageError, match="params is beyond 64 bits"):
        sweep("resnet50", {"width": [64, 10**9]}).record_batch()
    with pytest.raises(archcalc.UsageError, match="ask for at least 1"):
        next(archcalc.sweep_batches("resnet50", {"width": [64]}, shards=0))


def test_the_command_counts_the_reasons(grouped: Path) -> None:
    run = invoke(str(grouped), "--over", "groups=[1, 5, 3]", "--over", "width=[6, 8]", "--why", "--format", "json")
    # Of 12 input channels 5 is no divisor, whatever the width; 3 divides them and 6, and does not divide 8.
    assert json.loads(run.stdout) == {
        "schema_version": 2,
        "architecture": "grouped",
        "visited": 6,
        "valid": 3,
        "reasons": [
            {"combinations": 2, "rule": "groups-divide", "message": "groups must divide the input channels"},
            {"combinations": 1, "rule": "groups-divide", "message": "groups must divide the output channels"},
        ],
    }
    run = invoke(str(grouped), "--over", "groups=[1, 5]")
    assert "1 of 2 combinations are not valid" in run.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--over", "width=1:100000"],
        ["--over", "width=4", "--shard", "0/3"],
        ["--over", "width=4", "--shard", "x"],
        ["--over", "width=4", "--top", "0"],
        ["--over", "width"],
        [],
    ],
)
def test_the_command_refuses_what_it_cannot_do(grouped: Path, arguments: list[str]) -> None:
    from archcalc.cli import run

    assert run(["sweep", str(grouped), *arguments]) == 2


@pytest.mark.parametrize(
    ("values", "options"),
    [([4], {"sample": 0}), ([4], {"sample": -1}), (numpy.ones((2, 2), dtype=int), {})],
)
def test_what_python_gives_is_refused_in_words(grouped: Path, values: Any, options: dict[str, Any]) -> None:
    with pytest.raises(archcalc.UsageError):
        sweep(grouped, {"width": values}, **options)


def test_peaks_are_swept_in_a_setup() -> None:
    found = sweep("lenet5", {"classes": [10, 20]}, ["training_peak_bytes", "macs"], words={"batch": "4"})
    for classes, peak, macs in zip(
        *(found[name].tolist() for name in ("classes", "training_peak_bytes", "macs")), strict=True
    ):
        one = archcalc.load("lenet5", classes=classes)
        assert (peak, macs) == (one.figure("training_peak_bytes", batch=4), 4 * one.figure("macs"))


def test_a_power_beyond_all_sizes_is_no_combination(tmp_path: Path) -> None:
    path = tmp_path / "power.yaml"
    path.write_text("parameters: {a: 2, b: a**64, c: b**64, d: c**64}\ninput: [1]\nlayers:\n  - linear: d\n")
    assert rows(sweep(path, {"a": range(1, 4)}, ["params"])) == [(1, 2)]


def test_a_figure_without_a_value_keeps_no_bound_and_has_no_order(capsys: pytest.CaptureFixture[str]) -> None:
    # Nothing is trained, so there is no training peak.
    frozen = ["sweep", "lenet5", "--over", "classes=1:3", "--columns", "training_peak_bytes", "--with", "freeze=*"]
    assert run([*frozen, "--where", "training_peak_bytes <= 8GB", "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines() == ["classes,training_peak_bytes"]
    assert run([*frozen, "--sort", "training_peak_bytes"]) == 2
    assert run([*frozen, "--pareto", "params,training_peak_bytes"]) == 2
    assert capsys.readouterr().err.count("training_peak_bytes has no value in some rows") == 2


def test_a_picture_shows_a_front_of_figures_that_are_no_columns(tmp_path: Path) -> None:
    picture = tmp_path / "front.svg"
    front = ["--over", "classes=1:3", "--columns", "depth", "--pareto", "-params,macs", "-o", str(picture)]
    assert run(["sweep", "lenet5", *front]) == 0
    assert "3 of 3 combinations are on the Pareto front" in picture.read_text(encoding="utf-8")
