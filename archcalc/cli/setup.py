"""Options of the commands that ask how a network is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from archcalc.cli import known
from archcalc.cli.types import Name

if TYPE_CHECKING:
    from archcalc.analysis.interpret import Interpretation
    from archcalc.memory.setup import Setup

# The words stand here so that the help needs no analysis; a test holds them against the analysis' own.
DTYPES = ("float32", "float16", "bfloat16", "amp")
OPTIMIZERS = ("none", "sgd", "momentum", "adam", "adamw", "adagrad", "rmsprop", "adafactor", "adam8bit")
DEVICES = ("cpu", "cuda")


def training_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--dtype`, `--optimizer`, `--device`, `--freeze`, `--accumulate` and `--checkpoint`, under these names."""
    options = (
        click.option(
            "--dtype",
            type=click.Choice(DTYPES),
            default="float32",
            show_default=True,
            help="Type of the values; amp is mixed precision, which computes matrix products in 16 bits.",
        ),
        click.option("--optimizer", type=click.Choice(OPTIMIZERS), default="none", show_default=True),
        click.option(
            "--device",
            type=click.Choice(DEVICES),
            default="cpu",
            show_default=True,
            help="A dropout mask takes 4 bytes a value on the CPU and 1 on CUDA.",
        ),
        click.option(
            "--freeze",
            type=Name(known.layer_paths),
            multiple=True,
            metavar="PATH",
            help="Do not train the layers below a path.",
        ),
        click.option("--accumulate", is_flag=True, help="Gradients are added up over several batches."),
        click.option(
            "--checkpoint",
            type=Name(known.layer_paths),
            multiple=True,
            metavar="PATH",
            help="Keep only what enters a block, and compute it twice.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def setup(
    interpretation: Interpretation,
    *,
    dtype: str,
    optimizer: str,
    device: str,
    freeze: tuple[str, ...],
    accumulate: bool,
    checkpoint: tuple[str, ...],
) -> Setup:
    """The options as the analysis takes them, for a network; UsageError for paths that it does not have."""
    from archcalc.memory.checkpoint import segments
    from archcalc.memory.setup import Setup

    return Setup(device, dtype, freeze, optimizer, accumulate, segments(interpretation.network, checkpoint))
