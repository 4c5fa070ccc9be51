"""Charts: memory in time, networks by their figures, layers under a roof, a front among a sweep's combinations."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from drawn import Drawn, drawn
from hypothesis import example, given, settings
from hypothesis import strategies as st
from inline import layers

from archcalc import catalogue
from archcalc.api import load
from archcalc.cli import run
from archcalc.commands.compare import picture as compare_picture
from archcalc.commands.compare.answer import opened
from archcalc.commands.memory import picture as memory_picture
from archcalc.commands.report import distribution as distribution_picture
from archcalc.commands.roofline import picture as roofline_picture
from archcalc.memory.setup import Setup
from archcalc.memory.setup import setup as set_up
from archcalc.pictures import axes, distribution, scatter
from archcalc.pictures.scatter import Figure, Line, Place, Point
from archcalc.pictures.svg import Drawing
from archcalc.quantities.registry import Part

COUNT = Figure("count", axes.as_count)


def texts_on_texts(it: Drawn) -> list[str]:
    """Lines of text that overlap, or lie outside the page."""
    found = [words.said for words in it.words if not it.page.holds(words.area)]
    for i, one in enumerate(it.words):
        found += [f"{one.said} on {two.said}" for two in it.words[i + 1 :] if one.area.meets(two.area)]
    return found


# --- axes


def test_an_axis_is_logarithmic_where_values_differ_by_much() -> None:
    assert axes.axis([1, 9], 0, 100, "", str).logarithmic
    assert not axes.axis([1, 8], 0, 100, "", str).logarithmic
    assert not axes.axis([0, 1000], 0, 100, "", str).logarithmic  # 0 has no logarithm


def test_ticks_are_round_and_within_the_axis() -> None:
    assert axes.from_zero(100, 0, 1, "", str).ticks() == [0, 20, 40, 60, 80, 100]  # up to 108, at most 6 steps
    # 1, 2 and 5 of each power of ten between 3.3 and 600.
    found = axes.axis([4, 500], 0, 1, "", str).ticks()
    assert [round(tick, 9) for tick in found] == [5, 10, 20, 50, 100, 200, 500]


def test_values_lie_between_the_ends_of_their_axis() -> None:
    for values in ([3.0], [0.0], [-5.0, 5.0], [1.0, 1e12], [7.0, 7.5]):
        made = axes.axis(values, 10, 110, "", str)
        assert all(10 < made.at(value) < 110 or value == made.low for value in values)


def test_ticks_are_written_short() -> None:
    assert axes.as_bytes(12 * 10**9) == "12 GB"
    assert axes.as_bytes(1_500_000) == "1.5 MB"
    assert axes.as_count(25_000_000) == "25 M"
    assert axes.as_count(0.5) == "0.5"
    assert axes.as_percent(7.5) == "7.5%"


# --- points


def test_circles_have_areas_in_proportion() -> None:
    points = [Point("a", 1, 1, 100.0), Point("b", 2, 2, 25.0)]
    made = scatter.draw(points, COUNT, COUNT, COUNT, "two")
    radii = [float(r) for r in re.findall(r'<circle[^>]* r="([\d.]+)"[^>]*><title>', made.body)]
    assert radii == [34, 17]  # a quarter of the area is half of the radius


def test_names_of_points_do_not_overlap() -> None:
    points = [Point(f"network number {k}", 100 + k % 5, 100 + k % 7, 1.0 + k) for k in range(60)]
    assert texts_on_texts(drawn(scatter.draw(points, COUNT, COUNT, None, "many"))) == []


def test_names_stand_beside_circles_and_not_on_them() -> None:
    # The large circle covers the right of the small one, where its name would be.
    points = [Point("large", 130, 100, 100.0), Point("small", 100, 100, 4.0), Point("far", 200, 200, 4.0)]
    made = scatter.draw(points, COUNT, COUNT, COUNT, "three")
    (x, y, radius), *_ = [
        tuple(map(float, each)) for each in re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="(34)"', made.body)
    ]
    (words,) = [each for each in drawn(made).words if each.said == "small"]
    place = Place(*words.area)
    assert not scatter.Circle(points[0], x, y, radius).meets(place)


def covered(made: Drawing) -> list[str]:
    """Names that stand on a circle or on another name."""
    points = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)" class="box [^"]*"><title>', made.body)
    discs = [scatter.Circle(Point("", 0, 0), *map(float, each)) for each in points]
    it = drawn(made)
    # Circles are written to a tenth of a pixel.
    on = [w.said for w in it.words for disc in discs if disc._replace(radius=disc.radius - 0.2).meets(Place(*w.area))]
    return on + texts_on_texts(it)


def said_to_have_no_room(made: Drawing) -> int:
    found = re.search(r">([\d,]+) names? ha(?:s|ve) no room<", made.body)
    return int(found[1].replace(",", "")) if found else 0


@pytest.mark.parametrize(
    "figures",
    [
        "macs,top5_error,params",
        "macs,params",
        "params,activation_bytes,macs",
        "depth,params,saved_bytes",
    ],
)
def test_names_of_the_catalogue_cover_nothing(figures: str) -> None:
    made = compare_picture.draw([opened(name) for name in catalogue.names()], figures.split(","))
    assert covered(made) == []
    named = sum(each.said in catalogue.names() for each in drawn(made).words)
    assert named + said_to_have_no_room(made) == made.body.count("<circle") - made.body.count('see"/>')


@given(
    st.lists(
        st.tuples(st.text("abcdefgh_", min_size=1, max_size=24), *[st.floats(0.001, 1e12)] * 3), min_size=1, max_size=30
    )
)
@example([("_", 1.0, 0.001, 1.0), ("_", 1.0, 0.0010000000000000002, 1.0)])
@settings(max_examples=40, deadline=None)
def test_names_of_random_points_cover_nothing(rows: list[tuple[str, float, float, float]]) -> None:
    made = scatter.draw([Point(*row) for row in rows], COUNT, COUNT, COUNT, "random")
    assert covered(made) == []
    names = [row[0] for row in rows]
    assert sum(each.said in names for each in drawn(made).words) + said_to_have_no_room(made) == len(rows)


def test_a_name_far_from_its_point_has_a_line_to_it_that_crosses_no_other() -> None:
    points = [
        Point(f"network_{k}", 100 + 10 * (k // 29) + k % 6 / 4, 100 + 10 * (k // 29) + k % 5 / 4) for k in range(30)
    ]
    body = scatter.draw(points, COUNT, COUNT, None, "close").body
    leaders = [
        Line(*map(float, found))
        for found in re.findall(r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)" class="grid leader"', body)
    ]
    assert leaders
    assert not any(one.crosses(two) for one in leaders for two in leaders)


def test_every_network_of_the_lectures_chart_has_its_name() -> None:
    made = compare_picture.draw([opened(name) for name in catalogue.names()], ["macs", "top5_error", "params"])
    assert said_to_have_no_room(made) == 0
    assert "darknet53" in [words.said for words in drawn(made).words]


def test_a_line_to_a_name_may_cross_a_roof_and_runs_along_none() -> None:
    points = [Point("on the roof", 5, 5), Point("beside it", 5.1, 5)]
    axis = axes.axis([1, 9], 0, 400, "", str)
    roof = Line(0, axis.at(5), 400, axis.at(5))
    body = "".join(scatter.circles(points, axis, axis, lines=[roof]))
    assert len(re.findall("<text", body)) == 2
    for x1, y1, x2, y2 in re.findall(r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)" class="grid leader"', body):
        assert not Line(float(x1), float(y1), float(x2), float(y2)).along(roof)


def test_a_line_runs_along_another_within_some_pixels() -> None:
    assert Line(0, 3, 10, 4).along(Line(0, 0, 10, 0))
    assert not Line(0, 3, 10, 8).along(Line(0, 0, 10, 0))


def test_numbered_stretches_without_room_are_named_together() -> None:
    wide, narrow = (
        [(f"block.{k}", size * k, size * (k + 1)) for k in range(12)] + [("head", 12 * size, 13 * size)]
        for size in (60, 20)
    )
    said = [re.findall(r">([^<>]+)</text>", "".join(axes.stretches(found, 0))) for found in (wide, narrow)]
    assert said[0] == [name for name, _, _ in wide]
    assert said[1] == ["block x 12"]  # and "head" has no room in 20 pixels


def test_lines_cross_where_each_has_ends_on_both_sides_of_the_other() -> None:
    assert Line(0, 0, 10, 10).crosses(Line(0, 10, 10, 0))
    assert not Line(0, 0, 4, 4).crosses(Line(0, 10, 10, 0))  # it ends before
    assert not Line(0, 0, 10, 0).crosses(Line(0, 1, 10, 1))


def test_a_line_meets_what_it_runs_through() -> None:
    place = Place(10, 10, 20, 20)
    assert Line(0, 15, 30, 15).meets(place)
    assert Line(0, 0, 30, 30).meets(place)
    assert not Line(0, 15, 9, 15).meets(place)  # it ends before
    assert not Line(0, 5, 30, 5).meets(place)
    assert not Line(0, 20, 20, 40).meets(place)


def test_the_whole_catalogue_in_a_chart() -> None:
    names = list(catalogue.names())
    specs = [opened(name) for name in names]
    made = compare_picture.draw(specs, compare_picture.default_axes(specs))
    assert texts_on_texts(drawn(made)) == []
    assert made.title == "top-5 error against MACs, circles: params"
    assert "squeezenet1_0" in made.body


def test_a_chart_of_figures_that_no_network_has_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "chart.svg")
    assert run(["compare", "vgg16", "alexnet", "--axes", "macs,svhn_error", "-o", file]) == 2
    assert "none of these networks has macs and svhn_error" in capsys.readouterr().err
    assert run(["compare", "vgg16", "alexnet", "--axes", "macs", "-o", file]) == 2
    assert "two figures, or three" in capsys.readouterr().err


def test_networks_of_which_no_error_is_known_are_drawn_by_their_activations(tmp_path: Path) -> None:
    specs = []
    for out in (8, 16):
        file = tmp_path / f"net{out}.yaml"
        file.write_text(f"input: [3, 8, 8]\nlayers:\n  - conv: {{out: {out}, kernel: 3}}\n")
        specs.append(str(file))
    assert compare_picture.default_axes([opened(spec) for spec in specs]) == ["macs", "activation_bytes", "params"]
    assert run(["compare", *specs, "-o", str(tmp_path / "chart.svg")]) == 0


def test_networks_without_a_figure_are_named(tmp_path: Path) -> None:
    file = tmp_path / "chart.svg"
    assert run(["compare", "vgg16", "lenet5", "--axes", "macs,top5_error", "-o", str(file)]) == 0
    assert "not in the chart: lenet5" in file.read_text("utf-8")


# --- memory


def test_what_is_alive_at_each_step_adds_up_to_the_timeline() -> None:
    budget = Part(load("googlenet").analyse()).memory.training
    parts = budget.parts_by_step(3)
    expected = [budget.persistent.total + amount.at(3) for amount in budget.timeline.during]
    assert [sum(step) for step in zip(*parts.values(), strict=True)] == expected
    peak = budget.timeline.peak(3)
    assert {name: sizes[peak] for name, sizes in parts.items()} == {
        part.name: part.amount.at(3) for part in budget.parts(3)
    }


def test_what_is_saved_by_block_adds_up_to_what_is_saved() -> None:
    budget = Part(load("googlenet").analyse()).memory.training
    by_node = budget.saved_by_step(3, lambda node: str(node % 5))
    assert len(by_node) > 4
    assert [sum(step) for step in zip(*by_node.values(), strict=True)] == budget.parts_by_step(3)["saved"]


def test_what_is_saved_is_shown_by_block() -> None:
    made = memory_picture.draw(Part(load("resnet50").analyse(), setup=Setup(batch=8)))
    said = [words.said for words in drawn(made).words]
    # Each once below forward, once below backward, and once in what it saves, of which the last stage's is too little.
    assert {name: said.count(name) for name in ("stage1", "stage2", "stage3", "stage4")} == {
        "stage1": 3,
        "stage2": 3,
        "stage3": 3,
        "stage4": 2,
    }
    assert said.count("parameters") == 2  # in the legend and in its band, which grey print does not tell from others
    many = memory_picture.draw(Part(load("llama3_8b").analyse()))
    assert "decoder" in [words.said for words in drawn(many).words]  # 32 blocks of one name are one


def test_the_peak_is_named_as_the_table_has_it(tmp_path: Path) -> None:
    file = tmp_path / "memory.svg"
    assert run(["memory", "vgg16", "--batch", "8", "-o", str(file)]) == 0
    budget = Part(load("vgg16").analyse()).memory.training
    assert budget.peak_bytes(8) == max(map(sum, zip(*budget.parts_by_step(8).values(), strict=True)))
    assert re.search(r">peak [\d.]+ GB: [\w./]+, \w+ \(\w+\)<", file.read_text("utf-8"))


@pytest.mark.parametrize("name", ["vgg16", "resnet152", "googlenet", "resnet1202"])
def test_texts_of_a_timeline_do_not_overlap(name: str) -> None:
    network = Part(load(name).analyse(), setup=Setup(batch=4))
    assert texts_on_texts(drawn(memory_picture.draw(network))) == []


def test_a_timeline_never_runs_back() -> None:
    made = memory_picture.draw(Part(load("resnet50").analyse(), setup=Setup(batch=4)))
    for commands in re.findall(r'<path d="([^"]*)Z"', made.body):
        across = [float(x) for x in re.findall(r"H([\d.]+)", commands)][:-1]
        assert all(a <= b for a, b in pairwise(across))


def test_checkpoints_are_drawn_beside_what_is_held_without_them(tmp_path: Path) -> None:
    file = tmp_path / "memory.svg"
    assert run(["memory", "resnet50", "--checkpoint", "stage1", "-o", str(file)]) == 0
    assert "without checkpoints" in file.read_text("utf-8")


def test_a_limit_is_a_line_where_it_is_near(tmp_path: Path) -> None:
    file = tmp_path / "memory.svg"
    assert run(["memory", "resnet50", "--batch", "96", "--gpu", "t4", "-o", str(file)]) == 0
    assert "t4: 16.00 GiB" in file.read_text("utf-8")
    assert run(["memory", "lenet5", "--gpu", "t4", "-o", str(file)]) == 0
    assert "beyond the chart" in file.read_text("utf-8")


# --- roofs and fronts


def test_no_layer_is_above_the_roofs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "roofline.svg"
    assert run(["roofline", "resnet50", "--gpu", "v100", "-o", str(file)]) == 0
    text = file.read_text("utf-8")
    # The flat roof is the highest that a layer reaches: smaller y is higher.
    roof = float(re.search(r'd="M[\d.]+ ([\d.]+)L[\d.]+ \1" class="mark"', text)[1])  # type: ignore[index]
    heights = [float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', text)]
    assert heights
    assert min(heights) >= roof - 0.1
    assert run(["roofline", "resnet50", "-o", str(file)]) == 2
    assert "--gpu" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["resnet50", "vgg16", "googlenet", "vit_b16"])
def test_texts_of_a_roofline_do_not_overlap(name: str) -> None:
    network = Part(load(name).analyse(), setup=set_up(load(name).expand(), gpu="v100"))
    assert texts_on_texts(drawn(roofline_picture.draw(network))) == []


def test_layers_that_are_alike_are_one_point() -> None:
    network = Part(load("resnet50").analyse(), setup=set_up(load("resnet50").expand(), gpu="v100"))
    made = roofline_picture.draw(network).body
    # The 3x3 of the second and third bottleneck of the last stage: all else of them is alike too.
    assert "stage4/bottleneck.2/residual/conv_bn.2/conv and 1 alike" in made
    assert "stage4/bottleneck.3/residual/conv_bn.2/conv: at least" in made
    assert made.count("<circle") < len(network.layers) / 3


def test_a_sweep_draws_its_front_among_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("numpy")
    file = tmp_path / "front.svg"
    sweep = ["sweep", "resnet50", "--over", "width=16:64:16", "--over", "image=[64, 96]", "-o", str(file)]
    assert run([*sweep, "--pareto=-params,macs"]) == 0
    text = file.read_text("utf-8")
    # Of 4 widths and 2 sizes of the image, the small image is better at every width.
    assert text.count("box red see") == 4
    assert text.count("box grey see") == 4
    assert run(sweep) == 2
    assert "--pareto" in capsys.readouterr().err


# --- figures along the layers


def test_memory_is_in_early_layers_and_parameters_are_in_late_ones() -> None:
    made = distribution_picture.draw(Part(load("vgg16").analyse()))
    assert made is not None
    said = [words.said for words in drawn(made).words]
    # Two outputs of 224*224*64 values and one of a quarter, of 4 bytes each: 28.9 of 60.4 MB.
    assert "activations without input: 60.35 MB, 47.9% in stage1" in said
    # (7*7*512 + 1)*4096 + (4096 + 1)*4096 + (4096 + 1)*1000 = 123,642,856 of 138,357,544 (Simonyan & Zisserman 2014).
    assert "params: 138.4 M, 89.4% in classifier" in said


def test_bars_are_as_high_as_their_values() -> None:
    panel = distribution.Panel("a", "blue", [4, 0, 2, 1], str)
    made = distribution.draw([panel], [distribution.Stage("all", 0, 4)], "four layers")
    bars = re.findall(r"M[\d.]+ ([\d.]+)V([\d.]+)H", made.body)
    heights = [float(low) - float(high) for low, high in bars]
    assert [height / heights[-1] for height in heights] == pytest.approx([4, 2, 1], rel=0.02)  # to a tenth of a pixel


def test_many_layers_share_bars_and_lose_nothing() -> None:
    values = list(range(1, 1001))
    panel = distribution.Panel("a", "blue", values, str)
    made = distribution.draw([panel], [distribution.Stage("all", 0, 1000)], "many layers")
    assert "a: 500500, 100.0% in all" in made.body
    assert len(re.findall(r"M[\d.]+ ([\d.]+)V", made.body)) == 240


@pytest.mark.parametrize("name", ["vgg16", "resnet152", "googlenet", "single_conv", "llama2_7b", "densenet_bc250_k24"])
def test_texts_of_a_distribution_do_not_overlap(name: str) -> None:
    made = distribution_picture.draw(Part(load(name).analyse()))
    assert made is not None
    assert texts_on_texts(drawn(made)) == []


def test_a_network_without_figures_has_no_distribution() -> None:
    assert distribution_picture.draw(Part(layers("3, 8, 8", "- identity"))) is None
