"""The counting profiles beside the tools that they are named after, which count the exported code of a network.

A tool is asked for one sample, at inference. Profiles that refuse a layer are not asked, and of tools that need a
graphics card, or that leave torch's functions changed behind them, there is nothing here.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from oracle.exported import examples, module_of
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.counting.count import count
from archcalc.counting.profiles import MEMORY_FIGURES, PROFILES
from archcalc.diagnostics.diagnostic import SpecError, UsageError

Inputs = tuple[torch.Tensor, ...]


#: Layers that torch.nn does not have: the code says them in classes of its own, which tools see otherwise than the
#: profiles say of such layers, or, as a fused attention, not at all on a CPU.
OF_OUR_OWN = frozenset(
    (
        *("affine", "attention", "class_token", "constant", "experts", "gru", "layer_scale", "learned", "lstm"),
        *("pad", "position_embedding", "rms_norm", "rnn", "scale", "subsample"),
    )
)


class Counted(NamedTuple):
    """What a profile says of a network, and what the tool says."""

    profile: str
    ours: int
    theirs: int

    @property
    def agrees(self) -> bool:
        return self.ours == self.theirs


def askable(analysis: Analysis) -> bool:
    """Whether tools see the layers that the spec has, and PyTorch runs them with one sample."""
    rows = analysis.layers
    return not any(row.layer in OF_OUR_OWN or row.outcome.values_of_statistic == 1 for row in rows)


def counted(analysis: Analysis) -> Iterator[Counted]:
    """Every profile that knows all layers of the network, beside its tool; none for a network without code."""
    for name, tool in TOOLS.items():
        profile = PROFILES.get(name) or MEMORY_FIGURES[name]
        try:
            ours = count(profile, analysis)
        except UsageError:
            continue
        try:
            module = module_of(analysis).eval()  # a new one: tools leave hooks behind
        except SpecError:
            return
        with _quietly():
            theirs = tool(module, tuple(examples(analysis, 1)))
        yield Counted(name, int(next(iter(ours.counters.values()))), theirs)


def known(analysis: Analysis, profile: str) -> bool:
    """Whether the network has what a tool misses, or counts elsewhere, as the profile's faults say."""
    rows = analysis.layers
    if any(row.layer == "conv_transpose" and isinstance(row.node.attributes.get("padding"), tuple) for row in rows):
        return True  # torch.nn pads both sides alike: the code makes more and drops some of it
    if profile in ("fvcore", "activations"):
        return any(row.node.attributes.get("padding") == "same" for row in rows)
    if profile == "ptflops-aten":  # where values are not contiguous is said by layouts
        moves = ("linear", "transpose", "select_token", "tokens")
        return any(row.layer in moves and analysis.input_volumes(row)[0].rank > 0 for row in rows)
    # Uneven paddings of a pool are an operation before it, whose result is counted.
    return profile.startswith("ptflops") and any(row.layer in ("avgpool", "maxpool") and _uneven(row) for row in rows)


def _uneven(row: AnalysedLayer) -> bool:
    kernel, padding = row.node.attributes["kernel"], row.node.attributes.get("padding", 0)
    return padding == "same" or isinstance(padding, tuple) or isinstance(kernel, tuple)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Tools print, warn and log."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _torch(module: nn.Module, inputs: Inputs) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*inputs)
    return int(counter.get_total_flops())


def _fvcore(module: nn.Module, inputs: Inputs) -> int:
    from fvcore.nn import FlopCountAnalysis

    return int(FlopCountAnalysis(module, inputs).total())


def _activations(module: nn.Module, inputs: Inputs) -> int:
    from fvcore.nn import ActivationCountAnalysis

    return int(ActivationCountAnalysis(module, inputs).total())


def _ptflops(backend: str, **options: Any) -> Callable[[nn.Module, Inputs], int]:
    def tool(module: nn.Module, inputs: Inputs) -> int:
        from ptflops import get_model_complexity_info

        names = module.forward.__code__.co_varnames[1 : 1 + len(inputs)]
        macs, _ = get_model_complexity_info(
            module,
            (1,),
            input_constructor=lambda _: dict(zip(names, inputs, strict=True)),
            as_strings=False,
            print_per_layer_stat=False,
            verbose=False,
            backend=backend,
            backend_specific_config=options,
        )
        return int(macs)

    return tool


def _torchinfo(figure: Callable[[Any], int]) -> Callable[[nn.Module, Inputs], int]:
    def tool(module: nn.Module, inputs: Inputs) -> int:
        from torchinfo import summary

        return figure(summary(module, input_data=inputs, verbose=0, device="cpu"))

    return tool


def _thop(module: nn.Module, inputs: Inputs) -> int:
    from thop import profile

    macs, _ = profile(module, inputs, verbose=False)
    return int(macs)


TOOLS: dict[str, Callable[[nn.Module, Inputs], int]] = {
    "torch": _torch,
    "fvcore": _fvcore,
    "activations": _activations,
    "ptflops": _ptflops("pytorch"),
    "ptflops-modules": _ptflops("pytorch", count_functional=False),
    "ptflops-aten": _ptflops("aten"),
    "torchinfo": _torchinfo(lambda found: int(found.total_mult_adds)),
    "torchinfo-pass-size": _torchinfo(lambda found: int(found.total_output_bytes)),
    "thop": _thop,
}
