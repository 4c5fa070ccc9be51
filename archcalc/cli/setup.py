"""Options of the commands that ask how a network is trained."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import click

from archcalc.cli import known
from archcalc.cli.types import Choice, Name

# The words stand here so that the help needs no analysis; a test holds them against the analysis' own.
DTYPES = ("float32", "float16", "bfloat16", "amp", "int8", "fp8", "int4")
OPTIMIZERS = (
    "none",
    "sgd",
    "momentum",
    "adam",
    "adamw",
    "amsgrad",
    "lion",
    "adagrad",
    "rmsprop",
    "adafactor",
    "adam8bit",
)
DEVICES = ("cpu", "cuda")


def training_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--dtype`, `--optimizer`, `--device`, `--freeze`, `--accumulate` and `--checkpoint`, under these names."""
    options = (
        click.option(
            "--dtype",
            type=Choice(DTYPES),
            default="float32",
            show_default=True,
            help="Data type; amp is mixed precision: matrix products in 16 bits; int8, fp8, int4 store weights, at"
            " inference.",
        ),
        click.option(
            "--optimizer",
            type=Choice(OPTIMIZERS),
            default="none",
            show_default=True,
            metavar="NAME",
            help=", ".join(OPTIMIZERS) + ".",
        ),
        click.option(
            "--device",
            type=Choice(DEVICES),
            help="A dropout mask takes 4 bytes a value on the CPU and 1 on CUDA.  [default: the card's, or cpu]",
        ),
        click.option(
            "--freeze",
            type=Name(known.layer_paths),
            multiple=True,
            metavar="PATH",
            help="Freeze the layers that a path names.",
        ),
        click.option(
            "--masters/--no-masters",
            default=True,
            help="With 16-bit parameters: float32 copies that the optimizer updates, or pure 16-bit training.",
        ),
        click.option("--accumulate", is_flag=True, help="Accumulate gradients over several batches."),
        click.option(
            "--checkpoint",
            type=Name(known.layer_paths),
            multiple=True,
            metavar="PATH",
            help="Save only the input of a block, and recompute the rest.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def finds_checkpoints(checkpoints: Sequence[str]) -> bool:
    """Whether `--checkpoint` asks for checkpoints to be found. UsageError if it names some beside."""
    from archcalc.diagnostics.diagnostic import UsageError

    if "auto" in checkpoints and len(checkpoints) > 1:
        raise UsageError("`--checkpoint auto` finds all checkpoints itself: leave the others out")
    return "auto" in checkpoints


def with_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--batch N` and `--with WORDS`; the function receives `words`, what they state of the setup as text."""

    @click.option("--batch", metavar="N", help="Batch size: MACs, FLOPs and bytes are for the whole batch.")
    @click.option(
        "--with",
        "stated",
        multiple=True,
        metavar="NAME=VALUE",
        help="State how the network is run: optimizer=adam, dtype=amp, device=cuda, gpu=a100-80gb, freeze=PATH.",
    )
    @functools.wraps(function)
    def wrapped(*args: Any, batch: str | None, stated: tuple[str, ...], **kwargs: Any) -> Any:
        from archcalc.catalogue import setting
        from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
        from archcalc.memory.setup import WORDS

        words = dict(map(setting, stated))
        for name in words:
            if name not in WORDS:
                hint = did_you_mean(name, WORDS) or f"it has {', '.join(WORDS)}"
                raise UsageError(f"a setup has no `{name[:60]}`: {hint}")
        if batch is not None:
            words["batch"] = batch
        return function(*args, words=words, **kwargs)

    return wrapped
