"""The drawing of a network: readable whatever the network, folded where copies are alike, the same every time."""

from __future__ import annotations

import re
import textwrap
import time

import pytest
from drawn import drawn, faults
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from inline import analysed, layers
from specs import Spec, specs

from archcalc import catalogue
from archcalc.analysis.totals import Analysis
from archcalc.api import load
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.pictures import graph, network, svg, text
from archcalc.pictures.graph import Frame, Item
from archcalc.pictures.network import Setting


def titles(analysis: Analysis) -> list[str]:
    """What the frames of a drawing are called."""
    return [words[0].said for _, words in drawn(network.draw(analysis)).frames]


def said(analysis: Analysis, setting: Setting | None = None) -> list[list[str]]:
    """What each box says."""
    return [[each.said for each in words] for _, words in drawn(network.draw(analysis, setting)).boxes]


@pytest.mark.parametrize("name", catalogue.names())
def test_drawings_of_the_catalogue_are_readable(name: str) -> None:
    assert faults(network.draw(load(name).analyse())) == []


@pytest.mark.parametrize("name", ["resnet50", "googlenet", "densenet40_k12", "fractalnet20", "inception_v4"])
@pytest.mark.parametrize("setting", [Setting(folded=False), Setting(depth=1), Setting(depth=2)])
def test_drawings_are_readable_unfolded_and_closed(name: str, setting: Setting) -> None:
    assert faults(network.draw(load(name).analyse(), setting)) == []


@given(spec=specs)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_drawings_of_random_networks_are_readable(spec: Spec) -> None:
    try:
        analysis = analysed(spec.text())
    except SpecError:  # windows that do not fit
        reject()
    assert faults(network.draw(analysis)) == []


@st.composite
def wired(draw: st.DrawFn) -> str:
    """A list of layers, each of which adds up any of those before it."""
    steps = ["conv: {out: 4, kernel: 3, padding: 1}\n  as: n0"]
    for number in range(1, draw(st.integers(2, 40))):
        names = draw(st.lists(st.integers(0, number - 1), min_size=1, max_size=4, unique=True))
        if len(names) == 1:
            steps.append(f"conv: {{out: 4, kernel: 3, padding: 1}}\n  from: n{names[0]}\n  as: n{number}")
        else:
            steps.append(f"add: [{', '.join(f'n{each}' for each in names)}]\n  as: n{number}")
    return "\n".join(f"- {step}" for step in steps)


@given(steps=wired())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_drawings_of_random_graphs_are_readable(steps: str) -> None:
    assert faults(network.draw(layers("3, 8, 8", steps))) == []


def test_far_edges_run_at_the_side_of_the_rows() -> None:
    steps = "\n".join(
        ["- conv: {out: 4, kernel: 1}\n  as: first", *["- conv: {out: 4, kernel: 3, padding: 1}\n- silu"] * 60]
    )
    far = layers("4, 8, 8", f"{steps}\n- add: [first, last]".replace("- silu\n- add", "- silu:\n  as: last\n- add"))
    made = network.draw(far, Setting(folded=False))
    assert faults(made) == []


def test_lanes_stand_beside_the_rows_of_their_column() -> None:
    conv = "- conv: {out: 4, kernel: 3, padding: 1}"
    steps = [*[f"{conv}\n- silu"] * 60, "- conv: {out: 4, kernel: 1}\n  as: first", *[f"{conv}\n- silu"] * 60]
    text = "\n".join(steps) + "\n- conv: {out: 4, kernel: 1}\n  as: last\n- add: [first, last]"
    made = network.draw(layers("4, 8, 8", text), Setting(folded=False))
    assert faults(made) == []
    it = drawn(made)
    (first,) = (area for area, words in it.boxes if words[0].said == "first")
    assert any(
        edge[0] == pytest.approx(((first.left + first.right) / 2, first.bottom), abs=1)
        and max(x for x, _ in edge) > first.right
        for edge in it.edges
    )


def test_every_layer_is_in_one_box() -> None:
    analysis = load("resnet50").analyse()

    def covered(items: tuple[Item, ...]) -> list[int]:
        return [layer.node.index for box in graph.boxes(items) for copy in box.copies for layer in copy]

    assert sorted(covered(graph.items(analysis))) == list(range(len(analysis.layers)))
    assert sorted(covered(graph.items(analysis, folded=False))) == list(range(len(analysis.layers)))


def test_copies_that_follow_each_other_are_drawn_once() -> None:
    # 3, 4, 6 and 3 bottlenecks a stage, of which the first is another one: He et al. 2015, table 1.
    assert [title for title in titles(load("resnet50").analyse()) if " x " in title] == [
        "bottleneck x 2",
        "bottleneck x 3",
        "bottleneck x 5",
        "bottleneck x 2",
    ]
    # 8 and 36: 152 layers are drawn as large as 50.
    assert "bottleneck x 35" in titles(load("resnet152").analyse())
    small, large = (network.draw(load(name).analyse()) for name in ("resnet50", "resnet152"))
    assert large.height == pytest.approx(small.height, rel=0.05)


def test_copies_whose_channels_grow_are_drawn_once_with_both_ends() -> None:
    # Each of 6 dense layers adds 32 maps to 64: the second reads 96, the sixth 224, and all six make 256.
    analysis = load("densenet121").analyse()
    assert ["concat", "56x56x96 … 56x56x224"] in said(analysis)
    assert ["concat", "56x56x256"] in said(analysis)
    assert [title for title in titles(analysis) if " x " in title] == [f"layer x {n}" for n in (5, 11, 23, 15)]


def test_copies_that_read_all_before_them_and_of_which_others_read_some_are_drawn_apart() -> None:
    dense = "- unit:\n  as: unit\n  from: {maps: [input, unit.*]}\n  repeat: 4\n- concat: [%s]"
    unit = "blocks:\n  unit:\n    - concat: [maps.*]\n    - conv: {out: 2, kernel: 1}\n"
    head = f"input: [4, 8, 8]\n{unit}layers:\n"
    # The first copy has nothing to concatenate, the other three are alike.
    every, some = (analysed(head + textwrap.indent(dense % names, "  ")) for names in ("unit.*", "unit.2, unit.4"))
    assert [title for title in titles(every) if " x " in title] == ["unit x 3"]
    assert not [title for title in titles(some) if " x " in title]


def test_copies_that_drop_more_and_more_are_drawn_once() -> None:
    # 18 blocks a stage; the first of the second and of the third halves the map (He et al. 2015, section 4.2).
    found = [title for title in titles(load("stochastic_depth_resnet110").analyse()) if " x " in title]
    assert [title.rpartition(" x ")[2] for title in found] == ["18", "17", "17"]


def test_copies_of_other_sizes_are_drawn_apart() -> None:
    # Two stages of the same widths, the second on a map of half the size.
    assert not any(" x " in title for title in titles(load("vgg16").analyse()))


def test_copies_that_others_read_are_drawn_apart() -> None:
    network_ = layers(
        "4, 8, 8",
        """
        - add: {body: [{conv: {out: 4, kernel: 1}}], skip: []}
        - conv: {out: 4, kernel: 3, padding: 1}
        - conv: {out: 4, kernel: 3, padding: 1}
        - conv: {out: 4, kernel: 3, padding: 1}
          as: middle
        - conv: {out: 4, kernel: 3, padding: 1}
        - conv: {out: 4, kernel: 3, padding: 1}
          as: end
        - add: [middle, end]
        """,
    )
    boxes = list(graph.boxes(graph.items(network_)))
    assert [box.times for box in boxes] == [1] * 8  # of five alike, the third is read by the last


_ALTERNATING = """
input: [8, 16, 16]
blocks:
  one():
    - conv: {out: 8, kernel: 3, padding: 1}
    - conv: {out: 8, kernel: 1}
  two():
    - depthwise_conv: {kernel: 3, padding: 1}
    - conv: {out: 8, kernel: 1}
layers:
"""


def _calls(names: str) -> str:
    return _ALTERNATING + "".join(f"  - {name}\n" for name in names.split())


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ("one two one two one two", ["one + two x 3", "one.1", "two.1"]),
        ("one two one two one", ["one + two x 2", "one.1", "two.1", "one.3"]),
        ("one two one", ["one.1", "two", "one.2"]),
        ("one one two one one two", ["one + two x 2", "one x 2", "two.1"]),  # one twice, then two: that twice
    ],
)
def test_blocks_that_alternate_are_drawn_as_a_pair(calls: str, expected: list[str]) -> None:
    assert titles(analysed(_calls(calls))) == expected


def test_copies_of_one_block_that_alternate_are_a_pair_of_it() -> None:
    text = """
    input: [8, 16, 16]
    blocks:
      layer(shifted):
        - roll: {over: height, by: 2}
          when: shifted
        - conv: {out: 8, kernel: 3, padding: 1}
        - conv: {out: 8, kernel: 1}
    layers:
      - layer: "i % 2 == 1"
        repeat: {i: 6}
    """
    assert titles(analysed(text))[0] == "layer pair x 3"


def test_every_layer_of_pairs_is_in_one_box() -> None:
    analysis = analysed(_calls("one one two one one two one"))
    found = [layer.node.index for box in graph.boxes(graph.items(analysis)) for copy in box.copies for layer in copy]
    assert sorted(found) == list(range(len(analysis.layers)))


def test_a_pair_that_others_read_is_drawn_apart() -> None:
    calls = _calls("one two one two").replace("  - one\n", "  - one:\n    as: one\n", 1)
    join = "  - identity:\n    as: end\n  - add: [end, %s]\n"
    assert titles(analysed(calls + join % "end"))[0] == "one + two x 2"
    assert "one + two x 2" not in titles(analysed(calls + join % "one"))


def test_a_block_that_calls_itself_is_drawn_whole() -> None:
    # A fractal of 3 columns has 4 + 2 + 1 convolutions and 3 means.
    (first, *_) = (item for item in graph.items(load("fractalnet20").analyse()) if isinstance(item, Frame))
    kinds = [box.main.layer for box in graph.boxes([first])]
    assert kinds.count("conv") == 7
    assert kinds.count("mean") == 3


def test_light_layers_share_a_box() -> None:
    after = layers("3, 8, 8", "- conv: {out: 4, kernel: 3}\n- batch_norm\n- relu\n- maxpool: 2")
    assert said(after) == [["conv 3x3", "batch_norm, relu", "6x6x4"], ["maxpool 2x2 /2", "3x3x4"]]
    before = layers("3, 8, 8", "- batch_norm\n- relu\n- conv: {out: 4, kernel: 3}")
    assert said(before) == [["batch_norm, relu", "conv 3x3", "6x6x4"]]


def test_a_layer_whose_value_two_read_has_a_box_of_its_own() -> None:
    made = layers("4, 8, 8", "- conv: {out: 4, kernel: 1}\n  as: a\n- relu:\n  as: b\n- add: [a, b]")
    assert [box[-2] for box in said(made)] == ["conv 1x1", "relu", "add"]


def test_a_chain_stays_straight_where_an_edge_runs_round_a_wide_box_of_it() -> None:
    text = """
    - add:
        body:
          - conv: {out: 8, kernel: 1}
          - depthwise_conv: {kernel: 3, padding: 1}
            as: a_name_that_makes_this_box_much_wider_than_the_others
          - conv: {out: 4, kernel: 1}
        skip: []
    """
    boxes = [area for area, _ in drawn(network.draw(layers("4, 8, 8", text))).boxes]
    assert len(boxes) == 4
    assert len({round((area.left + area.right) / 2) for area in boxes}) == 1


def test_blocks_that_follow_each_other_stand_in_line() -> None:
    branches = "  - concat:\n" + "".join(
        f"      b{k}: [{', '.join('{conv: {out: 4, kernel: 1}}' for _ in range(k + 1))}]\n" for k in range(4)
    )
    text = f"input: [4, 8, 8]\nblocks:\n  mixed():\n{textwrap.indent(branches, '  ')}layers:\n"
    text += "".join(f"  - mixed:\n    as: block{name}\n" for name in "abc")
    frames = [area for area, _ in drawn(network.draw(analysed(text))).frames]
    assert len(frames) == 3
    assert len({round((area.left + area.right) / 2) for area in frames}) == 1


def test_a_head_is_drawn_beside_the_stream() -> None:
    made = network.draw(load("googlenet:heads=true").analyse())
    names = [words[0].said for _, words in drawn(made).frames]
    assert names.count("auxiliary") == 2
    assert faults(made) == []


def test_a_drawing_is_the_same_every_time() -> None:
    first, second = (svg.document(network.draw(load("googlenet").analyse())) for _ in range(2))
    assert first == second


def test_text_is_text_and_cannot_become_markup() -> None:
    hostile = "</text><script>alert(1)</script>&"
    spec = f"""
    architecture: {hostile!r}
    source: {hostile!r}
    input: [3, 8, 8]
    layers:
      - conv: {{out: 4, kernel: 3}}
        as: conv_e
    """
    made = network.draw(analysed(spec))
    markup = svg.document(made)
    assert "<script" not in markup
    assert hostile.replace("&", "&amp;").replace("<", "&lt;").split("&")[0] in markup
    assert faults(made) == []


@pytest.mark.parametrize("sign", ["\x00", "\x1b[31m", "\u202e", "\ud800", "\uffff"])
def test_what_xml_cannot_hold_is_replaced(sign: str) -> None:
    assert re.fullmatch(r"a\ufffd.*b", svg.escaped(f"a{sign}b"))


def test_text_is_cut_in_its_middle_where_it_is_too_wide() -> None:
    made = layers("3, 8, 8", f"- conv: {{out: 4, kernel: 3}}\n  as: {'long_' * 60}name")
    (box,) = said(made)
    assert box[0].startswith("long_")
    assert box[0].endswith("_name")
    assert "…" in box[0]
    assert faults(network.draw(made)) == []


def test_a_text_is_cut_to_what_fits_and_no_shorter() -> None:
    words = "abcdefghijklmnopqrstuvwxyz" * 10
    cut = text.shortened(words, 12, 100)
    head, tail = cut.split("…")
    longer = f"{words[: len(head) + 1]}…{tail}"
    assert text.width(cut, 12) <= 100 < text.width(longer, 12)
    assert words.startswith(head)
    assert words.endswith(tail)
    assert text.shortened(words, 12, 3) == "…"


def test_a_box_of_very_many_light_layers_is_drawn_at_once() -> None:
    # They share a box, whose line names all of them before it is cut.
    analysis = layers("3, 8, 8", "- relu:\n  repeat: 30_000")
    before = time.process_time()
    network.draw(analysis)
    assert time.process_time() - before < 5


def test_ten_thousand_layers_are_laid_out_in_time_linear_in_them() -> None:
    def seconds(count: int) -> float:
        steps = "- conv: {out: 4, kernel: 3, padding: 1}\n- add: {body: [{conv: {out: 4, kernel: 1}}], skip: []}\n"
        analysis = layers("4, 8, 8", steps * (count // 3))
        start = time.process_time()
        network.draw(analysis, Setting(folded=False))
        return time.process_time() - start

    assert seconds(10_000) < 10 * seconds(2_500)  # four times as many
