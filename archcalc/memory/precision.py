"""Types: how many bytes a value takes, and which operations mixed precision computes in which type.

The tables are torch.autocast's own lists in PyTorch 2.14.1 (aten/src/ATen/autocast_mode.h and .cpp), as far as layers
call what is in them; another version is another table. A function in no list computes in the types that it is given.
"""

from __future__ import annotations

from archcalc.layers.outcome import OF_INPUT, OF_PARAMETERS, STATISTIC, VALUE
from archcalc.records import Record

#: Bytes of one element by type.
WIDTH = {"float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "bool": 1}

#: Bits of a weight that is stored in less than it is computed in, for inference alone. Weights are parameters of two
#: axes or more; vectors, and all that is computed, have the type `COMPUTED`. A scale for each so many weights, which
#: every scheme of quantisation has in its own way, is not counted: one of 16 bits for each 128 is 1/64 byte a weight.
STORED = {"int8": 8, "fp8": 8, "int4": 4}
COMPUTED = "bfloat16"

#: What a network can be computed in: a type for everything, `amp`, PyTorch's automatic mixed precision, or the types
#: that weights are stored in.
DTYPES = ("float32", "float16", "bfloat16", "amp", *STORED)

#: Types that numbers are computed in; the others count and index, and are never converted.
FLOATING = frozenset({"float32", "float16", "bfloat16"})

#: Operations whose result has the widest type among their operands; that of others has the type of the first.
PROMOTING = frozenset({"add", "sub", "mul", "div", "where", "cat"})


class Autocast(Record):
    """What mixed precision does on a device, by the framework's functions.

    `half` is its 16-bit type. It converts the operands of those in `to_half` to it, of those in `to_float32` to
    float32, of those in `to_widest` to the widest type among them; those in `into_float32` take operands as they are
    and give float32.
    """

    half: str
    to_half: frozenset[str]
    to_float32: frozenset[str]
    into_float32: frozenset[str]
    to_widest: frozenset[str]


_PRODUCTS = frozenset(
    {
        *(f"conv{rank}d" for rank in (1, 2, 3)),
        *(f"conv_transpose{rank}d" for rank in (1, 2, 3)),
        *("linear", "addmm", "mm", "bmm", "matmul", "prelu", "scaled_dot_product_attention"),
    }
)

AUTOCAST = {
    "cpu": Autocast(
        "bfloat16",
        _PRODUCTS | {"_native_multi_head_attention"},
        frozenset(
            {
                *("avg_pool3d", "max_pool3d", "adaptive_avg_pool3d", "adaptive_max_pool3d"),
                *("reflection_pad1d", "reflection_pad2d"),
                *("replication_pad1d", "replication_pad2d", "replication_pad3d"),
                "cross_entropy_loss",
            }
        ),
        frozenset(),
        frozenset({"cat"}),
    ),
    "cuda": Autocast(
        "float16",
        _PRODUCTS,
        frozenset(
            {
                *("exp", "log", "pow", "rsqrt", "softplus", "layer_norm", "rms_norm", "group_norm"),
                *(f"upsample_nearest{rank}d" for rank in (1, 2, 3)),
                *("upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d"),
                *("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"),
            }
        ),
        frozenset({"softmax", "log_softmax", "sum", "linalg_vector_norm"}),
        frozenset(),
    ),
}


def storage_type(dtype: str, values: str, parameters: str | None, device: str) -> str:
    """The type that a tensor is stored in, where its layer computes in `values` and has parameters or running
    statistics in the type `parameters`, if it has any."""
    if dtype in (VALUE, OF_INPUT):
        return values
    if dtype == STATISTIC and device == "cuda":
        return "float32"
    if dtype in (STATISTIC, OF_PARAMETERS):
        return parameters or values
    return dtype
