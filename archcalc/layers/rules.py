"""What layers can break: their attributes and the volumes given to them. Each rule with its meaning and fix."""

from __future__ import annotations

from archcalc.diagnostics.rules import rule

rule(
    "wrong-axes",
    "The input, or a value with one entry for each axis, has the wrong number of spatial axes.",
    "Give one value for all axes, or as many as the input has; `flatten` makes a vector of a map.",
)
rule(
    "too-many-axes",
    "A volume has channels and up to six more axes: of a sequence, a map or a video, of windows and heads.",
    "Reshape in fewer axes; an embedding of a map is flattened before it.",
)
rule(
    "window-divides",
    "A map is divided into windows that do not overlap, so a window must divide its height and its width.",
    "Pad the map first, or choose another window.",
)
rule(
    "matmul-agrees",
    "The columns of the first matrix are the rows of the second (with `transposed: true` its columns).",
    "Look at the two volumes: the last spatial axis is the rows, the channels are the columns.",
)
rule(
    "attention-mode",
    "The chosen `mode` of attention does not support an attribute that is given.",
    "Leave `mode` out, and the attributes decide; `mode: separate` supports them all.",
)
rule(
    "antialias-interpolates",
    "Antialiasing smooths between values, and the nearest value is taken as it is: PyTorch refuses the two together.",
    "Choose `mode: linear` or `mode: cubic`, or leave `antialias` out.",
)
rule(
    "one-value",
    "Statistics over the positions of a channel need more than one position: PyTorch refuses statistics of one value.",
    "Leave the normalisation out there, or take `group_norm` or `layer_norm`, which normalise over channels.",
)
rule(
    "picks-fit",
    "A router cannot pick more experts than there are.",
    "Lower `top_k`, or raise `count`.",
)
rule(
    "projection-fits",
    "The projection of an LSTM must be smaller than its state: PyTorch refuses any other.",
    "Choose a smaller projection, or leave it out.",
)
rule(
    "too-large-volume",
    "An axis of a volume is longer than any network's, so that numbers would grow without end.",
    "Look for an upsampling or a padding that is repeated too often.",
)
rule(
    "out-of-range",
    "A size is too small.",
    "Correct it: kernels and strides are at least 1.",
)
rule(
    "kernel-fits",
    "The window is larger than the padded input, so that not even one output fits.",
    "Use a larger input, more padding, a smaller kernel, or fewer strides before it.",
)
rule(
    "groups-divide",
    "Channels are split evenly: the number of parts must divide them.",
    "Choose a number that divides the input channels and, for a convolution, the output channels.",
)
rule(
    "table-fits",
    "A table of connections names input maps that exist, each at most once in a row.",
    "Correct the row; maps are counted from 0.",
)
rule(
    "heads-divide",
    "Attention splits the channels evenly over its heads.",
    "Choose heads that divide them.",
)
rule(
    "padding-fits",
    "The padding leaves no output, or reflects more of the input than there is.",
    "Use less padding or a larger input.",
)
rule(
    "output-padding",
    "The output padding of a transposed convolution chooses between sizes that its stride maps to one, so it must be "
    "smaller than the stride or the dilation.",
    "Use a smaller output padding.",
)
rule(
    "pool-padding",
    "The padding of a pooling layer may be at most half its kernel: otherwise a window could see padding alone.",
    "Use less padding.",
)
rule(
    "linear-needs-vector",
    "A linear layer works on a vector; on a map it could mean the whole map, or every position alike.",
    "Put `- flatten` before it, or say `each_position: true`.",
)
rule(
    "branches-agree",
    "Branches are added, averaged or multiplied value by value, and stacked along their channels, so their other "
    "axes must agree.",
    "Give the branches the same strides, padding and output channels; a shortcut may need a 1x1 convolution.",
)
rule(
    "crop-fits",
    "The crop leaves nothing of an axis, or would enlarge it.",
    "Crop less.",
)
rule(
    "reshape-keeps",
    "A reshape keeps the number of values.",
    "Choose sizes whose product is that of the input's.",
)
rule(
    "select-fits",
    "The selected channels or positions lie outside the input.",
    "Select from those that exist.",
)
rule(
    "split-part",
    "A split has no part of that number: its parts are counted from 0.",
    "Choose a part that exists.",
)
rule(
    "axis-order",
    "A transpose names every axis of the input once; 0 is the channels.",
    "List them all.",
)
