"""What is legal and suspicious: for each rule a spec that has it, and near ones that do not."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from archcalc.commands.check.run import check
from archcalc.commands.check.targets import targets
from archcalc.diagnostics.diagnostic import Diagnostic
from archcalc.diagnostics.rules import rules


def warned(folder: Path, text: str, blocks: str = "") -> list[Diagnostic]:
    """The findings about a spec, which must all be warnings."""
    if blocks:
        (folder / "blocks.yaml").write_text(dedent(blocks), encoding="utf-8")
    path = folder / "spec.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    (found,) = check(targets([str(path)]))
    assert {finding.severity for finding in found.findings} <= {"warning"}, found.findings
    return found.findings


def steps(folder: Path, text: str, volume: str = "3, 224, 224") -> list[tuple[str, str]]:
    """Rule and message of each finding about a list of steps."""
    found = warned(folder, f"input: [{volume}]\nlayers:\n{indent(dedent(text), '  ')}")
    return [(finding.rule, finding.message) for finding in found]


def test_a_stride_that_drops_a_remainder(tmp_path: Path) -> None:
    # (224 - 11) // 4 + 1 = 54 windows; the last ends at 53 * 4 + 11 = 223.
    assert steps(tmp_path, "- conv: {out: 96, kernel: 11, stride: 4}") == [
        (
            "stride-drops-remainder",
            "the stride drops the last 1 of 224 positions: 54 windows of 11 at stride 4 see 223",
        )
    ]


@pytest.mark.parametrize(
    "step",
    [
        "conv: {out: 96, kernel: 11, stride: 4, padding: [[1, 2], [1, 2]]}",  # AlexNet: (224 - 11 + 3) / 4 is whole
        "conv: {out: 64, kernel: 7, stride: 2, padding: 3}",  # ResNet: what is dropped is padding
        "conv: {out: 64, kernel: 1, stride: 2}",  # a shortcut: the stride skips on purpose
        "conv: {out: 64, kernel: 3, stride: 2, padding: same}",
        "maxpool: 2",
        "maxpool: {kernel: 3, stride: 2, ceil_mode: true}",
        "adaptive_avgpool: 6",
        "subsample: 2",
        "conv_transpose: {out: 8, kernel: 2, stride: 2}",
    ],
)
def test_a_stride_that_drops_nothing_of_the_input(tmp_path: Path, step: str) -> None:
    assert steps(tmp_path, f"- {step}") == []


def test_an_output_that_nobody_uses(tmp_path: Path) -> None:
    text = """
    - conv: {out: 8, kernel: 1}
      as: first
    - conv: {out: 8, kernel: 1}
      as: forgotten
    - relu:
      from: first
    """
    assert steps(tmp_path, text) == [("unused-output", "nothing reads the output of `forgotten`")]


def test_a_head_is_an_output_and_not_unused(tmp_path: Path) -> None:
    text = """
    - conv: {out: 8, kernel: 1}
    - head:
        side:
          - global_avgpool
    - relu
    """
    assert steps(tmp_path, text) == []


def test_a_bias_before_batch_normalisation(tmp_path: Path) -> None:
    found = steps(tmp_path, "- conv: {out: 8, kernel: 1}\n- batch_norm")

    assert found == [
        ("bias-before-batch-norm", "the bias is lost in the batch normalisation behind it: 8 parameters do nothing")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "- conv: {out: 8, kernel: 1, bias: false}\n- batch_norm",
        "- conv: {out: 8, kernel: 1}\n- relu\n- batch_norm",
        # the sum reads the convolution too, with its bias
        "- conv: {out: 3, kernel: 1}\n- add: {norm: [batch_norm], same: []}",
    ],
)
def test_a_bias_that_matters(tmp_path: Path, text: str) -> None:
    assert steps(tmp_path, text) == []


def test_a_window_that_sees_only_padding(tmp_path: Path) -> None:
    ((rule, _),) = steps(tmp_path, "- conv: {out: 8, kernel: 1, padding: 1}")

    assert rule == "window-sees-only-padding"
    assert steps(tmp_path, "- conv: {out: 8, kernel: 3, padding: 2}") == []


def test_an_image_whose_channels_are_written_last(tmp_path: Path) -> None:
    message = "[32, 32, 3] is 32 channels of 32x3 positions: channels come first, and 32x32x3 is written [3, 32, 32]"

    assert steps(tmp_path, "- conv: {out: 8, kernel: 3, padding: 1}", "32, 32, 3") == [("channels-last", message)]
    (found,) = warned(tmp_path, "input: [480, 640, 3]\nlayers:\n  - maxpool: {kernel: 3, stride: 1}")
    assert found.place is not None
    assert (found.place.line, found.place.column) == (1, 8)


@pytest.mark.parametrize(
    ("volume", "step"),
    [
        ("3, 32, 32", "conv: {out: 8, kernel: 3, padding: 1}"),
        ("32, 4, 4", "conv: {out: 8, kernel: 3, padding: 1}"),  # a small map of features
        ("64, 128, 1", "conv: {out: 8, kernel: [3, 1]}"),  # a sequence as a map: no window lies along its width
        ("32, 32, 3", "transpose: [1, 2, 0]"),  # a model that takes its channels last, and turns them
        ("32, 128, 3", "flatten"),
    ],
)
def test_an_input_that_only_looks_like_an_image(tmp_path: Path, volume: str, step: str) -> None:
    assert steps(tmp_path, f"- {step}", volume) == []


def test_a_network_that_does_not_fit_an_image_with_its_channels_last_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("input: [28, 28, 1]\nlayers:\n  - conv: {out: 8, kernel: 3}\n", encoding="utf-8")

    (found,) = check(targets([str(path)]))

    (error,) = found.findings
    assert error.rule == "kernel-fits"
    assert error.notes[-1].startswith("[28, 28, 1] is 28 channels of 28x1 positions")


def test_an_activation_that_is_repeated(tmp_path: Path) -> None:
    assert steps(tmp_path, "- relu\n- relu") == [("repeated-activation", "relu follows relu and changes nothing")]
    assert steps(tmp_path, "- tanh\n- tanh\n- relu\n- sigmoid") == []


def test_unused_blocks_imports_and_parameters(tmp_path: Path) -> None:
    found = warned(
        tmp_path,
        """
        parameters: {width: 8, depth: 3}
        import: {blocks.yaml: [used, unused]}
        input: [3, 8, 8]
        blocks:
          inner(out, stride=1):
            - conv: {out: out, kernel: 1}
          outer(width):
            - inner: width
          lonely:
            - relu
        layers:
          - outer: width
          - used
        """,
        blocks="""
        blocks:
          used:
            - relu
          unused:
            - relu
        """,
    )

    assert [(finding.rule, finding.message, finding.place.line) for finding in found if finding.place] == [
        ("unused-parameter", "the spec does not use its parameter `depth`", 2),
        ("unused-import", "nothing calls the imported block `unused`", 3),
        ("unused-parameter", "the block `inner` does not use its parameter `stride`", 6),
        ("unused-block", "nothing calls the block `lonely`", 10),
    ]


def test_a_block_that_a_claim_sets_is_used(tmp_path: Path) -> None:
    text = """
    parameters: {act: relu}
    input: [3]
    blocks:
      own: [tanh]
      other: [sigmoid]
    layers: [act]
    expect:
      params: [0, {value: 0, with: {act: own}, note: other}]
    """
    assert [finding.message for finding in warned(tmp_path, text)] == ["nothing calls the block `other`"]


def test_a_parameter_is_not_used_by_a_block_that_has_one_of_its_own(tmp_path: Path) -> None:
    found = warned(
        tmp_path,
        """
        parameters: {width: 8}
        input: [3, 8, 8]
        blocks:
          narrow(width):
            - conv: {out: width, kernel: 1}
        layers:
          - narrow: 4
        """,
    )

    assert [finding.message for finding in found] == ["the spec does not use its parameter `width`"]


def test_parameters_are_used_by_other_parameters_conditions_repeats_and_branches(tmp_path: Path) -> None:
    found = warned(
        tmp_path,
        """
        parameters: {image: 8, half: image // 2, convs: 2, deep: true}
        input: [3, half, half]
        layers:
          - add:
              left:
                - relu:
                  repeat: convs
                  when: not deep
              right: []
        """,
    )

    assert found == []


def test_a_file_of_blocks_may_have_blocks_that_it_does_not_call(tmp_path: Path) -> None:
    assert warned(tmp_path, "blocks:\n  lonely(out):\n    - conv: {out: out, kernel: 1}\n") == []


def test_a_warning_in_an_imported_block_stands_at_the_call(tmp_path: Path) -> None:
    (found,) = warned(
        tmp_path,
        """
        import: {blocks.yaml: [downsample]}
        input: [3, 9, 9]
        layers:
          - downsample
        """,
        blocks="""
        blocks:
          downsample:
            - maxpool: 2
        """,
    )

    assert found.place is not None
    assert found.place.source.name.endswith("spec.yaml")
    assert found.place.line == 5
    assert found.notes[0] == "at `downsample/maxpool`, input: 9x9x3"


def test_many_copies_of_a_step_are_warned_of_once(tmp_path: Path) -> None:
    text = """
    - conv: {out: 8, kernel: 1}
      repeat: 5
    """
    assert steps(tmp_path, text) == []
    assert len(steps(tmp_path, "- conv: {out: 8, kernel: 1, padding: 1}\n  repeat: 5")) == 1


def test_weights_that_are_tied_to_nothing(tmp_path: Path) -> None:
    once = ("weights-used-once", "weights `w` are used once: they are shared with nothing")
    assert steps(tmp_path, "- linear: 3\n  weights: w", "3") == [once]
    assert steps(tmp_path, "- linear: 3\n  weights: w\n- linear: 3\n  weights: w", "3") == []
    assert steps(tmp_path, "- linear: 3\n  weights: w\n  repeat: 2", "3") == []
    nothing = ("weights-of-nothing", "weights `w` are of nothing: relu has no parameters")
    assert steps(tmp_path, "- relu:\n  weights: w\n- linear: 3", "3") == [nothing]
    # A block that is tied may hold layers without parameters.
    block = "blocks:\n  pair:\n    - linear: 3\n    - relu\ninput: [3]\nlayers:\n  - pair:\n    weights: w\n"
    assert warned(tmp_path, block + "  - pair:\n    weights: w\n") == []
    assert [each.rule for each in warned(tmp_path, block)] == ["weights-used-once"]


def test_a_model_file_that_lacks_something_of_its_model() -> None:
    """An auxiliary classifier, in a model exported for inference: 32 * 10 weights and 10 biases."""
    model = Path(__file__).parent.parent / "data" / "exchange" / "two_heads_eval.pt2"

    (found,) = check(targets([str(model)]))

    said = [(each.severity, each.message) for each in found.findings if each.rule == "incomplete-model"]
    assert said[1:] == [("warning", "330 parameters take no part in the forward pass: those of aux")]
    assert said[0][1].startswith("exported in eval()")


def test_an_unknown_operation_is_left_out_of_the_totals(tmp_path: Path) -> None:
    (found,) = steps(tmp_path, "- unknown: [8, 4]", "3")
    assert found == ("left-out", "`unknown` is not known: totals leave out what it computes and saves")


def test_every_rule_is_tested_here() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")

    assert [name for name, rule in rules().items() if rule.severity == "warning" and f'"{name}"' not in tested] == []
