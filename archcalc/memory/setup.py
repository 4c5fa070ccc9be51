"""How a network is run: the one record that every figure which depends on it reads."""

from __future__ import annotations

from typing import NamedTuple

from archcalc.memory.checkpoint import Segment

DEVICES = ("cpu", "cuda")


class Setup(NamedTuple):
    """How a framework runs a network, for training and for inference.

    `dtype` is one of `precision.DTYPES`, `optimizer` of `optimizers.OPTIMIZERS`, `device` of `DEVICES`.
    """

    device: str = "cpu"
    dtype: str = "float32"
    #: Paths of layers whose parameters are not trained.
    frozen: tuple[str, ...] = ()
    optimizer: str = "none"
    #: Whether gradients are added up over several batches before an update.
    accumulate: bool = False
    #: Stretches that are computed again in the backward pass instead of being saved.
    checkpoints: tuple[Segment, ...] = ()
