"""Which layers a diff holds for the same: those of one path, and where the names differ those of one structure."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline import analysed, layers

from archcalc.analysis.totals import Analysis
from archcalc.cli import run
from archcalc.commands.diff.answer import FIGURES, costing, diff
from archcalc.quantities.registry import Part

DATA = Path(__file__).parent.parent / "data" / "exchange"
#: `sine` has an operation that is not known.
MODELS = sorted(path for path in DATA.glob("*.pt2") if path.stem != "sine")


def differences(old: Analysis, new: Analysis) -> list[tuple[str, str, tuple[str, ...]]]:
    found = diff(Part(old), Part(new), costing(FIGURES))
    return [(each.kind, each.path, each.words) for each in found.differences]


@pytest.mark.parametrize("model", MODELS, ids=lambda path: str(path.stem))
def test_a_model_is_the_same_as_the_spec_that_is_imported_from_it(model: Path, tmp_path: Path) -> None:
    spec = tmp_path / "imported.yaml"
    assert run(["import", str(model), "-o", str(spec)]) == 0
    assert run(["diff", str(model), str(spec), "--exit-code"]) == 0


def test_other_names_alone_are_no_difference_and_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat = tmp_path / "flat.yaml"
    flat.write_text(
        "input: [3, 8, 8]\nlayers:\n  - conv: {out: 4, kernel: 3}\n    as: first\n  - relu\n", encoding="utf-8"
    )
    blocks = tmp_path / "blocks.yaml"
    blocks.write_text(
        "input: [3, 8, 8]\nblocks:\n  stem:\n    - conv: {out: 4, kernel: 3}\n    - relu\nlayers:\n  - stem\n",
        encoding="utf-8",
    )
    assert run(["diff", str(flat), str(blocks), "--exit-code"]) == 0
    said = capsys.readouterr().out
    assert "are the same, layer by layer" in said
    assert "the names of all 2 layers differ; layers were matched by structure" in said


def test_what_changes_nothing_and_what_is_read_of_nothing_is_no_difference() -> None:
    """An identity leaves no trace in a model, nor does a branch that is never dropped; a learned tensor reads nothing,
    whatever it stands behind; and a rate is in a file to ten digits."""
    scaled = "- multiply:\n    x: []\n    factor:\n      - {}learned: [8]\n- dropout: {}"
    old = f"- identity\n- linear: 8\n- drop_path: 0\n- relu\n{scaled.format('', '0.0235294117647')}"
    new = f"- linear: 8\n- relu\n{scaled.format('gelu' + chr(10) + '      - ', '0.02352941176')}"
    added = [("added", "factor/gelu", ())]
    assert differences(layers("4", old), layers("4", new)) == added
    assert differences(layers("4", new), layers("4", new.replace("176", "186"))) == [
        ("changed", "dropout", ("rate: 0.02352941176 -> 0.02352941186",))
    ]


NAMED = """
input: [3, 16, 16]
layers:
  - conv: {out: 8, kernel: 3}
    as: a
  - relu:
    as: b
  - conv: {out: 8, kernel: 3}
    as: c
  - relu:
    as: d
  - global_avgpool:
    as: e
"""


def renamed(text: str) -> str:
    for name in "abcde":
        text = text.replace(f"as: {name}\n", f"as: {name}{name}\n")
    return text


def test_what_changed_between_other_names_is_said_with_the_old_one() -> None:
    new = renamed(NAMED).replace("kernel: 3", "kernel: 5", 1)
    assert differences(analysed(NAMED), analysed(new)) == [
        ("changed", "aa", ("kernel: 3 -> 5", "was `a`")),
        ("affected", "bb", ("input 14x14x8 -> 12x12x8", "was `b`")),
        ("affected", "cc", ("input 14x14x8 -> 12x12x8", "was `c`")),
        ("affected", "dd", ("input 12x12x8 -> 10x10x8", "was `d`")),
        ("affected", "ee", ("input 12x12x8 -> 10x10x8", "was `e`")),
    ]


def test_layers_that_came_everywhere_are_all_that_was_added() -> None:
    new = renamed(NAMED).replace("  - relu:", "  - batch_norm\n  - relu:")
    assert differences(analysed(NAMED), analysed(new)) == [
        ("added", "batch_norm.1", ()),
        ("added", "batch_norm.2", ()),
    ]


def test_names_that_happen_to_be_equal_do_not_count_where_structure_says_otherwise() -> None:
    # The same three layers; the two names that both have stand for other layers.
    old = "- conv: {out: 8, kernel: 1}\n  as: one\n- relu:\n  as: two\n- conv: {out: 4, kernel: 3}\n  as: three"
    new = "- conv: {out: 8, kernel: 1}\n  as: three\n- relu:\n  as: other\n- conv: {out: 4, kernel: 3}\n  as: one"
    assert differences(layers("3, 8, 8", old), layers("3, 8, 8", new)) == []


BRANCHES = """
- add:
    left:
      - conv: {out: 4, kernel: 1}
      - relu
    right:
      - conv: {out: 4, kernel: 3, padding: 1}
"""
SWAPPED = """
- add:
    first:
      - conv: {out: 4, kernel: 3, padding: 1}
    second:
      - conv: {out: 4, kernel: 1}
      - relu
"""


def test_the_order_of_branches_counts_only_where_it_means_something() -> None:
    def compared(join: str) -> list[tuple[str, str, tuple[str, ...]]]:
        old, new = (layers("3, 8, 8", text.replace("- add:", f"- {join}:")) for text in (BRANCHES, SWAPPED))
        return differences(old, new)

    assert compared("add") == []
    assert compared("concat") == [
        ("changed", "concat", ("reads left/relu, right/conv -> first/conv, second/relu",)),
    ]


def test_a_depthwise_convolution_may_be_written_with_groups() -> None:
    grouped = "- conv: {out: 12, kernel: 3, groups: 6}"
    assert (
        differences(layers("6, 8, 8", grouped), layers("6, 8, 8", "- depthwise_conv: {kernel: 3, multiplier: 2}")) == []
    )
    assert differences(layers("6, 8, 8", grouped), layers("6, 8, 8", "- depthwise_conv: 3")) == [
        ("changed", "depthwise_conv", ("multiplier: 2 -> 1", "was `conv`"))
    ]


def test_a_stride_that_is_written_out_is_the_kernels() -> None:
    assert (
        differences(layers("3, 8, 8", "- maxpool: 2"), layers("3, 8, 8", "- maxpool: {kernel: [2, 2], stride: 2}"))
        == []
    )


def test_what_an_attribute_means_for_the_input_is_compared(tmp_path: Path) -> None:
    idiom = tmp_path / "idiom.yaml"
    idiom.write_text(
        "input: [3, 16, 16]\nlayers:\n  - conv: {out: 8, kernel: 3, padding: same}\n    as: skip\n  - maxpool: 2\n"
        "  - upsample: {to: size(skip)}\n  - reshape: [channels, -1]\n",
        encoding="utf-8",
    )
    numbers = tmp_path / "numbers.yaml"
    numbers.write_text(
        "input: [3, 16, 16]\nlayers:\n  - conv: {out: 8, kernel: 3, padding: 1}\n  - maxpool: {kernel: 2, stride: 2}\n"
        "  - upsample: 2\n  - tokens\n",
        encoding="utf-8",
    )
    assert run(["diff", str(idiom), str(numbers), "--exit-code"]) == 0


def test_what_did_not_change_as_written_is_no_change_at_another_size() -> None:
    text = "- upsample: {to: 22}\n- crop: {to: 8}\n- reshape: [3, -1]\n- attention: 3"
    changed = [
        each for each in differences(layers("3, 10, 10", text), layers("3, 12, 12", text)) if each[0] == "changed"
    ]
    assert changed == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        # Heads of keys and values follow from the heads, and so does their width.
        ("attention: {heads: 4, rotary: true}", "attention: {heads: 8, rotary: true}", ("heads: 4 -> 8",)),
        (
            "attention: {heads: 4, rotary: true}",
            "attention: {heads: 4, kv_heads: 2, rotary: true}",
            ("kv_heads: 4 -> 2",),
        ),
        ("attention: 4", "attention: {heads: 4, bias: false}", ("bias: true -> false",)),
        ("attention: 4", "attention: {heads: 4, mode: fused}", ("mode: module -> fused",)),
        (
            "attention: {heads: 4, mode: fused}",
            "attention: {heads: 4, sliding_window: 5}",
            ("sliding_window: (not set) -> 5",),
        ),
    ],
)
def test_of_attributes_that_follow_from_others_the_written_ones_are_said(
    old: str, new: str, said: tuple[str, ...]
) -> None:
    ((_, _, what),) = differences(layers("64, 10", f"- {old}"), layers("64, 10", f"- {new}"))
    assert what == said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("upsample: 2", "upsample: {to: 48}", ("scale: 2 -> 3",)),
        ("upsample: 2", "upsample: {to: 40}", ("scale: 2 -> (not set)", "to: (not set) -> 40")),
        ("crop: {to: 14}", "crop: {size: 2}", ("size: 1 -> 2",)),
        ("conv: {out: 4, kernel: 3, groups: 4}", "conv: {out: 8, kernel: 3, groups: 4}", ("out: 4 -> 8",)),
        ("conv: {out: 4, kernel: 3, groups: 4}", "conv: {out: 4, kernel: 3, groups: 2}", ("groups: 4 -> 2",)),
        ("adaptive_avgpool: 1", "adaptive_avgpool: 2", ("size: 1 -> 2",)),
        ("global_avgpool:\n  as: pool", "adaptive_avgpool: 2\n  as: pool", ("global_avgpool -> adaptive_avgpool",)),
        ("reshape: [4, -1]", "reshape: [-1]", ("shape: [4, -1] -> -1",)),
    ],
)
def test_a_difference_is_said_as_it_is_written(old: str, new: str, said: tuple[str, ...]) -> None:
    ((_, _, what),) = differences(layers("4, 16, 16", f"- {old}"), layers("4, 16, 16", f"- {new}"))
    assert what == said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (2, 2, "the names of all 2 layers differ; layers were matched by structure"),
        (1, 1, "the name of the only layer differs; it was matched by structure"),
        (3, 1, "the name of 1 of 3 layers differs; layers were matched by structure"),
        (3, 2, "the names of 2 of 3 layers differ; layers were matched by structure"),
    ],
)
def test_how_many_names_differ_is_said(
    old: int, new: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of so many layers so many have new names."""
    for name, renamed_layers in (("old", 0), ("new", new)):
        steps = [f"  - linear: {n + 2}\n    as: {'x' if n < renamed_layers else 'l'}{n}\n" for n in range(old)]
        (tmp_path / f"{name}.yaml").write_text("input: [3]\nlayers:\n" + "".join(steps), encoding="utf-8")
    assert run(["diff", str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml"), "--exit-code"]) == 0
    assert f"names  {said}\n" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["a: [", "input: [3]\nlayers:\n  - linaer: 4\n", "input: [3]\nlayers:\n  - conv: 4\n"])
def test_what_cannot_be_compared_is_no_difference(text: str, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("input: [3]\nlayers:\n  - linear: 4\n", encoding="utf-8")
    bad.write_text(text, encoding="utf-8")
    for pair in ((good, bad), (bad, good)):
        assert run(["diff", *map(str, pair)]) == 1
        assert run(["diff", *map(str, pair), "--exit-code"]) == 2
    assert run(["diff", str(good), str(tmp_path / "none.yaml"), "--exit-code"]) == 2


def test_frozen_weights_are_a_difference() -> None:
    frozen = "- linear: 4\n  trainable: false"
    assert differences(layers("3", "- linear: 4"), layers("3", frozen)) == [
        ("changed", "linear", ("weights trained -> frozen",))
    ]


def test_networks_that_are_unlike_are_compared_by_their_paths_alone() -> None:
    # Both begin with one and the same convolution; of 5 layers that is too little to go by.
    old = "- conv: {out: 8, kernel: 1}\n  as: only"
    new = "\n".join(f"- conv: {{out: {8 + i}, kernel: 1}}\n  as: layer{i}" for i in range(5))
    found = differences(layers("3, 8, 8", old), layers("3, 8, 8", new))
    assert [kind for kind, _, _ in found] == ["removed", *["added"] * 5]


def test_other_names_of_inputs_are_no_difference() -> None:
    text = "inputs: {image: [3, 8, 8], mask: [3, 8, 8]}\nlayers:\n  - multiply: [image, mask]\n"
    other = text.replace("image", "x").replace("mask", "y")
    assert differences(analysed(text), analysed(other)) == []
