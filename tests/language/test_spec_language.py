"""The spec language: what each construct means, on networks of a few layers."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from inline import analysed, layers

import archcalc
from archcalc.quantities.registry import figure


def names(text: str) -> list[str]:
    return [row.name for row in analysed(text).layers]


def test_layers_are_numbered_only_where_a_name_repeats() -> None:
    text = """
    input: [4]
    blocks:
      pair(n):
        - linear: n
        - relu
    layers:
      - pair: 8
        repeat: 2
      - linear: 3
      - pair: 8
        as: last
    """
    assert names(text) == [
        "pair.1/linear",
        "pair.1/relu",
        "pair.2/linear",
        "pair.2/relu",
        "linear",
        "last/linear",
        "last/relu",
    ]


def test_a_branch_gives_its_name_to_the_path() -> None:
    text = """
    input: [4]
    layers:
      - add:
          residual: [{linear: 4}, relu]
          shortcut: []
    """
    assert names(text) == ["residual/linear", "residual/relu", "add"]


def test_from_takes_another_input_and_input_is_the_networks_own() -> None:
    analysis = layers(
        "4",
        """
        - linear: 8
          as: wide
        - linear: 2
          from: input
        - linear: 3
          from: wide
        """,
    )
    assert [row.params for row in analysis.layers] == [4 * 8 + 8, 4 * 2 + 2, 8 * 3 + 3]


def test_inside_a_block_input_is_the_blocks_own() -> None:
    text = """
    input: [4]
    blocks:
      dense(n):
        - linear: n
          as: new
        - concat: [input, new]
    layers:
      - dense: 3
        repeat: 2
    """
    assert analysed(text).layers[-1].output.shape == (4 + 3 + 3,)


def test_repeat_counts_from_zero() -> None:
    text = """
    input: [4]
    parameters: {widths: [8, 16, 32]}
    layers:
      - linear: "widths[i]"
        repeat: {i: len(widths)}
    """
    assert [row.output.channels for row in analysed(text).layers] == [8, 16, 32]


def test_repeat_chains_and_only_the_first_copy_takes_from() -> None:
    analysis = layers("4", "- linear: 8\n  as: a\n- linear: 2\n- linear: 8\n  from: a\n  repeat: 2")
    assert [row.params for row in analysis.layers][2:] == [72, 72]


def test_when_leaves_a_step_out() -> None:
    text = """
    input: [4]
    parameters: {normalised: false, wide: 3}
    layers:
      - batch_norm:
        when: normalised
      - linear: 7
        when: wide > 2 and not normalised
    """
    assert names(text) == ["linear"]
    assert [r.layer for r in analysed(text, normalised=True).layers] == ["batch_norm"]


def test_arguments_bind_by_name_and_defaults_see_earlier_ones() -> None:
    text = """
    input: [4]
    blocks:
      mlp(hidden, out=2 * hidden):
        - linear: hidden
        - linear: out
    layers:
      - mlp: 8
      - mlp: {out: 3, hidden: 5}
    """
    assert [row.output.channels for row in analysed(text).layers] == [8, 16, 5, 3]


def test_a_block_can_call_itself() -> None:
    # f(n) is a layer beside f(n - 1) twice: FractalNet's rule, 2**n - 1 layers
    text = """
    input: [4]
    parameters: {n: 4}
    blocks:
      fractal(n):
        - linear: 4
          when: n == 1
        - mean:
            short: [{linear: 4}]
            long:
              - fractal: n - 1
                repeat: 2
          when: n > 1
    layers:
      - fractal: n
    """
    analysis = analysed(text)
    assert sum(row.layer == "linear" for row in analysis.layers) == 2**4 - 1
    assert figure(analysis, "depth") == 2**3


def test_heads_end_in_outputs_of_their_own() -> None:
    text = """
    input: [8, 4, 4]
    parameters: {heads: true}
    layers:
      - conv: {out: 8, kernel: 1}
      - head:
          auxiliary: [flatten, {linear: 10}]
        when: heads
      - flatten
      - linear: 5
    """
    analysis = analysed(text)
    ends = {name: analysis.layers[i].output.channels for name, i in analysis.network.outputs.items()}
    assert ends == {"auxiliary": 10, "output": 5}
    assert list(analysed(text, heads=False).network.outputs) == ["output"]


def test_words_are_never_read_as_yaml_1_1_reads_them() -> None:
    # `1x1: no`, `12:30` and `on` would be False, 750 and True
    text = "architecture: no\nsource: 12:30\ninput: [4]\nparameters: {on: 3}\nlayers: [{linear: on}]\n"
    analysis = analysed(text)
    assert analysis.architecture == "no"
    assert analysis.network.document.citation == "12:30"
    assert analysis.layers[0].output.channels == 3


def test_decimals_are_exact_fractions() -> None:
    text = "input: [4]\nparameters: {alpha: 0.7, n: 10}\nlayers: [{linear: alpha * n}, {linear: floor(alpha * 3)}]\n"
    analysis = analysed(text)
    assert analysis.network.parameters["alpha"] == Fraction(7, 10)
    assert [row.output.channels for row in analysis.layers] == [7, 2]


def test_parameters_can_follow_from_each_other() -> None:
    text = "input: [4]\nparameters: {width: 8, out: 2 * width}\nlayers: [{linear: out}]\n"
    assert analysed(text).layers[0].output.channels == 16
    assert analysed(text, width=3).layers[0].output.channels == 6


def test_imported_blocks_see_the_names_of_their_own_file(tmp_path: Path) -> None:
    (tmp_path / "blocks.yaml").write_text(
        "parameters: {width: 5}\nblocks:\n  inner:\n    - linear: width\n  outer:\n    - inner\n", encoding="utf-8"
    )
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "import: {blocks.yaml: [outer]}\nparameters: {width: 9}\ninput: [4]\nlayers: [outer, {linear: width}]\n",
        encoding="utf-8",
    )
    assert [row.output.channels for row in archcalc.load(spec).analyse().layers] == [5, 9]


def test_blocks_of_the_catalogue_can_be_imported_from_anywhere(tmp_path: Path) -> None:
    spec = tmp_path / "mine.yaml"
    text = "import: {resnet/blocks.yaml: [classifier]}\ninput: [8, 4, 4]\nlayers:\n  - classifier: 10\n"
    spec.write_text(text, encoding="utf-8")
    assert archcalc.load(spec).figure("params") == 8 * 10 + 10
    own = tmp_path / "resnet"
    own.mkdir()
    (own / "blocks.yaml").write_text("blocks:\n  classifier(n):\n    - flatten\n    - linear: n\n", encoding="utf-8")
    assert archcalc.load(spec).figure("params") == 8 * 16 * 10 + 10  # the file beside the spec comes first


@pytest.mark.parametrize("path", ["resnet/../../pyproject.yaml", "resnet/../../../blocks.yaml", "/resnet/blocks.yaml"])
def test_no_import_leaves_the_catalogue(path: str, tmp_path: Path) -> None:
    spec = tmp_path / "mine.yaml"
    spec.write_text(f"import: {{{path}: [stem]}}\ninput: [8]\nlayers: [relu]\n", encoding="utf-8")
    with pytest.raises(archcalc.SpecError) as caught:
        archcalc.load(spec)
    assert [found.rule for found in caught.value.diagnostics] == ["import-escapes"]


def test_an_import_chain_that_returns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("import: {b.yaml: [x]}\ninput: [3]\nlayers: [relu]\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("import: {a.yaml: [x]}\nblocks:\n  x: [relu]\n", encoding="utf-8")
    with pytest.raises(archcalc.SpecError, match="imported while it is being read"):
        archcalc.load(tmp_path / "a.yaml")


def test_a_spec_names_its_settings() -> None:
    assert archcalc.load("resnet50:image=288").expand().input.shape == (3, 288, 288)
    assert archcalc.load("resnet50", image=288).expand().input.shape == (3, 288, 288)
    with pytest.raises(archcalc.UsageError, match="did you mean `image`"):
        archcalc.load("resnet50:imge=288").expand()
    with pytest.raises(archcalc.UsageError, match="did you mean `googlenet`"):
        archcalc.load("googelnet")
    with pytest.raises(archcalc.UsageError, match="not a setting"):
        archcalc.load("resnet50:288")
    with pytest.raises(archcalc.UsageError, match="not a value"):
        archcalc.load("resnet50:image=2 +")


def test_a_block_takes_other_inputs_by_the_names_that_it_has_for_them() -> None:
    text = """
    input: [8, 6]
    blocks:
      decode(heads):
        - add:
            attended:
              - attention: heads
                from: [queries, memory]
            kept:
              - identity:
                from: queries
      layer(heads):
        - decode: heads
          from: {queries: input, memory: memory}
    layers:
      - conv: {out: 8, kernel: 3}
        as: encoded
      - layer: 2
        from: {input: input, memory: encoded}
        repeat: 2
    """
    analysis = analysed(text)
    attention = [row for row in analysis.layers if row.layer == "attention"]
    assert [[v.shape for v in analysis.input_volumes(row)] for row in attention] == [[(8, 6), (8, 4)]] * 2
    assert analysis.inputs(attention[1]) == ["layer.1/decode/add", "encoded"]


def test_the_copies_of_a_repeated_step_can_be_named() -> None:
    steps = "- linear: 4\n  as: step\n  repeat: 3\n- add: [step.1, step.2, step]"
    analysis = layers("4", steps)
    assert analysis.inputs(analysis.layers[-1]) == ["step.1", "step.2", "step.3"]


def test_input_means_the_blocks_own_also_inside_its_branches() -> None:
    steps = "- linear: 4\n- add:\n    a:\n      - linear: 4\n        from: input\n    b: []"
    analysis = layers("4", steps)
    assert [analysis.inputs(row) for row in analysis.layers] == [["input"], ["input"], ["a/linear", "linear"]]
