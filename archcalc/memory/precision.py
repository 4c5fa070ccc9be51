"""Types: how many bytes a value takes, and which layers compute in which type under mixed precision."""

from __future__ import annotations

from archcalc.layers.outcome import VALUE, WIDE

#: Bytes of one element by type.
WIDTH = {"float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "bool": 1}

#: What a network can be computed in: a type for everything, or `amp`, PyTorch's automatic mixed precision.
DTYPES = ("float32", "float16", "bfloat16", "amp")

#: The 16-bit type of mixed precision; bfloat16 takes as many bytes.
HALF = "float16"


def storage_type(dtype: str, values: str, network: str) -> str:
    """The type that a tensor is stored in, where its layer computes in `values` and the network in `network`."""
    if dtype == WIDE:
        return "float32" if network == "amp" else values
    return values if dtype == VALUE else dtype


def computes_in(autocast: str, inputs: tuple[str, ...], dtype: str) -> str:
    """The type that a layer computes in, given its rule's `autocast` and the types of its inputs.

    Under `amp`, convolutions and matrix products compute in 16 bits, what sums or exponentiates in float32, and the
    rest in the widest type that reaches it. Source: PyTorch's documentation of torch.amp, "Autocast Op Reference".
    """
    if dtype != "amp":
        return dtype
    if autocast == "half":
        return HALF
    if autocast == "float32" or "float32" in inputs:
        return "float32"
    return HALF


def ends_in(autocast: str, values: str, dtype: str) -> str:
    """The type of a layer's result, where the layer computes in `values`."""
    return "float32" if dtype == "amp" and autocast == "widens" else values
