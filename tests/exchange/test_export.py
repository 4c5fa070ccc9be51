"""`archcalc export`: code that ruff leaves as it is, what is refused, names that are no identifiers, flow charts."""

from __future__ import annotations

import ast
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner
from inline import analysed

import archcalc
from archcalc import catalogue
from archcalc.cli import group, run
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.exchange.flowchart import MOST_ARROWS
from archcalc.exchange.writers import dot, mermaid, pytorch


def code(text: str) -> str:
    """The code of a spec."""
    written = "".join(pytorch.write(analysed(text)))
    ast.parse(written)
    return written


def ruff(folder: Path, *arguments: str) -> str:
    """What ruff says, with its defaults."""
    command = [sys.executable, "-m", "ruff", *arguments, "--isolated", "--no-cache", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if result.returncode == 0 else result.stdout + result.stderr


def test_the_catalogue_is_written_as_ruff_leaves_it(tmp_path: Path) -> None:
    """But for the longest, whose blocks are those of their smaller sisters; the oracle writes them all."""
    written = 0
    for name in catalogue.names():
        analysis = archcalc.load(name).analyse()
        if len(analysis.layers) <= 300:
            (tmp_path / f"{name}.py").write_text("".join(pytorch.write(analysis)))
            written += 1
    assert written > 60
    assert ruff(tmp_path, "format", "--check") == ""
    assert ruff(tmp_path, "check") == ""


ATTENTION = (
    "causal: true",
    "causal: true, rotary: true, norm: rms, bias: false",
    "sliding_window: 2, mask: true, out_bias: false",
    "sliding_window: 2, causal: true, norm: layer",
    "mask: true, width: 6",
)


def test_every_attention_is_written_as_ruff_leaves_it(tmp_path: Path) -> None:
    for number, (heads, mode, more) in enumerate(product(("", "kv_heads: 1, "), ("fused", "separate"), ATTENTION)):
        spec = f"input: [8, 5]\nlayers: [attention: {{heads: 2, {heads}mode: {mode}, {more}}}]\n"
        (tmp_path / f"attention{number}.py").write_text(code(spec))
    assert ruff(tmp_path, "format", "--check") == ""
    assert ruff(tmp_path, "check") == ""


def test_a_block_is_a_class_and_what_differs_an_argument() -> None:
    written = code("""
input: [3, 8, 8]
blocks:
  unit(width, stride=1):
    - conv: {out: width, kernel: 3, stride: stride, padding: 1}
    - relu
layers:
  - unit: 8
  - unit: {width: 16, stride: 2}
""")
    assert written.count("class Unit") == 1
    assert "def __init__(self, in_channels, width, stride=1):" in written
    assert "self.conv = nn.Conv2d(in_channels, width, 3, stride=stride, padding=1)" in written
    assert "self.unit1 = Unit(in_channels=3, width=8)" in written
    assert "return self.unit2(x)  # [N, 16, 4, 4]" in written


def test_what_is_the_same_for_every_sample_is_a_batch_of_one_until_it_is_concatenated() -> None:
    scaled = "multiply: {values: [], once: [learned: [8, 5], gelu]}"
    written = code(
        f"input: [8, 5]\nlayers: [{{{scaled}}}, {{concat: {{x: [], y: [learned: [8, 3]]}}, axis: length}}]\n"
    )
    assert "return self.values[None]" in written
    assert "once = self.once_gelu(once)  # [1, 5, 8]" in written
    assert "torch.cat([x, y.transpose(1, 2).expand(len(x), -1, -1)], 2)" in written


def test_a_repeat_is_a_loop_and_growth_a_sum() -> None:
    """Channels grow by 2 a copy: 3, 5, 7."""
    written = code("""
input: [3, 8, 8]
blocks:
  grow():
    - concat:
        old: []
        new:
          - conv: {out: 2, kernel: 1}
layers:
  - grow:
    repeat: 3
""")
    assert "nn.Sequential(*[Grow(in_channels=3 + 2 * i) for i in range(3)])" in written


def test_a_layer_that_some_calls_have_is_a_choice_of_the_class() -> None:
    written = code("""
input: [4, 8, 8]
blocks:
  unit(project=false):
    - add:
        path:
          - conv: {out: 4, kernel: 1}
        shortcut:
          - conv: {out: 4, kernel: 1}
            when: project
layers:
  - unit
  - unit: {project: true}
""")
    assert written.count("class Unit") == 1
    assert "def __init__(self, project=False):" in written
    assert "self.shortcut_conv = nn.Conv2d(4, 4, 1) if project else nn.Identity()" in written
    assert "self.unit1 = Unit()" in written
    assert "self.unit2 = Unit(project=True)" in written


def test_a_step_without_a_module_is_behind_an_if() -> None:
    written = code("""
input: [4, 8, 8]
blocks:
  unit(shift):
    - roll: {over: positions, by: 2}
      when: shift
    - conv: {out: 4, kernel: 1}
layers:
  - unit: true
  - unit: false
""")
    assert "        if self.shift:\n            x = x.roll((2, 2), (2, 3))" in written


def test_calls_of_other_structure_are_other_classes() -> None:
    written = code("""
input: [4, 8, 8]
blocks:
  unit(wide):
    - conv: {out: 4, kernel: 1}
      when: not wide
    - conv: {out: 4, kernel: [1, 3], padding: [0, 1]}
      when: wide
      as: wide
layers:
  - unit: false
  - unit: true
""")
    assert "class Unit(" in written
    assert "class Unit2(" in written


def test_parameters_of_the_spec_are_arguments_of_the_network() -> None:
    """The linear layer reads 16 maps of 4 x 4 positions, 32 * width: the image is no argument, as that is fixed."""
    written = code("""
parameters: {classes: 10, width: 8, image: 8, twice: 2 * width}
input: [3, image, image]
blocks:
  unit(out):
    - conv: {out: out, kernel: 3, stride: 2, padding: 1}
layers:
  - unit: twice
  - flatten
  - linear: 3 * (classes + 1)
""")
    assert "def __init__(self, classes=10, width=8):" in written
    assert "self.unit = Unit(out=2 * width)" in written
    assert "self.linear = nn.Linear(32 * width, 3 * (classes + 1))" in written


def test_a_parameter_that_a_rounded_width_follows_from_is_no_argument() -> None:
    """The catalogue's rounding to a multiple of 8 is not Python's."""
    written = code("""
parameters: {classes: 10, width: 16}
input: [3, 8, 8]
layers:
  - conv: {out: "round_to(width, 8)", kernel: 1}
  - global_avgpool
  - flatten
  - linear: classes
""")
    assert "def __init__(self, classes=10):" in written
    assert "nn.Conv2d(3, 16, 1)" in written


def test_a_parameter_on_which_structure_depends_is_named_where_the_code_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "parameters: {width: 8, deep: 3}\ninput: [3, 9, 9]\nlayers:\n  - conv: {out: width, kernel: 1}\n"
        "  - relu:\n    repeat: deep\n",
        encoding="utf-8",
    )
    assert run(["export", str(spec), "--to", "pytorch"]) == 0
    written, said = capsys.readouterr()
    assert "def __init__(self, width=8):" in written
    assert written.partition('"""\n\nfrom')[0].endswith("export it again for other values:\n\n    deep = 3\n")
    assert said == "not arguments, but fixed in the code: deep = 3\n"


def test_a_parameter_without_an_effect_on_the_code_is_neither_argument_nor_fixed() -> None:
    written = code("parameters: {image: 9}\ninput: [3, image, image]\nlayers:\n  - conv: {out: 2, kernel: 1}\n")
    assert "image" not in written


def test_a_multiplier_by_which_sizes_are_rounded_is_no_argument() -> None:
    """32, 64 and 96 are 32 times 1, 2 and 3; the width 1.3 makes 40 of 41.6."""
    written = code(
        "parameters: {width: 1}\ninput: [3, 9, 9]\n"
        "layers:\n  - conv: {out: 'make_divisible(32 * width, 8)', kernel: 1}\n"
    )
    assert "def __init__(self):" in written
    assert "    width = 1\n" in written


def test_what_follows_from_a_parameter_that_cannot_be_said_is_an_argument_itself() -> None:
    """How many blocks there are follows from a depth as `(depth - 2) / 6`, which must come out whole."""
    written = code(
        "parameters: {depth: 20, blocks: 'ratio(depth - 2, 6)'}\ninput: [3, 9, 9]\nblocks:\n"
        "  pair:\n    - conv: {out: 3, kernel: 1}\n    - relu\nlayers:\n  - pair\n    repeat: blocks\n".replace(
            "- pair\n", "- pair:\n"
        )
    )
    assert "def __init__(self, blocks=3):" in written
    assert "for _ in range(blocks)" in written
    assert "    depth = 20\n" in written


def test_sizes_in_a_list_follow_from_parameters() -> None:
    written = code(
        "parameters: {width: 8}\ninput: [3, 9, 9]\nlayers:\n  - conv: {out: width, kernel: 1}\n"
        "  - pad_channels: 3 * width\n"
    )
    assert "def __init__(self, width=8):" in written


def test_copies_of_a_step_keep_the_numbers_of_the_spec() -> None:
    written = code(
        """
        parameters: {kernels: [3, 5, 1, 3]}
        input: [3, 9, 9]
        blocks:
          stage(kernel, twice):
            - conv: {out: 4, kernel: kernel, padding: kernel // 2}
            - relu:
              when: twice
            - tanh:
              when: not twice
        layers:
          - stage: {kernel: "kernels[i]", twice: i < 3}
            repeat: {i: 4}
        """
    )
    assert "self.stage1 = nn.Sequential(" in written
    assert "# stage.1 to stage.3" in written
    assert "self.stage4 = " in written


def test_a_width_that_is_bounded_is_no_argument() -> None:
    """`min(64, 48)` is `widths[0]` for nearby widths alone."""
    written = code("""
parameters: {widths: [48, 96]}
input: [3, 8, 8]
blocks:
  unit(out, kernel):
    - conv: {out: out, kernel: kernel}
layers:
  - unit: ["min(64, widths[0])", 1]
  - unit: ["widths[1]", 3]
""")
    assert "def __init__(self):" in written
    assert "Unit(in_channels=3, out=48, kernel=1)" in written


def test_a_value_that_is_still_needed_keeps_its_variable() -> None:
    written = code("""
input: [4]
layers:
  - linear: 4
    as: first
  - linear: 4
    as: second
  - add: [second, first]
""")
    assert "first = self.first(x)" in written
    assert "return x + first" in written


def test_activations_work_in_place_where_the_analysis_says() -> None:
    """The second relu's input is added to its output, so that it may not be overwritten."""
    written = code("""
input: [4]
layers:
  - linear: 4
  - relu
  - linear: 4
    as: kept
  - relu:
    as: copied
  - add: [copied, kept]
""")
    assert "self.relu = nn.ReLU(inplace=True)" in written
    assert "self.copied = nn.ReLU()" in written


def test_all_layers_that_are_not_known_are_named_at_once() -> None:
    with pytest.raises(SpecError) as refused:
        code("input: [8, 8]\nlayers: [{pad_channels: {out: 9}}, {pixel_shuffle: 3}, {pixel_shuffle: 3}]\n")
    (found,) = refused.value.diagnostics
    assert found.rule == "cannot-write"
    assert found.message == "3 layers cannot be written as PyTorch, so nothing is written"
    assert found.notes == (
        "more channels for anything but maps: `pad_channels`",
        "pixel_shuffle of anything but maps: `pixel_shuffle.1` and 1 more",
    )


def test_layers_that_share_weights_are_one_module_or_have_one_parameter() -> None:
    written = code("""
input: [4]
layers:
  - embedding: {count: 9, out: 8}
    weights: table
  - linear: {out: 8, each_position: true}
    weights: square
  - linear: {out: 8, each_position: true}
    weights: square
    as: again
  - linear: {out: 9, bias: false, each_position: true}
    weights: table
    as: classifier
""")
    assert "self.classifier.weight = self.embedding.weight" in written
    assert written.count("x = self.linear(x)") == 2
    assert "self.again" not in written


def test_a_layer_that_is_not_trained_has_no_gradients() -> None:
    written = code("input: [4]\nlayers:\n  - linear: 4\n    trainable: false\n  - linear: 4\n    as: head\n")
    assert "self.linear.requires_grad_(False)" in written
    assert "self.head.requires_grad_" not in written


def test_a_repeated_block_with_another_input_is_a_list_of_modules() -> None:
    written = code("""
inputs: {text: [8, 5], image: [8, 7]}
blocks:
  decoder:
    - attention: {heads: 2}
      from: [input, memory]
layers:
  - decoder:
    from: {input: text, memory: image}
    repeat: 3
""")
    assert "def forward(self, text, image):" in written
    assert "self.decoder = nn.ModuleList(" in written
    assert "def forward(self, x, memory):" in written


def test_the_kernel_of_attention_is_told_that_heads_are_shared() -> None:
    written = code("""
input: [8, 5]
layers:
  - linear: {out: 8, each_position: true}
  - split_heads: 4
    as: query
  - linear: {out: 2, each_position: true}
    as: shared
    from: input
  - split_heads: 1
    as: key
  - dot_product_attention: {causal: true}
    from: [query, key, key]
  - merge_heads
""")
    assert "is_causal=True, enable_gqa=True" in written


def test_values_that_differ_between_calls_are_stored() -> None:
    written = code("""
input: [4, 8, 8]
blocks:
  part(first):
    - slice: {axis: width, start: first, step: 2}
layers:
  - concat: {even: [part: 0], odd: [part: 1]}
""")
    assert "self.first = first" in written
    assert "return x[:, :, :, self.first :: 2]" in written


@pytest.mark.parametrize(
    ("label", "member"),
    [("train", "self.train_ ="), ("class", "self.class_ ="), ("self", "self.self_ ="), ("nn", "self.nn_ =")],
)
def test_names_that_python_or_a_module_has_get_an_underscore(label: str, member: str) -> None:
    assert member in code(f"input: [4]\nlayers:\n  - linear: 4\n    as: {label}\n")


def test_text_of_a_spec_ends_no_docstring_and_no_line(tmp_path: Path) -> None:
    long = "a" * 90
    text = "architecture: 'x@; import os #'\ninput: [4]\nblocks:\n  long(long):\n    - linear: long\n"
    text += "    - linear: long\n      as: long\nlayers:\n  - long: 3\n  - long: 5\n"
    written = code(text.replace("@", '"' * 3).replace("long", long))
    assert not any(isinstance(node, ast.Import) for node in ast.walk(ast.parse(written)))
    (tmp_path / "hostile.py").write_text(written)
    assert ruff(tmp_path, "format", "--check") == ""
    assert ruff(tmp_path, "check") == ""


def test_the_ending_of_the_file_names_the_target(tmp_path: Path) -> None:
    for name, start in (("a.MMD", "flowchart TB"), ("a.mmd", "flowchart TB"), ("a.dot", "digraph {")):
        result = CliRunner().invoke(group, ["export", "lenet5", "-o", str(tmp_path / name)])
        assert result.exit_code == 0
        assert (tmp_path / name).read_text().startswith(start)


def test_no_target_or_two_are_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "lenet5"]) == 2
    assert run(["export", "lenet5", "-o", str(tmp_path / "a.txt")]) == 2
    assert run(["export", "lenet5", "-o", str(tmp_path / "a")]) == 2
    assert run(["export", "lenet5", "--to", "dot", "-o", str(tmp_path / "a.py")]) == 2
    assert "pytorch is what ends so" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_flow_charts_of_the_catalogue_have_at_most_200_arrows() -> None:
    for name in catalogue.names():
        analysis = archcalc.load(name).analyse()
        arrows = "".join(dot.write(analysis)).count(" -> ")
        assert 0 < arrows <= MOST_ARROWS == 200, name
        assert "".join(mermaid.write(analysis)).count(" --> ") == arrows


def test_every_input_has_a_box_and_what_reads_none_has_no_arrow() -> None:
    text = "inputs: {left: [4], right: [6]}\nlayers:\n  - add:\n      a: [linear: 8]\n"
    text += "      b: [{linear: 8, from: right}]\n      c: [constant: [8]]\n"
    written = "".join(mermaid.write(analysed(text)))
    assert [line.strip() for line in written.splitlines()[1:]] == [
        'n0(["left 4"])',
        'n1(["right 6"])',
        'n2["linear<br>8"]',
        'n3["linear<br>8"]',
        'n4["constant<br>8"]',
        'n5["add<br>8"]',
        "n0 --> n2",
        "n1 --> n3",
        "n2 --> n5",
        "n3 --> n5",
        "n4 --> n5",
    ]


def test_equal_blocks_are_drawn_once() -> None:
    """Four copies in a frame of their own: the box of the first stands for all."""
    written = "".join(mermaid.write(analysed("input: [4]\nlayers:\n  - linear: 4\n    repeat: 4\n")))
    assert written.count("linear") == 1
    assert "linear x4" in written
    assert written.count("-->") == 1


def test_names_in_flow_charts_are_escaped() -> None:
    analysis = analysed('input: [4]\nlayers:\n  - linear: 4\n    as: "end"\n')
    assert 'label="end\\nlinear\\n4"' in "".join(dot.write(analysis))
    assert mermaid._escaped('"]<b>') == "#34;#93;#60;b#62;"
    assert dot._quoted(['a"b\\']) == '"a\\"b\\\\"'
