"""Regularisation that acts in training only: at inference these layers do nothing and cost nothing."""

from archcalc.layers.attributes import Rate, Switch
from archcalc.layers.outcome import Outcome, Saved, Storage
from archcalc.layers.registry import layer
from archcalc.sizes.volume import Volume


@layer
def dropout(x: Volume, *, rate: Rate = 0.5, inplace: Switch = False) -> Outcome:
    """Each value is dropped with probability `rate` in training.

    Operations: none at inference.
    Saved for backward: the mask, 32-bit on a CPU and in place, else one byte a value on CUDA; nothing where the rate is
    0, and a single zero where it is 1.
    Source: Srivastava et al. 2014; torch.nn.Dropout; derivatives.yaml, native_dropout and mul; ATen's Dropout.cpp.
    """
    n = x.elements
    storage: Storage = "inplace" if inplace else "training"
    if rate == 1:
        return Outcome(x, saved=(Saved("zero", 1, needed_by=(0,), per="batch"),), storage=storage)
    if inplace and rate:
        return Outcome(x, saved=(Saved("mask", n, needed_by=(0,)),), storage=storage)
    masks = (
        Saved("mask", n, needed_by=(0,), device="cpu"),
        Saved("mask", n, "bool", needed_by=(0,), device="cuda"),
    )
    return Outcome(x, saved=masks, storage=storage) if rate else Outcome(x, storage="view")


@layer
def drop_path(x: Volume, *, rate: Rate = 0.5) -> Outcome:
    """Stochastic depth: in training the whole branch is dropped, sample by sample, with probability `rate`.

    The branch survives with probability 1 - rate. Operations: none at inference.
    Saved for backward: one number for each sample; nothing where the rate is 0.
    Source: Huang et al. 2016, arXiv:1603.09382; torchvision.ops.stochastic_depth, mode "row".
    """
    noise = (Saved("noise", 1, needed_by=(0,)),)
    return Outcome(x, saved=noise, storage="training") if rate else Outcome(x, storage="view")
