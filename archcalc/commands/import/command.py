"""The options of `archcalc import`."""

from __future__ import annotations

from pathlib import Path

import click

from archcalc.cli.command import Command
from archcalc.cli.options import output_option, partial_option, write_pieces
from archcalc.cli.types import ModelType


@click.command(cls=Command)
@click.argument("model", type=ModelType())
@click.option("--input", "shape", metavar="SIZES", help="For a function: the shape of one sample, 3,224,224.")
@partial_option
@output_option(".yaml", ".yml")
def command(model: str, shape: str | None, partial: bool, output: Path | None) -> None:
    """Write a model as a spec.

    MODEL is a file that torch.export.save has written (.pt2), an ONNX model (.onnx, which needs the package onnx), a
    model of Keras (.keras, .json), a configuration of Darknet (.cfg), a network of Caffe (.prototxt) or a config.json
    of Hugging Face. It is read without the framework, and no code in it is run. Modules and equal structures become
    blocks, runs become repeats, and paths become branches; every other command takes the file itself as its SPEC.

    MODEL may also be a function that builds a model, as package.module:function. It is imported and called, in a
    process of its own, so that its code runs; that needs PyTorch.

    \b
    Examples:
      archcalc import resnet50.pt2 -o resnet50.yaml
      archcalc import torchvision.models:resnet50 --input 3,224,224
    """
    from archcalc.diagnostics.diagnostic import UsageError
    from archcalc.exchange import ENDINGS, folded, is_model
    from archcalc.exchange.export_model import exported, is_callable

    if is_callable(model):
        write_pieces(exported(model, _sizes(shape), partial=partial), output)
        return
    if not is_model(model):
        endings = " or ".join(ENDINGS)
        raise UsageError(f"{model} is not a model: a file ends in {endings}, and a function is package.module:function")
    if shape is not None:
        raise UsageError(f"{model} says its input itself: --input is for a function")
    write_pieces(folded(Path(model), model, partial=partial), output)


def _sizes(text: str | None) -> tuple[int, ...]:
    """The sizes of one sample, channels first; UsageError if they are not whole numbers from 1."""
    from archcalc.diagnostics.diagnostic import UsageError

    parts = [part.strip() for part in (text or "").split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < len(part) < 10 and int(part) for part in parts):
        raise UsageError("a function needs the shape of one sample: --input 3,224,224")
    return tuple(map(int, parts))
