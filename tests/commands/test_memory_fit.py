"""`archcalc fit`: the largest batch that a memory takes, by every convention."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from archcalc.cli import run
from archcalc.devices import CARDS
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.units import headroom, memory_size


def fits(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[dict[str, object]]:
    assert run(["fit", *arguments, "--format", "json"]) == code
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["fits"]
    return found


def test_the_lectures_fifty_images(capsys: pytest.CaptureFixture[str]) -> None:
    """ "5 GB, 100 MB an image, 50 images": by the lecture's own table 60,950,432 bytes an image forward, twice that
    with gradients. A framework needs 73,658,368 an image at peak (PyTorch's measured peak), beside
    553,430,176 of parameters and, at that moment, 522,889,120 of gradients."""
    (found,) = fits(capsys, "vgg16", "--memory", "5GB")
    assert found["largest_activations_batch"] == 5 * 10**9 // 60_950_432 == 82
    assert found["largest_activations_twice_batch"] == 5 * 10**9 // 121_900_864 == 41
    assert found["largest_training_batch"] == (5 * 10**9 - 553_430_176 - 522_889_120) // 73_658_368 == 53
    (adam,) = fits(capsys, "vgg16", "--memory", "5GB", "--optimizer", "adam")
    # Adam's two means for each parameter, and a counter for each of 32 tensors.
    state = 2 * 553_430_176 + 4 * 32
    assert adam["largest_training_batch"] == (5 * 10**9 - 553_430_176 - 522_889_120 - state) // 73_658_368 == 38


def test_alexnet_at_128_on_a_card_of_3_gb(capsys: pytest.CaptureFixture[str]) -> None:
    """Today's framework trains it on one card, as one tower and even as the paper's two towers together."""
    options = ("--gpu", "gtx580", "--optimizer", "momentum", "--batch", "128")
    (one,) = fits(capsys, "alexnet", *options)
    (two,) = fits(capsys, "alexnet_two_gpu", *options)
    assert (one["batch_fits"], two["batch_fits"]) == (True, True)
    assert one["memory_bytes"] == 3 * 2**30
    assert one["batch_bytes"] == 1_601_103_072
    assert two["batch_bytes"] == 2_432_381_152


@pytest.mark.parametrize("optimizer", ["none", "adam"])
def test_the_largest_batch_fits_and_one_more_does_not(optimizer: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("resnet18", "--memory", "2GB,8GiB", "--optimizer", optimizer)
    for found in fits(capsys, *options):
        largest = int(str(found["largest_training_batch"]))
        for batch, fit in ((largest, True), (largest + 1, False)):
            asked_for = ("--memory", str(found["memory"]), "--optimizer", optimizer, "--batch", str(batch))
            (asked,) = fits(capsys, "resnet18", *asked_for, code=int(not fit))
            assert asked["batch_fits"] is fit


def test_weights_of_few_bits_are_fitted_for_inference(capsys: pytest.CaptureFixture[str]) -> None:
    """VGG-16 in 4 bits: 138,344,128 weights are half a byte each, 13,416 biases two; a sample peaks at 14,751,744."""
    (found,) = fits(capsys, "vgg16", "--memory", "1GB", "--dtype", "int4")
    assert found["largest_inference_batch"] == (10**9 - 69_172_064 - 26_832) // 14_751_744 == 63
    assert "largest_training_batch" not in found
    assert run(["fit", "vgg16", "--memory", "10MB", "--dtype", "int4"]) == 1
    shown = capsys.readouterr().out
    assert "batch 1  inference peaks at 83,950,640 bytes" in shown
    assert "training" not in shown
    assert run(["memory", "vgg16", "--dtype", "int4"]) == 0
    assert "inference memory  83,950,640 bytes" in capsys.readouterr().out


def test_headroom_is_left_free(capsys: pytest.CaptureFixture[str]) -> None:
    (part,) = fits(capsys, "resnet18", "--memory", "10GB", "--headroom", "10%")
    (size,) = fits(capsys, "resnet18", "--memory", "10GB", "--headroom", "1GB")
    (small,) = fits(capsys, "resnet18", "--memory", "9GB")
    assert part["usable_bytes"] == size["usable_bytes"] == 9 * 10**9
    assert part["largest_training_batch"] == size["largest_training_batch"] == small["largest_training_batch"]


def test_a_tenth_of_a_card_is_left_free(capsys: pytest.CaptureFixture[str]) -> None:
    (card, size) = fits(capsys, "resnet18", "--gpu", "v100", "--memory", "16GiB")[::-1]
    assert card["usable_bytes"] == 16 * 2**30 * 9 // 10 + 1  # rounded in favour of what is used
    assert size["usable_bytes"] == 16 * 2**30
    assert run(["fit", "vgg16", "--gpu", "v100"]) == 0
    assert "v100     up to batch 195 in 14.40 of 16.00 GiB" in capsys.readouterr().out


@pytest.mark.parametrize(
    "asked",
    [
        ("resnet50", "--gpu", "t4", "--optimizer", "adamw", "--batch", "256"),  # one option is enough
        ("resnet50", "--memory", "1GB", "--batch", "64"),  # in parts, or at once with two
        ("resnet50", "--memory", "1GB", "--batch", "64", "--optimizer", "adam"),  # more help than are listed
        ("vgg16", "--memory", "1GB", "--optimizer", "adam"),  # not even batch 1 as asked
        ("bert_base", "--gpu", "t4", "--accumulate", "--dtype", "bfloat16", "--batch", "4096"),  # nothing is enough
        ("resnet18", "--memory", "2GB", "--checkpoint", "auto", "--batch", "300"),
        ("resnet18", "--memory", "1GB", "--checkpoint", "stage1", "--batch", "300"),
    ],
)
def test_every_remedy_does_what_it_says(asked: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    (without,) = fits(capsys, *asked, code=1)
    remedies: Any = without["remedies"]
    assert 0 < len(remedies) <= 5
    spec, *others = asked
    paths = ("--checkpoint", "stage1")
    if "--batch" in asked:
        at = others.index("--batch")
        batch = int(others[at + 1])
        del others[at : at + 2]
    else:
        batch = 1
    for remedy in remedies:
        parts = remedy["batches"]
        assert parts == 1 or parts * (remedy["batch"] - 1) < batch <= parts * remedy["batch"]
        assert remedy["enough"] == (parts * remedy["batch"] >= batch)
        # Of an option that is given twice the last counts; checkpoints that are found take the place of paths.
        kept = others if "auto" not in remedy["options"] else [each for each in others if each not in paths]
        options = [*kept, *remedy["options"].split()]
        (helped,) = fits(capsys, spec, *options, "--batch", str(remedy["batch"]))
        largest = helped["largest_training_batch"]
        assert largest > (without["largest_training_batch"] if parts == 1 else 0)
        assert largest == remedy["largest_batch"]
        assert remedy["enough"] or largest < batch
        found = "auto" in options
        assert (remedy["most_extra_macs"] is None) == (found and not remedy["enough"])
        if remedy["most_extra_macs"] is not None:
            of_memory = [option for option in options if option not in ("--gpu", "t4")]
            at = ("--memory", f"{without['usable_bytes']}B") if "--gpu" in options else ()
            assert run(["memory", spec, *of_memory, *at, "--batch", str(remedy["batch"]), "--format", "json"]) == 0
            once = json.loads(capsys.readouterr().out)["extra_macs"]
            assert remedy["most_extra_macs"] == parts * once or (found and remedy["most_extra_macs"] > parts * once)


def test_what_one_option_does_not_bring_in_two_do(capsys: pytest.CaptureFixture[str]) -> None:
    """The cheapest first: adafactor alone takes a batch of Llama 2 on an H100, amp alone none of Llama 3."""
    (seven,) = fits(capsys, "llama2_7b", "--gpu", "h100", "--optimizer", "adam", code=1)
    assert [remedy["options"] for remedy in seven["remedies"]] == ["--optimizer adafactor"]  # type: ignore[attr-defined]
    (eight,) = fits(capsys, "llama3_8b", "--gpu", "h100", "--optimizer", "adam", "--batch", "8", code=1)
    assert all(len(remedy["options"].split()) >= 4 for remedy in eight["remedies"] if remedy["enough"])  # type: ignore[attr-defined]


def test_a_batch_can_come_in_parts(capsys: pytest.CaptureFixture[str]) -> None:
    (without,) = fits(capsys, "resnet50", "--memory", "1GB", "--batch", "64", code=1)
    first = without["remedies"][0]  # type: ignore[index]
    assert first["options"] == "--accumulate"
    # So many parts are the batch, one less would not be; each fits beside the gradients of the ones before.
    (found,) = fits(capsys, "resnet50", "--memory", "1GB", "--accumulate")
    largest = int(str(found["largest_training_batch"]))
    assert first["batches"] == -(-64 // largest)
    assert first["batch"] == -(-64 // first["batches"])
    at_once = [remedy["options"] for remedy in without["remedies"] if remedy["enough"] and remedy["batches"] == 1]  # type: ignore[attr-defined]
    assert at_once == ["--dtype bfloat16 --checkpoint auto"]


def test_what_does_not_fit_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "vgg16", "--memory", "1GB"]) == 1
    assert "1GB      batch 1 does not fit in 953.7 MiB, short by 169.6 MB" in capsys.readouterr().out


def test_without_a_memory_every_card_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert [found["memory"] for found in fits(capsys, "lenet5")] == list(CARDS)
    assert all(gpu.source for gpu in CARDS.values())


def test_many_memories_are_answered_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def said(code: int, *arguments: str) -> str:
        assert run(["fit", *arguments]) == code
        return capsys.readouterr().out.splitlines()[1]

    largest = {found["memory"]: found["largest_training_batch"] for found in fits(capsys, "resnet50")}
    ends = f"up to batch {largest['gtx580']} on gtx580, up to {largest['mi300x']:,} on mi300x"
    assert said(0, "resnet50") == f"fits     {len(CARDS)} of {len(CARDS)} cards: {ends}"
    sizes = ",".join(f"{number}GB" for number in range(1, 8))
    # From batch 23 on, 110,849,512 + 86,704,128 bytes a sample: 30 take 2.712 GB, as two of the seven have not.
    assert said(1, "resnet50", "--memory", sizes, "--batch", "30").startswith(
        "fits      5 of 7 memories: up to batch 33 "
    )
    assert said(1, "gpt2", "--memory", sizes, "--batch", "64").startswith("fits      none of 7 memories: short by ")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GB", 24 * 10**9),
        ("24GiB", 24 * 2**30),
        ("1.5 gb", 1_500_000_000),
        ("3B", 3),
        ("80 gib", 80 * 2**30),
        ("24G", 24 * 10**9),
        ("24gb", 24 * 10**9),
        ("4096B", 4096),
        ("1_000_000", 1_000_000),
    ],
)
def test_an_amount_of_memory(text: str, size: int) -> None:
    assert memory_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "GB", "-3GB", "1e9B", "24XB", "0GB", "9" * 40 + "GB", "٣GB"])
def test_no_amount_of_memory(text: str) -> None:
    with pytest.raises(UsageError, match="is not a memory size"):
        memory_size(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("24", "`24` is 24 bytes: write 24GB, or 24B if bytes are meant"),
        ("0.5", "`0.5` is 0.5 bytes: write 0.5GB, or"),
        ("1", "`1` is 1 byte: write 1GB"),
        ("24576", "`24576` is 24,576 bytes: write 24576MiB, or 24576B"),  # as nvidia-smi has it
        ("999_999", "is 999,999 bytes"),
    ],
)
def test_a_memory_whose_unit_is_forgotten(text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["fit", "lenet5"], ["memory", "lenet5"]):
        assert run([*arguments, "--memory", text]) == 2
        assert said in capsys.readouterr().err
    assert run(["compare", "lenet5", "--columns", "largest_training_batch", "--with", f"memory={text}"]) == 2
    assert said in capsys.readouterr().err


def test_a_headroom_whose_unit_is_forgotten() -> None:
    with pytest.raises(UsageError, match="`10` is 10 bytes: write 10% or 10GB, or 10B if bytes are meant"):
        headroom("10", 10**9)
    assert headroom("10B", 10**9) == 10
    assert headroom("0", 10**9) == 0


def test_headroom_must_leave_something() -> None:
    assert headroom("12.5%", 800) == 100
    for text in ("100%", "1GB"):
        with pytest.raises(UsageError, match="leaves nothing"):
            headroom(text, 800)


def test_a_wrong_card_is_corrected(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "lenet5", "--gpu", "v10"]) == 2
    assert "did you mean `v100`?" in capsys.readouterr().err


def test_a_card_and_a_memory_size_are_led_to_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "lenet5", "--memory", "8GB,V100"]) == 2
    assert capsys.readouterr().err == "error: `V100` is a card: --gpu V100\n"
    assert run(["fit", "lenet5", "--gpu", "24GB"]) == 2
    assert capsys.readouterr().err == "error: `24GB` is a memory size: --memory 24GB\n"


@pytest.mark.parametrize(
    ("option", "word", "meant"),
    [("--optimizer", "admaw", "adamw"), ("--dtype", "bf16", "bfloat16"), ("--dtype", "q", None)],
)
def test_a_misspelt_word_of_an_option_is_corrected(
    option: str, word: str, meant: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["memory", "lenet5", option, word]) == 2
    said = f"there is no `{word}`: did you mean `{meant}`?" if meant else f"`{word}` is not one of `float32`, "
    assert f"error: invalid value for `{option}`: {said}" in capsys.readouterr().err


def test_each_card_is_answered_and_what_does_not_fit_is_helped(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "resnet50", "--gpu", "t4,v100-32gb", "--batch", "256", "--optimizer", "adam"]) == 1
    shown = capsys.readouterr().out
    assert "t4 " in shown
    assert "v100-32gb" in shown
    assert "batch 256 does not fit, short by" in shown
    assert "what makes batch 256 fit, or at least a larger batch\n" in shown
    assert re.search(r"^t4 +--dtype amp +fits, up to 337 +0.0%$", shown, re.MULTILINE)
    assert re.search(r"^t4 +--accumulate +2 batches of 128 +0.0%$", shown, re.MULTILINE)
    assert re.search(r"^t4 +--checkpoint auto +fits, up to [0-9]+ +[0-9.]+%$", shown, re.MULTILINE)
    assert re.search(r"^t4 +--optimizer adam8bit +no, up to 176$", shown, re.MULTILINE)


def test_every_memory_is_answered_on_its_own_device(capsys: pytest.CaptureFixture[str]) -> None:
    """BERT drops out: a value of a mask takes 4 bytes on the CPU, 1 on CUDA."""
    every = {str(found["memory"]): found for found in fits(capsys, "bert_base")}
    assert {name: found["device"] for name, found in every.items()} == {name: CARDS[name].runtime for name in CARDS}
    for name in ("a100-80gb", "mi300x", "m1-max-32gb"):
        assert fits(capsys, "bert_base", "--gpu", name) == [every[name]]
    assert (every["a100-80gb"]["largest_training_batch"], every["m1-8gb"]["largest_training_batch"]) == (239, 20)
    mixed = fits(capsys, "bert_base", "--gpu", "m1-8gb,a100-80gb", "--memory", "16GiB")
    assert mixed[1:] == [every["m1-8gb"], every["a100-80gb"]]
    assert mixed[0] == fits(capsys, "bert_base", "--memory", "16GiB")[0]
    on_the_cpu = fits(capsys, "bert_base", "--gpu", "a100-80gb", "--device", "cpu")[0]
    assert on_the_cpu["largest_training_batch"] == 219
    assert on_the_cpu in fits(capsys, "bert_base", "--device", "cpu")


def test_devices_are_told_apart_where_they_differ(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "bert_base", "--gpu", "v100,m1-8gb", "--batch", "16"]) == 0
    shown = capsys.readouterr().out
    assert "optimizer none, cuda and cpu\n" in shown
    assert "batch 16 on cuda  training peaks at " in shown
    assert "m1-8gb  7.200 GiB  cpu " in shown
    assert run(["fit", "bert_base", "--gpu", "v100,t4"]) == 0
    assert "optimizer none, cuda\n" in (shown := capsys.readouterr().out)
    assert "device" not in shown
    assert run(["fit", "bert_base", "--gpu", "v100,m1-8gb", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["device"] is None


def test_an_answer_says_that_no_optimizer_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    said = "in 72.00 of 80.00 GiB, without optimizer state\n"
    assert run(["fit", "llama2_7b", "--gpu", "h100"]) == 0
    assert f"up to batch 1 {said}" in capsys.readouterr().out
    assert run(["fit", "vgg16"]) == 0
    assert "1.089 GiB), without optimizer state\n" in capsys.readouterr().out
    for options in (["--optimizer", "sgd"], ["--dtype", "int8"]):
        assert run(["fit", "vgg16", "--gpu", "h100", *options]) == 0
        assert "without optimizer state" not in capsys.readouterr().out


def test_a_memory_that_takes_nothing_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "llama2_7b", "--gpu", "h100", "--optimizer", "adam", "--batch", "8"]) == 1
    assert "; not even batch 1 fits in 72.00 of 80.00 GiB\n" in (shown := capsys.readouterr().out)
    assert "up to batch 0" not in shown


def test_one_sample_is_answered_as_it_lies(capsys: pytest.CaptureFixture[str]) -> None:
    """Of vit_b16 it takes more than the line through larger batches says: 693,799,272 bytes. Both commands agree."""
    peaks = {}
    for batch in (1, 2):
        assert run(["memory", "vit_b16", "--batch", str(batch), "--format", "json"]) == 0
        peaks[batch] = json.loads(capsys.readouterr().out)["memory"]["training_peak_bytes"]
        (found,) = fits(capsys, "vit_b16", "--memory", f"{peaks[batch]}B", "--batch", str(batch))
        assert (found["batch_bytes"], found["batch_fits"]) == (peaks[batch], True)
        assert (found["largest_training_batch"], found["training_peak_bytes"]) == (batch, peaks[batch])
    (found,) = fits(capsys, "vit_b16", "--memory", f"{peaks[1] - 1}B", "--batch", "1", code=1)
    assert (found["batch_fits"], found["largest_training_batch"]) == (False, 0)
    assert peaks[1] - 1 >= 693_799_272


def test_a_card_implies_its_device(capsys: pytest.CaptureFixture[str]) -> None:
    devices = []
    for options in (
        ["--gpu", "v100"],
        ["--gpu", "v100", "--device", "cpu"],
        ["--gpu", "m1-8gb"],
        ["--memory", "16GiB"],
    ):
        assert run(["fit", "alexnet", *options, "--format", "json"]) == 0
        devices.append(json.loads(capsys.readouterr().out)["device"])
    assert devices == ["cuda", "cpu", "cpu", "cpu"]


def test_checkpoints_leave_free_of_a_card_what_fit_leaves_free(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["memory", "resnet50", "--gpu", "v100", "--batch", "512", "--checkpoint", "auto", "--format", "json"]
    assert run(arguments) == 0
    peak = json.loads(capsys.readouterr().out)["memory"]["training_peak_bytes"]
    assert peak <= 16 * 2**30 * 9 // 10
    assert run([*arguments, "--headroom", "20%"]) == 0
    assert json.loads(capsys.readouterr().out)["memory"]["training_peak_bytes"] <= 16 * 2**30 * 8 // 10 < peak


def test_fit_finds_checkpoints(capsys: pytest.CaptureFixture[str]) -> None:
    """The batch that fits with them is the largest for which `memory` finds some."""
    automatic = ("resnet18", "--memory", "1GB", "--checkpoint", "auto")
    (found,) = fits(capsys, *automatic)
    largest = int(str(found["largest_training_batch"]))
    assert int(str(found["training_peak_bytes"])) <= 10**9
    for batch, code in ((largest, 0), (largest + 1, 1)):
        assert run(["memory", *automatic, "--batch", str(batch)]) == code
    capsys.readouterr()
    assert run(["fit", *automatic, "--batch", str(largest + 1)]) == 1
    (missing,) = re.findall(r"short by ([0-9.]+) MB with any checkpoints;", capsys.readouterr().out)
    enough = 10**9 + int((float(missing) + 0.1) * 10**6)
    assert (
        run(["memory", "resnet18", "--memory", f"{enough}B", "--checkpoint", "auto", "--batch", str(largest + 1)]) == 0
    )
    assert run(["fit", "resnet18", "--checkpoint", "auto", "--checkpoint", "stage1"]) == 2
    assert run(["fit", "resnet18", "--checkpoint", "auto", "--dtype", "int8"]) == 2


def test_where_nothing_helps_the_floor_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("llama3_8b", "--gpu", "rtx4090", "--optimizer", "adam")
    assert run(["fit", *asked]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "no setup that archcalc tries makes it fit: even with --dtype bfloat16" in said
    (found,) = fits(capsys, *asked, code=1)
    smallest: Any = found["smallest_tried"]
    assert found["remedies"] == []
    # 8,030,261,248 parameters of 2 bytes, their gradients, and next to nothing of the optimizer.
    assert 2 * 2 * 8_030_261_248 < smallest["held_bytes"] < 4.01 * 8_030_261_248
    assert smallest["peak_bytes"] is None
    assert "parameters, optimizer state and gradients take 32.1" in said
    # Where parameters and gradients fit, but nothing beside them.
    (small,) = fits(capsys, "vgg16", "--memory", "560MB", code=1)
    smallest = small["smallest_tried"]
    assert smallest["held_bytes"] == 2 * 2 * 138_357_544 < 560 * 10**6 < smallest["peak_bytes"]
    assert run(["memory", "llama3_8b", "--gpu", "rtx4090", "--checkpoint", "auto"]) == 1
    assert "try a smaller batch" not in capsys.readouterr().err


def test_headroom_is_for_checkpoints_that_are_looked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["memory", "vgg16", "--headroom", "10%"]) == 2
    assert "--headroom is what --checkpoint auto leaves free" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (["--gpu", "a100-80gb", "--batch", "512"], 0),
        (["--gpu", "v100", "--batch", "512"], 1),
        (["--gpu", "v100,a100-80gb", "--batch", "512"], 1),  # each of those named must take it
        (["--batch", "512"], 0),  # of all cards one is enough
        (["--batch", "1_000_000"], 1),
        (["--memory", "10MB"], 1),  # not even a batch of 1
        (["--memory", "10MB,8GB", "--format", "json"], 1),
    ],
)
def test_the_exit_code_answers_whether_it_fits(asked: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "resnet50", *asked]) == code
    assert capsys.readouterr().err == ""


def test_what_fits_without_training_is_said_where_training_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "llama3_8b", "--gpu", "rtx4090", "--dtype", "bfloat16"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "the largest batch that fits in training" in said
    assert "short by 43.37 GB, without optimizer state; at inference up to batch 3" in said
    # 16.06 GB of parameters would fit into 24 GiB: with as many bytes of gradients they do not.
    assert "makes it fit: as asked, parameters and gradients take 32.12 GB at any batch" in said


def test_a_batch_that_pytorch_refuses_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Batch normalisation of a vector: one sample is one value."""
    spec = tmp_path / "vector.yaml"
    spec.write_text("input: [16]\nlayers: [{linear: 32}, batch_norm, {linear: 10}]\n", encoding="utf-8")
    assert run(["fit", str(spec), "--memory", "1GB", "--batch", "1"]) == 2
    assert "the statistics of one value" in capsys.readouterr().err
    assert run(["fit", str(spec), "--memory", "1GB"]) == 0
    assert "batch 2  training peaks at" in capsys.readouterr().out
    assert run(["fit", str(spec), "--memory", "1kB"]) == 1
    assert "batch 2 does not fit" in capsys.readouterr().out


def test_a_memory_without_a_unit_is_asked_for_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "lenet5", "--memory", "24"]) == 2
    assert "`24` is 24 bytes: write 24GB, or 24B if bytes are meant" in capsys.readouterr().err
    assert memory_size("24B") == 24
    assert memory_size("8_000_000_000") == 8 * 10**9
