"""Folding is the inverse of resolving: what is expanded from the folded spec is the network, node for node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc import api, catalogue
from archcalc.cli import group
from archcalc.diagnostics.diagnostic import Source
from archcalc.exchange import folded
from archcalc.language.expand import expand
from archcalc.language.folding import fold
from archcalc.language.network import Network, Node
from archcalc.language.read import read_document

MODELS = Path(__file__).parent.parent / "data" / "exchange"


def read(text: str) -> Network:
    return expand(read_document(Source("folded.yaml", text), Path("folded.yaml")))


def facts(network: Network) -> list[tuple[Any, ...]]:
    """Each node without its name: layer, attributes (those with their default too), inputs, whether it is trained, and
    the first node with which it shares weights."""
    sharing: dict[Any, int] = {}
    return [
        (
            node.layer.name,
            _attributes(node),
            node.inputs,
            node.trainable,
            node.tied and sharing.setdefault(node.tied, node.index),
        )
        for node in network.nodes
    ]


def _attributes(node: Node) -> dict[str, Any]:
    return {name: node.attributes.get(name, known.default) for name, known in node.layer.attributes.items()}


def folds(network: Network) -> str:
    """The folded text, once the laws are seen to hold."""
    text = "".join(fold(network))
    again = read(text)
    assert facts(again) == facts(network)
    assert again.outputs == network.outputs
    assert again.inputs == network.inputs
    assert "".join(fold(again)) == text
    return text


@pytest.mark.parametrize("name", sorted(catalogue.names()))
def test_every_spec_of_the_catalogue_is_folded_to_itself(name: str) -> None:
    folds(api.load(name).expand())


@pytest.mark.parametrize(
    ("name", "layers", "most"),
    [
        ("resnet152", 515, 60),
        ("inception_v3", 314, 120),
        ("vgg16", 40, 32),
        ("densenet121", 427, 42),
        ("swin_t", 205, 80),
    ],
)
def test_a_long_network_is_a_short_spec(name: str, layers: int, most: int) -> None:
    network = api.load(name).expand()

    assert len(network.nodes) == layers
    assert folds(network).count("\n") <= most


def test_the_text_without_blocks_is_folded_to_the_same_structure() -> None:
    # No names to go by: repetition alone says what a block is.
    flat = CliRunner().invoke(group, ["resolve", "vgg16"]).output

    text = folds(read(flat))

    assert text[text.index("blocks:") :] == (
        """\
blocks:
  stage(out, times):
    - conv_relu: out
      repeat: times
    - maxpool: 2

  conv_relu(out):
    - conv: {out: out, kernel: 3, padding: 1}
    - relu

layers:
  - stage: {out: 64, times: 2}
  - stage: {out: 128, times: 2}
  - stage: {out: 256, times: 3}
  - stage: {out: 512, times: 3}
    repeat: 2
  - adaptive_avgpool: 7
  - flatten
  - linear: 4096
  - relu
  - dropout
  - linear: 4096
  - relu
  - dropout
  - linear: 1000
"""
    )


def test_a_block_is_the_same_behind_the_first_layer_as_behind_any_other() -> None:
    layer = """
  - add:
      shortcut: []
      residual: [batch_norm, conv: {out: 4, kernel: 3, padding: 1}]
  - add:
      shortcut: []
      residual: [relu: {inplace: false}, conv: {out: 4, kernel: 1}]
"""

    text = folds(read("input: [3, 8, 8]\nlayers:\n  - conv: {out: 4, kernel: 1}" + 3 * layer))

    assert text.endswith("layers:\n  - conv: {out: 4, kernel: 1}\n  - residual:\n    repeat: 3\n")


def test_layers_that_are_not_trained_stay_so() -> None:
    layer = """
  - conv: {out: 4, kernel: 3, padding: 1}
    trainable: false
  - batch_norm:
  - relu:
"""
    trained = layer.replace("    trainable: false\n", "")

    text = folds(read("input: [4, 8, 8]\nlayers:" + 3 * layer + trained))

    assert text[text.index("blocks:") :] == (
        """\
blocks:
  conv_bn_relu:
    - conv: {out: 4, kernel: 3, padding: 1}
      trainable: false
    - batch_norm
    - relu

layers:
  - conv_bn_relu:
    repeat: 3
  - conv: {out: 4, kernel: 3, padding: 1}
  - batch_norm
  - relu
"""
    )


DENSE = """
input: [4, 8, 8]
layers:
  - conv: {out: 8, kernel: 1}
    as: stem
  - dense: 3
    as: layer
    from: {maps: [stem, layer.*]}
    repeat: 3
  - concat: [stem, layer.*]
  - relu:
    as: other
  - dense: 5
    as: more
    from: {maps: [other, more.*]}
    repeat: 2
  - concat: [other, more.*]
blocks:
  dense(out):
    - concat: [maps.*]
    - conv: {out: out, kernel: 3, padding: 1}
    - relu
"""


def test_steps_that_read_all_copies_before_them_are_repeated() -> None:
    text = folds(read(DENSE))

    assert text[text.index("blocks:") :] == (
        """\
blocks:
  dense(out):
    - concat: [earlier.*]
    - conv: {out: out, kernel: 3, padding: 1}
    - relu

layers:
  - conv: {out: 8, kernel: 1}
    as: stem
  - dense: 3
    as: dense
    from: {earlier: [stem, dense.*]}
    repeat: 3
  - concat: [stem, dense.*]
  - relu:
    as: other
  - dense: 5
    as: dense2
    from: {earlier: [other, dense2.*]}
    repeat: 2
  - concat: [other, dense2.*]
"""
    )


@pytest.mark.parametrize(
    "change",
    [
        # another layer reads a copy, or all of them in another order
        ("- dense: 5", "- conv: {out: 1, kernel: 1}\n    from: layer.2\n  - dense: 5"),
        ("concat: [stem, layer.*]", "concat: [layer.*, stem]"),
        ("    - relu\n", "    - relu\n    - add: {a: [], b: [conv: {out: out, kernel: 1}]}\n"),
    ],
)
def test_copies_that_are_read_otherwise_are_still_folded_to_the_same_network(change: tuple[str, str]) -> None:
    assert change[0] in DENSE
    folds(read(DENSE.replace(*change)))


def test_widths_that_are_multiples_of_one_another_are_one_parameter() -> None:
    text = folds(api.load("resnet50").expand())

    assert "bottleneck(out):" in text
    assert "conv: {out: 4 * out, kernel: 1, bias: false}" in text


def test_several_inputs_keep_their_names() -> None:
    text = "inputs: {left: [4], right: [6]}\nlayers:\n  - linear: 8\n    as: one\n  - linear: 8\n    from: right\n"
    text += "    as: two\n  - add: [one, two]\n  - concat: [add, right]\n".replace("add,", "one,")
    assert folds(read(text)).partition("inputs:")[2] == (
        """
  left: [4]
  right: [6]

layers:
  - linear: 8
    as: one
  - linear: 8
    as: two
    from: right
  - add: [one, two]
  - concat: [one, right]
"""
    )


def test_a_layer_that_is_called_as_an_input_is_gets_another_name() -> None:
    text = "inputs: {image: [4, 6], flatten: [24]}\nblocks:\n  body:\n    - flatten\nlayers:\n  - body:\n    as: one\n"
    text += "  - add: [one, flatten]\n"
    assert "- flatten:\n    as: flatten2\n" in folds(read(text))


def test_heads_weights_and_names_survive() -> None:
    spec = """
input: [8, 16, 16]
blocks:
  output: []
layers:
  - conv: {out: 8, kernel: 3, padding: 1}
    as: low
  - conv: {out: 8, kernel: 3, padding: 1}
    weights: shared
  - head: {early: [{global_avgpool: }, flatten, {linear: 2}]}
  - maxpool: 2
    as: high
  - upsample: 2
  - conv: {out: 8, kernel: 3, padding: 1}
    weights: shared
    as: up
  - concat: [low, up, low]
  - head: {late: []}
  - relu
  - output:
    from: high
"""
    folds(read(spec))


def test_a_join_keeps_its_attributes() -> None:
    spec = """
input: [8, 16, 16]
layers:
  - concat:
      high: [{conv: {out: 8, kernel: 3, padding: 1}}, relu]
      low: [{conv: {out: 8, kernel: 3, padding: 1}}, relu]
    axis: height
  - concat:
      high: [{conv: {out: 8, kernel: 3, padding: 1}}, relu]
      low: [{conv: {out: 8, kernel: 3, padding: 1}}, relu]
    axis: width
"""
    assert "    axis: height" in folds(read(spec)) or "axis: axis" in folds(read(spec))


@st.composite
def graphs(draw: st.DrawFn) -> str:
    """A spec of steps that read any of the values before them: most of it is no tree of branches."""
    lines = ["input: [4, 8, 8]", "blocks:", "  output: []", "layers:", "  - identity:", "    as: v0"]
    values = 1
    for _ in range(draw(st.integers(1, 25))):
        kind = draw(st.sampled_from(["conv", "conv", "relu", "sigmoid", "add", "add", "multiply", "head"]))
        recent = st.integers(max(0, values - draw(st.sampled_from([1, 2, 6]))), values - 1)
        read = [f"v{draw(recent)}" for _ in range(draw(st.integers(2, 3)))]
        if kind == "head":
            lines += [f"  - head: {{h{len(lines)}: []}}", f"    from: {read[0]}"]
            continue
        if kind == "conv":
            padding = draw(st.sampled_from([0, 1]))
            lines += [
                f"  - conv: {{out: {draw(st.sampled_from([4, 8]))}, kernel: {1 + 2 * padding}, padding: {padding}}}"
            ]
        elif kind in ("relu", "sigmoid"):
            lines += [f"  - {kind}:"]
        else:
            lines += [f"  - {kind}: [{', '.join(read)}]"]
        lines += [f"    as: v{values}"]
        if kind not in ("add", "multiply"):
            lines += [f"    from: {read[0]}"]
        if kind == "conv" and draw(st.integers(0, 5)) == 0:
            lines += ["    weights: shared"]
        values += 1
    lines += ["  - output:", f"    from: v{draw(st.integers(0, values - 1))}"]
    return "\n".join(lines) + "\n"


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_any_graph_is_folded_to_itself(spec: str) -> None:
    folds(read(spec))


@pytest.mark.parametrize("name", ["resnet", "densenet", "shufflenet", "mobilenet", "squeezenet", "tied", "two_heads"])
def test_a_model_is_folded_to_itself(name: str) -> None:
    path = MODELS / f"{name}.pt2"
    network = api.load(path).expand()

    text = "".join(folded(path, path.name))

    assert facts(read(text)) == facts(network)
    assert read(text).outputs == network.outputs


def test_blocks_of_a_model_are_named_after_its_classes() -> None:
    text = CliRunner().invoke(group, ["import", str(MODELS / "squeezenet.pt2")]).output

    assert "\n  fire(" in text


def test_joins_inside_joins_are_named_where_they_lie_too_deep() -> None:
    # 40 sums, each of which begins at the same value as all before it.
    lines = ["input: [4, 8, 8]", "layers:", "  - relu:", "    as: v0"]
    for number in range(1, 41):
        lines += ["  - sigmoid:", f"    as: s{number}", f"  - add: [s{number}, v0]", f"    as: v{number}"]

    folds(read("\n".join(lines) + "\n"))
