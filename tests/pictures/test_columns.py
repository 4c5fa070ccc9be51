"""A long drawing stands in columns, as few as make its text as large on a page as may be."""

from __future__ import annotations

from itertools import pairwise

import pytest

from archcalc.api import load
from archcalc.pictures import network
from archcalc.pictures.columns import in_columns
from archcalc.pictures.layered import Edge, Node, layout


def chain(count: int, *skips: tuple[int, int]) -> tuple[list[Node], list[Edge]]:
    """Boxes of 100 by 60 pixels below each other, 18 apart, and edges that run round some of them."""
    edges = [*pairwise(range(count)), *skips]
    return [Node(100, 60)] * count, [Edge(*edge, skips=edge in skips) for edge in edges]


# 10 boxes are 10 * 60 + 9 * 18 = 762 pixels high, and a page has room for 820.
@pytest.mark.parametrize(("count", "columns"), [(1, 1), (10, 1), (11, 2), (20, 2), (21, 3)])
def test_what_fits_a_page_has_as_few_columns_as_may_be(count: int, columns: int) -> None:
    assert len(in_columns(layout(*chain(count))).dx) == columns


def test_columns_are_balanced() -> None:
    found = in_columns(layout(*chain(30)))
    sizes = [found.column_of.count(column) for column in range(len(found.dx))]
    assert max(sizes) - min(sizes) <= 1


def test_a_column_ends_where_edges_run_round_too_and_each_has_a_way_of_its_own() -> None:
    plan = layout(*chain(24, (2, 21), (4, 19)))
    found = in_columns(plan)
    assert len(found.dx) > 1
    cut = found.column_of.index(1) - 1
    assert {link for link in plan.links if plan.row_of[link.source] == cut} <= set(found.turns)
    ways = [found.turns[link] for link in plan.links if plan.row_of[link.source] == cut]
    assert len(ways) == 3
    for places in zip(*ways, strict=True):  # below, in the gutter, above
        assert min(b - a for a, b in pairwise(sorted(places))) >= 8
    starts = {link: plan.x[link.source] + link.leaves for link in found.turns if plan.row_of[link.source] == cut}
    first, *_, last = sorted(starts, key=starts.__getitem__)
    # What leaves at the left runs below the others and rises at their right, so that they do not cross.
    assert found.turns[first].below > found.turns[last].below
    assert found.turns[first].gutter > found.turns[last].gutter


def test_few_edges_lead_on_where_the_text_would_hardly_be_larger() -> None:
    # The edge that runs round covers the middle; a column that ends before it is as good as one that ends in it.
    found = in_columns(layout(*chain(20, (11, 18))))
    assert len(found.turns) == 1


def test_a_network_whose_middle_has_edges_at_its_side_fills_a_page() -> None:
    made = network.draw(load("yolov3").analyse())
    assert made.height < 1.6 * made.width
