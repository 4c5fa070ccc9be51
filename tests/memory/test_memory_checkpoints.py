"""Checkpointing: what it saves, what it costs, and that the cheapest plan is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inline import analysed

import archcalc
from archcalc.analysis.interpret import Interpretation
from archcalc.cli import run
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.memory import budget
from archcalc.memory.checkpoint import Segment, entries, extra_macs, repeatable, segments, units
from archcalc.memory.network import NetworkMemory
from archcalc.memory.recompute import Recomputation, cheapest
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages

RESIDUAL = """
input: [3, 16, 16]
blocks:
  stage(width):
    - conv: {out: width, kernel: 3, padding: 1, bias: false}
    - batch_norm
    - relu
    - conv: {out: width, kernel: 3, padding: 1, bias: false}
    - batch_norm
    - relu
  res(width):
    - add:
        a:
          - stage: width
        b: []
    - relu
layers:
  - stage: 8
  - stage: 16
  - maxpool: 2
  - res: 16
  - res: 16
  - stage: 32
  - global_avgpool
  - flatten
  - linear: 5
"""


def written(tmp_path: Path, text: str) -> Interpretation:
    path = tmp_path / "small.yaml"
    path.write_text(text)
    return archcalc.load(path).analyse().interpretation


def chain(tmp_path: Path, *layers: str) -> Interpretation:
    return written(tmp_path, "input: [3, 8, 8]\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers))


# Measured with torch 2.14.1, torch.utils.checkpoint with and without re-entrance, batch 2, float32 on the CPU: peaks
# of activations with and without the parameters' gradients, every tensor freed after its last use.
@pytest.mark.parametrize(
    ("paths", "with_gradients", "without"),
    [
        ((), 413_716, 408_960),
        (("stage.2",), 362_516, 310_400),
        (("stage.2", "res.1"), 362_516, 277_376),
        (("res.1", "res.2"), 362_516, 342_912),
        (("stage.2", "res.1", "res.2", "stage.3"), 362_516, 268_672),
    ],
)
def test_checkpoints_peak_where_torchs_do(
    paths: tuple[str, ...], with_gradients: int, without: int, tmp_path: Path
) -> None:
    interpretation = written(tmp_path, RESIDUAL)
    found = budget.training(interpretation, Setup(checkpoints=segments(interpretation.network, paths)))
    assert found.timeline.bytes_at(2) == with_gradients
    assert found.activations.bytes_at(2) == without


# The same with batch 2, in float32 and under torch.autocast. The backward pass of the last layer begins with a sum that
# asks for nothing, which is done by the time that the stretch is computed again; frozen, an affine layer's weights are
# asked for all the same.
@pytest.mark.parametrize(
    ("last", "dtype", "frozen", "with_gradients", "without"),
    [
        ("affine", "float32", (), 14_156, 9_792),
        ("affine", "float32", ("affine",), 12_424, 8_104),
        ("affine", "amp", (), 13_436, 9_526),
        ("linear: {out: 4, each_position: true}", "float32", (), 10_980, 8_064),
        ("linear: {out: 4, each_position: true}", "amp", (), 8_580, 6_212),
    ],
)
def test_a_stretch_is_computed_again_when_autograd_first_asks_for_it(
    last: str, dtype: str, frozen: tuple[str, ...], with_gradients: int, without: int, tmp_path: Path
) -> None:
    layers = ("conv: {out: 6, kernel: 3, padding: 1}", "gelu", last, "gelu", "flatten", "linear: 5")
    interpretation = written(tmp_path, "input: [4, 6, 6]\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers))
    found = budget.training(
        interpretation,
        Setup(dtype=dtype, batch=2, frozen=frozen, checkpoints=(Segment(1, 2, "the stretch"),)),
    )
    assert found.timeline.bytes_at(2) == with_gradients
    assert found.activations.bytes_at(2) == without


def test_what_is_saved_is_the_same_before_and_after_the_training_step_was_followed(tmp_path: Path) -> None:
    interpretation = written(tmp_path, RESIDUAL)
    memory = NetworkMemory(interpretation, Setup(checkpoints=segments(interpretation.network, ("stage.2",))))

    def said() -> tuple[Any, ...]:  # the step computes the checkpoint again, and then its inside is saved
        return memory.saved, len(memory.storages.all), [memory.why(index) for index in range(len(memory.saved.layers))]

    before = said()
    assert memory.training.timeline.bytes_at(2) == 362_516
    assert said() == before


def test_a_checkpoint_keeps_only_what_enters_it(tmp_path: Path) -> None:
    interpretation = chain(
        tmp_path,
        "conv: {out: 8, kernel: 1}",
        "relu",
        "conv: {out: 8, kernel: 1}",
        "sigmoid",
        "conv: {out: 2, kernel: 1}",
    )
    middle = segments(interpretation.network, ("conv.2",))
    found = budget.training(interpretation, Setup(checkpoints=middle))
    # Image, ReLU's output (which enters the checkpoint and is its own), sigmoid's output.
    assert found.saved.total.per_sample == 4 * 64 * (3 + 8 + 8)
    assert extra_macs(interpretation, middle) == 8 * 8 * 64


def test_a_stretch_that_saves_nothing_is_not_computed_again(tmp_path: Path) -> None:
    interpretation = chain(tmp_path, "conv: {out: 8, kernel: 1}", "scale: 2", "conv: {out: 2, kernel: 1}")

    def again(first: int, last: int) -> list[str]:
        found = budget.training(interpretation, Setup(checkpoints=(Segment(first, last, "the stretch"),)))
        return [step.operation for step in found.timeline.steps if step.phase == "recompute"]

    assert again(0, 1) == ["conv", "scale"]
    assert again(1, 1) == []


@pytest.mark.parametrize(
    ("stretch", "first", "last"), [((0, 1), 0, 0), ((1, 1), None, None), ((1, 2), 2, 2), ((0, 2), 0, 2)]
)
def test_the_layers_of_a_stretch_that_save_are_those_inside(
    stretch: tuple[int, int], first: int | None, last: int | None, tmp_path: Path
) -> None:
    interpretation = chain(tmp_path, "conv: {out: 8, kernel: 1}", "scale: 2", "conv: {out: 2, kernel: 1}")
    segment, storages = Segment(*stretch, "the stretch"), Storages(interpretation, Setup())
    assert (storages.first_saving(segment), storages.last_saving(segment)) == (first, last)


def test_an_input_that_is_not_used_ends_no_unit() -> None:
    network = analysed("inputs: {a: [3], b: [5]}\nlayers:\n  - linear: 4\n  - linear: 4\n").interpretation.network
    assert units(network) == [Segment(0, 0, ""), Segment(1, 1, "")]


def test_checkpoints_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    network = written(tmp_path, RESIDUAL).network
    with pytest.raises(UsageError, match="did you mean `stage"):
        segments(network, ("stag.2",))
    with pytest.raises(UsageError, match=r"must not overlap: `res\.1/a` lies in `res\.1`"):
        segments(network, ("res.1", "res.1/a"))
    with_head = written(
        tmp_path,
        "input: [3, 8, 8]\nblocks:\n  trunk(out):\n    - conv: {out: out, kernel: 1}\n"
        "    - head:\n        aux:\n          - global_avgpool\n          - flatten\n    - relu\n"
        "layers:\n  - trunk: 4\n  - sigmoid\n",
    )
    with pytest.raises(UsageError, match="`trunk` cannot be checkpointed: `trunk/aux/flatten` inside it is used"):
        segments(with_head.network, ("trunk",))
    # The last layer of this block is the head's, and the one right behind the block reads what was before it.
    ends_with_head = analysed(
        "input: [4]\nblocks: {trunk: [{linear: 4}, {head: {aux: [{linear: 3}]}}]}\nlayers: [trunk, gelu, {linear: 2}]"
    )
    with pytest.raises(UsageError, match="`trunk` cannot be checkpointed: `trunk/linear` inside it is used outside it"):
        segments(ends_with_head.interpretation.network, ("trunk",))


@pytest.mark.parametrize("inner", ["stage.1/conv.1", "stage.1/relu.2"])
def test_a_checkpoint_lies_in_another_at_either_end_of_it(inner: str, tmp_path: Path) -> None:
    network = written(tmp_path, RESIDUAL).network
    for paths in (inner, "stage.1"), ("stage.1", inner):
        with pytest.raises(UsageError, match=f"`{inner}` lies in `stage.1`"):
            segments(network, paths)


def test_what_only_the_layer_behind_a_stretch_reads_does_not_enter_it() -> None:
    network = analysed("input: [4]\nlayers: [{linear: 4}, {add: {a: [{linear: 4}, gelu], b: []}}]\n")
    # Nodes: linear, linear, gelu of that, and the sum of the last and the first.
    assert entries(network.interpretation.network, Segment(2, 2, "gelu")) == (1,)


def test_what_is_before_an_output_in_between_is_one_unit_with_all_behind_it() -> None:
    network = analysed("input: [4]\nlayers: [{linear: 4}, {head: {aux: [{linear: 3}]}}, gelu, {linear: 2}]\n")
    assert units(network.interpretation.network) == [Segment(0, 0, ""), Segment(1, 3, "")]


def plans(count: int, first: int = 0) -> Iterator[list[tuple[int, int]]]:
    """Every way to checkpoint groups of neighbouring units."""
    if first == count:
        yield []
        return
    yield from plans(count, first + 1)
    for last in range(first, count):
        for rest in plans(count, last + 1):
            yield [(first, last), *rest]


CHAINS = {
    "plain": (
        "conv: {out: 8, kernel: 3, padding: 1}",
        "relu",
        "conv: {out: 8, kernel: 3, padding: 1}",
        "relu",
        "maxpool: 2",
        "global_avgpool",
    ),
    "normalised": (
        "conv: {out: 8, kernel: 3, padding: 1}",
        "batch_norm",
        "relu6",
        "conv: {out: 4, kernel: 1}",
        "batch_norm",
        "gelu",
    ),
    "residual": (
        "conv: {out: 8, kernel: 3, padding: 1}",
        "add: {a: [{conv: {out: 8, kernel: 3, padding: 1}}, relu], b: []}",
        "relu",
        "add: {a: [{conv: {out: 8, kernel: 3, padding: 1}}, silu], b: []}",
        "sigmoid",
        "conv: {out: 12, kernel: 4, padding: same}",
    ),
    "views": ("conv: {out: 4, kernel: 3}", "identity", "relu", "flatten", "dropout", "linear: 6"),
    "enlarging": ("conv: {out: 4, kernel: 1}", "lrn: 3", "upsample: 2", "softmax", "conv: {out: 2, kernel: 1}"),
}
SETTINGS: dict[str, Setup] = {
    "plain": Setup(),
    "amp": Setup(dtype="amp", optimizer="adam"),
    "accumulate": Setup(accumulate=True),
}


@pytest.mark.parametrize("setup", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("layers", CHAINS.values(), ids=CHAINS)
def test_the_cheapest_plan_is_the_one_that_trying_all_finds(
    layers: tuple[str, ...], setup: Setup, tmp_path: Path
) -> None:
    interpretation = chain(tmp_path, *layers)
    parts = repeatable(interpretation)
    tried = []
    for plan in plans(len(parts)):
        made = tuple(Segment(parts[first].first, parts[last].last, "") for first, last in plan)
        found = budget.training(interpretation, setup._replace(checkpoints=made))
        tried.append((found.peak_bytes(16), extra_macs(interpretation, made)))
    peaks = sorted({peak for peak, _ in tried})
    for memory in peaks:
        best = cheapest(interpretation, setup, 16, memory)
        assert best is not None
        assert best.extra_macs == min(cost for peak, cost in tried if peak <= memory)
        made = budget.training(interpretation, setup._replace(checkpoints=best.segments))
        assert made.peak_bytes(16) <= memory
    assert cheapest(interpretation, setup, 16, peaks[0] - 1) is None


@pytest.mark.parametrize("setup", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("layers", CHAINS.values(), ids=CHAINS)
def test_the_largest_batch_is_the_one_that_trying_all_finds(
    layers: tuple[str, ...], setup: Setup, tmp_path: Path
) -> None:
    interpretation = chain(tmp_path, *layers)
    parts = repeatable(interpretation)
    several = setup._replace(batch=2)
    tried = [
        budget.training(
            interpretation,
            several._replace(checkpoints=tuple(Segment(parts[a].first, parts[b].last, "") for a, b in plan)),
        )
        for plan in plans(len(parts))
    ]
    persistent = budget.persistent(interpretation, several).total
    recomputation = Recomputation(interpretation, several)
    for memory in (tried[0].peak_bytes(batch) for batch in (2, 3, 16, 1000)):
        largest = recomputation.largest_batch(memory - persistent)
        assert largest == max(found.largest_batch(memory) or 0 for found in tried)
    assert recomputation.largest_batch(100) == 0
    for batch in (2, 16):
        assert recomputation.least_bytes(batch) == min(found.timeline.bytes_at(batch) for found in tried)


def test_a_plan_is_for_batches_that_run(tmp_path: Path) -> None:
    """Batch normalisation of a vector needs two samples: one is no answer."""
    interpretation = written(tmp_path, "input: [512]\nlayers: [{linear: 8}, batch_norm, relu, {linear: 4}]\n")
    several = Setup(batch=2)
    found, persistent = budget.training(interpretation, several), budget.persistent(interpretation, several).total
    plan = Recomputation(interpretation, several)
    assert plan.largest_batch(found.peak_bytes(2) - persistent) in range(2, 5)
    assert plan.largest_batch(found.peak_bytes(1) - persistent) == 0


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["memory", *arguments, "--format", "json"]) == 0
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    return data


def test_auto_fits_and_says_what_it_costs(capsys: pytest.CaptureFixture[str]) -> None:
    whole = answered(capsys, "resnet50", "--batch", "32")
    assert (whole["checkpoints"], whole["extra_macs"]) == ([], 0)
    found = answered(capsys, "resnet50", "--batch", "32", "--checkpoint", "auto", "--memory", "2GB")
    assert found["memory"]["training_peak_bytes"] <= 2 * 10**9 < whole["memory"]["training_peak_bytes"]
    assert found["extra_macs"] == sum(checkpoint["macs"] for checkpoint in found["checkpoints"]) > 0
    enough = answered(capsys, "resnet50", "--batch", "32", "--checkpoint", "auto", "--memory", "80GB")
    assert enough["memory"] == whole["memory"]


def test_auto_says_when_nothing_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["memory", "vgg16", "--checkpoint", "auto", "--memory", "1GB"]) == 1
    assert "no checkpointing was found that brings training at batch 1 below 1.000 GB" in capsys.readouterr().err
    assert run(["memory", "vgg16", "--checkpoint", "auto"]) == 2
    assert "needs what it must fit" in capsys.readouterr().err


def test_a_layer_cannot_overwrite_what_a_second_time_begins_with(tmp_path: Path) -> None:
    """PyTorch refuses an in-place activation over what enters a checkpoint: it would find what the first time left."""
    convolution = "conv: {out: 4, kernel: 3, padding: 1}"

    def checkpointed(*path: str, activation: str = "relu") -> budget.Budget:
        made = chain(tmp_path, convolution, activation, convolution, "flatten", "linear: 2")
        return budget.training(made, Setup(checkpoints=segments(made.network, path)))

    # The first convolution's output enters, and the activation's output is made again beside it.
    assert checkpointed("relu").saved.total.at(1) == checkpointed().saved.total.at(1) + 4 * 4 * 8 * 8
    silent = checkpointed("relu", activation="relu: {inplace: false}")
    assert checkpointed("relu").peak_bytes(1) == silent.peak_bytes(1)
    assert checkpointed("conv.2").peak_bytes(1) < silent.peak_bytes(1)
    with pytest.raises(UsageError, match="`relu` would overwrite what enters it"):
        checkpointed("relu", activation="relu: {inplace: true}")


def test_a_plan_begins_no_stretch_with_a_layer_that_overwrites(tmp_path: Path) -> None:
    made = chain(tmp_path, "conv: {out: 4, kernel: 3}", "flatten", "relu", "linear: 2")
    assert [(unit.first, unit.last) for unit in repeatable(made)] == [(0, 2), (3, 3)]
    # ReLU overwrites what the second convolution has made, through both views of it, and not what the first has.
    convolution = "conv: {out: 4, kernel: 3}"
    made = chain(tmp_path, convolution, convolution, "flatten", "reshape: [8, 8]", "relu", "flatten", "linear: 2")
    assert [(unit.first, unit.last) for unit in repeatable(made)] == [(0, 0), (1, 4), (5, 5), (6, 6)]
    # Here it is the network's input, of which the view is.
    made = chain(tmp_path, "flatten", "relu", "linear: 4", "reshape: [2, 2]")
    assert [(unit.first, unit.last) for unit in repeatable(made)] == [(0, 1), (2, 2), (3, 3)]


def test_auto_says_when_nothing_is_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "relu.yaml"
    spec.write_text("input: [3, 8, 8]\nlayers: [relu]\n", encoding="utf-8")
    assert run(["memory", str(spec), "--checkpoint", "auto", "--memory", "1GB"]) == 2
    assert "error: nothing is trained" in capsys.readouterr().err


SIDE_STREAM = """
architecture: side
input: [64, 16, 16]
blocks:
  decode:
    - add:
        own:
          - conv: {out: 64, kernel: 3, padding: 1}
          - batch_norm
          - relu
          - conv: {out: 64, kernel: 3, padding: 1}
          - batch_norm
        memory:
          - relu:
            from: memory
        skip: []
    - relu
layers:
  - conv: {out: 64, kernel: 3, padding: 1}
    as: encoded
"""


def decoding(number: int) -> str:
    before = f"block{number - 1}" if number else "encoded"
    return f"  - decode:\n    as: block{number}\n    from: {{input: {before}, memory: encoded}}\n"


def test_auto_finds_blocks_beside_a_value_that_is_read_all_along(tmp_path: Path) -> None:
    """Every block reads the encoder's output, so no value cuts the network in two, and blocks are tried."""
    path = tmp_path / "side.yaml"
    path.write_text(SIDE_STREAM + "".join(map(decoding, range(8))))
    interpretation = archcalc.load(path).analyse().interpretation
    setup = Setup()
    whole = budget.training(interpretation, setup).peak_bytes(16)
    by_hand = budget.training(
        interpretation,
        setup._replace(checkpoints=segments(interpretation.network, [f"block{n}" for n in range(8)])),
    ).peak_bytes(16)
    assert by_hand < whole
    found = cheapest(interpretation, setup, 16, by_hand)
    assert found is not None
    peak = budget.training(interpretation, setup._replace(checkpoints=found.segments)).peak_bytes(16)
    assert peak <= by_hand
    # A little more room, and fewer blocks are computed twice.
    easier = cheapest(interpretation, setup, 16, (whole + by_hand) // 2)
    assert easier is not None
    assert 0 < easier.extra_macs < found.extra_macs


def test_the_largest_batch_of_blocks_beside_a_value_that_is_read_all_along(tmp_path: Path) -> None:
    interpretation = written(tmp_path, SIDE_STREAM + "".join(map(decoding, range(8))))
    several = Setup(batch=2, optimizer="adam")
    memory = budget.training(interpretation, several).peak_bytes(16)
    room = memory - budget.persistent(interpretation, several).total
    largest = Recomputation(interpretation, several).largest_batch(room)
    assert largest is not None
    assert largest > 16
    found = cheapest(interpretation, several, largest, memory)
    assert found is not None
    assert budget.training(interpretation, several._replace(checkpoints=found.segments)).peak_bytes(largest) <= memory
    assert cheapest(interpretation, several, largest + 1, memory) is None
    least = Recomputation(interpretation, several).least_bytes(largest + 1)
    assert Recomputation(interpretation, several).cheapest(largest + 1, least) is not None
    assert Recomputation(interpretation, several).cheapest(largest + 1, least - 1) is None


def test_auto_passes_over_blocks_that_begin_by_overwriting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """PyTorch refuses to checkpoint them; the answer is that nothing fits, not that they are refused."""
    spec = tmp_path / "overwriting.yaml"
    spec.write_text(
        "input: [8, 32, 32]\n"
        "blocks:\n  pre(out): [{relu: {inplace: true}}, {conv: {out: out, kernel: 3, padding: 1}}, batch_norm]\n"
        "layers:\n  - conv: {out: 8, kernel: 1}\n  - batch_norm\n  - {pre: 16, repeat: 3}\n",
        encoding="utf-8",
    )
    assert run(["memory", str(spec), "--batch", "64", "--checkpoint", "auto", "--memory", "1MB"]) == 1
    assert "no checkpointing was found" in capsys.readouterr().err


def test_auto_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["memory", "vgg16", "--checkpoint", "auto", "--checkpoint", "stage1", "--memory", "1GB"]) == 2
    assert "`--checkpoint auto` finds all checkpoints itself: leave the others out" in capsys.readouterr().err
