"""The spine: what every quantity states of itself is true, and no figure is printed that the registry does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy
import pytest
from inline import analysed

import archcalc
from archcalc.analysis.totals import Analysis
from archcalc.cli import run
from archcalc.devices import card
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.memory.setup import Setup, stated
from archcalc.memory.setup import setup as setup_of
from archcalc.quantities.registry import Part, Quantity, quantities, quantity_named
from archcalc.sizes.kinds import is_size
from archcalc.sizes.many import Many, plain
from archcalc.sizes.symbols import variable
from archcalc.units import EXTENT, VOLUME

SPEC = """
architecture: small
parameters: {width: 8, image: 12}
input: [3, image, image]
layers:
  - conv: {out: width, kernel: 3, padding: 1}
  - batch_norm
  - relu
  - add:
      residual: [{conv: {out: width, kernel: 3, padding: 1}}, batch_norm]
      skip: []
  - maxpool: 2
  - dropout: 0.5
  - global_avgpool
  - flatten
  - linear: 5
"""

#: A setup in which every quantity has a value.
FULL = Setup(memory=1 << 30, card=card("v100"))


def ask(each: Quantity, analysis: Analysis) -> Any:
    return each.measure(Part(analysis, setup=FULL))


def at(value: Any, index: int) -> Any:
    return value.tolist()[index] if isinstance(value, numpy.ndarray) else value


@pytest.mark.parametrize("name", sorted(name for name, each in quantities().items() if each.kinds == "all"))
def test_a_quantity_serves_numbers_arrays_and_symbols_alike(name: str) -> None:
    each, points = quantities()[name], [(8, 12), (5, 32), (16, 9)]
    widths, images = (numpy.array(values) for values in zip(*points, strict=True))
    many = ask(each, analysed(SPEC, width=widths, image=images))
    formula = ask(each, analysed(SPEC, width=variable("width"), image=variable("image")))
    for index, (width, image) in enumerate(points):
        one = ask(each, analysed(SPEC, width=width, image=image))
        if not is_size(one):  # a volume, or a fraction of a size
            continue
        assert at(many, index) == one, (width, image)
        found = formula if isinstance(formula, int) else formula.evaluate({"width": width, "image": image})
        assert found == one, (width, image)


@pytest.mark.parametrize("name", sorted(name for name, each in quantities().items() if each.kinds == "numbers"))
def test_a_quantity_serves_numbers_and_arrays_that_need_the_same_order_of_steps(name: str) -> None:
    each, points = quantities()[name], [(8, 12), (5, 32), (16, 10)]
    widths, images = (Many(numpy.array(values)) for values in zip(*points, strict=True))
    many = ask(each, analysed(SPEC, width=widths, image=images))
    assert plain(many).tolist() == [ask(each, analysed(SPEC, width=w, image=i)) for w, i in points]


@pytest.mark.parametrize("name", sorted(name for name, each in quantities().items() if each.kinds != "all"))
def test_a_quantity_of_numbers_alone_says_so_of_symbols(name: str, tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    with pytest.raises(archcalc.UsageError):
        archcalc.formula(path, ["width"], [name])


def test_one_that_simply_grows_with_the_samples_does() -> None:
    analysis = analysed(SPEC)
    for each in quantities().values():
        one, eight = (each.measure(Part(analysis, setup=FULL._replace(batch=batch))) for batch in (1, 8))
        if "samples" in each.depends:
            assert eight == 8 * one, each.name
        elif "batch" not in each.depends:
            assert eight == one, each.name


@pytest.mark.parametrize(
    ("dependency", "changed"),
    [
        ("dtype", {"dtype": "bfloat16"}),
        ("device", {"device": "cuda"}),
        ("optimizer", {"optimizer": "adam"}),
        ("freeze", {"freeze": ["conv"]}),
        ("accumulate", {"accumulate": True}),
        ("checkpoint", {"checkpoint": ["residual"]}),
        ("memory", {"memory": 1 << 31}),
        ("gpu", {"gpu": "h100", "device": "cpu", "memory": 1 << 30}),
    ],
)
def test_what_does_not_depend_on_a_part_of_the_setup_does_not_change_with_it(
    dependency: str, changed: dict[str, Any]
) -> None:
    """And something changes, or the word would be empty."""
    analysis = analysed(SPEC)
    base = FULL._replace(batch=4)
    words = {"memory": 1 << 30, "gpu": "v100", "device": "cpu", "batch": 4} | changed
    other = setup_of(analysis.network, **words)
    moved = set()
    for each in quantities().values():
        before, after = (each.measure(Part(analysis, setup=made)) for made in (base, other))
        if before != after:
            moved.add(each.name)
            assert dependency in each.depends, each.name
    assert moved


def test_what_is_whole_is_never_a_fraction() -> None:
    part = Part(analysed(SPEC), setup=FULL)
    for each in quantities().values():
        value = each.measure(part)
        if each.unit not in (VOLUME, EXTENT):
            assert type(value) is (int if each.whole else Fraction), each.name


def test_every_quantity_writes_itself() -> None:
    part = Part(analysed(SPEC), setup=FULL)
    for each in quantities().values():
        value = each.measure(part)
        for write in (each.unit.cell, each.unit.short, each.unit.full):
            assert write(value), each.name
        json.dumps(each.data(value), default=float)


# --- nothing is printed that has no home

#: Numbers that are no figures: how often, how many, which one, and the parts of a figure that stand below its name.
STRUCTURE = {
    "schema_version", "batch", "layers", "step", "classes", "image", "padding", "input", "output", "first", "last",
    "fixed_bytes", "per_sample_bytes", "exact_for_batches", "live_bytes", "extra_macs", "compute_bound_flops",
    "size", "stride", "smallest", "share", "whole", "sum", "amount", "value", "ratio", "accumulate", "exceeds_input",
    "memory_bytes", "usable_bytes", "batch_bytes", "batch_fits", "largest_activations_batch",
    "largest_activations_twice_batch", "flops_per_second", "bytes_per_second", "layers_paired", "layers_renamed",
}  # fmt: skip
#: Below these keys stand other names: parameters and attributes of the spec, roles of operations, counters of tools.
OPEN = {"parameters", "attributes", "operations_by_role", "counting", "profiles", "quantities", "training", "settings"}


def numbers(data: Any, key: str = "") -> Iterator[str]:
    """The keys under which numbers stand."""
    if isinstance(data, dict):
        for name, value in data.items():
            if name not in OPEN:
                yield from numbers(value, name)
    elif isinstance(data, list):
        for value in data:
            yield from numbers(value, key)
    elif isinstance(data, (int, float)) and not isinstance(data, bool):
        yield key


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "lenet5", "--batch", "2"],
        ["report", "lenet5", "--columns", "name,params,flops_per_byte,bytes_moved,saved_bytes"],
        ["memory", "lenet5", "--optimizer", "adam"],
        ["fit", "lenet5", "--memory", "1GB", "--batch", "4"],
        ["roofline", "lenet5", "--gpu", "v100"],
        ["compare", "lenet5", "alexnet", "--columns", "params,training_peak_bytes"],
        ["diff", "vgg11", "vgg13"],
        ["list"],
    ],
    ids=" ".join,
)
def test_no_command_prints_a_figure_that_is_not_a_quantity(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--format", "json"]) == 0
    found = set(numbers(json.loads(capsys.readouterr().out)))
    assert found - STRUCTURE - set(quantities()) == set()


def test_columns_that_need_no_memory_follow_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.quantities.registry.network_memory", lambda *_: 1 // 0)
    assert run(["report", "lenet5", "--columns", "name,output,params", "--format", "json"]) == 0


# --- a setup in a claim

CLAIMS = """
expect:
  training_peak_bytes:
    - {value: "<= 8 GB", with: {batch: 32, optimizer: adam, dtype: amp}}
    - {value: 1 B, with: {batch: 32, optimizer: adam}}
  inference_peak_bytes: {value: "> 0", with: {dtype: bfloat16, batch: 2}}
  largest_training_batch: {value: ">= 1", with: {gpu: v100, optimizer: adam}}
  trainable_params: {value: 45, with: {freeze: ["*conv", "*batch_norm"]}}
"""


def test_a_claim_states_how_the_network_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SPEC + CLAIMS)
    assert run(["check", str(path), "--format", "json"]) == 1
    claims = json.loads(capsys.readouterr().out)["claims"]
    assert [claim["verdict"] for claim in claims] == ["met", "failed", "met", "met", "met"]
    peak = quantities()["training_peak_bytes"]
    analysis = archcalc.load(path).analyse()
    words = {"batch": "32", "optimizer": "adam"}
    assert claims[1]["computed"] == peak.measure(Part(analysis, setup=stated(analysis.network, words)))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("{batch: 0}", "batch is a whole number from 1"),
        ("{dtype: float31}", "unknown dtype `float31`: did you mean `float32`?"),
        ("{optimizer: adan}", "unknown optimizer `adan`: did you mean `adam`?"),
        ("{gpu: v10}", "unknown card `v10`: did you mean `v100`?"),
        ("{freeze: conf}", "no layer `conf`"),
        ("{memory: lots}", "`lots` is not a memory size; try 8GB"),
    ],
)
def test_a_setup_that_is_none_is_found_at_its_place(
    tmp_path: Path, words: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(f"{SPEC}expect:\n  training_peak_bytes: {{value: 1 B, with: {words}}}\n")
    assert run(["check", str(path)]) == 1
    shown = "".join(capsys.readouterr())
    assert message in shown
    assert f"small.yaml:{SPEC.count(chr(10)) + 2}:" in shown


@pytest.mark.parametrize(("name", "several"), [("output", "a volume"), ("receptive_field", "a size for each axis")])
def test_what_is_not_one_number_says_what_it_is(name: str, several: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is not one number but {several}"):
        quantity_named(name, numbers=True)


def test_a_name_in_another_case_is_recognised() -> None:
    with pytest.raises(UsageError, match="unknown quantity `MACs`: did you mean `macs`"):
        quantity_named("MACs")
