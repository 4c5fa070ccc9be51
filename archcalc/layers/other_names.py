"""What others call our layers and their attributes: frameworks, papers, everyday speech. It is read where a name is
not known.

Names are compared without their module (`nn.`, `tf.keras.layers.`), case, underscores and number of axes (`2d`):
`nn.BatchNorm2d`, `BatchNorm` and `batch_norm` are one name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from archcalc.layers.registry import layers

#: Names of a layer of ours that are not like its own.
_OTHER_NAMES = {
    "adaptive_avgpool": ("adaptiveaveragepooling",),
    "add": ("sum", "residual", "eltwise", "plus"),
    "attention": ("mha", "multiheadattention", "selfattention", "gqa", "groupqueryattention"),
    "avgpool": ("averagepooling", "averagepool", "avgpooling"),
    "batch_norm": ("bn", "batchnormalization", "syncbatchnorm"),
    "clamp": ("clip",),
    "class_token": ("cls", "clstoken"),
    "concat": ("cat", "concatenate"),
    "conv": ("convolution", "convolutional"),
    "conv_transpose": ("deconv", "deconvolution", "upconv", "transposedconv", "transposeconv"),
    "crop": ("cropping", "centercrop"),
    "standardized_conv": ("wsconv", "stdconv", "scaledstdconv"),
    "depthwise_conv": ("dwconv", "depthwise"),
    "divide": ("div",),
    "dot_product_attention": ("scaleddotproductattention", "sdpa", "flashattention"),
    "drop_path": ("stochasticdepth",),
    "dropout": ("spatialdropout", "alphadropout", "featurealphadropout"),
    "embedding": ("embed",),
    "experts": ("moe", "mixtureofexperts"),
    "global_avgpool": ("gap", "globalaveragepooling", "globalaveragepool", "globalavgpooling"),
    "global_maxpool": ("gmp", "globalmaxpooling"),
    "group_norm": ("gn", "groupnormalization"),
    "hardsigmoid": ("hsigmoid",),
    "hardswish": ("hswish", "hardsilu"),
    "index_select": ("gather",),
    "instance_norm": ("instancenormalization",),
    "layer_norm": ("ln", "layernormalization"),
    "leaky_relu": ("lrelu", "leaky"),
    "linear": ("dense", "fc", "fullyconnected", "innerproduct", "gemm"),
    "lrn": ("localresponsenorm", "localresponsenormalization", "crossmaplrn"),
    "matmul": ("bmm", "mm", "dot"),
    "maxpool": ("maxpooling",),
    "mean": ("average",),
    "multiply": ("mul", "product"),
    "normalize": ("l2norm", "l2normalize", "unitnormalization"),
    "pad": ("zeropad", "zeropadding", "constantpad"),
    "pixel_shuffle": ("depthtospace",),
    "position_embedding": ("posembed", "positionalembedding", "positionalencoding"),
    "power": ("pow",),
    "reshape": ("view", "unflatten"),
    "rms_norm": ("rmsnormalization",),
    "rotary": ("rope", "rotaryembedding", "rotarypositionembedding"),
    "silu": ("swish",),
    "slice": ("narrow",),
    "split": ("chunk",),
    "subtract": ("sub",),
    "tokens": ("patches", "patchify"),
    "transpose": ("permute", "swapaxes", "movedim"),
    "unfold": ("im2col",),
    "fold": ("col2im",),
    "upsample": ("interpolate", "resize", "upsampling", "upsamplingnearest"),
}

#: What others have as a layer and we write otherwise.
_WRITTEN_OTHERWISE = {
    ("groupconv", "groupedconv"): "write `conv` with `groups`",
    ("pointwiseconv", "conv1x1", "pwconv", "pointwise"): "write `conv` with `kernel: 1`",
    ("conv3x3",): "write `conv` with `kernel: 3` and `padding: 1`",
    ("separableconv", "sepconv"): "write `depthwise_conv`, and a `conv` with `kernel: 1` after it",
    ("dilatedconv", "atrousconv"): "write `conv` with `dilation`",
    ("reflectionpad",): "write `pad` with `mode: reflect`",
    ("replicationpad",): "write `pad` with `mode: replicate`",
    ("upsamplingbilinear", "bilinearupsample"): "write `upsample` with `mode: linear`",
    ("hardtanh",): "write `clamp` with `least: -1` and `most: 1`",
    ("logsoftmax",): "write `softmax`, and `log` after it",
    ("rsqrt",): "write `power: -0.5`",
    ("lstmcell",): "write `lstm`, which takes a whole sequence",
    ("grucell",): "write `gru`, which takes a whole sequence",
    ("rnncell", "simplernn"): "write `rnn`, which takes a whole sequence",
    ("glu", "geglu", "swiglu", "reglu"): "write `multiply` with two branches, one of which ends in the activation",
    ("squeeze",): "write `take` with the axis that goes, or `reshape`",
    ("unsqueeze", "expanddims"): "write `reshape`, with a 1 where the new axis stands",
    ("rearrange", "einsum"): "write `reshape`, `transpose` and `matmul`",
    ("pixelunshuffle", "spacetodepth"): "write `reshape`, `transpose` and `reshape`",
    ("globalpool", "globalpooling"): "write `global_avgpool` or `global_maxpool`",
    ("activation", "act", "nonlinearity"): "write the activation by its name, as in `- relu`",
    ("input", "inputlayer", "placeholder"): "the section `input` says what the network begins with",
    ("layers", "steps", "body"): (
        "what is repeated together is a block: define it in the section `blocks`, and write `repeat` below its name"
    ),
    ("sequential", "modulelist", "module", "container", "block"): (
        "a block is defined in the section `blocks` and called by its name"
    ),
    ("transformer", "transformerencoderlayer", "transformerencoder", "transformerdecoderlayer", "transformerdecoder"): (
        "define it in the section `blocks`: archcalc help write-transformer shows how"
    ),
}

#: What others call an attribute of ours.
_OTHER_ATTRIBUTES = {
    "kernel": ("size", "kernel_size", "pool_size", "window", "ksize", "k"),
    "stride": ("strides", "step", "subsampling"),
    "padding": ("pad", "pads", "border"),
    "out": ("filters", "out_channels", "channels", "units", "features", "out_features", "width", "num_filters"),
    "rate": ("p", "prob", "probability", "drop", "drop_rate"),
    "heads": ("num_heads", "n_heads", "nhead", "head"),
    "groups": ("num_groups", "group", "cardinality"),
    "dilation": ("dilation_rate", "dilations"),
    "scale": ("scale_factor", "factor"),
    "bias": ("use_bias", "with_bias"),
    "size": ("output_size", "out_size", "num_embeddings"),
}


#: What others say as an attribute and we say otherwise, or not at all.
_SAID_OTHERWISE = {
    ("in", "in_channels", "in_features", "input_size", "input_dim", "c_in", "in_planes", "num_features"): (
        "leave it out: the step before says what comes in"
    ),
    ("name", "id", "label"): "a step is named by `as`, beside the layer",
    ("activation", "act", "nonlinearity"): "write the activation as a step of its own, as in `- relu`",
    ("input_shape", "input_volume"): "the section `input` says what the network begins with",
}


def not_an_attribute(word: str) -> str | None:
    """A help text for what others say as an attribute, and we as something else; None where there is none."""
    plain = word.lower().replace("-", "_")
    return next((text for others, text in _SAID_OTHERWISE.items() if plain in others), None)


def other_attribute(word: str, known: Iterable[str]) -> str | None:
    """The attribute, of those known, that others call by this word; None if there is none."""
    plain = word.lower().replace("-", "_")
    return next((name for name in known if plain in _OTHER_ATTRIBUTES.get(name, ())), None)


def other_name(word: str) -> str | None:
    """A help text that names the layer which others call by this word, or spell otherwise; None if there is none."""
    plain = _plain(word)
    for others, text in _WRITTEN_OTHERWISE.items():
        if plain in others:
            return text
    if plain.endswith("loss"):
        return "a loss is not part of a network here: leave it out"
    alike = {_plain(name): name for name in layers()} | {o: name for name, each in _OTHER_NAMES.items() for o in each}
    name = alike.get(plain) or alike.get(plain.removesuffix("layer"))
    return f"it is called `{name}` here" if name else None


def _plain(word: str) -> str:
    last = word.rpartition(".")[2].lower()
    return re.sub(r"[_-]|(?<=[a-z])[123]d", "", last).removeprefix("lazy")
