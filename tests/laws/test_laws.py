"""Laws that hold for every network: tested on random ones, with branches, groups, strides, blocks and repeats."""

from __future__ import annotations

import contextlib
import json
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import inline
import numpy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from specs import Spec, specs, steps, written

from archcalc.analysis.totals import Analysis
from archcalc.commands.formula.conditions import conditions
from archcalc.commands.formula.simplify import simplified
from archcalc.commands.report import tables as architecture
from archcalc.commands.sweep.evaluate import Block, Evaluator
from archcalc.commands.sweep.query import Query
from archcalc.commands.sweep.space import Space
from archcalc.commands.sweep.values import axis
from archcalc.diagnostics.diagnostic import Source, SpecError
from archcalc.language.read import read_document
from archcalc.language.write import resolve
from archcalc.memory.setup import Setup, stated
from archcalc.memory.storages import Storages, saved_memory
from archcalc.output.formats.json import render
from archcalc.quantities.registry import Part, figure, quantities
from archcalc.sizes.kinds import total
from archcalc.sizes.symbols import Expression, Undecided, lift, variable

slow = settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)

QUANTITIES = (
    "params",
    "buffers",
    "macs",
    "flops",
    "operations",
    "activation_bytes_without_input",
    "saved_bytes",
    "depth",
)


def figures(analysis: Analysis) -> dict[str, Any]:
    """The figures of a network; without those that have no single formula."""
    part = Part(analysis)
    found = {}
    for name in QUANTITIES:
        with contextlib.suppress(Undecided):
            found[name] = quantities()[name].measure(part)
    return found


def analysed(text: str, **parameters: Any) -> Analysis | None:
    try:
        return inline.analysed(text, **parameters)
    except SpecError:
        return None


sizes = st.fixed_dictionaries(
    {
        "width": st.lists(st.integers(-1, 12), min_size=2, max_size=3, unique=True),
        "image": st.lists(st.integers(0, 40), min_size=2, max_size=4, unique=True),
        "groups": st.lists(st.integers(0, 4), min_size=1, max_size=2, unique=True),
    }
)


@slow
@given(specs, sizes)
def test_numbers_and_arrays_agree_and_what_raises_is_masked(spec: Spec, over: dict[str, list[int]]) -> None:
    document = read_document(Source("spec.yaml", spec.text()), Path("spec.yaml"))
    asked = [quantities()[name] for name in QUANTITIES]
    block = Block({}, {name: numpy.array(values, dtype=numpy.int64) for name, values in over.items()}, False)
    found = Evaluator(Query(document, {}, asked)).figures(block)
    for place in numpy.ndindex(block.shape):
        point = {name: values[i] for (name, values), i in zip(over.items(), place, strict=True)}
        plain = analysed(spec.text(), **point)
        assert bool(found.valid[place]) == (plain is not None), point
        if plain is not None:
            assert {name: column[place] for name, column in found.columns.items()} == figures(plain), point
    assert sum(found.reasons.values()) == block.combinations - int(found.valid.sum())


PEAKS = tuple(name for name, quantity in quantities().items() if quantity.kinds == "numbers")
SETUPS = st.sampled_from(
    [
        {},
        {"batch": "7", "optimizer": "adam", "dtype": "amp"},
        {"batch": "3", "optimizer": "adafactor", "dtype": "bfloat16", "device": "cuda"},
        {"batch": "2", "accumulate": "true", "optimizer": "sgd"},
    ]
)


@slow
@given(specs, sizes, SETUPS)
def test_peaks_of_arrays_are_those_of_each_of_their_numbers(
    spec: Spec, over: dict[str, list[int]], words: dict[str, str]
) -> None:
    document = read_document(Source("spec.yaml", spec.text()), Path("spec.yaml"))
    asked = [quantities()[name] for name in ("params", "saved_bytes", *PEAKS)]
    block = Block({}, {name: numpy.array(values, dtype=numpy.int64) for name, values in over.items()}, False)
    found = Evaluator(Query(document, {}, asked, words=words)).figures(block)
    for place in numpy.ndindex(block.shape):
        plain = analysed(
            spec.text(), **{name: values[i] for (name, values), i in zip(over.items(), place, strict=True)}
        )
        assert bool(found.valid[place]) == (plain is not None), place
        if plain is not None:
            part = Part(plain, setup=stated(plain.network, words))
            assert {q.name: found.columns[q.name][place] for q in asked} == {q.name: q.measure(part) for q in asked}


@slow
@given(specs, sizes)
def test_architectures_together_and_each_alone_agree(spec: Spec, over: dict[str, list[int]]) -> None:
    document = read_document(Source("spec.yaml", spec.text()), Path("spec.yaml"))
    asked = [quantity for quantity in quantities().values() if quantity.local]
    space = Space(Query(document, {}, asked))
    points = list(product(*over.values()))
    places = dict(zip(over, numpy.array(list(numpy.ndindex(*map(len, over.values())))).T, strict=True))
    columns, valid, reasons = space.figures([axis(*item) for item in over.items()], places)
    for number, point in enumerate(points):
        plain = analysed(spec.text(), **dict(zip(over, point, strict=True)))
        assert bool(valid[number]) == (plain is not None), point
        if plain is not None:
            part = Part(plain)
            assert {q.name: columns[q.name][number] for q in asked} == {q.name: q.measure(part) for q in asked}, point
    assert sum(reasons.values()) == len(points) - int(valid.sum())


@slow
@given(specs, sizes)
def test_numbers_and_formulas_agree_and_what_raises_breaks_a_condition(spec: Spec, over: dict[str, list[int]]) -> None:
    free = analysed(spec.text(), **{name: variable(name) for name in over})
    if free is None:  # what fails whatever the sizes are fails for each
        assert all(
            analysed(spec.text(), width=w, image=i, groups=g) is None
            for w in over["width"]
            for i in over["image"]
            for g in over["groups"]
        )
        return
    known = conditions(each.condition for each in free.interpretation.open)
    asked = figures(free)
    exact = {name: lift(value) for name, value in asked.items()}
    short = {name: simplified(expression, known) for name, expression in exact.items() if expression is not None}
    for width in over["width"]:
        for image in over["image"]:
            for groups in over["groups"]:
                point = {"width": width, "image": image, "groups": groups}
                plain = analysed(spec.text(), **point)
                if groups > 0:  # a condition on a divisor of 0 is not evaluated
                    assert known.hold(point) == (plain is not None), (point, known)
                if plain is not None:
                    expected = {name: figure for name, figure in figures(plain).items() if name in asked}
                    assert {name: value(each, point) for name, each in exact.items()} == expected
                    fractions = {name: Fraction(size) for name, size in point.items()}
                    assert {name: value(each, fractions) for name, each in short.items()} == expected


def value(expression: Expression | None, point: Any) -> Any:
    assert expression is not None
    return expression.evaluate(point)


@slow
@given(specs, st.integers(0, 3))
def test_a_repeat_is_that_many_copies_and_a_block_is_its_steps(spec: Spec, times: int) -> None:
    body = written(spec.steps, 2)
    block = f"blocks:\n  body(width):\n{body}"
    called = Spec([("body: width", {}, f"repeat: {times}"), ("relu", {}, "")]).text(block)
    inlined = Spec([*(spec.steps * times), ("relu", {}, "")]).text()
    assert same(called, inlined)


_maps = st.lists(
    st.sampled_from(["relu", "batch_norm", "conv: {out: width, kernel: 3, padding: 1}", "conv: {out: 3, kernel: 1}"]),
    min_size=1,
    max_size=3,
)


@slow
@given(_maps, st.integers(0, 4), st.integers(1, 12))
def test_copies_that_read_all_before_them_are_the_steps_written_out(body: list[str], times: int, width: int) -> None:
    inside = "".join(f"    - {step}\n" for step in body)
    block = f"blocks:\n  dense(width):\n    - concat: [maps.*]\n{inside}"
    steps = [
        (f"dense: width\n    as: copy\n    from: {{maps: [input, copy.*]}}\n    repeat: {times}", {}, ""),
        ("concat: [input, copy.*]", {}, ""),
    ]
    called = Spec(steps).text(block)
    lines = []
    for copy in range(times):
        earlier = ["input", *(f"copy{i}" for i in range(copy))]
        lines += [f"concat: [{', '.join(earlier)}]"] if copy else []
        lines += body
        lines[-1] += f"\n    as: copy{copy}" if ":" in lines[-1] else f":\n    as: copy{copy}"
    if times:
        lines.append(f"concat: [input, {', '.join(f'copy{i}' for i in range(times))}]")
    inlined = Spec([(line, {}, "") for line in lines] or [("identity", {}, "")]).text()
    assert same(called, inlined) or not times
    free, plain = analysed(called, width=variable("width")), analysed(called, width=width)
    assert free is not None
    assert plain is not None
    expected = figures(plain)
    assert {name: value(lift(each), {"width": width}) for name, each in figures(free).items()} == {
        name: expected[name] for name in figures(free)
    }


def same(one: str, other: str) -> bool:
    first, second = analysed(one), analysed(other)
    if first is None or second is None:
        return first is second
    return figures(first) == figures(second)


@slow
@given(st.lists(steps, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_branches_changes_nothing(branches: list[Any], random: Any) -> None:
    named = {f"b{i}": branch for i, branch in enumerate(branches)}
    shuffled = list(named.items())
    random.shuffle(shuffled)
    last = ("conv: {out: 3, kernel: 1}", {}, "")
    one, other = (Spec([("concat", made, ""), last]).text() for made in (named, dict(shuffled)))
    assert same(one, other)


@slow
@given(specs, st.integers(1, 60), st.integers(1, 60))
def test_parameters_do_not_depend_on_the_image(spec: Spec, image: int, other: int) -> None:
    first, second = analysed(spec.text(), image=image), analysed(spec.text(), image=other)
    assume(first is not None and second is not None)
    assert first is not None
    assert second is not None
    assert figure(first, "params") == figure(second, "params")
    assert figure(first, "buffers") == figure(second, "buffers")


@slow
@given(specs)
def test_no_more_is_kept_than_there_is(spec: Spec) -> None:
    analysis = analysed(spec.text())
    assume(analysis is not None)
    assert analysis is not None
    storages = Storages(analysis.interpretation, Setup())
    for batch in (1, 7):
        kept = saved_memory(storages)
        assert kept.total.at(batch) <= total(storage.amount.at(batch) for storage in storages.all)
        assert kept.total.at(batch) == total(amount.at(batch) for amount in kept.layers)


@slow
@given(specs)
def test_totals_are_the_sums_of_the_rows_at_every_depth_and_survive_json(spec: Spec) -> None:
    analysis = analysed(spec.text())
    assume(analysis is not None)
    assert analysis is not None
    for depth in (None, 1, 2, 3):
        report = architecture.build(Part(analysis), depth=depth)
        data = json.loads("".join(render(report)))
        for name in ("params", "buffers", "macs", "flops"):
            whole = figure(analysis, name)
            assert sum(row[name] for row in data["layers"]) == data["totals"][name] == whole


@slow
@given(specs)
def test_a_resolved_spec_has_the_same_figures(spec: Spec) -> None:
    analysis = analysed(spec.text())
    assume(analysis is not None)
    assert analysis is not None
    flat = inline.analysed("".join(resolve(analysis.network)))
    assert figures(flat) == figures(analysis)
    assert [layer.output for layer in flat.layers] == [layer.output for layer in analysis.layers]
    again, once = ("".join(resolve(each.network)).partition("layers:")[2] for each in (flat, analysis))
    assert again == once
