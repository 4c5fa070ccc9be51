"""What PyTorch says of a model on the meta device: parameters, buffers, MACs, output, and what autograd saves."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

BATCH = 2


def measure(model: nn.Module, shape: tuple[int, ...]) -> dict[str, Any]:
    """Figures for a batch of 2: MACs for one sample, in inference; saved bytes in training, without the input.

    Parameters and buffers are those that the forward pass in the model's own mode uses.
    """
    training = model.training
    x = torch.empty(BATCH, *shape, device="meta")
    used: set[int] = set()
    figures: dict[str, Any] = {}
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        output = model(x)
    figures["macs"] = counter.get_total_flops() // 2 // BATCH
    figures["output"] = list(output.shape[1:])
    model.train(training)
    hooks = [module.register_forward_hook(lambda m, *_: used.add(id(m))) for module in model.modules()]
    model(x)
    for hook in hooks:
        hook.remove()
    modules = [module for module in model.modules() if id(module) in used]
    parameters = {id(p): p.numel() for module in modules for p in module.parameters(recurse=False)}
    figures["params"] = sum(parameters.values())
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
