"""What a diff shows people: so much as a screen holds, and nothing that costs what it did."""

from __future__ import annotations

import json

import pytest

from archcalc.cli import run
from archcalc.commands.diff.answer import ADDED, AFFECTED, CHANGED, Difference, brief, folded


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["diff", *arguments]) == 0
    return capsys.readouterr().out


def rows(text: str) -> list[list[str]]:
    """The cells of the table's rows, the total among them."""
    words = [line.split() for line in text.splitlines()]
    return [cells for cells in words if cells and cells[0] in (ADDED, CHANGED, AFFECTED, "total")]


@pytest.fixture(autouse=True)
def natural_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """No width is set, as in a plain shell."""
    monkeypatch.delenv("COLUMNS", raising=False)


def test_blocks_that_are_alike_stand_once(capsys: pytest.CaptureFixture[str]) -> None:
    # ResNet-152 has 4 blocks more of 280,064 parameters, and 30 of 1,117,184.
    assert [" ".join(cells[:6]) for cells in rows(shown(capsys, "resnet50", "resnet152", "--columns", "params"))] == [
        "added stage2/bottleneck.5 x 4 40 layers",
        "added stage3/bottleneck.7 x 30 300 layers",
        "total +34,635,776",
    ]


def test_what_no_screen_holds_is_folded_and_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(capsys, "resnet50", "resnet50:width=32", "--columns", "params")
    *parts, total = rows(found)
    # The blocks of a stage after its first are alike, and stand once: as `stage1/bottleneck.2/residual/* x 2`.
    alike = [(stage, str(blocks)) for stage, blocks in (("stage1", 2), ("stage2", 3), ("stage3", 5), ("stage4", 2))]
    branches = ("bottleneck.1/residual", "bottleneck.1/shortcut", "bottleneck.2/residual")
    assert [cells[1] for cells in parts] == [
        "stem/conv_bn/conv",
        "stem/conv_bn/batch_norm",
        *(f"{stage}/{branch}/*" for stage, _ in alike for branch in branches),
        "classifier/linear",
    ]
    assert [cells[3] for cells in parts if cells[2] == "x"] == [times for _, times in alike]
    assert sum(int(cells[-1].replace(",", "")) for cells in parts) == int(total[-1].replace(",", ""))
    assert "folded to depth 3: --depth N or --full shows more" in found


def test_affected_layers_that_cost_what_they_did_are_counted_and_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("alexnet", "alexnet:image=259", "--columns", "params")
    # The last map grows from 6x6 to 7x7, and 13 positions of 256 channels have 4,096 weights each more in fc6.
    hidden = shown(capsys, *arguments)
    assert [cells[1] for cells in rows(hidden)] == ["fc6", "+13,631,488"]
    assert "16 affected layers with unchanged figures hidden: --full shows all" in hidden
    full = shown(capsys, *arguments, "--full")
    assert len(rows(full)) == 18
    assert "hidden" not in full


def test_programs_get_every_difference(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("resnet50", "resnet50:width=32")
    every = json.loads(shown(capsys, *arguments, "--format", "json"))["differences"]
    assert len(every) == 175
    assert len(shown(capsys, *arguments, "--format", "csv").splitlines()) == 1 + 175
    assert json.loads(shown(capsys, *arguments, "--depth", "1", "--format", "json"))["differences"] == every


def test_a_fold_puts_together_what_is_below_a_block() -> None:
    found = [
        Difference(ADDED, "a/b/one", (), (1, 2)),
        Difference(CHANGED, "a/b/two", ("out 3 -> 4",), (10, 20), 2),
        Difference(ADDED, "a/c", (), (3, 4)),
        Difference(ADDED, "d", (), (5, 6)),
    ]
    assert folded(found, 2) == [Difference(CHANGED, "a/b/*", (), (11, 22), 3), found[2], found[3]]
    assert folded(found, 1) == [Difference(CHANGED, "a/*", (), (14, 26), 4), found[3]]


def test_what_copies_of_a_block_have_in_common_stands_once() -> None:
    def of(path: str, cost: int = 1, was: str = "") -> Difference:
        return Difference(CHANGED, path, ("out: 3 -> 4",), (cost,), was=was)

    def shown(*found: Difference) -> list[tuple[str, int]]:
        return [(each.path, each.cost[0]) for each in brief(found, 16)[0]]

    blocks = [of(f"stage/block.{n}/{name}", was=f"s/b{n}/{name}.{n}") for n in range(1, 33) for name in ("a", "b")]
    # The old paths differ in more than numbers of copies.
    assert len(shown(*blocks[:8])) == 8
    blocks = [each._replace(was=each.was.replace("/b", "/b.")) for each in blocks]
    assert shown(of("stem"), *blocks, of("head")) == [
        ("stem", 1),
        ("stage/block.1/a x 32", 32),
        ("stage/block.1/b x 32", 32),
        ("head", 1),
    ]
    # A copy that lacks one of the two, and one that costs something else, end a run.
    assert shown(*blocks[:4], blocks[4], of("head")) == [
        ("stage/block.1/a x 2", 2),
        ("stage/block.1/b x 2", 2),
        ("stage/block.3/a", 1),
        ("head", 1),
    ]
    assert shown(of("block.1/a"), of("block.2/a"), of("block.3/a", 2)) == [("block.1/a x 2", 2), ("block.3/a", 2)]
    # Neighbours of one copy are its own run; other names are no copies.
    assert shown(of("one.1/a"), of("one.1/a.2"), of("two.1/a")) == [("one.1/a", 1), ("one.1/a.2", 1), ("two.1/a", 1)]
    assert shown(of("one.1/a.1"), of("one.2/a.2")) == [("one.1/a.1", 1), ("one.2/a.2", 1)]


def test_the_deepest_fold_that_fits_is_taken() -> None:
    found = [Difference(CHANGED, f"a.{i}/b/{name}", (), (i + 1,)) for i in range(3) for name in ("x", "y")]
    assert brief(found, 6) == (found, 0)
    three = [Difference(CHANGED, f"a.{i}/b/*", (), (2 * i + 2,), 2) for i in range(3)]
    assert brief(found, 5) == (three, 2)
    # No fold fits: the shortest is what is left.
    assert brief(found, 1) == ([each._replace(path=each.path.replace("/b", "")) for each in three], 1)
