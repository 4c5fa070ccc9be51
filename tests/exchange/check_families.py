"""Holds the reader against PyTorch for timm's architectures and for the decoders of transformers.

    python tests/exchange/check_families.py timm [NAME ... | --sample N]
    python tests/exchange/check_families.py transformers [FAMILY ...]

Needs torch and the package in one environment with archcalc. Each model is exported for inference on the meta device
and read; its parameters and the MACs of one sample must be PyTorch's. Decoders have two layers. Prints what differs or
is refused and how many are exact; the exit code is 1 if one is not.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archcalc import api
from archcalc.diagnostics.diagnostic import SpecError

FAMILIES = (
    "llama",
    "mistral",
    "qwen2",
    "qwen3",
    "gemma",
    "gemma2",
    "phi3",
    "gpt2",
    "gpt_neox",
    "olmo2",
    "opt",
    "bloom",
)

#: A model on the meta device, and what it takes: positional arguments and others.
Case: TypeAlias = tuple[nn.Module, tuple[torch.Tensor, ...], dict[str, Any]]


def of_timm(name: str) -> Case:
    """An architecture of timm, and two images of its own size."""
    import timm

    with torch.device("meta"):
        model = timm.create_model(name).eval()
    size = model.pretrained_cfg["input_size"]
    return model.to("meta"), (torch.empty(2, *size, device="meta"),), {}


def of_transformers(name: str) -> Case:
    """A decoder of two layers in its default configuration, and two sequences of 16 tokens."""
    from transformers import AutoConfig, AutoModelForCausalLM

    layers = {"gpt2": "n_layer", "bloom": "n_layer"}.get(name, "num_hidden_layers")
    more = {"pad_token_id": 0} if name == "phi3" else {}
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **{layers: 2}, **more)).eval()
    return model, (torch.zeros(2, 16, dtype=torch.int64, device="meta"),), {"use_cache": False}


def differences(case: Case, path: Path) -> str:
    """What differs between PyTorch and archcalc, or why archcalc refuses the model; empty if nothing does."""
    model, inputs, options = case
    program = torch.export.export(model, inputs, kwargs=options, strict=False)
    torch.export.save(program, path)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        program.module()(*inputs, **options)
    try:
        read = api.load(path)
        found = read.figure("params"), read.figure("macs")
    except SpecError as error:
        return str(error)
    unused = sum(int(note.split()[0].replace(",", "")) for note in read.document.source.notes if "take no part" in note)
    said = sum(parameter.numel() for parameter in model.parameters()) - unused, counter.get_total_flops() // 4
    names = ("parameters", "MACs")
    return ", ".join(f"{n} {a}, not {b}" for n, a, b in zip(names, found, said, strict=True) if a != b)


def main(arguments: list[str]) -> int:
    """Check models; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("package", choices=("timm", "transformers"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--sample", type=int, default=60, metavar="N", help="without names: so many of timm's")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    build: Callable[[str], Case] = of_timm if options.package == "timm" else of_transformers
    names = options.names or list(FAMILIES)
    if not options.names and options.package == "timm":
        import timm

        names = random.Random(20261124).sample(sorted(timm.list_models()), options.sample)
    exact = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            said = differences(build(name), Path(folder) / "model.pt2")
            exact += not said
            if said:
                print(f"{name}: {said}", flush=True)
    print(f"{exact} of {len(names)} models are exact")
    return int(exact < len(names))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
