"""How views lie, and when an operation can take them as they lie: the strides of torch 2.14.1, without the numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy
import pytest

from archcalc.layers.layout import Lies, Move, each_as_one
from archcalc.memory.layout import Layout, first, fits, is_last, is_one, is_whole, laid, last, merges, moved, unmoved
from archcalc.sizes.symbols import Undecided


def lies(*order: int, cut: Iterable[int] = (), strided: Iterable[int] = ()) -> Layout:
    return Layout(order, frozenset(cut), frozenset(strided))


@pytest.mark.parametrize(
    ("whole", "move", "view"),
    [
        # x.transpose(1, 2): what was innermost still is, under its new number.
        (lies(0, 1, 2), Move("permute", (0, 2, 1)), lies(0, 2, 1)),
        (lies(0, 1, 2, cut=[1], strided=[2]), Move("permute", (0, 2, 1)), lies(0, 2, 1, cut=[2], strided=[1])),
        # x[:, :3], x[:, ::2] of an odd and of an even number of places, and x.chunk(2, 1)[0]
        (lies(0, 1, 2), Move("narrow", (1,)), lies(0, 1, 2, cut=[1])),
        (lies(0, 1, 2), Move("stride", (1,)), lies(0, 1, 2, cut=[1], strided=[1])),
        (lies(0, 1, 2), Move("every", (1,)), lies(0, 1, 2, strided=[1])),
        (lies(0, 1, 2), Move("part", (1,)), lies(0, 1, 2, cut=[1])._replace(part=True)),
        # x[:, 0]: behind each row of the axis that was inside lie the rows that were not taken.
        (lies(0, 1, 2), Move("take", (1,)), lies(0, 1, cut=[1])),
        (lies(0, 1, 2, 3), Move("take", (1,)), lies(0, 1, 2, cut=[1])),
        # x.unflatten(1, (2, -1)): the outer part is cut where the axis was, the inner part skips places where it did.
        (lies(0, 1, 2), Move("divide", (1, 2)), lies(0, 1, 2, 3)),
        (lies(0, 2, 1), Move("divide", (1, 2)), lies(0, 3, 1, 2)),
        (
            lies(0, 1, 2, cut=[1, 2], strided=[1, 2]),
            Move("divide", (1, 2)),
            lies(0, 1, 2, 3, cut=[1, 3], strided=[2, 3]),
        ),
        (lies(0, 1, 2, cut=[0], strided=[0]), Move("divide", (1, 2)), lies(0, 1, 2, 3, cut=[0], strided=[0])),
        # x.flatten(1, 2): it is cut where the outermost was.
        (lies(0, 1, 2, 3), Move("merge", (1, 2)), lies(0, 1, 2)),
        (lies(0, 1, 2, 3, cut=[1, 3]), Move("merge", (1, 2)), lies(0, 1, 2, cut=[1, 2])),
        (lies(0, 2, 3, 1), Move("merge", (2, 3)), lies(0, 2, 1)),
        # The outermost is not the first of them where that has one place: x[:, :2].transpose(1, 2) of (2, 4, 1, 3).
        (lies(0, 2, 1, 3, cut=[2]), Move("merge", (1, 2)), lies(0, 1, 2, cut=[1])),
    ],
)
def test_a_view_lies_where_what_it_is_of_lies(whole: Layout, move: Move, view: Layout) -> None:
    assert moved(whole, [move]) == view._replace(view=True)


@pytest.mark.parametrize(
    ("move", "gradient", "seen"),
    [
        (Move("permute", (0, 2, 1)), lies(0, 1, 2), lies(0, 2, 1)),
        (Move("permute", (0, 2, 3, 1)), lies(0, 1, 2, 3), lies(0, 2, 3, 1)),
        (Move("merge", (1, 2)), lies(0, 1, 2), lies(0, 1, 2, 3)),
        (Move("divide", (1, 2)), lies(0, 1, 2, 3), lies(0, 1, 2)),
        # A slice's gradient is as it comes; that of one place is part of a tensor of zeros, channels first.
        (Move("narrow", (1,)), lies(0, 2, 1), lies(0, 2, 1)),
        (Move("take", (1,)), lies(0, 1), first(1)),
    ],
)
def test_the_gradient_of_a_view_is_seen_as_that_of_the_whole(move: Move, gradient: Layout, seen: Layout) -> None:
    assert unmoved(gradient._replace(view=True, part=True), [move], 1) == seen


@pytest.mark.parametrize(
    ("layout", "shape", "expected"),
    [
        (last(2), (2, 4, 3, 3), True),
        (first(2), (2, 4, 3, 3), False),
        # Strides tell it of one position or one channel, but not of one value.
        (last(2), (2, 4, 1, 1), True),
        (last(2), (2, 1, 3, 3), True),
        (last(2), (2, 1, 1, 1), False),
        # Axes of one place lie anywhere.
        (lies(0, 2, 1, 3), (2, 4, 3, 1), True),
        (lies(0, 2, 1, 3), (2, 4, 3, 3), False),
        (lies(0, 2, 1, 3), (2, 1, 3, 3), False),
        # A sequence by positions is put in order first; one of one position is in both orders.
        (last(1), (2, 4, 3), False),
        (last(1), (2, 4, 1), True),
        (first(0), (2, 4), False),
    ],
)
def test_a_map_is_channels_last_by_its_strides(layout: Layout, shape: tuple[int, ...], expected: bool) -> None:
    assert is_last(layout, shape) is expected


@pytest.mark.parametrize(
    ("layout", "shape", "axes", "expected"),
    [
        (first(1), (2, 4, 3), (1, 2), True),
        (first(1), (2, 4, 3), (0, 2), False),
        (first(1), (2, 1, 3), (0, 2), True),
        (last(1), (2, 4, 3), (1, 2), False),
        (last(1), (2, 4, 3), (2, 1), True),
        (last(1), (2, 1, 1), (1, 2), True),
        # Between rows of a slice lie the others; behind the last of all rows it does not matter.
        (lies(0, 1, 2, cut=[2]), (2, 4, 3), (1, 2), False),
        (lies(0, 1, 2, cut=[1]), (2, 4, 3), (1, 2), True),
        (lies(0, 1, 2, strided=[1]), (2, 4, 3), (1, 2), False),
        (lies(0, 1, 2, strided=[2]), (2, 4, 3), (1, 2), True),
    ],
)
def test_axes_merge_that_lie_one_after_the_other(
    layout: Layout, shape: tuple[int, ...], axes: tuple[int, ...], expected: bool
) -> None:
    assert merges(layout, shape, axes) is expected


@pytest.mark.parametrize(
    ("layout", "shape", "expected"),
    [
        (first(1), (2, 4, 3), True),
        (last(1), (2, 4, 3), False),
        (last(1), (2, 4, 1), True),
        (lies(0, 1, 2, cut=[0]), (2, 4, 3), True),
        (lies(0, 1, 2, cut=[1]), (2, 4, 3), False),
        (lies(0, 1, 2, cut=[1]), (1, 4, 3), True),
        (lies(0, 1, 2, strided=[2]), (2, 4, 3), False),
        (lies(0, 1, 2, strided=[2]), (2, 4, 1), True),
        (lies(0, 1, 2, strided=[2]), (1, 1, 1), True),
    ],
)
def test_a_tensor_is_contiguous_without_gaps(layout: Layout, shape: tuple[int, ...], expected: bool) -> None:
    assert is_whole(layout, shape, first(1).order) is expected


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (lies(0, 1, 2, 3, 4), True),
        (lies(0, 1, 2, 3, 4, cut=[3]), True),
        # Either group may have gaps.
        (lies(0, 1, 2, 3, 4, cut=[2]), False),
        (lies(0, 1, 2, 3, 4, cut=[4]), False),
    ],
)
def test_each_group_of_axes_must_lie_as_one(layout: Layout, expected: bool) -> None:
    assert fits(layout, (2, 4, 3, 4, 3), each_as_one(((1, 2), (3, 4)))) is expected


# Measured: the strides of what torch 2.14.1 gives for avg_pool1d of x.transpose(1, 2), where one value a sample is no
# reason to put the channels last, and for torch.nn.MultiheadAttention with the batch first.
@pytest.mark.parametrize(
    ("kind", "layout", "shape", "expected"),
    [
        ("row", last(1), (2, 4, 3), last(1)),
        ("row", last(1), (2, 1, 1), first(1)),
        ("row", first(1), (2, 4, 3), first(1)),
        ("positions first", first(1), (2, 4, 3), lies(2, 0, 1)),
    ],
)
def test_a_new_tensor_lies_as_its_operation_lays_it(
    kind: Lies, layout: Layout, shape: tuple[int, ...], expected: Layout
) -> None:
    assert laid(kind, layout, shape, 1) == expected


def test_whether_an_axis_has_one_place_may_differ_among_variants() -> None:
    assert is_one(numpy.array([1, 1])) is True
    assert is_one(numpy.array([2, 3])) is False
    with pytest.raises(Undecided):
        is_one(numpy.array([1, 2]))
    # Axes of a contiguous tensor merge however many places they have.
    assert merges(first(1), (2, numpy.array([1, 2]), 3), (1, 2))
