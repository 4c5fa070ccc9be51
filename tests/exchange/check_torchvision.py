"""Holds the reader against PyTorch for torchvision's classifiers: each is exported, read, and compared.

    python tests/exchange/check_torchvision.py [NAME ...]

Needs torch, torchvision and archcalc in one environment; without names it takes all 80 classifiers and some minutes.
Each model is exported for training and for inference. Parameters, buffers, MACs, the output and, of the export for
training, the bytes that autograd saves must be equal. Prints what differs or is refused, and the exit code is then 1.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
import torchvision.models
from measure import BATCH, measure
from torch import nn
from torch.utils._pytree import _register_namedtuple as register_heads

from archcalc import api
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.memory.setup import Setup
from archcalc.quantities.registry import Part, quantities


def build(name: str) -> nn.Module:
    """A classifier on the meta device. Some compute with values while they are built, which meta has not."""
    if name in ("googlenet", "inception_v3"):
        return torchvision.models.get_model(name, init_weights=False).to("meta")
    if name.startswith("regnet"):
        return torchvision.models.get_model(name).to("meta")
    with torch.device("meta"):
        return torchvision.models.get_model(name)


def image(name: str, model: nn.Module) -> int:
    """The side of the images that a classifier is made for."""
    weights: Any = torchvision.models.get_model_weights(name).DEFAULT
    usual = max(weights.transforms.keywords["crop_size"], *weights.meta["min_size"])
    return getattr(model, "image_size", usual)


def read(path: Path) -> dict[str, Any]:
    """archcalc's figures for an exported model."""
    analysis = api.load(path).analyse()
    part = Part(analysis, setup=Setup(batch=BATCH))
    figures: dict[str, Any] = {name: quantities()[name].measure(part) for name in ("params", "buffers")}
    figures["macs"] = quantities()["macs"].measure(Part(analysis))
    figures["saved_bytes"] = quantities()["saved_bytes_without_input"].measure(part)
    figures["output"] = list(analysis.interpretation.volume(analysis.network.outputs["output"]).shape)
    return figures


def differences(name: str, training: bool, folder: Path) -> str:
    """What differs between PyTorch and archcalc, or why archcalc refuses the model; empty if nothing does."""
    model = build(name).train(training)
    shape = (3, image(name, model), image(name, model))
    path = folder / f"{name}.pt2"
    torch.export.save(torch.export.export(model, (torch.empty(BATCH, *shape, device="meta"),)), path)
    try:
        found = read(path)
    except SpecError as error:
        return str(error)
    said = measure(model, shape)
    apart: set[str] = (
        set() if training else {"saved_bytes"}
    )  # a model exported for inference has lost its stochastic depth
    return ", ".join(
        f"{key} {found[key]}, not {said[key]}" for key in found if key not in apart and found[key] != said[key]
    )


def main(names: list[str]) -> int:
    """Check classifiers; returns the exit code."""
    warnings.filterwarnings("ignore")
    for heads in (torchvision.models.GoogLeNetOutputs, torchvision.models.InceptionOutputs):
        register_heads(heads, serialized_type_name=heads.__name__)  # or torch.export would not save them
    names = names or torchvision.models.list_models(module=torchvision.models)
    exact = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            wrong = [differences(name, training, Path(folder)) for training in (False, True)]
            exact += not any(wrong)
            for mode, text in zip(("inference", "training"), wrong, strict=True):
                if text:
                    print(f"{name} for {mode}: {text}", flush=True)
    print(f"{exact} of {len(names)} classifiers are exact")
    return int(exact < len(names))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
