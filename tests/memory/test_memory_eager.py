"""What PyTorch itself holds, with the lifetimes that Python and autograd give to tensors.

Measured with torch 2.14.1 on the CPU: the bytes that are alive after each operation of a training step, and of a
forward pass without gradients, without parameters and buffers, where each layer is a module. The caller holds the
input, the targets, the loss and the loss's gradient.
"""

from __future__ import annotations

from typing import Any

import pytest
from inline import analysed

from archcalc.analysis.interpret import Interpretation
from archcalc.analysis.totals import Analysis
from archcalc.memory import peaks
from archcalc.memory.checkpoint import Segment
from archcalc.memory.draft import Decision, Hold, Operation, Run
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages, saved_memory
from archcalc.quantities.registry import figure


def network_of(*layers: str, shape: str) -> Interpretation:
    return of(*layers, shape=shape).interpretation


def of(*layers: str, shape: str) -> Analysis:
    return analysed(f"input: {shape}\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers))


_EACH, _OUT = (f"linear: {{out: {width}, each_position: true}}" for width in (8, 3))
_GATED = "multiply: {values: [], gate: [global_avgpool, {conv: {out: 4, kernel: 1}}, sigmoid]}"
_ONE_CHANNEL = "multiply: {values: [], gate: [{select: {start: 1, count: 1}}, {linear: 280}]}"
_STACKED = "lstm: {out: 6, layers: 2, bidirectional: true, projection: 2}"
_SHARED = "experts: {count: 4, hidden: 5, top_k: 1, activation: relu, shared: 1}"
_UNEVEN = "conv: {out: 2, kernel: 1, padding: [[1, 0], [0, 0]]}"


@pytest.mark.parametrize(
    ("layers", "shape", "batch", "dtype", "training", "inference"),
    [
        # The bias's gradient is made while the node still holds the output's gradient.
        (("linear: 4", "relu", "linear: 5"), "[6]", 2, "float32", 316, 120),
        # Functions of several operations: what they still have a name for, and parts of expressions in C++.
        (("conv: {out: 2, kernel: 1}", "lrn: 3", "flatten", "linear: 5"), "[2, 4, 4]", 2, "float32", 3500, 1280),
        (("conv: {out: 2, kernel: 1}", "rms_norm", "flatten", "linear: 5"), "[2, 4, 4]", 2, "float32", 2484, 1152),
        (("conv: {out: 2, kernel: 1}", "normalize", "sqrt", "affine"), "[2, 4, 4]", 2, "float32", 2328, 1024),
        (("linear: {out: 4, each_position: true}", "gru: 3"), "[4, 6]", 2, "float32", 2280, 1272),
        # The first state, the cell before and the gates; of two directions what is read in the first, too.
        ((_EACH, "lstm: 6"), "[4, 3]", 2, "float32", 2984, 1536),
        ((_EACH, "lstm: {out: 6, projection: 2}"), "[4, 6]", 2, "float32", 4480, 2944),
        ((_EACH, "gru: {out: 6, bidirectional: true}"), "[4, 6]", 2, "float32", 7584, 3840),
        ((_EACH, "rnn: {out: 6, layers: 2}"), "[4, 6]", 2, "float32", 2592, 1872),
        ((_EACH, _STACKED), "[4, 6]", 2, "float32", 11872, 4528),
        # Who goes to which expert has names until the results are added up.
        ((_EACH, "experts: {count: 4, hidden: 5, top_k: 2}"), "[4, 6]", 2, "float32", 7544, 4128),
        ((_EACH, _SHARED), "[4, 6]", 2, "float32", 5384, 2544),
        (
            ("standardized_conv: {out: 8, kernel: 3, gain: true}", "flatten", "linear: 5"),
            "[2, 4, 4]",
            2,
            "float32",
            2476,
            1120,
        ),
        (("linear: {out: 8, each_position: true}", "attention: {heads: 2}"), "[2, 4]", 2, "float32", 3240, 576),
        (("conv: {out: 4, kernel: 1}", _GATED, "relu"), "[4, 6, 6]", 2, "float32", 7560, 3488),
        # Two masks become one, and both have names until the derivative is there.
        ((_EACH, "gelu", "clamp: {least: 0, most: 1}", _OUT), "[8, 5]", 2, "float32", 1960, 960),
        # In place on a view: a node runs the layer's own.
        ((_EACH, "avgpool: 2", "relu", "flatten", "linear: 5"), "[8, 6]", 2, "float32", 2252, 960),
        ((_EACH, "maxpool: 2", "relu", "flatten", "linear: 5"), "[8, 6]", 2, "float32", 2636, 1344),
        (("affine", "reshape: {shape: [12, 16]}", "relu"), "[6, 8, 4]", 1, "float32", 4744, 2304),
        # The outputs are there until all losses are known.
        (
            ("conv: {out: 4, kernel: 1}", "head: {aux: [flatten, {linear: 3}]}", "flatten", "linear: 5"),
            "[4, 6, 6]",
            2,
            "float32",
            9312,
            2368,
        ),
        # Mixed precision converts what a function reads, and holds both until it returns.
        (("linear: {out: 2, each_position: true}", "flatten", "linear: 5"), "[2, 4, 4]", 2, "amp", 1506, 746),
        ((_UNEVEN, "flatten", "linear: 5"), "[2, 4, 4]", 2, "amp", 1818, 908),
        (("flatten", "affine", _ONE_CHANNEL), "[8, 7, 5]", 2, "amp", 14028, 8960),
        (("rms_norm", "flatten", "linear: 5"), "[2, 4, 4]", 2, "bfloat16", 1296, 1024),
    ],
)
def test_a_layer_is_held_as_the_framework_holds_it(
    layers: tuple[str, ...], shape: str, batch: int, dtype: str, training: int, inference: int
) -> None:
    interpretation, setup = network_of(*layers, shape=shape), Setup(dtype=dtype, batch=batch)
    assert peaks.eager_training(Storages(interpretation, setup)).bytes_at(batch) == training
    assert peaks.eager_inference(interpretation, setup).bytes_at(batch) == inference


def test_what_is_saved_for_a_gradient_that_nobody_wants_is_not_read() -> None:
    """A projection that is not trained does not save what it reads."""
    interpretation = network_of(_EACH, "lstm: {out: 6, projection: 2}", shape="[4, 6]")
    setup = Setup(batch=2, frozen=("lstm",))
    assert saved_memory(Storages(interpretation, setup)).total.at(2) == 1920
    assert peaks.training(Storages(interpretation, setup)).with_gradients.bytes_at(2) == 3104


def test_an_input_that_is_read_in_two_types_is_copied_before_it_is_converted() -> None:
    """The router reads rows in 16 bits, and the experts pick among the rows as they came."""
    interpretation = network_of("position_embedding", "experts: {count: 3, hidden: 3, top_k: 1}", shape="[6, 4]")
    steps = peaks.inference(interpretation, Setup(dtype="amp", batch=2)).steps
    assert [step.operation for step in steps[1:5]] == ["to", "clone", "to", "mm"]  # the weights, the rows


@pytest.mark.parametrize(
    ("layers", "shape", "batch", "dtype", "segment", "measured"),
    [
        # What is computed again is let go when its function returns, before the sum of the bias's gradient.
        (("mish", "flatten", "linear: 5"), "[1, 1, 1]", 1, "float32", (0, 2), 80),
        # What enters is there until nobody can ask for what was saved: before the gradients are converted back.
        (("scale: 2", "linear: 5"), "[3]", 1, "amp", (1, 1), 130),
        # Nothing is trained here: what enters is an argument all the same.
        (("gelu", "abs", "gelu", "flatten", "linear: 5"), "[3, 8, 6]", 3, "float32", (1, 2), 6936),
    ],
)
def test_a_checkpoint_holds_what_enters_it(
    layers: tuple[str, ...],
    shape: str,
    batch: int,
    dtype: str,
    segment: tuple[int, int],
    measured: int,
) -> None:
    interpretation = network_of(*layers, shape=shape)
    segments = (Segment(*segment, "the stretch"),)
    setup = Setup(dtype=dtype, batch=batch, checkpoints=segments)
    assert peaks.eager_training(Storages(interpretation, setup, checkpoints=segments)).bytes_at(batch) == measured


def held(*operations: tuple[str, tuple[int, ...], tuple[int, ...]], **decided: Any) -> dict[int, tuple[int, int]]:
    """The first and the last operation during which each storage is held, where the first two are given."""
    decision = Decision([Operation(*operation) for operation in operations], 2, **decided)
    return {storage: (first, last) for storage, first, last in decision.eager_uses}


def test_a_function_lets_go_of_what_was_computed_again_before_its_gradients_are_checked() -> None:
    """A node of `(gradient * saved) * gradient`, whose result is then summed to the size of an operand."""
    operations = (("mul", (0, 1), (2,)), ("mul", (2, 0), (3,)), ("sum", (3,), (4,)))
    assert held(*operations, nodes=[Run(0, 2)]) == {0: (0, 2), 1: (0, 2), 2: (0, 1), 3: (1, 2), 4: (2, 2)}
    again = held(*operations, nodes=[Run(0, 2)], recomputed=frozenset({1}))
    assert again == {0: (0, 2), 1: (0, 1), 2: (0, 1), 3: (1, 2), 4: (2, 2)}


def test_parts_of_an_expression_are_held_until_its_end() -> None:
    """A node of `part = -exp(x)`, `result = -exp(x)` and `result.add_(part)`: the operation in place ends the
    expression of what it reads, and is a new one for what it changes."""
    exp, neg, add = (("exp", (0,), (2,)), ("neg", (2,), (3,))), (("exp", (0,), (4,)), ("neg", (4,), (5,))), (5, 3)
    assert held(*exp, *neg, ("add_", add, ()), nodes=[Run(0, 4)]) == {
        0: (0, 4),
        2: (0, 4),
        3: (1, 4),
        4: (2, 3),
        5: (3, 4),
    }


def test_a_storage_is_held_that_no_operation_uses() -> None:
    operations = (("neg", (0,), (2,)), ("neg", (2,), (3,)))
    assert held(*operations, holds=[Hold(0, 1), Hold(1, 1)]) == {0: (0, 1), 1: (1, 1), 2: (0, 1), 3: (1, 1)}


def test_holds_and_nodes_are_split_where_the_operations_are() -> None:
    operations = [Operation("neg", (number,), (number + 1,)) for number in range(4)]
    decision = Decision(operations, 5, holds=[Hold(0, 0), Hold(1, 2)], nodes=[Run(0, 1), Run(2, 3)])
    before, after = decision.split(2)
    assert (before.holds, before.nodes) == ((Hold(0, 0),), (Run(0, 1),))
    assert (after.holds, after.nodes) == ((Hold(1, 0),), (Run(0, 1),))


_BLOCKS = """
    input: [4, 8, 8]
    blocks:
      block: [{conv: {out: 4, kernel: 1}}, gelu, {conv: {out: 4, kernel: 3, padding: 1}}, gelu]
    layers: [{conv: {out: 4, kernel: 1}}, {block: , repeat: 3}, flatten, {linear: 3}]
"""
_SIGMOIDS = """
    input: [4, 8, 8]
    blocks: {block: [sigmoid, sigmoid, silu, sigmoid]}
    layers: [{conv: {out: 4, kernel: 3, padding: 1}}, block, {conv: {out: 4, kernel: 1}}, flatten, {linear: 3}]
"""


@pytest.mark.parametrize(
    ("spec", "stretches", "measured"),
    [
        (_BLOCKS, [(1, 4)], 27708),
        # What enters the second block is the first time's, not what the first block is computed again to.
        (_BLOCKS, [(1, 4), (5, 8)], 21564),
        (_BLOCKS, [(1, 4), (5, 8), (9, 12)], 21540),
        # Here it is made again within the stretch.
        (_BLOCKS, [(1, 8), (9, 12)], 26308),
        # Who computes the inside of a block again does not call the block.
        (_SIGMOIDS, [(2, 3)], 13428),
    ],
)
def test_a_block_that_is_computed_again_holds_what_enters_it(
    spec: str, stretches: list[tuple[int, int]], measured: int
) -> None:
    segments = tuple(Segment(first, last, "the stretch") for first, last in stretches)
    setup = Setup(batch=2, checkpoints=segments)
    storages = Storages(analysed(spec).interpretation, setup, checkpoints=segments)
    assert peaks.eager_training(storages).bytes_at(2) == measured


def peaks_of(analysis: Analysis, **words: Any) -> tuple[int, int]:
    """The training peak as tensors are used, and as they are held."""
    setup = Setup(**words)
    used, held = (figure(analysis, name, setup) for name in ("training_peak_bytes", "training_peak_eager_bytes"))
    return used, held


def test_a_block_holds_what_enters_it_in_training() -> None:
    """Where upsampled values are pooled, with 64-bit indices, the block's input of 8x8x8 values is there too."""
    network = analysed(
        """
        input: [8, 4, 4]
        blocks:
          block:
            - conv: {out: 2, kernel: 1}
            - upsample: 4
            - maxpool: 8
        layers:
          - upsample: 2
          - block
          - global_avgpool
          - flatten
          - linear: 2
        """
    )
    used, held = peaks_of(network, frozen=("block/conv",))
    assert held - used == 4 * 8 * 8 * 8 + 8  # and the target


def test_the_peak_has_what_is_there_all_the_time() -> None:
    """Parameters, buffers, optimizer state and accumulated gradients are in it, as in the other peak."""
    network = of("linear: 4", "relu", "linear: 5", shape="[6]")
    params = 6 * 4 + 4 + 4 * 5 + 5
    assert peaks_of(network, batch=2) == (292 + 4 * params, 316 + 4 * params)
    assert peaks_of(network, batch=2, optimizer="momentum")[1] == 316 + 2 * 4 * params
    # Gradients that are added to earlier ones go, so most is there when the second layer has made its own: 20 and 5
    # values, beside the gradients of its output and of its input, 10 and 8, what it read, 8, and what the first layer
    # read, 12. Held are 2 targets, the loss and its gradient, too.
    used = 4 * (20 + 5 + 10 + 8 + 8 + 12)
    assert peaks_of(network, batch=2, accumulate=True) == (used + 8 * params, used + 8 * 2 + 4 + 4 + 8 * params)
