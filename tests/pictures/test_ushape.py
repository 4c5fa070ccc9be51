"""A network that narrows and widens again is drawn as a U, with what is kept straight across."""

from __future__ import annotations

import pytest
from drawn import Area, drawn, faults
from inline import analysed, layers

from archcalc.api import load
from archcalc.pictures import network
from archcalc.pictures.network import Setting

_DOUBLE = "- conv: {{out: {0}, kernel: 3, padding: 1}}\n- conv: {{out: {0}, kernel: 3, padding: 1}}\n  as: {1}\n"


def u_net(depth: int, *, crop: bool = False) -> str:
    """The steps of a U-Net of so many levels above its bottom."""
    steps = ""
    for level in range(depth):
        steps += _DOUBLE.format(4 << level, f"down{level}") + "- maxpool: 2\n"
    steps += _DOUBLE.format(4 << depth, "bottom")
    for level in reversed(range(depth)):
        steps += f"- conv_transpose: {{out: {4 << level}, kernel: 2, stride: 2}}\n  as: up{level}\n"
        kept = f"down{level}"
        if crop:
            steps += f"- crop: 0\n  from: down{level}\n  as: crop{level}\n"
            kept = f"crop{level}"
        steps += f"- concat: [{kept}, up{level}]\n  as: join{level}\n" + _DOUBLE.format(4 << level, f"end{level}")
    return steps


def boxes(steps: str) -> dict[str, Area]:
    """Where the boxes with names are."""
    made = network.draw(layers("3, 64, 64", steps))
    assert faults(made) == []
    return {words[0].said: area for area, words in drawn(made).boxes}


def middle(area: Area) -> tuple[float, float]:
    return (area.left + area.right) / 2, (area.top + area.bottom) / 2


@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_one_arm_leads_down_and_the_other_up_with_what_is_kept_straight_across(depth: int, crop: bool) -> None:
    found = boxes(u_net(depth, crop=crop))
    lefts, rights = set(), set()
    for level in range(depth):
        down, join, up, end = (found[f"{name}{level}"] for name in ("down", "join", "up", "end"))
        assert middle(down)[1] == pytest.approx(middle(join)[1], abs=0.2)
        assert end.bottom < join.top < join.bottom < up.top
        if level:
            assert down.top > found[f"down{level - 1}"].bottom
            assert end.top > found[f"up{level - 1}"].bottom
        if crop:
            assert middle(found[f"crop{level}"])[1] == pytest.approx(middle(join)[1], abs=0.2)
            assert down.right < found[f"crop{level}"].left < found[f"crop{level}"].right < join.left
        assert found["bottom"].top > max(down.bottom, up.bottom)
        lefts.add(round(middle(down)[0]))
        rights.update(round(middle(each)[0]) for each in (join, up, end))
    assert len(lefts) == len(rights) == 1
    assert max(lefts) < min(rights)


_RESIDUAL = """
input: [3, 64, 64]
blocks:
  residual(out):
    - conv: {out: out, kernel: 3, padding: 1}
    - add: {body: [{conv: {out: out, kernel: 3, padding: 1}}, relu, {conv: {out: out, kernel: 1}}], skip: []}
layers:
"""


@pytest.mark.parametrize("bottom", ["conv: {out: 8, kernel: 1}", "residual: 8", "relu"])
@pytest.mark.parametrize("foldable", [False, True])
def test_blocks_in_the_arms_are_entered_at_their_tops(bottom: str, foldable: bool) -> None:
    steps = "".join(f"  - residual: {4 << k}\n    as: down{k}\n  - maxpool: 2\n" for k in range(3))
    steps += f"  - {bottom}\n"
    for k in (2, 1, 0):
        steps += f"  - conv_transpose: {{out: 4, kernel: 2, stride: 2}}\n    as: up{k}\n"
        steps += f"  - concat: [down{k}, up{k}]\n    as: join{k}\n  - residual: {4 << k}\n    as: end{k}\n"
    made = network.draw(analysed(_RESIDUAL + steps), Setting(foldable=foldable))
    assert foldable or faults(made) == []
    frames = {words[0].said: area for area, words in drawn(made).frames}
    for k in range(3):
        assert frames[f"down{k}"].right < frames[f"end{k}"].left
        assert not k or frames[f"end{k}"].top > frames[f"end{k - 1}"].bottom


@pytest.mark.parametrize("foldable", [False, True])
def test_blocks_that_only_lead_on_are_left_out_of_a_u(foldable: bool) -> None:
    made = network.draw(load("unet").analyse(), Setting(foldable=foldable))
    assert drawn(made).frames == []
    assert made.height < 3.5 * made.width


def test_a_network_that_does_not_narrow_is_no_u() -> None:
    # The values that are kept have equal sizes.
    steps = "- conv: {out: 4, kernel: 3, padding: 1}\n  as: a\n- conv: {out: 4, kernel: 1}\n  as: b\n"
    steps += "- conv: {out: 4, kernel: 1}\n  as: c\n- conv: {out: 4, kernel: 1}\n  as: d\n"
    steps += "- add: [d, b]\n  as: e\n- conv: {out: 4, kernel: 1}\n  as: f\n- add: [f, a]\n  as: g"
    found = boxes(steps)
    assert found["g"].top > found["f"].top > found["e"].top > found["d"].top  # all the way down
