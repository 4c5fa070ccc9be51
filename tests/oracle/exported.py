"""The code that `archcalc export` writes, run: parameters, MACs, output shapes, saved bytes, beside the spec's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archcalc
from archcalc import catalogue
from archcalc.analysis.totals import Analysis
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.exchange.writers import pytorch
from archcalc.language.network import INPUT_INDEX
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages, saved_memory
from archcalc.quantities.registry import figure

BATCH = 2


class Run(NamedTuple):
    """What a network has: parameters in all, MACs and shapes for one sample of the batch, bytes saved for the batch."""

    params: int
    macs: int
    shapes: tuple[tuple[int, ...], ...]
    saved_bytes: int | None


def writable() -> Iterator[str]:
    """The names of the catalogue's specs that can be written."""
    for name in catalogue.names():
        try:
            "".join(pytorch.write(archcalc.load(name).analyse()))
        except SpecError:
            continue
        yield name


def module_of(analysis: Analysis) -> nn.Module:
    """The network that the code describes: its last class, made without arguments."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec("".join(pytorch.write(analysis)), names)
    last = [each for each in names.values() if isinstance(each, type) and issubclass(each, nn.Module)][-1]
    made = last()
    assert isinstance(made, nn.Module)
    return made


def of_spec(analysis: Analysis, *, saved: bool = True) -> Run:
    """archcalc's figures."""
    interpretation = analysis.interpretation
    shapes = tuple(_shape(analysis, value) for value in interpretation.network.outputs.values())
    kept = saved_memory(Storages(interpretation, Setup())).total.at(BATCH) if saved else None
    return Run(int(figure(analysis, "params")), int(figure(analysis, "macs")), shapes, kept)


def of_code(analysis: Analysis, *, saved: bool = True) -> Run:
    """PyTorch's: counted on the meta device; with `saved`, the bytes that autograd keeps on the CPU."""
    with torch.device("meta"):
        module = module_of(analysis)
    params = sum(parameter.numel() for parameter in module.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        outputs = _tuple(module.eval()(_example(analysis, "meta")))
    flops = counter.get_total_flops()
    assert flops % (2 * BATCH) == 0
    shapes = tuple(tuple(output.shape) for output in outputs)
    return Run(params, flops // 2 // BATCH, shapes, _saved(analysis) if saved else None)


def _shape(analysis: Analysis, value: int) -> tuple[int, ...]:
    """The shape of an output: a vector, or a sequence of vectors, channels last."""
    volume = analysis.interpretation.volume(value)
    return (BATCH, *volume.space, volume.channels) if volume.rank == 1 else (BATCH, *volume.shape)


def _tuple(outputs: Any) -> tuple[torch.Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _example(analysis: Analysis, device: str) -> torch.Tensor:
    """An input: whole numbers where the network looks them up."""
    nodes = analysis.network.nodes
    indices = any(node.layer.name == "embedding" and node.inputs[0] == INPUT_INDEX for node in nodes)
    shape = (BATCH, *analysis.network.input.shape)
    return torch.zeros(shape, dtype=torch.int64 if indices else torch.float32, device=device)


def _saved(analysis: Analysis) -> int:
    """Bytes of all tensors that autograd saves in training, each storage once, without parameters and buffers."""
    module = module_of(analysis).train()
    own = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *module.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = module(_example(analysis, "cpu"))
    del outputs
    return sum(storage.nbytes() for storage in kept.values())
