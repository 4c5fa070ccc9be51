"""What PyTorch says of a model: parameters, buffers, MACs, output, and what autograd saves.

Fake tensors stand for those of a CPU: nothing is computed, and the operations are those that a CPU has. (On the meta
device attention would be made of others.)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

BATCH = 2


def measure(model: nn.Module, shape: tuple[int, ...]) -> dict[str, Any]:
    """Figures for a batch of 2: MACs for one sample; saved bytes in training, without the input.

    MACs, parameters and buffers are those that the forward pass in the model's own mode uses.
    """
    torch.backends.mha.set_fastpath_enabled(False)  # its operations are not counted
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    figures = {"macs": macs_of_sample(model, torch.empty(2, *shape, device="meta"))}
    with FakeTensorMode(allow_non_fake_inputs=True):
        return figures | _measured(model.to_empty(device="cpu"), torch.empty(BATCH, *shape))


def macs_of_sample(model: nn.Module, x: torch.Tensor) -> int:
    """Of one sample, on the meta device, since PyTorch does not count the products of a CPU's attention.

    A batch normalisation in training takes no single value for each channel, so that what a second sample adds is
    subtracted from two of them: what is computed once for the batch is counted once.
    """
    counts = []
    for batch in (x, torch.cat((x, x))):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(batch)
        counts.append(counter.get_total_flops() // 2)
    once = 2 * counts[0] - counts[1]
    return (counts[0] - once) // len(x) + once


def _measured(model: nn.Module, x: torch.Tensor) -> dict[str, Any]:
    training = model.training
    used: set[int] = set()
    figures: dict[str, Any] = {}
    with torch.no_grad():
        output = model.eval()(x)
    figures["output"] = list(output.shape[1:])
    model.train(training)
    hooks = [module.register_forward_hook(lambda m, *_: used.add(id(m))) for module in model.modules()]
    output = model(x)
    for hook in hooks:
        hook.remove()
    parameters = list(model.parameters())
    end = sum(each.sum() for each in (output if isinstance(output, tuple) else (output,)))
    gradients = torch.autograd.grad(end, parameters, allow_unused=True)
    figures["params"] = sum(p.numel() for p, found in zip(parameters, gradients, strict=True) if found is not None)
    modules = [module for module in model.modules() if id(module) in used]
    figures["buffers"] = sum(b.numel() for module in modules for b in module.buffers(recurse=False))
    figures["saved_bytes"] = _saved(model.train(), x)
    return figures


def _saved(model: nn.Module, x: torch.Tensor) -> int:
    owned = {tensor.untyped_storage()._cdata for tensor in (x, *model.parameters(), *model.buffers())}
    saved: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()._cdata
        if storage not in owned:
            saved[storage] = tensor  # held, so that no other storage takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = model(x)
    del output
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())
