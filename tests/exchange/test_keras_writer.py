"""`archcalc export --to keras`: functions that ruff leaves as they are, how padding is said, and what is refused."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from inline import analysed

import archcalc
from archcalc.cli import run
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.exchange.code.layers import Alike, Site
from archcalc.exchange.writers import keras
from archcalc.sizes.volume import Volume


def code(text: str) -> str:
    """The code of a spec."""
    written = "".join(keras.write(analysed(text)))
    ast.parse(written)
    return written


def reasons(text: str) -> list[str]:
    """Why a spec is refused: in one finding."""
    with pytest.raises(SpecError) as caught:
        code(text)
    (found,) = caught.value.diagnostics
    assert found.rule == "cannot-write"
    return [note.partition(":")[0] for note in found.notes]


#: Networks that between them have every family of layers.
CATALOGUE = (
    "alexnet",
    "dcgan",
    "densenet40_k12",
    "efficientnet",
    "gpt2",
    "inception_v3",
    "lenet5_1998",
    "llama3_8b",
    "maxvit_t",
    "mixtral_8x7b",
    "resnet50",
    "shufflenet_v2",
    "swin_t",
    "t5",
    "unet",
    "yolov3",
)

ATTENTION = (
    "mode: fused, causal: true, rotary: true, norm: rms, bias: false",
    "mode: fused, kv_heads: 1, causal: true",
    "mode: fused, kv_heads: 1, width: 6, norm: layer",
    "mode: fused, sliding_window: 2, mask: true, out_bias: false",
    "sliding_window: 2, causal: true, dropout: 0.5, mode: separate",
    "relative: 9, mode: separate",
)


def test_code_is_as_ruff_leaves_it(tmp_path: Path) -> None:
    for name in CATALOGUE:
        (tmp_path / f"{name}.py").write_text("".join(keras.write(archcalc.load(name).analyse())))
    for number, more in enumerate(ATTENTION):
        written = code(f"input: [8, 5]\nlayers: [attention: {{heads: 2, {more}}}]\n")
        (tmp_path / f"attention{number}.py").write_text(written)
    for arguments in (("format", "--check"), ("check",)):
        command = [sys.executable, "-m", "ruff", *arguments, "--isolated", "--no-cache", str(tmp_path)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout


def test_a_block_is_a_function_that_names_its_layers() -> None:
    written = code("""
architecture: small
parameters: {classes: 10, image: 8}
input: [3, image, image]
blocks:
  unit(width, stride=1):
    - conv: {out: width, kernel: 1, stride: stride}
    - relu
layers:
  - unit: 8
  - unit: {width: 16, stride: 2}
  - global_avgpool
  - flatten
  - linear: classes
""")
    assert "def unit(x, width, stride=1, *, name):" in written
    assert 'x = layers.Conv2D(width, 1, strides=stride, name=f"{name}-conv")(x)' in written
    assert "def small(classes=10, image=8):" in written
    assert "inputs = keras.Input((image, image, 3))" in written
    assert 'x = unit(x, width=16, stride=2, name="unit2")  # [N, 4, 4, 16]' in written
    assert 'return keras.Model(inputs, x, name="small")' in written


def test_a_repeat_is_a_loop() -> None:
    """Channels grow by 2 a copy, which Keras sees by itself."""
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
    assert '    for i in range(3):\n        x = grow(x, name=f"grow-{i}")' in written


def test_copies_of_a_step_keep_the_numbers_of_the_spec() -> None:
    """Three copies that are alike are a loop, and the fourth is another function."""
    written = code("""
input: [3, 8, 8]
blocks:
  stage(twice):
    - relu:
      when: twice
    - tanh:
      when: not twice
layers:
  - stage: {twice: i < 3}
    repeat: {i: 4}
""")
    assert '    for i in range(3):  # stage.1 to stage.3\n        x = stage(x, name=f"stage1-{i}")' in written
    assert 'x = stage2(x, name="stage4")' in written


def test_what_the_code_fixes_is_named_where_the_code_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Structure depends on `deep`, and on `image`, which two sizes have to be."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "parameters: {width: 8, deep: 3, image: 8}\ninput: [3, image, image]\n"
        "layers:\n  - conv: {out: width, kernel: 3, stride: 2, padding: 1}\n  - relu:\n    repeat: deep\n"
        "  - upsample: {to: [image, image]}\n",
        encoding="utf-8",
    )
    assert run(["export", str(spec), "--to", "keras"]) == 0
    written, said = capsys.readouterr()
    assert "def network(width=8):" in written
    assert written.partition('"""\n\nimport')[0].endswith("for other values:\n\n    deep = 3\n    image = 8\n")
    assert said == "not arguments, but fixed in the code: deep = 3, image = 8\n"


def test_a_layer_that_some_calls_have_is_behind_an_if() -> None:
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
    assert "    shortcut = x\n    if project:\n        shortcut = layers.Conv2D(4, 1, " in written


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ("conv: {out: 4, kernel: 3, padding: 1}", ['layers.Conv2D(4, 3, padding="same", name="conv")']),
        # "same" puts the odd one of three after: [0, 1] for an even size, but [1, 1] is wanted.
        (
            "conv: {out: 4, kernel: 3, stride: 2, padding: 1}",
            ['layers.ZeroPadding2D(1, name="conv-pad")(inputs)', 'layers.Conv2D(4, 3, strides=2, name="conv")'],
        ),
        ("conv: {out: 4, kernel: 3, stride: 2, padding: same}", ['strides=2, padding="same"']),
        ("maxpool: {kernel: 3, stride: 2, padding: 1}", ["ops.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0))", "-inf"]),
        ("maxpool: {kernel: 3, stride: 2, ceil_mode: true}", ["ops.pad(inputs, ((0, 0), (0, 1), (0, 1), (0, 0))"]),
        (
            "avgpool: {kernel: 3, stride: 1, padding: 1}",
            ["layers.ZeroPadding2D(1, ", "AveragePooling2D(3, strides=1, n"],
        ),
        (
            "avgpool: {kernel: 3, stride: 1, padding: 1, count_include_pad: false}",
            ['AveragePooling2D(3, strides=1, padding="same"'],
        ),
    ],
)
def test_padding_is_a_word_where_that_is_what_keras_pads(layers: str, said: list[str]) -> None:
    written = code(f"input: [3, 8, 8]\nlayers: [{layers}]\n")
    assert [text for text in said if text not in written] == []


def test_calls_of_a_block_pad_in_one_way() -> None:
    """The stride of 2 cannot say "same", so that the function pads for all that pad."""
    written = code("""
input: [3, 8, 8]
blocks:
  unit(kernel, stride, padding):
    - conv: {out: 4, kernel: kernel, stride: stride, padding: padding}
layers:
  - unit: {kernel: 3, stride: 1, padding: 1}
  - unit: {kernel: 3, stride: 2, padding: 1}
  - unit: {kernel: 1, stride: 1, padding: 0}
""")
    assert written.count("def unit") == 1
    assert '    if padding:\n        x = layers.ZeroPadding2D(padding, name=f"{name}-conv-pad")(x)\n' in written


def test_a_size_of_the_input_is_an_argument_where_the_code_is_right_for_all() -> None:
    spec = """
parameters: {image: 8}
input: [3, image, image]
layers:
  - conv: {out: 4, kernel: 3, stride: 2, padding: 1}
  - LAYER
  - global_avgpool
"""
    assert "def network(image=8):" in code(spec.replace("LAYER", "relu"))
    # Of 9 pixels the convolution leaves 5, which are enlarged to 9: no whole factor.
    assert "def network():" in code(spec.replace("LAYER", "upsample: {to: [image, image]}"))


def test_shared_weights_are_one_layer() -> None:
    written = code("""
input: [7]
layers:
  - embedding: {count: 11, out: 4}
    as: table
    weights: words
  - linear: {out: 11, bias: false, each_position: true}
    weights: words
""")
    assert 'table = layers.ReversibleEmbedding(11, 4, name="table")' in written
    assert "x = table(x, reverse=True)  # [N, 7, 11]" in written


def test_what_keras_has_not_is_refused_in_one_finding() -> None:
    assert reasons("""
input: [4, 6]
layers:
  - lstm: 4
  - lstm: 4
  - conv: {out: 4, kernel: 2, stride: 2, dilation: 2}
  - {batch_norm: {track: false}}
""") == [
        "the second bias of lstm",
        "a convolution with both stride and dilation",
        "batch normalisation without running statistics",
    ]


def test_layers_have_other_names_than_operations() -> None:
    """Keras calls `ops.pad` "pad", and takes no name twice."""
    written = code("input: [3, 8, 8]\nlayers: [pad: 1, {maxpool: {kernel: 3, stride: 2, padding: 1}}]\n")
    assert 'name="pad_layer"' in written
    assert "ops.pad(" in written


def test_weights_that_functions_would_share_are_refused() -> None:
    assert reasons("""
input: [4]
blocks:
  unit():
    - linear: 4
layers:
  - unit:
    weights: same
  - unit:
    weights: same
""") == ["the weights unit2.linear, which are those of unit1.linear"]


def test_an_ending_that_two_targets_have_tells_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lenet.py"
    assert run(["export", "lenet5", "-o", str(path)]) == 2
    assert "may be code of keras or pytorch: name one with --to" in capsys.readouterr().err
    assert run(["export", "lenet5", "--to", "keras", "-o", str(path)]) == 0
    assert path.read_text().startswith('"""lenet5: Keras')


def test_what_is_asked_of_all_sites_of_a_step_is_asked_once() -> None:
    """Each of a step's many layers asks how all of them are padded."""
    asked: list[Site] = []
    sites = [Site({}, (), (), Volume(size), False, "", False) for size in (1, 2, 3)]
    alike = Alike(sites)

    def holds(site: Site) -> bool:
        asked.append(site)
        return True

    assert [alike.all(holds) for _ in range(4)] == [True] * 4
    assert asked == sites
    assert not alike.all(lambda site: site.output.channels > 1)
