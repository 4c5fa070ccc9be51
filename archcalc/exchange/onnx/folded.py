"""Batch normalisations that an exporter has folded into the convolutions before them, as the file shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archcalc.exchange.onnx.nodes import Model, Node

_KINDS = ("Conv", "ConvTranspose")
#: How torch's older exporter names weights that it has computed; those of the model keep their names.
_COMPUTED = re.compile(r"onnx::(Conv|ConvTranspose)_\d+\Z")


def folded_normalisations(model: Model) -> Iterator[str]:
    """What there is to say of them, if there are any."""
    found = [node for node in model.nodes if node.kind in _KINDS and _is_folded(node)]
    if not found:
        return
    widths = [_channels(model, node) for node in found]
    channels = sum(widths)
    biases = sum(width for width, node in zip(widths, found, strict=True) if len(node.inputs) > 2 and node.inputs[2])
    many = f"{len(found)} batch normalisations are" if len(found) > 1 else "a batch normalisation is"
    whose = "their" if len(found) > 1 else "its"
    instead = f", and {biases:,} biases stand for them" if biases else ""
    yield f"{many} folded into convolutions: {whose} {2 * channels:,} parameters are not in the file{instead}"


def _is_folded(node: Node) -> bool:
    """Whether a convolution stands where a normalisation did, or has weights that were computed from its factors."""
    inside = node.modules[-1][1] if node.modules else ""
    return "BatchNorm" in inside or (len(node.inputs) > 1 and _COMPUTED.match(node.inputs[1]) is not None)


def _channels(model: Model, node: Node) -> int:
    """The channels that a convolution makes; 0 if they are not known."""
    shape = model.shapes.get(node.outputs[0], ())
    return shape[1] if len(shape) > 1 and isinstance(shape[1], int) else 0
