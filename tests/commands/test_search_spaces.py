"""Search spaces: each architecture has the figures that it has alone, whatever was analysed once for many."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import archcalc
from archcalc.commands.sweep.choose import choice
from archcalc.commands.sweep.run import Columns, Request, Sweep, collected, sweep
from archcalc.commands.sweep.space import Space
from archcalc.commands.sweep.values import axis
from archcalc.language.expand import Expansion

LOCAL = (
    "params",
    "active_params",
    "weights",
    "buffers",
    "params_bytes",
    "macs",
    "flops",
    "operations",
    "bias_additions",
    "layers",
    "neurons",
    "connections",
)
OPERATIONS = ("zero", "identity", "conv1x1", "conv3x3", "pool3x3")


def rows(columns: dict[str, Any]) -> list[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in columns.values()), strict=True))


def asked(spec: Any, over: dict[str, Any], quantities: tuple[str, ...] = LOCAL) -> Sweep:
    return Sweep(Request(spec, tuple(axis(*item) for item in over.items()), quantities, choice()))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "space.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return path


# --- every way in which the language lets structure vary, against each architecture alone

COPIES = """
parameters: {n: 2, m: 2, width: 4, drop: 0.1}
input: [4, 16, 16]
layers:
  - conv: {out: width, kernel: 3, padding: 1}
    repeat: n
"""

FORMS = {
    "a step that may be left out, under a name that others read": (
        """
        parameters: {deep: true, wide: 4}
        input: [3, 8, 8]
        layers:
          - conv: {out: wide, kernel: 1}
            as: stem
          - conv: {out: 2 * channels, kernel: 1}
            when: deep
            as: stem2
          - add: [stem, stem2]
          - linear: 5
        """,
        {"deep": [True, False], "wide": [4, 6]},
    ),
    "copies by their names": (
        """
        parameters: {depth: 2, growth: 4}
        input: [3, 8, 8]
        layers:
          - conv: {out: growth, kernel: 1}
            repeat: depth
            as: wave
          - concat: [input, wave.*]
          - conv: {out: 2 * channels(wave), kernel: 1}
        """,
        {"depth": [0, 1, 2, 3], "growth": [1, 5]},
    ),
    "what is called": (
        """
        parameters: {act: relu, operation: slim, size: 8}
        input: [3, size, size]
        blocks:
          slim:
            - depthwise_conv: {kernel: 3, padding: 1}
          wide(factor=2):
            - conv: {out: factor * channels, kernel: 3}
          around(inner):
            - inner
            - batch_norm
        layers:
          - around: operation
          - act
          - around: act
          - conv: {out: channels, kernel: 2}
        """,
        {"act": ["relu", "silu", "prelu"], "operation": ["slim", "wide"], "size": [1, 3, 8]},
    ),
    "branches with conditions, joined or not": (
        """
        parameters: {stride: 1, out: 6, shortcut: true, third: false}
        input: [6, 8, 8]
        layers:
          - add:
              main:
                - conv: {out: out, kernel: 3, padding: 1, stride: stride}
              shortcut:
                when: shortcut
                steps:
                  - maxpool: {kernel: stride, stride: stride}
              third:
                when: third
                steps:
                  - conv: {out: channels, kernel: 1, stride: stride}
          - conv: {out: 2, kernel: 1}
        """,
        {"stride": [1, 2], "out": [6, 7], "shortcut": [True, False], "third": [True, False]},
    ),
    "names within a block, and heads": (
        """
        parameters: {levels: [1, 2], heads: true, stop: 8}
        input: [4, stop, stop]
        blocks:
          encoder(levels):
            - conv: {out: "4 + levels[0]", kernel: 3}
              as: low
            - conv: {out: "4 + levels[1]", kernel: 3}
              repeat: levels[1]
              as: high
        layers:
          - encoder: [levels]
            as: encoder
          - head:
              side:
                - conv: {out: channels, kernel: 1}
                  from: encoder/low
            when: heads
          - conv: {out: 3, kernel: 1}
            from: encoder/low
          - global_avgpool
        """,
        {"levels[0]": [1, 2], "levels[1]": [0, 1, 3], "heads": [True, False], "stop": [4, 5, 9]},
    ),
    "rows of a table, one element of which is swept": (
        """
        parameters: {rows: [[8, 1], [16, 2]], image: 9, odd: "image % 2", norm: true}
        input: [3, image, image]
        blocks:
          stage(width, stride):
            - conv: {out: width, kernel: 3, stride: stride, groups: 1 + odd}
            - batch_norm:
              when: norm
        layers:
          - conv: {out: 8, kernel: 1}
          - stage: "rows[i]"
            repeat: {i: "len(rows)"}
        """,
        {"rows[1][0]": [16, 18, 19], "rows[0][1]": [1, 2], "image": [9, 10], "norm": [False, True]},
    ),
    "a name that another step may have where there is no copy": (
        """
        parameters: {depth: 1, again: 1}
        input: [4, 8, 8]
        layers:
          - conv: {out: 4, kernel: 1}
            repeat: depth
            as: x
          - conv: {out: 5, kernel: 1}
            repeat: again
            as: x
          - concat: [input, x.*]
          - conv: {out: 2, kernel: 1}
        """,
        {"depth": [0, 1, 2], "again": [0, 1, 2]},
    ),
    "a default that has no value, read or not": (
        """
        parameters: {table: [1, 2], n: 1, unread: "table[n]"}
        input: [4, 8, 8]
        layers:
          - conv: {out: 4, kernel: 1}
            repeat: n
        """,
        {"n": [0, 1, 2, 5]},
    ),
    "figures beyond 64 bits": (
        """
        parameters: {deep: true, width: 1}
        input: [width]
        layers:
          - linear: width
            when: deep
          - linear: 3
        """,
        {"deep": [True, False], "width": [5, 10**12]},
    ),
    "no architecture at all": (
        """
        parameters: {deep: true, out: 0}
        input: [3, 4, 4]
        layers:
          - conv: {out: out, kernel: 5 if deep else 1}
        """,
        {"deep": [True, False], "out": [0, -1]},
    ),
    "a depth": (COPIES, {"n": range(-1, 6)}),
    "a depth and a width": (COPIES, {"n": range(4), "width": [2, 4]}),
    "so many poolings that nothing is left": (
        COPIES + "  - maxpool: 2\n    repeat: m\n  - flatten\n  - linear: 3\n",
        {"n": [3, 0, 1], "m": range(7)},
    ),
    "a depth that follows from two": (
        COPIES + "  - conv: {out: 2 + i, kernel: 1}\n    repeat: {i: n * m}\n",
        {"n": range(4), "m": range(3)},
    ),
    "copies that read how many there are": (
        COPIES + "  - conv: {out: n, kernel: 3}\n    repeat: n\n",
        {"n": range(9)},
    ),
    "copies that read their index and how many there are": (
        COPIES + "  - dropout: drop * i * n\n    repeat: {i: n}\n",
        {"n": range(5), "m": [1, 2]},
    ),
    "copies of a block that is told how many there are": (
        COPIES + "  - b: n\n    repeat: n\nblocks:\n  b(k):\n    - conv: {out: k, kernel: 1}\n      repeat: m\n",
        {"n": range(5), "m": range(3)},
    ),
    "copies within copies, which read how many they are": (
        COPIES + "  - b:\n    repeat: n\nblocks:\n  b:\n    - conv: {out: m, kernel: 1}\n      repeat: m\n",
        {"n": range(4), "m": range(4)},
    ),
    "a copy that others name": (
        COPIES.replace("repeat", "as: deep\n    repeat") + "  - add: [deep.1, deep]\n  - add: [deep.3, deep]\n",
        {"n": range(5)},
    ),
    "a name that stands for the last copy, or for what the first would have read": (
        COPIES + "  - conv: {out: 4, kernel: 1}\n    as: late\n    repeat: n - 1\n  - concat: [late, input]\n",
        {"n": range(4)},
    ),
    "copies with a condition": (
        COPIES + "  - conv: {out: 4, kernel: 3}\n    as: a\n    repeat: n\n    when: n != 2\n"
        "  - conv: {out: 4, kernel: 3}\n    from: a\n",
        {"n": range(5)},
    ),
    "copies that share their weights with a layer that all have": (
        COPIES + "  - conv: {out: 4, kernel: 1}\n    weights: w\n  - conv: {out: 4, kernel: 1}\n    weights: w\n"
        "    repeat: n\n  - conv: {out: 4, kernel: m}\n  - conv: {out: 4, kernel: 1}\n    weights: w\n",
        {"n": range(4), "m": [1, 3]},
    ),
    "copies that share weights with each other": (
        COPIES + "  - conv: {out: m, kernel: 1}\n    weights: w\n  - conv: {out: 4, kernel: 1}\n"
        "  - conv: {out: m, kernel: 1, bias: true}\n    weights: v\n    repeat: n\n",
        {"n": range(2), "m": range(1, 5)},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_all_architectures_at_once_are_each_of_them_alone(form: str, tmp_path: Path) -> None:
    text, over = FORMS[form]
    path = written(tmp_path, text)
    together = asked(path, over)
    assert together.visit.space is not None
    apart = asked(path, over)
    apart.visit.space = None
    assert rows(found := collected(together)) == rows(expected := collected(apart))
    assert found.visited == expected.visited == len(list(product(*over.values())))
    assert sum(found.reasons.values()) == sum(expected.reasons.values()) == found.visited - found.count


SHARED = """
parameters: {{m: 1}}
input: [4, 8, 8]
layers:
  - {}
    weights: w
  - conv: {{out: 4, kernel: 1}}
    weights: w
"""


@pytest.mark.parametrize(
    ("text", "over"),
    [
        ("input: [4, 8, 8]\nparameters: {deep: true}\nlayers:\n  - relu\n  - relu: {inplace: true}\n    when: deep\n",
         {"deep": [True, False]}),
        (SHARED.format("conv: {out: 4, kernel: m}"), {"m": [1, 3]}),
        (SHARED.format("conv: {out: 4, kernel: 1}\n    trainable: m < 2"), {"m": [1, 3]}),
        (SHARED.format("conv: {out: 4, kernel: 1}\n    when: m < 2"), {"m": [1, 3]}),
    ],
    ids=["in place", "weights of another shape", "weights that some train", "weights that some have"],
)  # fmt: skip
def test_what_holds_a_network_together_is_analysed_network_by_network(text: str, over: Any, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    assert asked(path, over).visit.space is None
    found = sweep(path, over, LOCAL)
    for row in rows(found):
        one = archcalc.load(path, **dict(zip(over, row, strict=False)))
        assert row[1:] == tuple(one.figure(name) for name in LOCAL)


def test_a_figure_of_the_whole_network_is_found_network_by_network(tmp_path: Path) -> None:
    text, over = FORMS["branches with conditions, joined or not"]
    path = written(tmp_path, text)
    names = ("params", "depth", "saved_bytes", "training_peak_bytes")
    assert asked(path, over, names).visit.space is None
    for row in rows(sweep(path, over, names)):
        one = archcalc.load(path, **dict(zip(over, row, strict=False)))
        assert row[len(over) :] == tuple(one.figure(name) for name in names)


def test_a_step_that_reads_everything_is_no_search_space(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        parameters: {widths: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]}
        input: [3]
        layers:
          - linear: sum(widths)
            when: sum(widths) > 12
          - linear: 2
        """,
    )
    found = sweep(path, {"widths[*]": [1, 2, 3, 4]}, ["params"], sample=3000)
    totals = [sum(row[:-1]) for row in rows(found)]
    assert [row[-1] for row in rows(found)] == [4 * n + 2 * n + 2 if n > 12 else 8 for n in totals]


def test_a_copy_is_expanded_once_for_all_that_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expanded: list[str] = []
    plain = Expansion.layer

    def counted(self: Expansion, step: Any, layer: Any, *rest: Any) -> int:
        expanded.append(layer.name)
        return plain(self, step, layer, *rest)

    sweep = asked(written(tmp_path, COPIES), {"n": range(1, 101)})
    assert sweep.visit.space is not None
    monkeypatch.setattr(Expansion, "layer", counted)
    assert collected(sweep)["params"].tolist() == [148 * n for n in range(1, 101)]
    assert expanded == ["conv"] * 100


@pytest.mark.parametrize(
    ("limit", "most", "size"),
    [
        ("MAX_LAYERS", 20, lambda n, m: n + 1 + m),
        ("MAX_STEPS", 21, lambda n, m: n + 1 + max(m, 1)),  # a step with no copies is read too
    ],
    ids=["layers", "steps"],
)
def test_depths_beyond_the_largest_network_are_not_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, size: Callable[[int, int], int]
) -> None:
    for module in ("language.expand", "language.budget", "commands.sweep.space"):
        monkeypatch.setattr(f"archcalc.{module}.{limit}", most, raising=False)
    over = {"n": [2, 90, 17, 19, 20], "m": [1, 0, 4]}
    text = COPIES + "  - relu\n  - conv: {out: 4, kernel: 1}\n    repeat: m\n"
    sweep = asked(written(tmp_path, text), over)
    assert sweep.visit.space is not None
    found = collected(sweep)
    fitting = [point for point in product(*over.values()) if size(*point) <= most]
    assert [row[:3] for row in rows(found)] == [(n, m, n * 148 + m * 20) for n, m in fitting]
    assert {each.partition(":")[0] for each in found.reasons} == {"too-many-layers"}
    assert sum(found.reasons.values()) == 15 - len(fitting)


# --- NAS-Bench-201


@pytest.fixture(scope="module")
def cells() -> Columns:
    return sweep("nas_bench_201", {"edges[*]": OPERATIONS}, ["params", "macs"])


def test_all_cells_of_nas_bench_201(cells: Columns) -> None:
    assert (cells.count, cells.visited) == (15_625, 15_625)
    by_cell = {row[:6]: row[6:] for row in rows(cells)}
    assert len(by_cell) == 15_625
    # Dong & Yang 2020, arXiv:2001.00326: from 0.073 M to 1.531 M parameters.
    assert (min(cells["params"]), max(cells["params"])) == (73_306, 1_531_546)
    assert by_cell[("conv3x3",) * 6] == (1_531_546, 220_119_680)
    assert by_cell[("zero",) * 6] == by_cell[("identity",) * 6] == (73_306, 7_783_040)


# xautodl 1.0.0, `TinyNetwork(16, 5, cell, 10)` on PyTorch's meta device: parameters of its modules, and half of the
# FLOPs that torch.utils.flop_counter counts for one image. All of 302 random cells agree, these ten among them.
XAUTODL = {
    "zero identity conv3x3 pool3x3 zero conv3x3": (559_386, 78_561_920),
    "identity identity conv1x1 pool3x3 conv3x3 conv3x3": (587_386, 82_494_080),
    "zero zero identity conv1x1 conv3x3 conv1x1": (372_346, 51_036_800),
    "identity pool3x3 conv1x1 conv1x1 pool3x3 conv3x3": (372_346, 51_036_800),
    "conv1x1 identity pool3x3 zero zero pool3x3": (101_306, 11_715_200),
    "identity conv1x1 pool3x3 conv3x3 identity identity": (344_346, 47_104_640),
    "pool3x3 conv1x1 identity zero conv1x1 conv1x1": (157_306, 19_579_520),
    "pool3x3 conv1x1 conv1x1 identity zero pool3x3": (129_306, 15_647_360),
    "conv3x3 pool3x3 pool3x3 pool3x3 zero conv1x1": (344_346, 47_104_640),
    "zero identity conv3x3 pool3x3 conv1x1 pool3x3": (344_346, 47_104_640),
}


def test_cells_are_those_of_the_benchmarks_own_network(cells: Columns) -> None:
    by_cell = {" ".join(row[:6]): row[6:] for row in rows(cells)}
    assert {cell: by_cell[cell] for cell in XAUTODL} == XAUTODL


def test_a_step_is_analysed_once_for_each_of_its_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    """15 cells of 6 edges with 5 operations of one layer or three, and not 15,625 networks."""
    analysed: list[int] = []
    plain = Space.adds
    monkeypatch.setattr(Space, "adds", lambda self, *asked: analysed.append(1) or plain(self, *asked))
    asked("nas_bench_201", {"edges[*]": OPERATIONS}).part(0)
    assert len(analysed) < 2 * (15 * 6 * (3 + 3 + 1 + 1 + 1) + 15 * 4 + 50)  # twice: some are tried first


def test_random_cells_have_the_figures_that_a_report_gives(cells: Columns) -> None:
    for row in random.Random(0).sample(rows(cells), 20):
        one = archcalc.load("nas_bench_201", edges=row[:6])
        assert row[6:] == (one.figure("params"), one.figure("macs"))


def test_rows_of_mobilenet_v2_are_swept_by_expansion_and_number() -> None:
    found = sweep("mobilenet_v2", {"rows[*][0]": [1, 3, 6], "rows[1][2]": [0, 1, 2, 3]}, ["params", "macs"], sample=900)
    plain = (16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1)
    for *expansions, count, params, macs in random.Random(1).sample(rows(found), 6):
        table = [(e, *row) for e, row in zip(expansions, plain, strict=True)]
        table[1] = (*table[1][:2], count, 2)
        one = archcalc.load("mobilenet_v2", rows=tuple(table))
        assert (params, macs) == (one.figure("params"), one.figure("macs"))


# --- elements of lists


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"edges[6]": ["zero"]}, r"there is no edges\[6\]: edges has 6 elements"),
        ({"edges[0][0]": ["zero"]}, r"edges\[0\] is not a list"),
        ({"width[0]": [1]}, "width is not a list"),
        ({"edge[0]": ["zero"]}, "did you mean `edges`"),
        ({"edges[x]": ["zero"]}, "has no parameter"),
        ({"edges[0]": ["zero"], "edges[*]": ["zero"]}, r"edges\[0\] is swept over twice"),
        ({"edges": [("zero",) * 6], "edges[0]": ["zero"]}, "edges is swept over twice"),
        ({"edges[*]": ["zeros"]}, "`zeros` is not a value for edges"),
    ],
)
def test_elements_that_cannot_be_swept(over: dict[str, Any], message: str) -> None:
    with pytest.raises(archcalc.UsageError, match=message):
        sweep("nas_bench_201", over)


def test_elements_are_columns_to_choose_by() -> None:
    over = {"rows[0][0]": [1, 3], "rows[1][2]": [1, 2, 3]}
    found = sweep("mobilenet_v2", over, where="rows[1][2] <= 2 and params <= 4M", sort="-rows[1][2]", top=3)
    assert [row[:2] for row in rows(found)] == [(1, 2), (3, 2), (1, 1)]


def test_a_list_that_depends_on_another_parameter_is_to_be_set(tmp_path: Path) -> None:
    path = written(tmp_path, "parameters: {w: 2, widths: [w, 3]}\ninput: [1]\nlayers:\n  - linear: widths[0]\n")
    over = {"w": [1, 2], "widths[1]": [3, 4]}
    with pytest.raises(archcalc.UsageError, match="widths depends on w"):
        sweep(path, over)
    assert sweep(path, over, ["params"], settings={"widths": (5, 3)})["params"].tolist() == [10] * 4


def test_elements_that_are_sizes_are_arrays(tmp_path: Path) -> None:
    path = written(tmp_path, "parameters: {n: [1, 2]}\ninput: [3]\nlayers:\n  - linear: n[i]\n    repeat: {i: 2}\n")
    made = asked(path, {"n[*]": range(1, 30)}, ("params",))
    assert (made.visit.structural, made.visit.space) == (frozenset(), None)
    assert rows(collected(made)) == [(a, b, 4 * a + b * (a + 1)) for a in range(1, 30) for b in range(1, 30)]


def test_a_space_beyond_64_bits_is_sampled(tmp_path: Path) -> None:
    ones = ", ".join(["1"] * 40)
    path = written(
        tmp_path, f"parameters: {{n: [{ones}]}}\ninput: [1]\nlayers:\n  - linear: n[i]\n    repeat: {{i: 40}}\n"
    )
    with pytest.raises(archcalc.UsageError, match="draw some with --sample"):
        sweep(path, {"n[*]": [1, 2, 3]})
    found = rows(sweep(path, {"n[*]": [1, 2, 3]}, ["params"], sample=500))
    assert len(set(found)) == 500
    for row in found[:20]:
        assert row[-1] == sum(a * b + b for a, b in zip((1, *row), row[:-1], strict=False))
