"""Models of packages, exported by PyTorch without weights: built and traced on the meta device, which computes nothing.

Needs tests/oracle/requirements.txt.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

#: Two samples, so that the batch is told from a size of 1.
BATCH = 2

#: A model, and the shape of its input without the batch.
Model: TypeAlias = tuple[nn.Module, tuple[int, ...]]


def of_torchvision(name: str) -> Model:
    """A classifier, and the image that its weights were measured with."""
    from torchvision.models import get_model, get_model_weights

    weights: Any = get_model_weights(name).DEFAULT
    side = max(weights.transforms.keywords["crop_size"], *weights.meta["min_size"])
    # These two draw their weights when they are made, and draw from values.
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = built(lambda: get_model(name, **options))
    side = getattr(model, "image_size", side)
    return model, (3, side, side)


def of_pytorchcv(name: str) -> Model:
    """A model of any of its data sets."""
    from pytorchcv.model_provider import get_model

    model = built(lambda: get_model(name, pretrained=False))
    return model, (getattr(model, "in_channels", 3), *getattr(model, "in_size", (224, 224)))


def of_timm(name: str) -> Model:
    """`ARCHITECTURE-SIZE`. Its authors count the matrix products of attention, so they are not fused."""
    import timm
    from timm.layers import set_fused_attn

    set_fused_attn(False)
    architecture, _, side = name.rpartition("-")
    size = int(side)
    try:
        model = built(lambda: timm.create_model(architecture, img_size=size))
    except TypeError:  # a network of convolutions takes any size
        model = built(lambda: timm.create_model(architecture))
    return model, (3, size, size)


#: The packages whose models can be built, by table.
PACKAGES: dict[str, Callable[[str], Model]] = {
    "torchvision": of_torchvision,
    "pytorchcv": of_pytorchcv,
    "timm": of_timm,
}


def built(make: Callable[[], nn.Module]) -> nn.Module:
    """A model without values, for evaluation; one that needs values while it is made loses them afterwards."""
    try:
        with torch.device("meta"):
            model = make()
    except (RuntimeError, NotImplementedError):
        model = make()
    return model.eval().to("meta")


def export(table: str, name: str, path: Path) -> None:
    """Write the archive of a model of a table."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, shape = PACKAGES[table](name)
        image = torch.empty(BATCH, *shape, device="meta")
        torch.export.save(torch.export.export(model, (image,), strict=False), path)
