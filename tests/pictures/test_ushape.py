"""A network that narrows and widens again is drawn as a U, its levels side by side."""

from __future__ import annotations

import pytest
from drawn import Area, drawn, faults
from inline import layers

from archcalc.pictures import network

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
        steps += f"- concat: [{kept}, up{level}]\n" + _DOUBLE.format(4 << level, f"end{level}")
    return steps


def boxes(steps: str) -> dict[str, Area]:
    """Where the boxes with names are."""
    made = network.draw(layers("3, 64, 64", steps))
    assert faults(made) == []
    return {words[0].said: area for area, words in drawn(made).boxes}


@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_levels_stand_side_by_side_and_the_bottom_below(depth: int, crop: bool) -> None:
    found = boxes(u_net(depth, crop=crop))
    for level in range(depth):
        down, up = found[f"down{level}"], found[f"up{level}"]
        assert down.right < up.left
        assert found["bottom"].top > max(down.bottom, up.bottom)
        if level:
            assert down.top > found[f"down{level - 1}"].bottom
            assert up.top > found[f"end{level - 1}"].bottom  # down again on the left is up again on the right
            assert down.left > found[f"down{level - 1}"].left
        if crop:
            assert down.right < found[f"crop{level}"].left < found[f"crop{level}"].right < up.left


def test_a_network_that_does_not_narrow_is_no_u() -> None:
    # The values that are kept have equal sizes.
    steps = "- conv: {out: 4, kernel: 3, padding: 1}\n  as: a\n- conv: {out: 4, kernel: 1}\n  as: b\n"
    steps += "- conv: {out: 4, kernel: 1}\n  as: c\n- conv: {out: 4, kernel: 1}\n  as: d\n"
    steps += "- add: [d, b]\n  as: e\n- conv: {out: 4, kernel: 1}\n  as: f\n- add: [f, a]\n  as: g"
    found = boxes(steps)
    assert found["g"].top > found["f"].top > found["e"].top > found["d"].top  # all the way down
