"""The budget of training: what is held at peak, as `fixed + N * per_sample`, exactly."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from inline import analysed

import archcalc
from archcalc.cli import run
from archcalc.cli import setup as options
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.memory import budget, peaks
from archcalc.memory.amount import Amount
from archcalc.memory.draft import Decision, Operation
from archcalc.memory.liveness import Liveness, Lives, Steps
from archcalc.memory.network import NetworkMemory
from archcalc.memory.optimizers import OPTIMIZERS, STATE
from archcalc.memory.peaks import Timeline
from archcalc.memory.precision import DTYPES
from archcalc.memory.setup import DEVICES, Setup, stated
from archcalc.memory.setup import setup as set_up
from archcalc.memory.storages import Storages, saved_memory

DATA = Path(__file__).parent.parent / "data" / "memory"


def of(spec: str | Path, **setup: Any) -> budget.Budget:
    return budget.training(archcalc.load(spec).analyse().interpretation, Setup(**setup))


def written(tmp_path: Path, *layers: str, shape: str = "[3, 9, 9]") -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(f"input: {shape}\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers))
    return path


# Measured: torch.optim's state after one update (torch 2.14.1) for a network with parameters of the shapes
# (8, 3, 3, 5), (8), (8), (8), (70, 8, 9, 9), (70), (100, 70): 52,814 values in 7 tensors. SGD keeps nothing; Adam two
# float32 a value and a float32 counter a tensor, 8 * 52,814 + 4 * 7.
@pytest.mark.parametrize(
    ("optimizer", "measured"),
    [
        ("none", 0),
        ("sgd", 0),
        ("momentum", 211_256),
        ("adam", 422_540),
        ("adamw", 422_540),
        ("amsgrad", 12 * 52_814 + 4 * 7),
        ("lion", 4 * 52_814),
        ("adagrad", 211_284),
        ("rmsprop", 211_284),
        ("adafactor", 42_172),
    ],
)
def test_an_optimizer_keeps_what_torch_keeps(optimizer: str, measured: int, tmp_path: Path) -> None:
    spec = written(
        tmp_path,
        "conv: {out: 8, kernel: [3, 5]}",
        "batch_norm",
        "conv: {out: 70, kernel: 9, padding: 4}",
        "global_avgpool",
        "flatten",
        "linear: {out: 100, bias: false}",
    )
    assert of(spec, optimizer=optimizer).persistent.optimizer == measured


def test_adam8bit_keeps_two_bytes_a_value_and_two_scales_a_block(tmp_path: Path) -> None:
    spec = written(tmp_path, "flatten", "linear: 20", shape="[300]")
    # 6,000 weights are 24 blocks of 256 (the last not full); 20 biases are too few and stay in float32. Two tables of
    # 256 values are there once. Measured with bitsandbytes 0.50.2: 14,400 bytes.
    assert of(spec, optimizer="adam8bit").persistent.optimizer == 2 * (6000 + 4 * 24) + 8 * 20 + 2 * 4 * 256 == 14_400
    # A tensor of 4,096 values is large enough, bitsandbytes' `min_8bit_size`: 16 blocks, and the tables.
    least = written(tmp_path, "linear: {out: 64, bias: false}", shape="[64]")
    assert of(least, optimizer="adam8bit").persistent.optimizer == 2 * (4096 + 4 * 16) + 2 * 4 * 256
    # Where every tensor is too small there are none.
    small = written(tmp_path, "flatten", "linear: 2", shape="[3]")
    assert of(small, optimizer="adam8bit").persistent.optimizer == 8 * (6 + 2)


def test_the_peak_with_everything_is_the_frameworks() -> None:
    with (DATA / "networks.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["model"] == "resnet50" and "says" in row["relu"]]
    found = of("resnet50")
    for row in rows:
        batch = int(row["batch"])
        held_by_the_caller = 8 * batch + 4 + 4
        assert found.peak_bytes(batch) == int(row["training_peak_with_params_grads_buffers"]) - held_by_the_caller


@pytest.mark.parametrize("spec", ["resnet18", "vgg11", "googlenet_bn", "squeezenet1_1"])
def test_a_budget_is_exact_for_every_batch(spec: str) -> None:
    found = of(spec, optimizer="adam")
    for batch in (1, 2, 3, 17, 200):
        fixed, per_sample = found.at_peak(batch)
        assert fixed + batch * per_sample == found.peak_bytes(batch)
        assert sum(part.amount.at(batch) for part in found.parts(batch)) == found.peak_bytes(batch)
        least, most = found.batches_with_this_peak(batch)
        assert least <= batch
        assert most is None or batch <= most
        assert fixed + least * per_sample == found.peak_bytes(least)
        if least > 1:
            assert fixed + (least - 1) * per_sample < found.peak_bytes(least - 1)
        if most is not None:
            assert fixed + most * per_sample == found.peak_bytes(most)
            assert fixed + (most + 1) * per_sample < found.peak_bytes(most + 1)


@pytest.mark.parametrize("batch", [1, 2, 31, 1000])
def test_the_largest_batch_is_the_last_that_fits(batch: int) -> None:
    found = of("resnet18", optimizer="momentum")
    assert found.largest_batch(found.peak_bytes(batch)) == batch
    assert found.largest_batch(found.peak_bytes(batch) - 1) == batch - 1


def test_what_does_not_grow_with_the_batch_fits_any() -> None:
    steps = Steps()
    steps.add("forward", 0, Decision([Operation("constant", (), (0,))], 1), [0])
    timeline = peaks.Timeline([], [], Liveness(Lives(steps, 1), [Amount(8)]))
    assert [timeline.largest_batch(room) for room in (7, 8)] == [0, None]


def test_accumulated_gradients_are_there_from_the_start(tmp_path: Path) -> None:
    spec = written(tmp_path, "flatten", "linear: 5", "relu", "linear: 2", shape="[10]")
    once, accumulated = of(spec), of(spec, accumulate=True)
    assert accumulated.persistent.gradients == 4 * (10 * 5 + 5 + 5 * 2 + 2)
    # The worst moment is in the first layer, whose own gradients of 200 and 20 bytes are there twice.
    assert accumulated.peak_bytes(1) == once.peak_bytes(1) + 200 + 20


def test_the_parts_of_a_peak_are_named(tmp_path: Path) -> None:
    spec = written(tmp_path, "flatten", "linear: 5", "relu", "linear: 2", shape="[10]")
    params = 4 * (10 * 5 + 5 + 5 * 2 + 2)
    # The peak is the sum of the first layer's bias gradient: its input is saved, and the gradient of its output is
    # there. All gradients of parameters are there already; accumulated, those of the first layer there twice.
    for accumulate, gradients in ((False, params), (True, params + 4 * (50 + 5))):
        found = of(spec, accumulate=accumulate)
        assert found.parts(1) == [
            ("parameters", (params, 0)),
            ("buffers", (0, 0)),
            ("optimizer", (0, 0)),
            ("master weights", (0, 0)),
            ("gradients", (gradients, 0)),
            ("saved", (0, 4 * 10)),
            ("transient", (0, 4 * 5)),
        ]
        by_step, peak = found.parts_by_step(1), found.timeline.peak(1)
        assert {name: sizes[peak] for name, sizes in by_step.items()} == {
            name: amount.at(1) for name, amount in found.parts(1)
        }
        assert by_step["gradients"][0] == (params if accumulate else 0)


def test_an_amount_is_taken_from_another() -> None:
    assert Amount(5, 7) - Amount(2, 3) == Amount(3, 4)


def test_steps_that_differ_by_one_byte_a_sample_peak_apart() -> None:
    """A step of 10 bytes, and one of a byte for each sample, which is the larger one from 11 samples on."""
    steps = Steps()
    steps.add("forward", 0, Decision([Operation("ten", (0,), ()), Operation("each", (1,), ())], 2), [0, 1])
    amounts = [Amount(10), Amount(0, 1)]
    timeline = Timeline([], [], Liveness(Lives(steps, 2), amounts))
    nothing = saved_memory(Storages(analysed("input: [1]\nlayers: [relu]\n").interpretation, Setup()))
    found = budget.Budget(budget.Persistent(0, 0, 0, 0, 0), timeline, timeline, nothing, frozenset())
    assert found.batches_with_this_peak(11) == (10, None)
    assert found.batches_with_this_peak(9) == (1, 10)


def test_inference_has_neither_optimizer_nor_gradients(tmp_path: Path) -> None:
    interpretation = archcalc.load(written(tmp_path, "linear: 5", shape="[9]")).analyse().interpretation
    found = budget.inference(interpretation, Setup(optimizer="adam", accumulate=True)).persistent
    assert found == (4 * (9 * 5 + 5), 0, 0, 0, 0)


def test_frozen_layers_have_no_gradients_and_no_state(tmp_path: Path) -> None:
    spec = written(tmp_path, "linear: 5", "relu", "linear: 2", shape="[10]")
    found = of(spec, frozen=("linear.1",), optimizer="momentum")
    assert found.persistent.optimizer == 4 * (5 * 2 + 2)
    assert found.saved.total == (0, 4 * 5)


@pytest.mark.parametrize("path", ["linear.1", "linear.2"])
def test_shared_weights_are_frozen_wherever_they_are_used(path: str, tmp_path: Path) -> None:
    shared = "{linear: 5, weights: shared}"
    found = of(written(tmp_path, shared, "relu", shared, "relu", "linear: 2", shape="[5]"), frozen=(path,))
    # All that is saved is what the last layer reads.
    assert found.saved.total == (0, 4 * 5)


def test_nothing_to_train_is_said(tmp_path: Path) -> None:
    spec = written(tmp_path, "linear: 5", shape="[10]")
    with pytest.raises(UsageError, match="nothing is trained"):
        of(spec, frozen=("linear",))
    with pytest.raises(UsageError, match="did you mean `linear`"):
        of(spec, frozen=("liner",))


def test_statistics_of_one_value_are_refused_in_training(tmp_path: Path) -> None:
    """torch.nn.functional's `_verify_batch_size`: one sample of one position, or of one channel in each group."""
    for layer in ("batch_norm", "group_norm: {groups: 5}"):
        spec = written(tmp_path, "linear: 5", layer, "linear: 2", shape="[10]")
        with pytest.raises(UsageError, match="the statistics of one value"):
            of(spec)
        assert of(spec, batch=2).peak_bytes(2)
        network = archcalc.load(spec)
        assert network.figure("training_peak_bytes") is None
        assert network.figure("training_peak_bytes", batch=2)
        one, two = (of(spec, batch=2).peak_bytes(batch) for batch in (1, 2))
        assert network.figure("largest_training_batch", memory=two) == 2
        assert network.figure("largest_training_batch", memory=one) == 0
        assert of(spec, batch=2).batches_with_this_peak(2)[0] == 2
    assert of(written(tmp_path, "linear: 6", "group_norm: {groups: 3}", shape="[10]")).peak_bytes(1)
    assert of(written(tmp_path, "batch_norm", shape="[1, 1, 2]")).peak_bytes(1)


def test_16_bits_halve_the_values_and_add_master_weights(tmp_path: Path) -> None:
    spec = written(tmp_path, "linear: 5", "batch_norm", "relu", "linear: 2", shape="[10]")
    full, half = (of(spec, optimizer="adam", dtype=dtype, batch=2) for dtype in ("float32", "bfloat16"))
    assert 2 * half.persistent.parameters == full.persistent.parameters == 4 * (55 + 10 + 12)
    assert half.persistent.master_weights == 4 * 77
    assert half.persistent.optimizer == full.persistent.optimizer
    # Input, normalisation's input and ReLU's output; statistics have 16 bits on the CPU, 32 on CUDA.
    assert full.saved.total == (4 * 2 * 5, 4 * (10 + 5 + 5))
    assert half.saved.total == (2 * 2 * 5, 2 * (10 + 5 + 5))
    assert of(spec, dtype="bfloat16", device="cuda", batch=2).saved.total == (4 * 2 * 5, 2 * (10 + 5 + 5))


@pytest.mark.parametrize(("dtype", "bits"), [("int8", 8), ("fp8", 8), ("int4", 4)])
def test_weights_are_stored_in_few_bits_and_vectors_are_not(dtype: str, bits: int, tmp_path: Path) -> None:
    spec = written(tmp_path, "linear: 5", "batch_norm", "relu", "linear: 3", shape="[9]")
    interpretation = archcalc.load(spec).analyse().interpretation
    found = budget.inference(interpretation, Setup(dtype=dtype, batch=2))
    # Two matrices, 5x9 and 3x5, the 45 and 15 weights rounded up to bytes; biases, scale and shift in bfloat16.
    assert found.persistent.parameters == -(-45 * bits // 8) + -(-15 * bits // 8) + 2 * (5 + 10 + 3)
    # Activations as in bfloat16: the input of 9 is held, the last product reads 5 values and makes 3; before it the
    # normalisation reads 5 and makes 5.
    assert found.timeline.bytes_at(2) == 2 * 2 * (9 + 5 + 5)
    assert found.timeline.during == budget.inference(interpretation, Setup(dtype="bfloat16", batch=2)).timeline.during


def test_a_learned_vector_is_stored_as_a_bias_is(tmp_path: Path) -> None:
    spec = written(tmp_path, "multiply: {input: [], gain: [learned: [7]]}", shape="[7]")
    found = budget.inference(archcalc.load(spec).analyse().interpretation, Setup(dtype="int4"))
    assert found.persistent.parameters == 2 * 7


def test_weights_of_few_bits_are_not_trained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="weights in int4 are for inference: train in bfloat16 or amp"):
        of(written(tmp_path, "linear: 5", shape="[9]"), dtype="int4")


@pytest.mark.parametrize(
    "asked", [{"optimizer": "adam"}, {"accumulate": True}, {"freeze": ["linear"]}, {"checkpoint": ["linear"]}], ids=str
)
def test_options_of_training_are_refused_for_weights_of_few_bits(asked: dict[str, Any], tmp_path: Path) -> None:
    (word,) = asked
    with pytest.raises(UsageError, match=f"weights in int8 are for inference: leave out {word}, or train in"):
        set_up(archcalc.load(written(tmp_path, "linear: 5", shape="[9]")).expand(), dtype="int8", **asked)


def test_losses_of_several_outputs_are_added_before_the_backward_pass(tmp_path: Path) -> None:
    spec = written(tmp_path, "linear: 4", "head: {aux: [linear: 3]}", "linear: 2", shape="[5]")
    steps = [step.operation for step in of(spec).timeline.steps if step.phase in ("loss", "backward")]
    assert steps[:6] == ["log_softmax", "nll_loss", "log_softmax", "nll_loss", "add", "ones_like"]


def test_mixed_precision_keeps_what_autocast_makes(tmp_path: Path) -> None:
    spec = written(tmp_path, "linear: 5", "layer_norm", "relu", "linear: 2", shape="[10]")
    found = of(spec, dtype="amp", device="cuda")
    # Per sample: the input in 16 bits for the first product; its output in float32 for the normalisation, whose mean
    # and deviation are two more values; ReLU's output in float32, and its copy in 16 bits for the second product.
    assert found.saved.total.per_sample == 2 * 10 + 4 * 5 + 2 * 4 + 4 * 5 + 2 * 5
    # A CPU normalises in 16 bits, with statistics in the type of the scale.
    assert of(spec, dtype="amp").saved.total.per_sample == 2 * 10 + 2 * 5 + 2 * 4 + 2 * 5
    # The second product's weights in 16 bits; the first's are for the gradient of the input, which has none.
    assert found.saved.total.fixed == 2 * 5 * 2
    assert found.persistent.parameters == 4 * (55 + 10 + 12)


def test_cross_attention_keeps_both_sequences(tmp_path: Path) -> None:
    path = tmp_path / "cross.yaml"
    path.write_text(
        "input: [4, 3, 3]\nlayers:\n  - conv: {out: 8, kernel: 1}\n  - tokens\n  - gelu:\n    as: words\n"
        "  - select: {start: 0, count: 6}\n  - linear: {out: 6, each_position: true}\n    as: memory\n"
        "  - attention: 2\n    from: [words, memory]\n"
    )
    saved = of(path, batch=2).saved
    # The last layer keeps its inputs as it works on them, positions before the batch, and both lie otherwise: a copy
    # of the words, 9x8, and two of the memory's 9x6, for keys and for values, since each has weights of its own; query,
    # key and value of 9x8 each, the attended 9x8, and for 2 heads a logarithm at each of 9 positions. Measured: 5,184
    # bytes for two samples, of which the image, the convolution's output and the copy of its part are 648 a sample.
    assert saved.layers[-1] == (0, 4 * (9 * 8 + 2 * 9 * 6 + 3 * 9 * 8 + 9 * 8 + 2 * 9))
    assert saved.total.at(2) == 5184


def test_a_table_of_connections_keeps_what_a_convolution_keeps(tmp_path: Path) -> None:
    spec = written(tmp_path, "conv: {out: 2, kernel: 1}", "gelu", "table_conv: {table: [[0], [0, 1]], kernel: 3}")
    # Its input 2x9x9, GELU's output; the weights that it copies under mixed precision are 3 kernels of 3x3.
    assert of(spec).saved.layers[-1] == (0, 4 * 2 * 81)
    assert of(spec, dtype="amp").saved.layers[-1] == (2 * 3 * 9, 2 * 2 * 81)


def test_the_options_are_the_analysis_own() -> None:
    assert options.DTYPES == DTYPES
    assert options.OPTIMIZERS == OPTIMIZERS == tuple(STATE)
    assert options.DEVICES == DEVICES


def test_the_command_answers_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["memory", "vgg16", "--batch", "2", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    memory = data["memory"]
    assert memory["saved_bytes"] == 146_710_528
    assert memory["saved_bytes_without_input"] == 145_506_304
    assert memory["activation_bytes"] == 2 * 60_950_432
    assert memory["inference_peak_bytes"] == 2 * 26_292_224
    assert memory["training_peak_bytes"] == memory["fixed_bytes"] + 2 * memory["per_sample_bytes"]
    assert sum(layer["saved_bytes"] for layer in data["layers"]) == memory["saved_bytes"]
    assert max(step["live_bytes"] for step in data["timeline"]) == memory["training_peak_bytes"]
    dropout = next(layer for layer in data["layers"] if layer["name"] == "classifier/fc6/dropout")
    assert dropout["saved_tensors"] == ["mask (float32)"]


def test_report_has_the_same_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "resnet18", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert run(["memory", "resnet18", "--format", "json"]) == 0
    memory = json.loads(capsys.readouterr().out)["memory"]
    assert {key: memory[key] for key in report["memory"]} == report["memory"]
    assert sum(layer["saved_bytes"] for layer in report["layers"]) == memory["saved_bytes"]


def test_a_network_without_parameters_has_no_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = written(tmp_path, "maxpool: 2", "flatten", shape="[3, 8, 8]")
    assert run(["report", str(spec), "--format", "json"]) == 0
    memory = json.loads(capsys.readouterr().out)["memory"]
    # Input 768 bytes, outputs 192, indices 384.
    assert (memory["training_peak_bytes"], memory["saved_bytes"]) == (None, 0)
    assert memory["inference_peak_bytes"] == 768 + 192 + 384
    assert run(["memory", str(spec)]) == 2


def test_a_network_without_layers_is_its_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("parameters: {deep: false}\ninput: [3, 8, 8]\nlayers:\n  - relu:\n    when: deep\n")
    assert run(["report", str(path), "--format", "json"]) == 0
    memory = json.loads(capsys.readouterr().out)["memory"]
    assert (memory["inference_peak_bytes"], memory["saved_bytes"]) == (768, 0)


def test_a_timeline_in_csv_is_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["memory", "lenet5", "--timeline", "--format", "csv"]) == 0
    steps = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    peak = of("lenet5").peak_bytes(1)
    assert max(int(step["live_bytes"]) for step in steps) == peak
    assert {step["phase"] for step in steps} == {"forward", "loss", "backward"}


@pytest.mark.parametrize(
    ("optimizer", "state"),
    [("momentum", 56), ("adam", 120), ("amsgrad", 176), ("adagrad", 64), ("rmsprop", 64), ("adafactor", 36)],
)
def test_pure_16_bit_training_keeps_no_copies_and_half_the_state(optimizer: str, state: int, tmp_path: Path) -> None:
    """torch.optim's state of nn.Linear(6, 4) in bfloat16, measured with torch 2.14.1; a counter stays float32."""
    spec = written(tmp_path, "linear: 4", shape="[6]")
    pure = of(spec, dtype="bfloat16", optimizer=optimizer, masters=False).persistent
    mixed = of(spec, dtype="bfloat16", optimizer=optimizer).persistent
    assert (pure.optimizer, pure.master_weights) == (state, 0)
    assert mixed.master_weights == 4 * (6 * 4 + 4)
    assert mixed.optimizer > pure.optimizer


def test_adafactor_keeps_a_vector_whole(tmp_path: Path) -> None:
    """torch.optim.Adafactor of nn.Parameter(torch.ones(7)): a variance of 7 values and a step counter."""
    spec = written(tmp_path, "multiply: {input: [], gain: [learned: [7]]}", shape="[7]")
    assert of(spec, optimizer="adafactor").persistent.optimizer == 4 * 7 + 4


def test_the_heading_says_whether_there_are_master_weights(capsys: pytest.CaptureFixture[str]) -> None:
    for given, said in ([], "float32 master weights"), (["--no-masters"], "no master weights"):
        assert run(["memory", "lenet5", "--dtype", "bfloat16", "--optimizer", "adam", *given]) == 0
        assert said in capsys.readouterr().out.split("\n")[0]


def test_a_setup_stated_as_text_is_the_one_asked_for() -> None:
    network = archcalc.load("lenet5").expand()
    words = {"batch": "1_000", "accumulate": "true", "freeze": "[c1, 'c3']", "checkpoint": "f6"}
    assert stated(network, words) == set_up(
        network, batch=1000, accumulate=True, freeze=["c1", "c3"], checkpoint=["f6"]
    )


@pytest.mark.parametrize(("text", "batch"), [("1", 1), ("1_000_000_000", 10**9), ("0", None), ("1_000_000_001", None)])
def test_a_stated_batch_is_from_one_to_a_billion(text: str, batch: int | None) -> None:
    network = archcalc.load("lenet5").expand()
    if batch is None:
        with pytest.raises(UsageError, match=f"batch is a whole number from 1 to 1,000,000,000: `{text}` is not"):
            stated(network, {"batch": text})
    else:
        assert stated(network, {"batch": text}).batch == batch


TOWERS = """
input: [6, 4]
blocks:
  tower:
    - conv: {out: 6, kernel: 3, padding: 1}
      weights: conv
    - batch_norm:
      weights: norm
layers:
  - tower:
    weights: tower
  - tower:
    weights: tower
  - flatten
  - linear: 2
"""


def test_what_layers_share_is_held_once() -> None:
    found = budget.training(analysed(TOWERS).interpretation, Setup(optimizer="momentum")).persistent
    # A convolution with 6 kernels of 6x3, scale and shift of 6 channels, and a linear layer of 24 values.
    params = 6 * 6 * 3 + 6 + 2 * 6 + 24 * 2 + 2
    assert found.parameters == found.optimizer == 4 * params
    # The averages of 6 channels, and a 64-bit counter of batches.
    assert found.buffers == 4 * 2 * 6 + 8


def test_gradients_of_an_output_that_is_asked_for_twice_are_added() -> None:
    analysis = analysed("input: [4]\nlayers:\n  - linear: 3\n  - head: {aux: []}\n")
    steps = budget.training(analysis.interpretation, Setup()).timeline
    [at] = [number for number, step in enumerate(steps.steps) if (step.operation, step.phase) == ("add", "backward")]
    # For each sample the input of 4 values, and of 3 values each loss's gradient and their sum.
    assert steps.during[at] == (0, 4 * (4 + 3 * 3))


def test_what_a_layer_saves_is_said_in_words() -> None:
    analysis = analysed(
        "input: [4, 6]\nlayers:\n  - linear: {out: 4, each_position: true}\n  - softplus\n  - flatten\n  - linear: 2\n"
    )

    def words(dtype: str, device: str = "cpu") -> list[list[str]]:
        memory = NetworkMemory(analysis.interpretation, Setup(dtype=dtype, device=device))
        return [memory.why(index) for index in range(4)]

    assert words("float32") == [["input"], ["input"], [], ["input"]]
    # The first product reads a copy of the sequence; its output has 16 bits already, the second one's weights have not.
    assert words("amp") == [["input (copy)"], ["input"], [], ["input", "weight (bfloat16)"]]
    # CUDA's kernels compute the logarithm in float32.
    assert words("amp", "cuda")[1:] == [["input (copy)"], [], ["input (copy)", "weight (float16)"]]


@pytest.mark.parametrize(
    ("dtype", "device", "kernels"),
    [
        ("float32", "cuda", ["_native_multi_head_attention"]),
        ("bfloat16", "cpu", ["_native_multi_head_attention"]),
        # CPU's autocast converts what the kernel takes; CUDA's has the layer compute as in training.
        ("amp", "cpu", ["_native_multi_head_attention"]),
        ("amp", "cuda", ["addmm", "clone", "scaled_dot_product_attention", "addmm"]),
    ],
)
def test_attention_has_a_kernel_of_its_own_at_inference(dtype: str, device: str, kernels: list[str]) -> None:
    analysis = analysed("input: [4, 6]\nlayers:\n  - attention: 2\n")
    steps = peaks.inference(analysis.interpretation, Setup(dtype=dtype, device=device)).steps
    assert [step.operation for step in steps if step.operation != "to"] == kernels


def test_what_is_saved_by_layer_adds_up_to_what_is_saved_at_each_step() -> None:
    made = of("lenet5")
    by_layer = made.saved_by_step(2, str)
    assert len(by_layer) > 1
    assert [sum(values) for values in zip(*by_layer.values(), strict=True)] == made.parts_by_step(2)["saved"]
