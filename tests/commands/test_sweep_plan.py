"""Which combinations a sweep visits: every one once, in order, whatever the pieces."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archcalc.commands.sweep.plan import boxes, plan
from archcalc.commands.sweep.values import Axis, axis, read
from archcalc.diagnostics.diagnostic import UsageError


@given(
    st.lists(st.integers(1, 5), max_size=4),
    st.integers(1, 20),
    st.integers(0, 4),
    st.tuples(st.integers(0, 700), st.integers(0, 700)),
)
def test_boxes_are_the_combinations_in_order(
    lengths: list[int], limit: int, single: int, ends: tuple[int, int]
) -> None:
    shape = tuple(lengths)
    everything = list(product(*(range(length) for length in shape)))
    start, stop = min(ends[0], len(everything)), min(ends[1], len(everything))
    visited = []
    for box in boxes(shape, start, stop, limit, single):
        inside = list(product(*(range(s.start, s.stop) for s in box)))
        assert 1 <= len(inside) <= limit
        assert all(s.stop - s.start == 1 for s in box[:single])
        visited += inside
    assert visited == everything[start:stop]


@given(st.integers(1, 50), st.integers(1, 7), st.sampled_from([None, 5, 20]))
def test_shards_are_disjoint_and_together_the_sweep(length: int, parts: int, sample: int | None) -> None:
    axes = [Axis("a", range(length)), Axis("b", range(3))]
    whole = plan(axes, sample=sample, seed=1)
    shards = [plan(axes, sample=sample, seed=1, shard=(i + 1, parts)).picks for i in range(parts)]
    assert [number for shard in shards for number in shard] == list(whole.picks)


def test_a_sample_has_no_combination_twice_and_depends_on_its_seed_alone() -> None:
    axes = [Axis("a", range(10**6)), Axis("b", range(10**6))]  # 10^12 combinations, none of them written out
    first, same, other = (plan(axes, sample=1000, seed=seed).picks for seed in (7, 7, 8))
    assert len(set(first)) == 1000
    assert first == same != other


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("width=16:64:16", [16, 32, 48, 64]),
        ("width=1:3", [1, 2, 3]),
        ("width=1:10:4", [1, 5, 9]),
        ("image=[128, 160]", [128, 160]),
        ("image=224", [224]),
        ("alpha=0.25:1:0.25", [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), 1]),
        ("blocks=[[3, 4], [6, 3]]", [(3, 4), (6, 3)]),
        ("bias=[true, false]", [True, False]),
        ("image=128,160,192", [128, 160, 192]),
    ],
)
def test_values_as_they_are_written(text: str, values: list[object]) -> None:
    assert list(read(text).values) == values


@pytest.mark.parametrize(
    "text", ["width", "width=", "width=5:1", "width=1:9:0", "width=1:2:3:4", "width=a:b", "w=1:x", "w=1..8"]
)
def test_values_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        read(text)


def test_values_from_python() -> None:
    import numpy

    assert axis("alpha", numpy.array([0.25, 0.5, 1.0])).values == (Fraction(1, 4), Fraction(1, 2), 1)
    assert axis("width", numpy.arange(8, 32, 8)).whole
    assert axis("width", 64).values == (64,)
    assert not axis("bias", [True, False]).whole
    for bad in ([], [float("nan")], [10**16], range(10**17), [None]):
        with pytest.raises(UsageError):
            axis("width", bad)


def test_axes_that_do_not_fit_together() -> None:
    with pytest.raises(UsageError, match="width has 2, image has 3"):
        plan([Axis("width", [1, 2]), Axis("image", [1, 2, 3])], zipped=True)
    with pytest.raises(UsageError, match="swept over twice"):
        plan([Axis("width", [1]), Axis("width", [2])])
    with pytest.raises(UsageError, match="shards are counted from 1 to 3"):
        plan([Axis("width", [1])], shard=(4, 3))
