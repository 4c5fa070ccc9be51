"""How a network is run: the one record that every figure which depends on it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.language.network import Network
from archcalc.language.paths import selected
from archcalc.memory.checkpoint import Segment, segments
from archcalc.memory.optimizers import OPTIMIZERS
from archcalc.memory.precision import COMPUTED, DTYPES, STORED
from archcalc.records import Record
from archcalc.sizes.kinds import Size, is_concrete
from archcalc.units import memory_size

if TYPE_CHECKING:
    from archcalc.devices import Card

DEVICES = ("cpu", "cuda")

#: A batch that stands for all of more than one sample: their tensors lie alike.
SEVERAL = 2

#: What of a setup can be stated in words, in an option or in a claim's `with`.
WORDS = ("batch", "dtype", "optimizer", "device", "freeze", "accumulate", "checkpoint", "masters", "memory", "gpu")


class Setup(Record):
    """How a framework runs a network, for training and for inference.

    `dtype` is one of `precision.DTYPES`, `optimizer` of `optimizers.OPTIMIZERS`, `device` of `DEVICES`.
    """

    device: str = "cpu"
    dtype: str = "float32"
    #: Paths of layers whose parameters are not trained.
    frozen: tuple[str, ...] = ()
    optimizer: str = "none"
    #: Whether an optimizer updates float32 copies of parameters that are kept in 16 bits.
    masters: bool = True
    #: Whether gradients are added up over several batches before an update.
    accumulate: bool = False
    #: Stretches that are computed again in the backward pass instead of being saved.
    checkpoints: tuple[Segment, ...] = ()
    #: Samples in a batch.
    batch: Size = 1
    #: Bytes that a batch has to fit into; None where nothing has to fit.
    memory: int | None = None
    #: The card whose rate and bandwidth bound the time; None where no card is named.
    card: Card | None = None

    @property
    def keeps_masters(self) -> bool:
        """Whether there are such copies: pure 16-bit training has none, and where all is float32 none are needed."""
        return self.masters and self.dtype in ("float16", "bfloat16") and self.optimizer != "none"

    @property
    def stores_fewer_bits(self) -> bool:
        """Whether weights are stored in fewer bits than they are computed in, which is for inference alone."""
        return self.dtype in STORED

    @property
    def parameters(self) -> str:
        """The type of parameters where they are not stored in fewer bits, and of what is computed of them."""
        if self.stores_fewer_bits:
            return COMPUTED
        return "float32" if self.dtype == "amp" else self.dtype

    @property
    def held(self) -> Setup:
        """The part of it that decides which tensors a framework holds: of the batch, whether it is one sample."""
        return self._replace(batch=1 if self.one_sample else SEVERAL, memory=None, card=None)

    @property
    def one_sample(self) -> bool:
        """Whether the batch is one sample: what then lies one after the other lies otherwise with several."""
        return is_concrete(self.batch) and self.batch == 1


def setup(
    network: Network,
    *,
    batch: Size = 1,
    dtype: str = "float32",
    optimizer: str = "none",
    device: str | None = None,
    freeze: Sequence[str] = (),
    accumulate: bool = False,
    checkpoint: Sequence[str] = (),
    masters: bool = True,
    memory: int | str | None = None,
    gpu: str | None = None,
) -> Setup:
    """The setup that these words state for a network; a card implies its device and its memory.

    UsageError for a word that is not known, a path that the network does not have, or training with a type that stores
    weights for inference.
    """
    _one_of("dtype", dtype, DTYPES)
    _one_of("optimizer", optimizer, OPTIMIZERS)
    if dtype in STORED:
        _inference_alone(
            dtype, optimizer=optimizer != "none", accumulate=accumulate, checkpoint=checkpoint, freeze=freeze
        )
    chosen = None if gpu is None else _card(gpu)
    if device is None:
        device = "cpu" if chosen is None else chosen.runtime
    _one_of("device", device, DEVICES)
    if isinstance(memory, str):
        memory = memory_size(memory)
    if memory is None and chosen is not None:
        memory = chosen.memory
    names = [node.name for node in network.nodes] if freeze else []
    for path in freeze:
        selected(names, path)
    return Setup(
        device=device,
        dtype=dtype,
        frozen=tuple(freeze),
        optimizer=optimizer,
        masters=masters,
        accumulate=accumulate,
        checkpoints=segments(network, checkpoint),
        batch=batch,
        memory=memory,
        card=chosen,
    )


def _card(gpu: str) -> Card:
    from archcalc.devices import card  # a table that few ask for

    return card(gpu)


def _inference_alone(dtype: str, **asked: object) -> None:
    for name, value in asked.items():
        if value:
            raise UsageError(f"weights in {dtype} are for inference: leave out {name}, or train in bfloat16 or amp")


def _one_of(what: str, word: str, known: Sequence[str]) -> None:
    if word not in known:
        hint = did_you_mean(word, known) or f"it is one of {', '.join(known)}"
        raise UsageError(f"unknown {what} `{word[:60]}`: {hint}")


def stated(network: Network, words: Mapping[str, str]) -> Setup:
    """The setup that a claim's `with` states as text: `{batch: 32, optimizer: adam, freeze: [stage1]}`."""
    return setup(network, **{name: _read(name, text.strip()) for name, text in words.items()})


def _read(name: str, text: str) -> Any:
    if name == "batch":
        digits = text.replace("_", "")
        if re.fullmatch("[0-9]{1,10}", digits) is None or not 1 <= int(digits) <= 10**9:
            raise UsageError(f"batch is a whole number from 1 to 1,000,000,000: `{text[:60]}` is not")
        return int(digits)
    if name in ("accumulate", "masters"):
        if text not in ("true", "false"):
            raise UsageError(f"{name} is true or false: `{text[:60]}` is not")
        return text == "true"
    if name in ("freeze", "checkpoint"):
        return [part.strip(" \"'") for part in text.strip("[]").split(",") if part.strip()]
    return text
