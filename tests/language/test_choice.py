"""What a spec can leave open: conditional values, rows of tables, layers as arguments, branches and joins that go."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline import analysed, layers, summary

import archcalc
from archcalc.language.write import resolve


def names(text: str, **parameters: object) -> list[str]:
    return [row.name for row in analysed(text, **parameters).layers]


def findings(text: str, **parameters: object) -> list[tuple[str, str, str | None]]:
    with pytest.raises(archcalc.SpecError) as caught:
        analysed(text, **parameters)
    return [(d.rule, d.message, d.help) for d in caught.value.diagnostics]


# --- values


def test_a_value_can_depend_on_a_condition() -> None:
    text = "parameters: {wide: true, n: 3}\ninput: [4]\nlayers: [{linear: 2 * n if wide else n // 0}]"
    # the branch that is not taken is not evaluated
    assert analysed(text).layers[0].output.channels == 6
    assert findings(text, wide=False)[0][1] == "division by zero"
    assert findings(text, wide=1)[0][1] == "`and`, `or`, `not` and `if` work on true and false: 1 is neither"


def test_a_slice_is_a_part_of_a_list() -> None:
    text = "parameters: {l: [1, 2, 4, 8], n: 3}\ninput: [4]\nlayers: [{linear: 'sum(l[1:n])'}, {linear: 'sum(l[2:])'}]"
    assert [row.output.channels for row in analysed(text).layers] == [2 + 4, 4 + 8]
    assert findings(text, n=5)[0][1] == "[1:5] is outside a list of 4 (the first is 0)"
    assert findings(text.replace("l[2:]", "l[::2]"))[0][1] == "a slice has a first and a last bound, and no step"


def test_a_column_is_one_value_of_each_row() -> None:
    text = "parameters: {rows: [[8, 2], [4, 3]]}\ninput: [4]\n"
    text += "layers: [{linear: 'sum(column(rows, 0)) + column(rows, 1)[1]'}]"
    assert analysed(text).layers[0].output.channels == 8 + 4 + 3
    assert findings(text, rows=((8, 2), (4,)))[0][1] == "index 1 is outside a list of 1 (the first is 0)"
    assert findings(text, rows=(8, 2))[0][1] == "[ ] picks from a list: 8 is not one"
    assert findings(text, rows=3)[0][1] == "column works on a list of rows: 3 is not one"


# --- rows

STAGES = """
parameters: {rows: [[8, 2], [16, 1, false]]}
input: [4]
blocks:
  stage(width, count, norm=true):
    - linear: width
      repeat: count
    - batch_norm:
      when: norm
layers:
  - stage: rows[i]
    repeat: {i: len(rows)}
"""


def test_a_row_gives_the_arguments_of_a_block_in_order() -> None:
    assert names(STAGES) == ["stage.1/linear.1", "stage.1/linear.2", "stage.1/batch_norm", "stage.2/linear"]
    assert [row.output.channels for row in analysed(STAGES).layers] == [8, 8, 8, 16]


def test_a_list_is_one_argument_where_a_block_needs_no_more() -> None:
    text = "input: [4]\nblocks:\n  b(widths, last=3):\n    - linear: sum(widths) + last\nlayers: [{b: [1, 2]}]"
    assert analysed(text).layers[0].output.channels == 1 + 2 + 3


def test_a_row_fits_the_signature() -> None:
    signature = "it is stage(width, count, norm=true)"
    short, long = STAGES.replace("[8, 2]", "[8]"), STAGES.replace("[8, 2]", "[8, 2, true, 1]")
    assert findings(short) == [("missing-argument", "stage needs `count`", signature)]
    assert findings(long) == [("unknown-attribute", "stage takes 3 arguments, and the list has 4", signature)]
    assert findings(STAGES.replace("rows[i]", "8")) == [("missing-argument", "stage needs `count`", signature)]


# --- layers as arguments

ACTIVATED = """
parameters: {last: silu}
input: [4]
blocks:
  own(rate=0.1):
    - dropout: rate
  hidden(out, act=relu):
    - linear: out
    - act
layers:
  - hidden: 8
  - hidden: {out: 8, act: gelu}
  - hidden: {out: 8, act: own}
  - last
"""


def test_a_layer_or_a_block_can_be_an_argument() -> None:
    assert names(ACTIVATED) == [
        "hidden.1/linear",
        "hidden.1/relu",
        "hidden.2/linear",
        "hidden.2/gelu",
        "hidden.3/linear",
        "hidden.3/own/dropout",
        "silu",
    ]
    assert names(ACTIVATED, last="identity")[-1] == "identity"
    assert names(ACTIVATED, last="own")[-1] == "own/dropout"


def test_what_an_argument_names_takes_attributes() -> None:
    text = ACTIVATED.replace("    - act", "    - act: {rate: 0.2}")
    assert findings(text)[:1] == [("unknown-attribute", "gelu has no attribute `rate`", "it has approximate")]
    assert names(text.replace("act=relu", "act=own").replace("act: gelu", "act: drop_path"))[3] == "hidden.2/drop_path"


def test_a_setting_can_name_a_layer_or_a_block_of_the_spec(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(ACTIVATED, encoding="utf-8")
    assert archcalc.load(f"{spec}:last=own").analyse().layers[-1].layer == "dropout"
    with pytest.raises(archcalc.UsageError, match="a layer or a block: did you mean `identity`"):
        archcalc.load(f"{spec}:last=idenity").analyse()


def test_what_an_argument_names_must_exist() -> None:
    assert findings(ACTIVATED.replace("gelu", "gleu")) == [
        ("unknown-name", "there is no parameter `gleu`", "did you mean `gelu`?")
    ]
    assert findings(ACTIVATED, last=3) == [("unknown-layer", "`last` must name a layer or a block: 3 does not", None)]
    # joins hold branches, which a value cannot bring
    assert findings(ACTIVATED, last="add")[0][0] == "bad-branches"


CELL = """
parameters: {edges: [conv3, identity], rows: [[4, conv3], [6, zero]]}
input: [4, 6, 6]
blocks:
  conv3:
    - conv: {out: channels, kernel: 3, padding: 1}
  edge(operation):
    - operation
  stage(width, operation):
    - conv: {out: width, kernel: 1}
    - operation
layers:
  - edge: edges[i]
    repeat: {i: len(edges)}
  - stage: rows[i]
    repeat: {i: 2}
"""


def test_a_list_or_a_table_can_name_layers_and_blocks() -> None:
    """A search space: each edge is one of several operations."""
    stages = ["stage.1/conv", "stage.1/conv3/conv", "stage.2/conv", "stage.2/zero"]
    assert names(CELL) == ["edge.1/conv3/conv", "edge.2/identity", *stages]
    assert names(CELL, edges=("zero", "conv3", "relu")) == [
        "edge.1/zero",
        "edge.2/conv3/conv",
        "edge.3/relu",
        *stages,
    ]


def test_a_step_is_no_item_of_a_list() -> None:
    hint = "a step is a name: make the layer an argument of a block, `edge(act):` with the step `- act`"
    assert findings(CELL.replace("- edge: edges[i]", "- edges[i]:")) == [
        ("unknown-layer", "there is no layer or block `edges[i]`", hint)
    ]


def test_an_argument_of_another_file_keeps_its_block(tmp_path: Path) -> None:
    (tmp_path / "blocks.yaml").write_text(
        "blocks:\n  act: [relu]\n  twice(f=act):\n    - f\n    - f\n", encoding="utf-8"
    )
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "import: {blocks.yaml: [twice]}\ninput: [3]\nblocks:\n  act: [gelu]\nlayers: [{twice: act}, twice]\n",
        encoding="utf-8",
    )
    assert [row.layer for row in archcalc.load(spec).analyse().layers] == ["gelu", "gelu", "relu", "relu"]


def test_the_name_of_a_step_that_is_left_out_stands_for_the_stream() -> None:
    text = "parameters: {pool: true}\ninput: [4, 6, 6]\nlayers:\n  - conv: {out: 3, kernel: 1}\n"
    text += "  - avgpool: {kernel: 3, stride: 1, padding: 1}\n    when: pool\n    as: last\n"
    text += "  - relu\n  - add: [last, last]\n"
    for pool, source in ((True, "last"), (False, "conv")):
        analysis = analysed(text, pool=pool)
        assert analysis.inputs(analysis.layers[-1]) == [source, source]


@pytest.mark.parametrize(("there", "sources"), [(True, ["s", "r.2"]), (False, ["a", "b"])])
def test_a_step_left_out_stands_for_what_it_would_have_read(there: bool, sources: list[str]) -> None:
    text = "parameters: {there: true}\ninput: [3, 4, 4]\nlayers:\n  - tanh:\n    as: a\n  - sigmoid:\n    as: b\n"
    text += "  - conv: {out: 3, kernel: 1}\n    from: a\n    when: there\n    as: s\n"
    text += "  - relu:\n    from: b\n    repeat: 2\n    when: there\n    as: r\n  - add: [s, r]\n"
    analysis = analysed(text, there=there)
    assert analysis.inputs(analysis.layers[-1]) == sources


def test_of_no_copy_the_name_stands_for_the_stream_and_the_copies_are_none() -> None:
    text = "parameters: {n: 0}\ninput: [3, 4, 4]\nlayers:\n  - tanh:\n    as: a\n"
    text += "  - relu:\n    repeat: n\n    as: r\n  - concat: [r, input, r.*]\n"
    for n, sources in ((0, ["a", "input"]), (2, ["r.2", "input", "r.1", "r.2"])):
        analysis = analysed(text, n=n)
        assert analysis.inputs(analysis.layers[-1]) == sources


def test_of_two_steps_of_a_name_the_one_that_is_there_has_it() -> None:
    text = "parameters: {wide: true}\ninput: [4]\nlayers:\n  - linear: 8\n    when: wide\n    as: body\n"
    text += "  - linear: 6\n    when: not wide\n    as: body\n  - concat: [input, body]\n"
    assert analysed(text).layers[-1].output.channels == 4 + 8
    assert analysed(text, wide=False).layers[-1].output.channels == 4 + 6


# --- branches

RESIDUAL = """
parameters: {stride: 1, out: 8, squeeze: false}
input: [8, 6, 6]
blocks:
  unit(out, stride):
    - add:
        residual:
          - conv: {out: out, kernel: 3, padding: 1, stride: stride}
        shortcut: {when: stride == 1 and channels == out}
layers:
  - unit: [out, stride]
"""


def test_a_join_vanishes_where_one_branch_is_left() -> None:
    assert names(RESIDUAL) == ["unit/residual/conv", "unit/add"]
    assert names(RESIDUAL, stride=2) == ["unit/residual/conv"]
    assert names(RESIDUAL, out=9) == ["unit/residual/conv"]


def test_a_branch_with_a_condition_has_steps() -> None:
    text = """
    parameters: {project: true, keep: true}
    input: [8, 6, 6]
    layers:
      - concat:
          one: {when: keep, steps: [relu]}
          other:
            when: project
            steps:
              - conv: {out: 4, kernel: 1}
    """
    assert names(text) == ["one/relu", "other/conv", "concat"]
    assert names(text, keep=False) == ["other/conv"]
    assert findings(text, keep=False, project=False) == [
        ("bad-branches", "concat has no branch left: the conditions of all are false", None)
    ]
    assert findings(text.replace("keep, steps", "keep, step"))[0] == (
        "bad-branches",
        "a branch has no key `step`",
        "did you mean `steps`?",
    )


def test_what_resolve_writes_has_no_choices_and_the_same_figures() -> None:
    for text in (RESIDUAL, STAGES, ACTIVATED):
        analysis = analysed(text)
        flat = analysed("".join(resolve(analysis.network)))
        assert summary(flat) == summary(analysis)
        assert [row.layer for row in flat.layers] == [row.layer for row in analysis.layers]


# --- names


def test_all_copies_of_a_repeated_step_can_be_named_and_the_steps_in_them() -> None:
    text = """
    input: [4]
    parameters: {n: 3}
    blocks:
      layer(width):
        - linear: width
          as: skip
        - linear: channels(input)
    layers:
      - layer: 5
        as: wave
        repeat: n
      - concat: [wave.*/skip, input, wave.*]
        as: all
      - linear: 2
        from: wave.2/skip
    """
    analysis = analysed(text)
    rows = {row.name: row for row in analysis.layers}
    assert analysis.inputs(rows["all"]) == [
        *(f"wave.{i}/skip" for i in (1, 2, 3)),
        "input",
        *(f"wave.{i}/linear" for i in (1, 2, 3)),
    ]
    assert rows["all"].output.channels == 3 * 5 + 4 + 3 * 4
    assert analysis.inputs(rows["linear"]) == ["wave.2/skip"]
    assert analysed(text, n=2).layers[-2].output.channels == 2 * 5 + 4 + 2 * 4


def test_a_block_has_as_many_outputs_as_it_names() -> None:
    text = """
    input: [3, 8, 8]
    blocks:
      backbone(width):
        - conv: {out: width, kernel: 3, stride: 2, padding: 1}
          as: high
        - conv: {out: 2 * width, kernel: 3, stride: 2, padding: 1}
      model:
        - backbone: 4
          as: body
    layers:
      - model:
        as: model
      - upsample: {to: [4, 4]}
        as: up
      - concat: [model/body/high, up]
    """
    assert analysed(text).layers[-1].output.shape == (4 + 8, 4, 4)


def test_a_join_of_all_copies_vanishes_where_there_is_one() -> None:
    text = "input: [4]\nparameters: {n: 2}\nlayers:\n  - linear: 4\n    as: a\n    repeat: n\n  - add: [a.*]\n"
    assert [row.layer for row in analysed(text).layers] == ["linear", "linear", "add"]
    assert [row.layer for row in analysed(text, n=1).layers] == ["linear"]


def test_a_head_can_be_named_and_a_step_of_its_name_goes_first() -> None:
    steps = "- head: {aux: [{linear: 3}]}\n- linear: 2\n  from: aux\n- linear: 5\n  as: aux\n- relu:\n  from: aux"
    analysis = layers("4", steps)
    # the second linear layer reads the head's 3 values
    assert analysis.layers[1].params == 3 * 2 + 2
    assert analysis.inputs(analysis.layers[-1]) == [analysis.layers[2].name]


def test_copies_are_those_of_a_repeated_step() -> None:
    assert findings("input: [4]\nlayers:\n  - relu:\n    as: a\n  - add: [a.*, input]") == [
        ("unknown-step", "`a` is not repeated: it has no copies", None)
    ]
    assert findings("input: [4]\nlayers:\n  - relu:\n    as: a\n    repeat: 2\n  - linear: 3\n    from: a.*") == [
        ("wrong-inputs", "linear takes 1 input, and `from` names 2", None)
    ]
    assert findings("input: [4]\nlayers:\n  - relu:\n    as: a.*")[0][0] == "bad-name"
