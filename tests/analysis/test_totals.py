"""The figures of a network's layers: on small numbers, with the arithmetic shown."""

from __future__ import annotations

import warnings
from inspect import currentframe

import pytest
from inline import analysed, layers

from archcalc.analysis.interpret import out_of_place
from archcalc.analysis.main_layer import main_layer
from archcalc.analysis.roofline import bound, bytes_moved, seconds
from archcalc.devices import Card
from archcalc.diagnostics.diagnostic import LeftOut, SpecError
from archcalc.language.expand import MAX_ERRORS


@pytest.mark.parametrize(
    ("step", "kernel"),
    [
        ("conv: {out: 4, kernel: 11, stride: 4}", "11x11 /4"),
        ("conv: {out: 4, kernel: [3, 5], stride: [2, 1]}", "3x5 /2x1"),
        ("conv: {out: 4, kernel: 3, stride: [2, 2]}", "3x3 /2"),
        ("conv: {out: 4, kernel: 3}", "3x3"),
        ("maxpool: 2", "2x2 /2"),
        ("maxpool: {kernel: 3, stride: 1}", "3x3"),
        ("relu", None),
    ],
)
def test_a_window_is_written_as_papers_write_it(step: str, kernel: str | None) -> None:
    assert layers("4, 12, 12", f"- {step}").layers[0].kernel == kernel


def test_a_window_of_one_axis_is_written_with_its_one_stride() -> None:
    assert layers("4, 12", "- conv: {out: 4, kernel: 3, stride: 2}").layers[0].kernel == "3 /2"


def test_depth_is_the_longest_way_through_weighted_layers() -> None:
    # Two convolutions in one branch and one in the other, and a linear layer behind; the head is not on the way.
    steps = """
        - add:
            long: [conv: {out: 2, kernel: 1}, batch_norm, conv: {out: 4, kernel: 1}]
            short: [conv: {out: 4, kernel: 1}]
        - head:
            side: [conv: {out: 4, kernel: 1}, conv: {out: 4, kernel: 1}]
        - flatten
        - linear: 3
    """
    assert layers("4, 2, 2", steps).depth == 3
    assert layers("4", "- learned: {shape: [3]}\n- linear: 3").depth == 1
    assert analysed("parameters: {deep: false}\ninput: [3]\nlayers:\n  - relu:\n    when: deep").depth == 0


def test_flops_are_two_for_a_product_and_one_for_anything_else() -> None:
    [row] = layers("4, 3, 3", "- conv: {out: 2, kernel: 3}").layers
    assert (row.macs, row.operations, row.flops) == (72, 2, 2 * 72 + 2)
    assert (row.output_bytes, row.activation_bytes) == (4 * 2, 4 * 2)
    assert row.has_weights
    [norm] = layers("4, 3, 3", "- batch_norm").layers
    assert not norm.has_weights


@pytest.mark.parametrize(("step", "added"), [("tanh", 4 * 36), ("flatten", 0), ("relu: {inplace: true}", 0)])
def test_a_view_and_what_works_in_place_add_no_activations(step: str, added: int) -> None:
    assert layers("4, 3, 3", f"- linear: {{out: 4, each_position: true}}\n- {step}").layers[1].activation_bytes == added


def test_shared_weights_are_counted_where_they_come_first() -> None:
    first, second, own = layers("4", "- linear: 4\n  weights: w\n- linear: 4\n  weights: w\n- linear: 4").layers
    assert [row.params for row in (first, second, own)] == [20, 0, 20]
    assert [row.shares for row in (first, second, own)] == [False, True, False]


@pytest.mark.parametrize(
    ("second", "message", "notes"),
    [
        ("linear: {out: 5, each_position: true}", "shared weights must have the same shape: weight is 5x4 here", "4x4"),
        ("conv: {out: 4, kernel: 1}", "shared weights must have the same shape: weight is 4x4x1x1 here", "4x4"),
    ],
)
def test_weights_of_two_shapes_are_not_shared(second: str, message: str, notes: str) -> None:
    with pytest.raises(SpecError) as caught:
        layers("4, 2, 2", f"- linear: {{out: 4, each_position: true}}\n  weights: w\n- {second}\n  weights: w")
    [finding] = caught.value.diagnostics
    assert finding.message == message
    assert finding.notes[0] == f"the first layer with these weights has {notes}"


def test_weights_of_two_lengths_are_not_shared() -> None:
    wider = "- layer_norm:\n  weights: w\n- linear: {out: 8, each_position: true}\n- layer_norm:\n  weights: w"
    with pytest.raises(SpecError) as caught:
        layers("4, 2", wider)
    [finding] = caught.value.diagnostics
    assert finding.message == "shared weights must have the same shape: weight is 8 here"
    assert finding.notes[0] == "the first layer with these weights has 4"


def test_weights_that_differ_are_told_with_the_way_to_them() -> None:
    spec = """
        input: [4]
        layers:
          - first:
            weights: w
          - second:
            weights: w
        blocks:
          first: [linear: {{out: {}}}]
          second: [linear: {{out: 4}}]
    """
    for out, trainable in ((4, "false"), (5, "true")):
        text = spec.format(out).replace("- second:", f"- second:\n            trainable: {trainable}")
        with pytest.raises(SpecError) as caught:
            analysed(text)
        [finding] = caught.value.diagnostics
        assert len(finding.notes) == 2
        assert "second" in finding.notes[1]


def test_shared_weights_are_trained_in_all_their_uses_or_in_none() -> None:
    with pytest.raises(SpecError) as caught:
        layers("4", "- linear: 4\n  weights: w\n- linear: 4\n  weights: w\n  trainable: false")
    [finding] = caught.value.diagnostics
    assert finding.message == "shared weights are trained in all their uses or in none: weight is not in one of two"
    assert finding.notes == ("the other use is `linear.1`",)


def test_what_works_in_place_can_be_made_anew() -> None:
    interpretation = layers("4, 3, 3", "- conv: {out: 2, kernel: 3}\n- relu: {inplace: true}").interpretation
    assert [outcome.storage for outcome in interpretation.outcomes] == ["new", "inplace"]
    assert [outcome.storage for outcome in out_of_place(interpretation, [1]).outcomes] == ["new", "new"]


def test_layers_that_are_alike_are_told_once() -> None:
    analysis = layers("4", "- linear: 4\n- linear: 4\n- relu\n- linear: 4\n  weights: w")
    assert [(row.name, count) for row, count in analysis.alike] == [("linear.1", 2), ("relu", 1), ("linear.3", 1)]
    assert analysis.operations_by_role == {"bias": 3 * 4, "activation": 4}


@pytest.mark.parametrize(
    ("count", "named"),
    [(1, "unknown operations (`unknown`)"), (2, "(`unknown.1` and 1 more)"), (3, "(`unknown.1` and 2 more)")],
)
def test_operations_that_are_not_known_are_counted_in_a_warning(count: int, named: str) -> None:
    analysis = layers("4", "- unknown: {shape: [4]}\n" * count)
    assert len(analysis.unknown) == count

    def asked() -> None:
        analysis.warn()

    line = currentframe().f_lineno + 2  # type: ignore[union-attr]
    with pytest.warns(LeftOut) as caught:
        asked()
    assert named in str(caught[0].message)
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)  # where the function that warns was called
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layers("4", "- relu").warn()


def test_the_layer_of_a_name() -> None:
    analysis = layers("4", "- linear: 4\n- relu")
    assert analysis.layer("relu") is analysis.layers[1]
    with pytest.raises(KeyError):
        analysis.layer("tanh")


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        ("- relu", "relu"),
        ("- maxpool: 2\n- relu", "maxpool"),
        ("- relu\n- linear: {out: 4, each_position: true}\n- batch_norm", "linear"),
        ("- linear: {out: 4, each_position: true}\n- maxpool: 2", None),
    ],
)
def test_the_layer_that_stands_for_others_has_a_kernel_or_multiplies(steps: str, name: str | None) -> None:
    analysis = layers("4, 8, 8", steps)
    main = main_layer(analysis, analysis.layers)
    assert (main and main.name) == name


@pytest.mark.parametrize(
    ("step", "batch", "moved"),
    [
        # 36 values in and out of each sample; a scale, a shift and two statistics of each of 4 channels, and a counter.
        ("batch_norm", 2, 4 * (2 * 72 + 4 * 4 + 1)),
        ("relu", 2, 4 * 2 * 72),
        ("flatten", 2, 0),
        ("dropout: 0.5", 2, 0),
        ("learned: {shape: [4, 3]}", 2, 0),
        ("constant: {shape: [4, 3]}", 2, 0),
        ("constant: {shape: [4, 3], buffer: false}", 2, 4 * 12),
    ],
)
def test_bytes_that_a_layer_moves(step: str, batch: int, moved: int) -> None:
    analysis = layers("4, 3, 3", f"- {step}")
    assert bytes_moved(analysis, analysis.layers[-1], batch) == moved


def test_at_the_ridge_both_limits_take_as_long() -> None:
    # 100 operations at 1,000 a second and 10 bytes at 100 a second are a tenth of a second each.
    card = Card("slow", 1 << 30, 1_000, 100, "made up")
    assert bound(100, 10, card) == "memory"
    assert bound(101, 10, card) == "compute"
    assert bound(1, 0, card) == "compute"
    assert bound(0, 1, card) == "memory"
    assert seconds(100, 11, card) * 100 == 11
    assert seconds(110, 10, card) * 100 == 11


def test_so_many_findings_are_enough() -> None:
    steps = "- conv: {out: 1, kernel: 9}\n  from: input\n"
    with pytest.raises(SpecError) as caught:
        layers("1, 4", steps * (MAX_ERRORS + 3))
    assert len(caught.value.diagnostics) == MAX_ERRORS


def test_a_value_that_two_layers_use_is_overwritten_by_neither() -> None:
    with pytest.raises(SpecError, match="relu would overwrite a value that another layer needs"):
        layers("2, 4", "- conv: {out: 2, kernel: 1}\n- add: {a: [relu: {inplace: true}], b: []}")
