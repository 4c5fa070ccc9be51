"""Memory in time: what is alive at each step of a pass, stacked by what it is, with the peak and a limit."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

from archcalc.pictures import axes, svg
from archcalc.pictures.axes import Axis
from archcalc.pictures.svg import Drawing
from archcalc.pictures.text import width
from archcalc.records import Record
from archcalc.units import bytes_binary, bytes_decimal

_WIDTH, _HEIGHT = 960.0, 470.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 78.0, 24.0, 96.0, 66.0
#: More steps than this are drawn as so many, each as high as the highest that it stands for.
_MOST = 800

#: The colours of what is alive, from the bottom up.
COLOURS = {
    "parameters": "violet",
    "buffers": "grey",
    "optimizer": "yellow",
    "master weights": "yellow",
    "gradients": "red",
    "saved": "blue",
    "transient": "green",
}


class Stage(Record):
    """Steps that follow each other and belong together: in the first half of the picture forward, in the second
    backward."""

    name: str
    steps: int
    backward: bool


class Limit(Record):
    """A memory that is to be kept: its name and its bytes."""

    name: str
    size: int


class Run(Record):
    """A pass: bytes by what they are, at each step, its stages in order, and the bytes that are saved by the block that
    makes them."""

    parts: Mapping[str, Sequence[int]]
    stages: Sequence[Stage]
    saved: Mapping[str, Sequence[int]]

    @property
    def totals(self) -> list[int]:
        """Bytes at each step."""
        return [sum(step) for step in zip(*self.parts.values(), strict=True)]

    @property
    def bands(self) -> list[_Band]:
        """What is drawn above each other, from the bottom up."""
        bands = []
        below = [0] * len(self.totals)
        for name, whole in self.parts.items():
            parts = self.saved if name == "saved" else {"": whole}
            for block, sizes in parts.items():
                above = [low + size for low, size in zip(below, sizes, strict=True)]
                if any(sizes):
                    bands.append(_Band(name, block, below, above))
                below = above
        return bands


class _Band(Record):
    """A part, or what is saved of a block, between two heights at each step."""

    part: str
    block: str
    below: Sequence[int]
    above: Sequence[int]


def draw(run: Run, peak: str, title: str, *, plain: Run | None = None, limit: Limit | None = None) -> Drawing:
    """The timeline of a pass, whose peak is called by a text. `plain` is the same without checkpoints, a line."""
    totals = run.totals
    most = max(totals)
    highest = max([most, *(plain.totals if plain else ())])
    near = limit is not None and limit.size < 3 * highest
    if limit is not None and near:
        highest = max(highest, limit.size)
    up = axes.from_zero(highest, _HEIGHT - _BOTTOM, _TOP, "bytes alive", axes.as_bytes)
    across = Axis(0, 1, False, _LEFT, _WIDTH - _RIGHT, "", axes.as_plain)
    body = [svg.text(16, 28, title, "heading"), *_legend(run, plain)]
    body += _grid(across, up)
    body += _areas(run, across, up)
    if plain is not None:
        body.append(svg.path(_outline(plain, plain.totals, across, up), "curve dashed"))
    body += _stages(run, across)
    taken = [(across.at(0.5) - 2, 0.0, across.at(0.5) + 2, _HEIGHT)]
    if limit is not None and near:
        y = up.at(limit.size)
        words = f"{limit.name}: {bytes_binary(limit.size)}"
        body += [svg.line(_LEFT, y, _WIDTH - _RIGHT, y, "mark dashed"), svg.text(_LEFT + 6, y - 5, words, "marked")]
        taken += [(_LEFT, y - 2, _WIDTH, y + 2), (_LEFT, y - 17, _LEFT + 6 + width(words, 12), y)]
    body += _names(run, across, up, taken)
    body += _peak(run, totals, peak, across, up)
    notes = (
        "" if limit is None or near else f", of {bytes_binary(limit.size)} ({limit.name}), which is beyond the chart"
    )
    if notes:
        body.append(svg.text(16, _HEIGHT - 10, f"{bytes_decimal(most)} at peak{notes}", "small"))
    return Drawing(_WIDTH, _HEIGHT, title, f"{bytes_decimal(most)} at peak: {peak}", "".join(body))


def _times(run: Run) -> list[float]:
    """Where each step begins, and where the last ends: forward takes one half of the width, backward the other."""
    forward = sum(stage.steps for stage in run.stages if not stage.backward)
    backward = sum(stage.steps for stage in run.stages if stage.backward)
    ends = [k / (2 * forward) for k in range(forward)] + [0.5 + k / (2 * backward) for k in range(backward)]
    return [*ends, 1.0]


def _chosen(run: Run, totals: Sequence[int]) -> list[tuple[float, int]]:
    """The steps that are drawn, each with where it begins: of many the highest of each stretch."""
    times = _times(run)
    if len(totals) <= _MOST:
        return list(zip(times, range(len(totals)), strict=False))
    chosen = []
    for k in range(_MOST):
        first, end = k * len(totals) // _MOST, (k + 1) * len(totals) // _MOST
        chosen.append((times[first], max(range(first, end), key=lambda step: (totals[step], -step))))
    return chosen


def _outline(run: Run, heights: Sequence[int], across: Axis, up: Axis) -> str:
    """The commands of a line of steps."""
    n = svg.number
    steps = _chosen(run, run.totals)
    commands = [f"M{n(across.at(0))} {n(up.at(heights[steps[0][1]]))}"]
    before = heights[steps[0][1]]
    for start, step in steps[1:]:
        if heights[step] != before:
            before = heights[step]
            commands.append(f"H{n(across.at(start))}V{n(up.at(before))}")
    return "".join([*commands, f"H{n(across.at(1))}"])


def _areas(run: Run, across: Axis, up: Axis) -> list[str]:
    """An area for each band, the upper ones drawn first, so that the lower ones cover them."""
    made = []
    base = svg.number(up.at(0))
    for band in run.bands:
        closed = f"{_outline(run, band.above, across, up)}V{base}H{svg.number(across.at(0))}Z"
        made.append(svg.path(closed, f"box {COLOURS.get(band.part, 'grey')}"))
    return list(reversed(made))


def _names(run: Run, across: Axis, up: Axis, words: Sequence[tuple[float, float, float, float]]) -> list[str]:
    """The names of bands, of what is saved those of its blocks, where a band is high and wide enough, clear of words:
    printed in grey, their colours look alike."""
    made = []
    steps = _chosen(run, run.totals)
    starts = [across.at(start) for start, _ in steps]
    for band in run.bands:
        name = band.block or band.part
        wide = width(name, 10.5) + 10
        best, place = 12.0, None
        for x in range(int(_LEFT) + 2, int(_WIDTH - _RIGHT - wide), 12):
            first, last = bisect_right(starts, x) - 1, bisect_left(starts, x + wide)
            within = [step for _, step in steps[max(first, 0) : last]]
            top = up.at(min(band.above[step] for step in within))
            low = up.at(max(band.below[step] for step in within))
            y = (top + low) / 2
            if low - top > best and not any(
                x < right and left < x + wide and y - 8 < bottom and high < y + 8 for left, high, right, bottom in words
            ):
                best, place = low - top, (x + wide / 2, y + 4)
        if place is not None:
            made.append(svg.text(*place, name, "small mid"))
    return made


def _grid(across: Axis, up: Axis) -> list[str]:
    made = []
    for tick in up.ticks():
        y = up.at(tick)
        made += [
            svg.line(_LEFT, y, _WIDTH - _RIGHT, y, "grid"),
            svg.text(_LEFT - 7, y + 4, up.write(tick), "small end"),
        ]
    return made


def _legend(run: Run, plain: Run | None) -> list[str]:
    made = []
    x = 16.0
    for name, sizes in run.parts.items():
        if any(sizes):
            made += [
                svg.rect(x, 44, 11, 11, f"box {COLOURS.get(name, 'grey')}", 2),
                svg.text(x + 16, 53.5, name, "small"),
            ]
            x += 16 + width(name, 10.5) + 14
    if plain is not None:
        made += [svg.line(x, 50, x + 24, 50, "curve dashed"), svg.text(x + 30, 53.5, "without checkpoints", "small")]
    return made


def _stages(run: Run, across: Axis) -> list[str]:
    """The names of the stages below, those that have room, and a line between forward and backward."""
    made = []
    times = _times(run)
    low = _HEIGHT - _BOTTOM
    made.append(svg.line(_LEFT, low, _WIDTH - _RIGHT, low, "axis"))
    for backward in (False, True):  # what the one ends with and the other begins with are two stretches
        found, step = [], 0
        for stage in run.stages:
            if stage.backward == backward:
                found.append((stage.name, across.at(times[step]), across.at(times[step + stage.steps])))
            step += stage.steps
        made += axes.stretches(found, low)
    middle = across.at(0.5)
    made.append(svg.line(middle, low, middle, _TOP - 4, "axis dashed"))
    made.append(svg.text((_LEFT + middle) / 2, low + 38, "forward", "mid"))
    made.append(svg.text((middle + _WIDTH - _RIGHT) / 2, low + 38, "loss and backward", "mid"))
    return made


def _peak(run: Run, totals: Sequence[int], peak: str, across: Axis, up: Axis) -> list[str]:
    """A mark at the highest step, and its name above it."""
    step = max(range(len(totals)), key=lambda k: (totals[k], -k))
    times = _times(run)
    x, y = across.at((times[step] + times[step + 1]) / 2), up.at(totals[step])
    words = f"peak {bytes_decimal(totals[step])}: {peak}"
    wide = width(words, 12)
    left = max(_LEFT, min(x - wide / 2, _WIDTH - _RIGHT - wide))
    return [
        svg.circle(x, y, 4, "marked"),
        svg.line(x, y, x, _TOP - 14, "mark"),
        svg.text(left, _TOP - 20, words, "marked"),
    ]
