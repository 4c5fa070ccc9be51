"""Memory against PyTorch's own, byte for byte.

`networks.csv` and the traces: torchvision 0.29.1's networks, measured with torch 2.14.1. `layers.csv`: small networks
around each layer, measured with the same version through saved-tensor hooks and a trace of all operations in which
every tensor is freed after its last use. `layout.csv`: the same for networks whose tensors lie otherwise than their
shapes say: permuted, cropped, channels last, views that are worked on in place; a sequence is read as rows by the loss.
Outputs stay to the end of inference. `precision.csv`: the networks of both in bfloat16, parameters and all, and under
torch.autocast("cpu", torch.bfloat16), whose cache holds the copies of parameters until the loss is known. `cuda.csv`:
what is saved in float32, in float16, and under automatic mixed precision, on fake CUDA tensors of that version (there
was no device). `random.csv`: networks that `oracle.generate` made, in three types, some with frozen layers or with
stretches that are computed again (by numbers of layers), as `oracle.measure` measures them; "eager" is with the
lifetimes that Python and autograd give to tensors. `chosen.csv`: small networks, measured the same way, each of a rule
that random ones seldom meet.

Peaks of `networks.csv` hold 8 bytes of target for each sample, 4 of the loss and 4 of its total weight, which the
caller keeps. `recurrent.csv`, `experts.csv` and `attention.csv`: the same of layers that a framework composes of many
operations, a recurrent one by PyTorch's own kernels with oneDNN switched off, experts with the rows sorted by them and
one operation that multiplies each with its own expert's matrix, and attention as `archcalc export` writes it.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from inline import analysed, eager, layers, memory

import archcalc
from archcalc.analysis.interpret import Interpretation, interpret, out_of_place
from archcalc.memory import peaks
from archcalc.memory.checkpoint import Segment
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages, saved_memory
from archcalc.quantities.registry import figure

DATA = Path(__file__).parent.parent / "data" / "memory"


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))


SPECS = {
    ("alexnet", ""): "alexnet_torchvision",
    ("googlenet", "aux"): "googlenet_bn:heads=true",
    ("googlenet", "no_aux"): "googlenet_bn",
    ("inception_v3", "aux"): "inception_v3:heads=true",
    ("inception_v3", "no_aux"): "inception_v3",
}


def network(row: dict[str, str]) -> Interpretation:
    """The network of a row; "not in place" switches every in-place flag off, as the measurement did."""
    expanded = archcalc.load(SPECS.get((row["model"], row["config"]), row["model"])).expand()
    made = interpret(expanded)
    in_place = [
        node.index for node, outcome in zip(expanded.nodes, made.outcomes, strict=True) if outcome.storage == "inplace"
    ]
    return out_of_place(made, in_place) if row["relu"] == "not in place" else made


def label(row: dict[str, str]) -> str:
    return f"{row['model']}-{row['config']}-{row['relu'].split()[0]}-{row['batch']}"


@pytest.mark.parametrize("row", rows("networks.csv"), ids=label)
def test_a_network_keeps_what_autograd_keeps(row: dict[str, str]) -> None:
    interpretation = network(row)
    batch = int(row["batch"])
    cpu = saved_memory(Storages(interpretation, Setup(batch=batch)))
    cuda = saved_memory(Storages(interpretation, Setup(device="cuda", batch=batch)))
    assert cpu.total.at(batch) == int(row["kept_bytes_with_input"])
    assert cpu.without_input.at(batch) == int(row["kept_bytes_without_input"])
    assert cuda.without_input.at(batch) == int(row["kept_bytes_without_input_cuda"])


@pytest.mark.parametrize("row", rows("networks.csv"), ids=label)
def test_a_network_peaks_where_the_framework_peaks(row: dict[str, str]) -> None:
    interpretation = network(row)
    batch = int(row["batch"])
    caller = 8 * batch + 4 + 4
    training = peaks.training(Storages(interpretation, Setup(batch=batch)))
    assert training.activations.bytes_at(batch) == int(row["training_peak_without_params_and_grads"]) - caller
    assert training.with_gradients.bytes_at(batch) == int(row["training_peak_with_grads"]) - caller
    inference = peaks.inference(interpretation, Setup(batch=batch)).bytes_at(batch)
    assert inference == int(row["inference_liveness_peak_with_input"])


@pytest.mark.parametrize(
    "row",
    rows("layers.csv") + rows("layout.csv") + rows("precision.csv"),
    ids=lambda row: "-".join((row["layers"], row["batch"], row.get("frozen") or row.get("dtype", ""))),
)
def test_a_layer_keeps_and_makes_what_the_framework_does(row: dict[str, str], tmp_path: Path) -> None:
    layers = "".join(f"  - {layer}\n" for layer in row["layers"].split("; "))
    spec = tmp_path / "small.yaml"
    spec.write_text(f"architecture: small\ninput: {row['input']}\nlayers:\n{layers}")
    interpretation = interpret(archcalc.load(spec).expand())
    batch = int(row["batch"])
    setup = Setup(dtype=row.get("dtype", "float32"), frozen=tuple(row.get("frozen", "").split()), batch=batch)
    saved = saved_memory(Storages(interpretation, setup))
    training = peaks.training(Storages(interpretation, setup))
    found = {
        "kept_bytes_with_input": saved.total.at(batch),
        "kept_bytes_without_input": saved.without_input.at(batch),
        "inference_liveness_peak_with_input": peaks.inference(interpretation, setup).bytes_at(batch),
        "training_peak_without_params_and_grads": training.activations.bytes_at(batch),
        "training_peak_with_grads": training.with_gradients.bytes_at(batch),
    }
    assert found == {key: int(row[key]) for key in found}


@pytest.mark.parametrize(
    "row",
    rows("recurrent.csv") + rows("experts.csv") + rows("attention.csv"),
    ids=lambda row: f"{row['layers']} {row['input']} {row['batch']} {row['dtype']}",
)
def test_a_layer_of_many_operations_peaks_where_the_framework_peaks(row: dict[str, str]) -> None:
    steps = "".join(f"- {layer}\n" for layer in row["layers"].split("; "))
    analysis, setup = layers(row["input"], steps), Setup(batch=int(row["batch"]), dtype=row["dtype"])
    names = ("saved_bytes", "inference_peak", "training_peak", "training_peak_with_gradients")
    assert memory(analysis, setup) == tuple(int(row[name]) for name in names)
    assert eager(analysis, setup) == (int(row["inference_peak_eager"]), int(row["training_peak_eager"]))


@pytest.mark.parametrize(
    "row", rows("random.csv") + rows("chosen.csv"), ids=lambda row: row.get("seed") or row["rule"].replace(" ", "-")
)
def test_a_random_network_is_counted_and_held_as_the_framework_does(row: dict[str, str]) -> None:
    layers = "".join(f"  - {layer}\n" for layer in row["layers"].split("; "))
    analysis = analysed(f"input: {row['input']}\nlayers:\n{layers}")
    interpretation, batch = analysis.interpretation, int(row["batch"])
    names = [node.name for node in interpretation.network.nodes]
    stretches = [map(int, stretch.split("-")) for stretch in row["checkpoints"].split()]
    setup = Setup(
        dtype=row["dtype"],
        frozen=tuple(names[int(number)] for number in row["frozen"].split()),
        checkpoints=tuple(Segment(first, last, names[first]) for first, last in stretches),
        batch=batch,
    )

    def storages() -> Storages:
        return Storages(interpretation, setup, checkpoints=setup.checkpoints)

    saved, training = saved_memory(storages()), peaks.training(storages())
    found = {
        "params": figure(analysis, "params"),
        "buffers": figure(analysis, "buffers"),
        "macs": figure(analysis, "macs"),
        "saved_bytes": saved.total.at(batch),
        "saved_bytes_without_input": saved.without_input.at(batch),
        "inference_peak_bytes": peaks.inference(interpretation, setup).bytes_at(batch),
        "inference_peak_eager_bytes": peaks.eager_inference(interpretation, setup).bytes_at(batch),
        "training_peak_bytes": training.activations.bytes_at(batch),
        "training_peak_bytes_with_gradients": training.with_gradients.bytes_at(batch),
        "training_peak_eager_bytes": peaks.eager_training(storages()).bytes_at(batch),
    }
    assert found == {key: int(row[key]) for key in found}


@pytest.mark.parametrize("row", rows("cuda.csv"), ids=lambda row: f"{row['layers']}-{row['dtype']}")
def test_a_layer_keeps_on_cuda_what_the_framework_does_in_each_type(row: dict[str, str], tmp_path: Path) -> None:
    layers = "".join(f"  - {layer}\n" for layer in row["layers"].split("; "))
    spec = tmp_path / "small.yaml"
    spec.write_text(f"architecture: small\ninput: {row['input']}\nlayers:\n{layers}")
    interpretation = interpret(archcalc.load(spec).expand())
    saved = saved_memory(Storages(interpretation, Setup("cuda", row["dtype"], batch=int(row["batch"]))))
    assert saved.total.at(int(row["batch"])) == int(row["kept_bytes_with_input"])


TRACES = {"alexnet_torchvision": "alexnet_b1", "resnet18": "resnet18_b1", "googlenet_bn": "googlenet_no_aux_b1"}


@pytest.mark.parametrize("spec", TRACES)
def test_the_backward_pass_follows_the_trace_step_by_step(spec: str) -> None:
    """Every step of ours is in the trace, in order, with the same bytes alive (the caller holds 16 more in it).

    Left out are the sums of bias gradients: the trace still holds the linear layer's input there, which autograd
    drops with the whole layer, though nothing reads it any more.
    """
    interpretation = archcalc.load(spec).analyse().interpretation
    found = peaks.training(Storages(interpretation, Setup())).with_gradients
    ours = [
        amount.at(1)
        for step, amount in zip(found.steps, found.during, strict=True)
        if step.phase == "backward" and step.node >= 0 and step.operation != "sum"
    ]
    measured = iter(int(row["live_bytes_after"]) - 16 for row in rows(f"{TRACES[spec]}.csv") if row["phase"] == "bwd")
    assert all(any(live == alive for alive in measured) for live in ours)
    assert len(ours) > 20


def spec_of(tmp_path: Path, *layers: str, shape: str = "[4, 8, 8]") -> Any:
    path = tmp_path / "small.yaml"
    path.write_text(f"input: {shape}\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers))
    return archcalc.load(path).analyse().interpretation


def test_batch_statistics_do_not_grow_with_the_batch(tmp_path: Path) -> None:
    saved = saved_memory(Storages(spec_of(tmp_path, "conv: {out: 8, kernel: 1}", "batch_norm"), Setup()))
    # Mean and inverse deviation of 8 channels; the convolution's input 4x8x8 and the normalisation's 8x8x8.
    assert saved.total == (4 * 2 * 8, 4 * (4 * 64 + 8 * 64))


def test_a_storage_is_kept_once(tmp_path: Path) -> None:
    saved = saved_memory(
        Storages(spec_of(tmp_path, "conv: {out: 8, kernel: 1}", "relu", "conv: {out: 2, kernel: 1}"), Setup())
    )
    # The image, and ReLU's output, which is the second convolution's input too.
    assert [layer.per_sample for layer in saved.layers] == [4 * 4 * 64, 4 * 8 * 64, 0]


def test_frozen_layers_keep_nothing(tmp_path: Path) -> None:
    interpretation = spec_of(
        tmp_path, "conv: {out: 8, kernel: 1}", "relu", "maxpool: 2", "flatten", "linear: 3", "relu", "linear: 2"
    )
    saved = saved_memory(Storages(interpretation, Setup(frozen=("conv",))))
    # The first linear layer's input, 8x4x4 values, and the output of the second ReLU, which the last one keeps too.
    assert saved.total == (0, 4 * (8 * 16 + 3))


EAGER = [
    row
    for row in rows("networks.csv")
    if row["batch"] == "1"
    and row["relu"] != "not in place"
    and row["model"] in ("alexnet", "vgg16", "googlenet", "inception_v3")
]


@pytest.mark.parametrize("row", EAGER, ids=label)
def test_eager_python_holds_what_enters_a_block(row: dict[str, str]) -> None:
    eager = peaks.eager_inference(network(row), Setup()).bytes_at(1)
    assert eager == int(row["inference_peak_with_input"])


@pytest.mark.parametrize("row", rows("networks.csv"), ids=label)
def test_eager_training_peaks_as_the_framework_frees(row: dict[str, str]) -> None:
    """The measured networks have one target for all of their outputs, and ours one for each."""
    interpretation, batch = network(row), int(row["batch"])
    more = 8 * batch * (len(interpretation.network.outputs) - 1)
    eager = peaks.eager_training(Storages(interpretation, Setup(batch=batch)))
    assert eager.bytes_at(batch) == int(row["training_peak_with_grads"]) + more


def test_eager_python_holds_as_much_as_its_modules_are_cut() -> None:
    """torchvision's bottleneck holds its input through the shortcut, 4 * 64 * 56 * 56 bytes beyond the three maps of
    256 channels and the image; its convolution and normalisation are two modules, where the spec's `conv_bn` is one
    block that holds what enters it too, here once more the bottleneck's 64 channels."""
    interpretation = archcalc.load("resnet50").analyse().interpretation
    image, narrow, wide = 4 * 3 * 224 * 224, 4 * 64 * 56 * 56, 4 * 256 * 56 * 56
    assert 3 * wide + narrow + image == 11_038_720
    assert peaks.inference(interpretation, Setup()).bytes_at(1) == 3 * wide + image
    assert peaks.eager_inference(interpretation, Setup()).bytes_at(1) == 3 * wide + 2 * narrow + image


def test_an_ideal_pass_holds_only_what_is_still_needed(tmp_path: Path) -> None:
    interpretation = spec_of(tmp_path, "maxpool: 2", "relu6", "conv: {out: 2, kernel: 1}", shape="[4, 8, 8]")
    # Input 4x8x8 and its pooled 4x4x4; a framework has 64-bit indices beside it. Later the input is no longer needed.
    assert peaks.ideal_inference(interpretation, Setup()).bytes_at(1) == 4 * (256 + 64)
    assert peaks.inference(interpretation, Setup()).bytes_at(1) == 4 * (256 + 64) + 8 * 64


# Measured with torch 2.14.1 under torch.autocast("cpu", torch.bfloat16), without gradients: every tensor freed after
# its last use, but the copies of weights and biases, which autocast's cache holds until the pass ends.
@pytest.mark.parametrize(
    ("layers", "shape", "batch", "measured"),
    [
        (("conv: {out: 8, kernel: 3, padding: 1}", "relu", "flatten", "linear: 5"), "[4, 8, 8]", 1, 7780),
        (("conv: {out: 8, kernel: 3, padding: 1}", "relu", "flatten", "linear: 5"), "[4, 8, 8]", 2, 9838),
        # Shared weights are converted once.
        (("{linear: 16, weights: w}", "gelu", "{linear: 16, weights: w}", "relu", "linear: 2"), "[16]", 1, 712),
        (("{linear: 16, weights: w}", "gelu", "{linear: 16, weights: w}", "relu", "linear: 2"), "[16]", 2, 812),
    ],
)
def test_mixed_precision_holds_the_copies_of_all_parameters_until_the_pass_ends(
    layers: tuple[str, ...], shape: str, batch: int, measured: int, tmp_path: Path
) -> None:
    interpretation = spec_of(tmp_path, *layers, shape=shape)
    assert peaks.inference(interpretation, Setup(dtype="amp", batch=batch)).bytes_at(batch) == measured


def test_a_large_network_under_mixed_precision_holds_its_weights_twice() -> None:
    """ResNet-50's 25,557,032 parameters are half as large again, less the normalisations' 53,120, which are not
    converted. Measured at batch 2."""
    interpretation = archcalc.load("resnet50").analyse().interpretation
    assert peaks.inference(interpretation, Setup(dtype="amp", batch=2)).bytes_at(2) == 52_224_240


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "amp"])
def test_normalised_queries_keep_what_their_scale_multiplies_in_float32(dtype: str) -> None:
    """What no operation of the layer's own makes has a type of its own: 5 positions of 8 values, 4 bytes each."""
    analysis = analysed("input: [8, 5]\nlayers: [{attention: {heads: 2, norm: rms, bias: false}}]\n")
    stored = {each.what: each for each in Storages(analysis.interpretation, Setup(dtype=dtype)).all}
    for name in ("unscaled query", "unscaled key"):
        assert (stored[name].dtype, stored[name].amount.at(1)) == ("float32", 160)
