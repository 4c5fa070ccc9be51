"""Holds the reader of export archives against PyTorch for timm's architectures, all of them or some.

    python tests/exchange/check_timm.py FOLDER [NAME ... | --sample N | --families] [--seconds N] [--memory GB]

Needs torch, timm and archcalc in one environment. Each architecture is exported for inference on the meta device, in a
process of its own that has so much time and memory, and the archive stays in FOLDER with what PyTorch says of the
model, so that a run that was ended goes on where it was, and a second one only reads. Parameters, buffers, the shapes
of the outputs and the MACs of a sample must be equal. Prints what differs or is refused, the fewest parameters first,
how often each reason occurs, and how many are exact; the exit code is 1 if less than 95 % are.

`--families` takes the smallest architecture of each of timm's files, which then stands for all of its file in the
share; `--sample N` draws N at random, the same ones each time.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import resource
import signal
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
from measure import macs_of_sample
from torch import nn

from archcalc import api
from archcalc.diagnostics.diagnostic import SpecError

#: The share of the architectures that is to be read.
GOAL = 0.95
#: What is compared.
COMPARED = ("params", "buffers", "outputs", "macs")


class Verdict(NamedTuple):
    """Why a model is not exact: what differs, or each reason for which an operation is refused. Empty if it is."""

    reasons: tuple[str, ...] = ()


# --- PyTorch's side


def built(name: str) -> nn.Module:
    """An architecture on the meta device, for inference."""
    with torch.device("meta"):
        model: nn.Module = timm.create_model(name)
    # A few make tensors elsewhere; a parameter that is a module's input has no gradient function to count by.
    return model.to("meta").eval().requires_grad_(False)


def export(name: str, path: Path) -> dict[str, Any]:
    """Exports a model for two images of its own size; returns PyTorch's figures: parameters and buffers are those that
    the graph reads, and the counters of the normalisations whose statistics it reads."""
    model = built(name)
    image = torch.empty(2, *model.pretrained_cfg["input_size"], device="meta")
    program = torch.export.export(model, (image,))
    torch.export.save(program, path)
    signature = program.graph_signature
    owners = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    used = {node.name for node in program.graph.nodes if node.op == "placeholder" and node.users}
    read = {owners[key] for key in used if key in owners}
    read |= {path.replace("running_mean", "num_batches_tracked") for path in read}
    with torch.no_grad():
        found = model(image)
    outputs = [found] if isinstance(found, torch.Tensor) else found
    return {
        "params": _elements(model.named_parameters(remove_duplicate=False), read),
        "buffers": _elements(model.named_buffers(remove_duplicate=False), read),
        "outputs": [_apart_from_ones(output.shape[1:]) for output in outputs],
        "macs": macs_of_sample(model, image),
    }


def _elements(named: Iterable[tuple[str, torch.Tensor]], read: set[str]) -> int:
    """The elements of those that are read, one that has several names once."""
    return sum({id(tensor): tensor.numel() for name, tensor in named if name in read}.values())


def _apart_from_ones(sizes: Iterable[int]) -> list[int]:
    """Sizes in the order of their size: a volume has its channels first, and a tensor may have them last."""
    return sorted(size for size in sizes if size != 1)


# --- ours


def read(path: Path) -> dict[str, Any]:
    """archcalc's figures of an archive."""
    spec = api.load(path)
    analysis = spec.analyse()
    volumes = (analysis.interpretation.volume(each) for each in analysis.network.outputs.values())
    return {
        "params": spec.figure("params"),
        "buffers": spec.figure("buffers"),
        "outputs": [_apart_from_ones(volume.shape) for volume in volumes],
        "macs": spec.figure("macs"),
    }


def compared(path: Path, said: dict[str, Any]) -> list[str]:
    """Why the archive of a model is not exact."""
    try:
        found = read(path)
    except SpecError as error:
        found_unknown = [each for each in error.diagnostics if each.rule == "unknown-operation"]
        return [_reason(note) for each in found_unknown for note in each.notes] or [str(error).splitlines()[0]]
    return [f"{key} {found[key]}, not {said[key]}" for key in COMPARED if found[key] != said[key]]


def _reason(note: str) -> str:
    """An operation and why it is refused, without how often and where."""
    return note.partition(") ")[0] + ")"


# --- a process for each model


def apart(work: Callable[[], Any], seconds: int, memory: int) -> Any:
    """What a function returns, as JSON, in a process that has so much time and memory; text where it fails."""
    end, begin = os.pipe()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        signal.alarm(seconds)
        try:
            made = json.dumps(work())
        except Exception as error:
            made = json.dumps(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
        with os.fdopen(begin, "w") as stream:
            stream.write(made)
        os._exit(0)
    os.close(begin)
    with os.fdopen(end) as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    return json.loads(text) if text else f"it was ended after {seconds} s ({status})"


def judged(name: str, folder: Path, seconds: int, memory: int) -> Verdict:
    """Whether a model is exact: exported, if it is not in the folder yet, and read."""
    archive, figures = folder / f"{name}.pt2", folder / f"{name}.json"
    if not figures.exists():
        said = apart(lambda: export(name, archive), seconds, memory)
        if isinstance(said, str):
            return Verdict((f"PyTorch does not export it: {said}",))
        figures.write_text(json.dumps(said))
    found = apart(lambda: compared(archive, json.loads(figures.read_text())), seconds, memory)
    return Verdict((f"archcalc fails: {found}",) if isinstance(found, str) else tuple(found))


def sizes(folder: Path) -> dict[str, int]:
    """The parameters of every architecture."""
    kept = folder / "sizes.json"
    if not kept.exists():
        counts = {name: sum(each.numel() for each in built(name).parameters()) for name in timm.list_models()}
        kept.write_text(json.dumps(counts))
    return dict(json.loads(kept.read_text()))


def family(name: str) -> str:
    """The file of timm that an architecture is in."""
    return str(timm.models.model_entrypoint(name).__module__)


def chosen(options: argparse.Namespace, counts: dict[str, int]) -> list[str]:
    """The architectures to check, the smallest first."""
    names = options.names or list(counts)
    if options.families:
        smallest = {family(name): name for name in sorted(counts, key=lambda name: -counts[name])}
        names = list(smallest.values())
    elif options.sample:
        names = random.Random(1).sample(sorted(counts), options.sample)
    return sorted(names, key=lambda name: (counts[name], name))


def main(arguments: list[str]) -> int:
    """Check architectures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--sample", type=int, metavar="N")
    parser.add_argument("--families", action="store_true")
    parser.add_argument("--seconds", type=int, default=300, help="for each step of a model")
    parser.add_argument("--memory", type=int, default=6, help="GB for each process")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    options.folder.mkdir(parents=True, exist_ok=True)
    counts = sizes(options.folder)
    of_family = Counter(map(family, counts)) if options.families else Counter()
    weights = {name: of_family.get(family(name), 1) for name in chosen(options, counts)}
    gc.collect()
    gc.freeze()  # a process that is forked writes to what it collects
    reasons: dict[str, list[str]] = defaultdict(list)
    exact = 0
    for name, weight in weights.items():
        verdict = judged(name, options.folder, options.seconds, options.memory * 10**9)
        exact += 0 if verdict.reasons else weight
        for reason in verdict.reasons:
            reasons[reason].append(name)
        if verdict.reasons:
            print(f"{name}: {'; '.join(verdict.reasons)}", flush=True)
    print()
    for reason, names in sorted(reasons.items(), key=lambda item: -sum(weights[name] for name in item[1])):
        print(f"{sum(weights[name] for name in names):5}  {reason}: {', '.join(names[:4])}")
    whole = sum(weights.values())
    print(f"{exact} of {whole} architectures are exact: {exact / whole:.1%}")
    return int(exact < GOAL * whole)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
