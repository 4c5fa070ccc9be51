"""Holds the reader of export archives against PyTorch for the decoders of transformers.

    python tests/exchange/check_decoders.py [FAMILY ...]

Needs torch, transformers and archcalc in one environment. Each model has two layers, and is exported for inference on
the meta device and read; its parameters and the MACs of one sample must be PyTorch's. Prints what differs or is refused
and how many are exact; the exit code is 1 if one is not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
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
    "mixtral",
    "phi",
    "falcon",
    "stablelm",
)

#: A model on the meta device, and what it takes: positional arguments and others.
Case: TypeAlias = tuple[nn.Module, tuple[torch.Tensor, ...], dict[str, Any]]


def built(name: str) -> Case:
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
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=products()) as counter:
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


def products() -> dict[Any, Any]:
    """What PyTorch's counter does not know: products of each row with the matrix of its expert."""
    import transformers.integrations.moe

    del transformers  # loaded for its operation

    def flops(rows: Any, weights: Any, *_: Any, **__: Any) -> int:
        count, inner = rows
        return 2 * int(count) * int(inner) * int(weights[-1])

    return {torch.ops.transformers.grouped_mm_fallback: flops, torch.ops.aten._grouped_mm: flops}


def main(arguments: list[str]) -> int:
    """Check families; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("families", nargs="*")
    names = parser.parse_args(arguments).families or FAMILIES
    warnings.filterwarnings("ignore")
    exact = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            said = differences(built(name), Path(folder) / "model.pt2")
            exact += not said
            if said:
                print(f"{name}: {said}", flush=True)
    print(f"{exact} of {len(names)} models are exact")
    return int(exact < len(names))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
