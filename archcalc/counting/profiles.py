"""The counting profiles: what each tool counts for each kind of layer, as data.

Read in the sources of torch 2.14 and torchvision 0.29, fvcore 0.1.5, mmengine, ptflops 0.7.5, torchinfo 1.8.0, thop
0.1.1, torchsummary 1.5.1, calflops 0.3.2, DeepSpeed 0.19, Netscope and Darknet, and tried on every layer here with
those of them that run without a graphics card. Layers are taken as the modules of torch.nn, joins as operators.
"""

from __future__ import annotations

from archcalc.counting.count import Profile, Rules
from archcalc.diagnostics.diagnostic import UsageError, did_you_mean


def _each(names: str, **facts: int) -> Rules:
    """The same facts for several kinds of layer, whose names are separated by commas."""
    return {name.strip(): facts for name in names.split(",")}


_CONVOLUTIONS = "conv, depthwise_conv, table_conv"
_WEIGHTED = f"{_CONVOLUTIONS}, conv_transpose, linear"
_POOLS = "maxpool, avgpool, adaptive_avgpool, adaptive_maxpool, global_avgpool, global_maxpool"
_STATISTICS = "layer_norm, group_norm, instance_norm"

#: The layers that every profile was made for; one that is not among them is refused, and never counted as nothing.
ASKED = frozenset(
    name.strip()
    for names in (
        f"{_WEIGHTED}, embedding, rbf, attention, batch_norm, {_STATISTICS}, rms_norm, lrn, affine, scale, zero",
        "relu, relu6, leaky_relu, prelu, elu, selu, gelu, silu, mish, sigmoid, tanh, softplus, hardsigmoid, hardswish",
        f"softmax, {_POOLS}, add, mean, concat, multiply, dropout, drop_path",
        "channel_shuffle, class_token, crop, flatten, identity, layer_scale, pad, pad_channels, pixel_shuffle",
        "position_embedding, reshape, select, select_token, split, subsample, tokens, transpose, upsample",
        "abs, clamp, divide, exp, log, sqrt, square, subtract, normalize, learned, constant, slice, roll",
        "reduce_mean, reduce_sum, reduce_max, reduce_norm, window_partition, window_reverse",
        "split_heads, merge_heads, repeat_heads, rotary, relative_position_bias, mask",
        "expand, index_select, take, offset, power",
    )
    for name in names.split(",")
)

#: Layers whose counting is known for some tools alone: a profile that has no rule for one refuses it. A product of two
#: streams is written `a @ b`, which tools that replace functions of torch by their own miss, or torch.matmul(a, b),
#: which they see.
PARTLY_ASKED = frozenset(
    (
        "matmul",
        "rnn",
        "lstm",
        "gru",
        "experts",
        "dot_product_attention",
        "standardized_conv",
        "unfold",
        "fold",
        "unknown",
    )
)

_RECURRENT = "rnn, lstm, gru"
_UNSEEN_RECURRENT = "recurrent layers, which are one kernel on a GPU, are not counted"
_UNSEEN_ON_A_CPU = "on a CPU it counts nothing for fused attention's products; here they are counted as on a GPU"

_EVERY_MAC: Rules = _each("*", macs=1, products=1)

_FVCORE: Rules = {
    **_each(_WEIGHTED, macs=1),
    **_each("attention, attention fused", macs=1),
    **_each("attention separate", macs=1, products=1),
    **_each("matmul", products=1),
    **_each("experts", macs=1),
    **_each(_RECURRENT),
    **_each("batch_norm", inputs=1, scaled_inputs=1, untracked_inputs=3),
    **_each(_STATISTICS, inputs=4, scaled_inputs=1),
    **_each("adaptive_avgpool 2d, global_avgpool 2d", inputs=1),
    **_each("upsample nearest 2d", outputs=1),
    **_each("upsample linear 2d", outputs=4),
}

_PTFLOPS_ONCE: Rules = {
    **_each(_WEIGHTED, macs=1, bias=1),
    # Scaling of the queries and the output's bias, which is counted even where there is none.
    **_each("attention", macs=1, products=1, exponentials=1, bias=1, outputs=1, outputs_without_bias=1),
    **_each("batch_norm, group_norm, instance_norm", inputs=1, scaled_inputs=1),
    **_each("layer_norm", inputs=1),
    **_each("relu, relu6, leaky_relu, prelu, elu, gelu", inputs=1),
    **_each(_POOLS, inputs=1),
    **_each("upsample", outputs=1),
}

_MADE = (
    Profile(
        "archcalc",
        "archcalc's own MACs and FLOPs",
        "MAC",
        {"macs": _EVERY_MAC, "flops": _each("*", macs=2, products=2, bias=1, other_operations=1)},
        "the layers' rules: archcalc layers",
    ),
    Profile(
        "paper",
        '"FLOPs" in the tables of papers since ResNet',
        "MAC",
        {"macs": _EVERY_MAC},
        "He et al. 2015, arXiv:1512.03385, table 1",
    ),
    Profile(
        "torchvision",
        "`_ops` (GFLOPS) of torchvision's weights",
        "MAC",
        {"macs": _EVERY_MAC},
        "torchvision 0.29, models, meta `_ops`",
    ),
    Profile(
        "torch",
        "FlopCounterMode, forward pass",
        "FLOP",
        {"flops": {**_each("*", macs=2, products=2), **_each(_RECURRENT)}},
        "torch 2.14, torch.utils.flop_counter",
        faults=(_UNSEEN_ON_A_CPU, _UNSEEN_RECURRENT),
    ),
    Profile(
        "torch-training",
        "FlopCounterMode, forward and backward pass",
        "FLOP",
        {
            "flops": {
                **_each("*", macs=2, weight_gradient_ignoring_groups=2, input_gradient=2),
                **_each(
                    "matmul, attention separate, attention separate normalised",
                    macs=2,
                    products=2,
                    weight_gradient_ignoring_groups=2,
                    input_gradient=2,
                    product_gradients=4,
                ),
                **_each(_RECURRENT),
                # A fused backward pass makes five products where the forward pass made two.
                **_each(
                    "attention, attention fused, attention fused normalised",
                    macs=2,
                    products=2,
                    weight_gradient_ignoring_groups=2,
                    input_gradient=2,
                    product_gradients=5,
                ),
            }
        },
        "torch 2.14, torch.utils.flop_counter",
        faults=(
            "the weight gradient of a grouped convolution is counted as if it had no groups",
            _UNSEEN_ON_A_CPU,
            _UNSEEN_RECURRENT,
        ),
    ),
    Profile(
        "fvcore",
        "fvcore's FlopCountAnalysis, and timm",
        "MAC",
        {"macs": _FVCORE},
        "fvcore 0.1.5, nn/flop_count.py and nn/jit_handles.py",
        faults=(
            "the matrix products of fused attention are not counted",
            'a convolution of torch.nn with `padding="same"` is not counted; here it is',
        ),
    ),
    Profile(
        "mmengine",
        "mmengine's get_model_complexity_info, batch normalisation in training mode",
        "MAC",
        {"macs": {**_FVCORE, **_each("batch_norm", inputs=4, scaled_inputs=1)}},
        "mmengine, analysis/jit_handles.py",
        faults=("the matrix products of fused attention are not counted",),
    ),
    Profile(
        "ptflops",
        "ptflops, backend `pytorch`",
        "MAC",
        {
            "macs": {
                **_PTFLOPS_ONCE,
                **_each("relu, prelu, elu, gelu", inputs=2),
                **_each("silu, softmax", inputs=1),
                **_each(_POOLS, inputs=2),
                **_each("upsample", outputs=2),
                **_each("lrn", inputs=3, padded_squares=1),
            }
        },
        "ptflops 0.7.5, pytorch_engine.py and pytorch_ops.py",
        faults=(
            "ReLU, PReLU, ELU, GELU, pooling and upsampling are counted twice: the module calls the function that is"
            " counted as well",
            "attention's last bias is counted even where there is none",
        ),
        doubled=frozenset(["relu", "prelu", "elu", "gelu", "upsample", *_POOLS.split(", ")]),
    ),
    Profile(
        "ptflops-modules",
        "ptflops, backend `pytorch`, count_functional off",
        "MAC",
        {"macs": {**_PTFLOPS_ONCE, **_each("matmul")}},
        "ptflops 0.7.5, pytorch_engine.py and pytorch_ops.py; its issue 94",
        faults=("attention's last bias is counted even where there is none",),
    ),
    Profile(
        "ptflops-aten",
        "ptflops, backend `aten`",
        "MAC",
        {
            "macs": {
                **_each(f"{_WEIGHTED}, attention, attention fused", macs=1, bias=1),
                **_each("attention separate", macs=1, products=1, bias=1),
                **_each("matmul", products=1),
            }
        },
        "ptflops 0.7.5, aten_ops.py",
        faults=(
            "the matrix products of fused attention are not counted",
            "the bias of a linear layer on values that are not contiguous is not counted; here it is",
        ),
    ),
    Profile(
        "torchinfo",
        "torchinfo's total mult-adds",
        "mult-add",
        {
            "mult_adds": {
                **_each("conv, depthwise_conv, conv_transpose", weights_at_outputs=1, bias=1),
                **_each("table_conv", macs=1, bias=1),
                **_each("matmul"),
                **_each(f"linear, embedding, prelu, rms_norm, batch_norm, {_STATISTICS}", parameters=1),
            }
        },
        "torchinfo 1.8.0, layer_info.py",
        faults=(
            "a transposed convolution's weights are counted at its output positions, not at its input's",
            "a linear layer's parameters are counted once, however many positions it works on",
            "torch.nn.MultiheadAttention is not counted",
        ),
    ),
    Profile(
        "thop",
        "thop's profile",
        "MAC",
        {
            "macs": {
                **_each("conv, depthwise_conv, conv_transpose", weights_at_outputs=1),
                **_each("table_conv, linear, attention fused, attention separate", macs=1),
                **_each("matmul"),
                **_each("batch_norm, layer_norm, instance_norm", inputs=2, scaled_inputs=2),
                **_each("prelu", inputs=1),
                **_each("softmax", exponentials=1, divisions=1, comparisons=1),
                **_each("avgpool", outputs=1),
                **_each("adaptive_avgpool, global_avgpool", inputs=1, outputs=1),
                **_each("upsample nearest", outputs=1),
                **_each("upsample linear 1d", outputs=5),
                **_each("upsample linear 2d", outputs=11),
                **_each("upsample cubic 2d", outputs=259),
            }
        },
        "thop 0.1.1, vision/basic_hooks.py and vision/calc_func.py",
        faults=(
            "a transposed convolution's weights are counted at its output positions, not at its input's",
            "torch.nn.MultiheadAttention, GroupNorm and trilinear upsampling are not counted",
        ),
    ),
    Profile(
        "deepspeed",
        "DeepSpeed's flops profiler, and calflops",
        "FLOP",
        {
            "flops": {
                **_each(_CONVOLUTIONS, macs=2, bias=1),
                **_each("conv_transpose", macs_divided_by_groups_again=2, bias_of_an_ordinary_convolution=1),
                **_each("linear", macs=2),
                **_each("attention", macs=2, products=2),
                **_each("batch_norm", inputs=1, scaled_inputs=1, untracked_inputs=3),
                **_each(_STATISTICS, inputs=4, scaled_inputs=1),
                **_each("relu, leaky_relu, prelu, elu, gelu, silu, softmax", inputs=1),
                **_each(_POOLS, inputs=1),
                **_each("upsample", outputs=1),
                **_each("lrn", inputs=3, padded_squares=1),
            }
        },
        "DeepSpeed 0.19, profiling/flops_profiler/profiler.py; calflops 0.3.2 counts neither attention's products nor"
        " upsampled values",
        faults=(
            "a transposed convolution's bias is counted at the output size of an ordinary one, and its groups are"
            " divided out twice",
            "additions and products are counted only where the program calls torch.add or torch.mul, and not `+`, `*`",
        ),
    ),
    Profile(
        "netscope",
        "Netscope CNN Analyzer's five counters",
        "MAC",
        {
            "macc": {
                **_each("conv, depthwise_conv, conv_transpose", macs_ignoring_groups=1),
                **_each("table_conv, linear", macs=1),
                **_each("lrn", additions=1),
                **_each("multiply, affine, layer_scale", outputs=1),
            },
            "comparisons": {
                **_each("relu, dropout", inputs=1),
                **_each("maxpool, adaptive_maxpool, global_maxpool", window_values=1),
            },
            "additions": {
                **_each("batch_norm, softmax, lrn", inputs=1),
                **_each("avgpool, adaptive_avgpool, global_avgpool", window_values=1),
                **_each("add", outputs=1),
            },
            "divisions": {**_each("batch_norm, softmax", inputs=1), **_each("lrn", inputs=2)},
            "exponentials": _each("softmax, lrn", inputs=1),
        },
        "Netscope CNN Analyzer (dgschwend), src/analyzer.coffee",
        faults=("convolutions are counted as if they had no groups",),
    ),
    Profile(
        "darknet",
        "Darknet's BFLOPs",
        "FLOP",
        {"flops": _each("conv, depthwise_conv", macs=2)},
        "Darknet, src/convolutional_layer.c",
    ),
)

#: Every profile by name.
PROFILES: dict[str, Profile] = {made.name: made for made in _MADE}

_OWNERS = (
    f"conv, depthwise_conv, table_conv, conv_transpose, linear, embedding, prelu, rms_norm, batch_norm, {_STATISTICS}"
)

#: What tools print of memory under names of their own, by the same means.
MEMORY_FIGURES: dict[str, Profile] = {
    made.name: made
    for made in (
        Profile(
            "activations",
            '"activations" of fvcore, timm, mmengine and pycls: outputs of convolutions and matrix products',
            "element",
            {"elements": {**_each(f"{_WEIGHTED}, matmul", outputs=1), **_each("attention", outputs=1, projections=1)}},
            "fvcore 0.1.5, nn/activation_count.py; Radosavovic et al. 2020, arXiv:2003.13678",
            faults=("the matrix products of fused attention are not counted",),
        ),
        Profile(
            "torchinfo-pass-size",
            'torchinfo\'s "forward/backward pass size": twice the outputs of layers that own parameters',
            "byte",
            {"bytes": {**_each(_OWNERS, outputs_of_owners=8), **_each("matmul")}},
            "torchinfo 1.8.0, model_statistics.py",
            faults=("what a layer without parameters keeps is left out, and what it need not keep is doubled",),
        ),
        Profile(
            "torchsummary-pass-size",
            'torchsummary\'s "forward/backward pass size": twice the outputs of all modules (here of layers alone)',
            "byte",
            {
                "bytes": _each(
                    f"{_OWNERS}, lrn, relu, relu6, leaky_relu, elu, selu, gelu, silu, mish, sigmoid, tanh, softplus,"
                    f" hardsigmoid, hardswish, softmax, {_POOLS}, dropout, upsample, pixel_shuffle, pad",
                    outputs=8,
                )
            },
            "torchsummary 1.5.1, torchsummary.py; it divides by 2^20 and writes MB",
            faults=("in-place layers are counted as if they made a tensor of their own",),
        ),
    )
}


def profile(name: str) -> Profile:
    """The profile of that name; UsageError if there is none."""
    if name not in PROFILES:
        hint = did_you_mean(name, PROFILES) or f"the profiles are {', '.join(PROFILES)}"
        raise UsageError(f"there is no counting profile `{name}`: {hint}")
    return PROFILES[name]
