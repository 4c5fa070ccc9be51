"""The layers of Caffe that can be read: a rule each. Blobs have the batch first and then the axes of a volume, so that
axis 1 of a blob is the channels.

Source: src/caffe/proto/caffe.proto and src/caffe/layers of BVLC/caffe; those that are in SSD's fork too.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, Literal, TypeAlias

from archcalc.diagnostics.diagnostic import Place
from archcalc.exchange.assembly import Assembly
from archcalc.exchange.caffe.text import Message
from archcalc.exchange.operations.arguments import given
from archcalc.exchange.operations.registry import Refusal
from archcalc.records import Record

#: What does not depend on the input: boxes that follow from shapes alone.
Constant: TypeAlias = Literal["constant"]
CONSTANT: Constant = "constant"
#: A blob: the number of the step that makes it.
Value: TypeAlias = "int | Constant"


class Layer(Record):
    """A layer of the file. `weights` names its parameters, where they are shared; `scaled` says that a batch
    normalisation has taken in the scale and bias behind it."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: Message
    place: Place
    weights: str = ""
    scaled: bool = False


Rule: TypeAlias = Callable[[Assembly, Layer, list[Value]], "Value | list[Value]"]

RULES: dict[str, Rule] = {}


def _layer(*types: str) -> Callable[[Rule], Rule]:
    """Make a rule known for layers of these types."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(types, rule))
        return rule

    return register


def _computed(inputs: list[Value]) -> list[int]:
    """The inputs, which must follow from the network's input."""
    computed = [value for value in inputs if value != CONSTANT]
    if len(computed) != len(inputs):
        raise Refusal("it works on boxes that are constants")
    return computed


def _input(inputs: list[Value]) -> int:
    """The one input."""
    if len(inputs) != 1:
        raise Refusal(f"it reads {len(inputs)} blobs, and one is read")
    return _computed(inputs)[0]


def _axis(axis: int, axes: int) -> int:
    """An axis of a blob, whose batch is axis 0, as an axis of a volume of so many axes."""
    found = axis + axes + 1 if axis < 0 else axis
    if not 1 <= found <= axes:
        raise Refusal(f"its axis {axis} is not an axis behind the batch")
    return found - 1


# --- convolutions and linear layers


def _sides(message: Message, name: str, default: int, short: str | None = None) -> tuple[int, int]:
    """Height and width of a window's attribute: `kernel_size: 3`, or once for each, or `kernel_h: 3 kernel_w: 1`."""
    both = message.wholes(name) or [default]
    if len(both) > 2:
        raise Refusal(f"its {name} has {len(both)} values")
    stem = short or name
    return message.whole(f"{stem}_h", both[0]), message.whole(f"{stem}_w", both[-1])


def _windows(a: Assembly, value: int, message: Message, layer: Layer) -> dict[str, Any]:
    if a.volume(value).rank != 2:
        raise Refusal("its input is not an image")
    return given(
        out=(message.whole("num_output", 0), None),
        kernel=(_sides(message, "kernel_size", 0, "kernel"), None),
        stride=(_sides(message, "stride", 1), 1),
        padding=(_sides(message, "pad", 0), 0),
        dilation=(_sides(message, "dilation", 1), 1),
        groups=(message.whole("group", 1), 1),
        bias=(message.flag("bias_term", True), True),
    )


@_layer("Convolution", "DepthwiseConvolution", "ConvolutionDepthwise")
def _convolution(a: Assembly, layer: Layer, inputs: list[Value]) -> list[Value]:
    message = layer.message.message("convolution_param")
    return [
        a.step("conv", value, _windows(a, value, message, layer), weights=layer.weights) for value in _computed(inputs)
    ]


@_layer("Deconvolution")
def _deconvolution(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    value = _input(inputs)
    message = layer.message.message("convolution_param")
    return a.step("conv_transpose", value, _windows(a, value, message, layer), weights=layer.weights)


@_layer("InnerProduct")
def _inner_product(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    message = layer.message.message("inner_product_param")
    value = _input(inputs)
    if message.whole("axis", 1) != 1:
        raise Refusal("it is not over all axes")
    attributes = given(out=(message.whole("num_output", 0), None), bias=(message.flag("bias_term", True), True))
    return a.step("linear", _flat(a, value), attributes, weights=layer.weights)


def _flat(a: Assembly, value: int) -> int:
    return a.within("flatten", value) if a.volume(value).rank else value


@_layer("Embed")
def _embed(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    message = layer.message.message("embed_param")
    if message.flag("bias_term", True):
        raise Refusal("it adds a bias to a table's rows")
    attributes = {"count": message.whole("input_dim", 0), "out": message.whole("num_output", 0)}
    return a.step("embedding", _input(inputs), attributes, weights=layer.weights)


# --- pooling


@_layer("Pooling")
def _pooling(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    """Windows are rounded up: the last one may begin before the end and reach behind it."""
    message = layer.message.message("pooling_param")
    value = _input(inputs)
    method = message.text("pool", "MAX")
    if method not in ("MAX", "AVE", "0", "1"):
        raise Refusal(f"its pool is {method}")
    name = "maxpool" if method in ("MAX", "0") else "avgpool"
    if message.flag("global_pooling", False):
        return a.step(f"global_{name}", value)
    space = a.volume(value).space
    if len(space) != 2:
        raise Refusal("its input is not an image")
    kernel, stride = _sides(message, "kernel_size", 0, "kernel"), _sides(message, "stride", 1)
    padding = _sides(message, "pad", 0)
    if min(*kernel, *stride) < 1:
        raise Refusal("its kernel or stride is less than 1")
    up = message.text("round_mode", "CEIL") in ("CEIL", "0")
    steps = [n + 2 * p - k for n, p, k in zip(space, padding, kernel, strict=True)]
    rounded = up and any(way % by for way, by in zip(steps, stride, strict=True))
    attributes = given(
        kernel=(kernel, None),
        stride=(None if stride == kernel else stride, None),
        padding=(padding, 0),
        ceil_mode=(rounded, False),
    )
    pooled = a.step(name, value, attributes)
    # Without padding Caffe keeps a window that begins behind the end; what it holds is nothing.
    if rounded and padding == (0, 0) and a.volume(pooled).space != _up(steps, stride):
        raise Refusal("one of its windows begins behind the end of its input")
    return pooled


def _up(steps: list[int], stride: tuple[int, ...]) -> tuple[int, ...]:
    """Positions, rounded up."""
    return tuple(-(-way // by) + 1 for way, by in zip(steps, stride, strict=True))


# --- normalisations


@_layer("BatchNorm")
def _batch_norm(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    return a.step("batch_norm", _input(inputs), given(affine=(layer.scaled, True)), weights=layer.weights)


@_layer("Scale")
def _scale(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    """A learned factor for each channel, or the product with a second blob."""
    message = layer.message.message("scale_param")
    bias = message.flag("bias_term", False)
    if len(inputs) == 2:
        if bias:
            raise Refusal("it multiplies two blobs and adds a bias")
        first, second = _computed(inputs)
        return a.step("multiply", (first, _beside(a, first, second, message.whole("axis", 1))))
    if not is_by_channel(message):
        raise Refusal("it is not by channel")
    return a.step("affine", _input(inputs), given(bias=(bias, True)), weights=layer.weights)


def is_by_channel(message: Message) -> bool:
    """Whether a scale has one factor for each channel."""
    return message.whole("axis", 1) == 1 and message.whole("num_axes", 1) == 1


def _beside(a: Assembly, first: int, second: int, axis: int) -> int:
    """The second factor with axes of size 1 where it has none: it begins at that axis of the first."""
    shape, wanted = a.volume(second).shape, a.volume(first).shape
    if axis == 0 and shape == wanted[: len(shape)] and len(shape) < len(wanted):
        return a.within("reshape", second, {"shape": (*shape, *(1 for _ in wanted[len(shape) :]))})
    if axis != 0:
        raise Refusal("it does not multiply by a factor for each channel")
    return second


@_layer("Bias")
def _bias(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    if not is_by_channel(layer.message.message("bias_param")):
        raise Refusal("it is not by channel")
    return a.step("affine", _input(inputs), {"scale": False}, weights=layer.weights)


@_layer("LRN")
def _lrn(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    message = layer.message.message("lrn_param")
    if message.text("norm_region", "ACROSS_CHANNELS") not in ("ACROSS_CHANNELS", "0"):
        raise Refusal("it is within a channel")
    return a.step("lrn", _input(inputs), {"size": message.whole("local_size", 5)})


@_layer("Normalize")
def _normalize(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    """Vectors of length 1, and a learned factor for each channel, or one for all."""
    message = layer.message.message("norm_param")
    over = "volume" if message.flag("across_spatial", True) else "channels"
    value = a.within("normalize", _input(inputs), given(over=(over, "channels")))
    if message.flag("channel_shared", True):
        factor = a.step("learned", value, {"shape": (1,)}, path=f"{layer.name}.factor", weights=layer.weights)
        return a.step("multiply", (value, factor))
    return a.step("affine", value, {"bias": False}, weights=layer.weights)


@_layer("Dropout")
def _dropout(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    rate = layer.message.message("dropout_param").number("dropout_ratio", 0.5)
    return a.step("dropout", _input(inputs), given(rate=(rate, 0.5)))


# --- activations and other functions of each value

_FUNCTIONS = {
    "ELU": "elu",
    "Sigmoid": "sigmoid",
    "TanH": "tanh",
    "Swish": "silu",
    "BNLL": "softplus",
    "AbsVal": "abs",
    "ReLU6": "relu6",
}


@_layer(*_FUNCTIONS)
def _function(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    return a.step(_FUNCTIONS[layer.type], _input(inputs))


@_layer("ReLU")
def _relu(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    slope = layer.message.message("relu_param").number("negative_slope", 0)
    return a.step("leaky_relu" if slope else "relu", _input(inputs))


@_layer("PReLU")
def _prelu(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    shared = layer.message.message("prelu_param").flag("channel_shared", False)
    return a.step("prelu", _input(inputs), given(per_channel=(not shared, False)), weights=layer.weights)


@_layer("Exp", "Log")
def _exponential(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    message = layer.message.message(f"{layer.type.lower()}_param")
    if (message.number("base", -1), message.number("scale", 1), message.number("shift", 0)) != (-1, 1, 0):
        raise Refusal("its base is not e, or it scales or shifts")
    return a.step(layer.type.lower(), _input(inputs))


@_layer("Power")
def _power(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    message = layer.message.message("power_param")
    if (message.number("power", 1), message.number("shift", 0)) != (1, 0):
        raise Refusal("it is more than a factor")
    factor = message.number("scale", 1)
    return _input(inputs) if factor == 1 else a.step("scale", _input(inputs), {"factor": factor})


@_layer("Softmax")
def _softmax(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    value = _input(inputs)
    axis = _axis(layer.message.message("softmax_param").whole("axis", 1), len(a.volume(value).shape))
    return a.step("softmax", value, {"over": axis} if axis else {})


# --- several blobs


@_layer("Eltwise")
def _eltwise(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    message = layer.message.message("eltwise_param")
    operation = message.text("operation", "SUM")
    joins = {"SUM": "add", "1": "add", "PROD": "multiply", "0": "multiply"}
    if operation not in joins:
        raise Refusal(f"its operation is {operation}")
    if any(float(text or 1) != 1 for text in message.texts("coeff") if _is_number(text)):
        raise Refusal("one of its blobs is multiplied")
    return a.step(joins[operation], _computed(inputs))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        raise Refusal("its coeff is not a number") from None
    return True


@_layer("Concat")
def _concat(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    if set(inputs) == {CONSTANT}:
        return CONSTANT
    values = _computed(inputs)
    message = layer.message.message("concat_param")
    axis = _axis(message.whole("axis", message.whole("concat_dim", 1)), len(a.volume(values[0]).shape))
    if len(values) == 1:
        return values[0]
    return a.step("concat", values, {"axis": axis} if axis else {})


@_layer("Slice")
def _slice(a: Assembly, layer: Layer, inputs: list[Value]) -> list[Value]:
    message = layer.message.message("slice_param")
    value, parts = _input(inputs), len(layer.tops)
    volume = a.volume(value)
    if _axis(message.whole("axis", message.whole("slice_dim", 1)), len(volume.shape)) != 0:
        raise Refusal("it does not slice the channels")
    points = message.wholes("slice_point")
    if not points:
        return [
            a.step("split", value, {"parts": parts, "part": part} if part else {"parts": parts})
            for part in range(parts)
        ]
    ends = [*points, volume.channels]
    if len(ends) != parts:
        raise Refusal("it has another number of points than of slices")
    starts = [0, *points]
    return [
        a.step("select", value, {"start": start, "count": end - start}) for start, end in zip(starts, ends, strict=True)
    ]


@_layer("Split")
def _split(a: Assembly, layer: Layer, inputs: list[Value]) -> list[Value]:
    return [_input(inputs)] * len(layer.tops)


@_layer("Silence")
def _silence(a: Assembly, layer: Layer, inputs: list[Value]) -> list[Value]:
    return []


# --- shapes


@_layer("Flatten")
def _flatten(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    if inputs == [CONSTANT]:
        return CONSTANT
    message = layer.message.message("flatten_param")
    value = _input(inputs)
    axes = len(a.volume(value).shape)
    if (_axis(message.whole("axis", 1), axes), _axis(message.whole("end_axis", -1), axes)) != (0, axes - 1):
        raise Refusal("it flattens some of several axes")
    return a.step("flatten", value) if axes > 1 else value


@_layer("Permute")
def _permute(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    value = _input(inputs)
    axes = len(a.volume(value).shape)
    order = layer.message.message("permute_param").wholes("order")
    order += [axis for axis in range(axes + 1) if axis not in order]
    if order[0] != 0:
        raise Refusal("it moves the batch")
    moved = tuple(axis - 1 for axis in order[1:])
    return value if moved == tuple(range(axes)) else a.step("transpose", value, {"order": moved})


@_layer("Reshape")
def _reshape(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    if inputs == [CONSTANT]:
        return CONSTANT
    value = _input(inputs)
    message = layer.message.message("reshape_param")
    if (message.whole("axis", 0), message.whole("num_axes", -1)) != (0, -1):
        raise Refusal("it reshapes some of several axes")
    before = a.volume(value).shape
    batch, *dims = message.message("shape").wholes("dim") or [-1]
    if batch != 0 or not dims:
        raise Refusal("it reshapes the batch")
    if any(dim == 0 and place >= len(before) for place, dim in enumerate(dims)):
        raise Refusal("it keeps an axis that its input has not")
    shape = tuple(dim or before[place] for place, dim in enumerate(dims))
    known = prod(dim for dim in shape if dim != -1)
    if shape.count(-1) == 1 and known > 0:
        shape = tuple(prod(before) // known if dim == -1 else dim for dim in shape)
    if min(shape) < 1 or prod(shape) != prod(before):
        raise Refusal("its shape does not hold as many values as its input has")
    if shape == before:
        return value
    return a.step("flatten", value) if len(shape) == 1 else a.step("reshape", value, {"shape": shape})


@_layer("Crop")
def _crop(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    """The first blob, cut to the size of the second; where the cut begins changes no figure."""
    if len(inputs) != 2 or layer.message.message("crop_param").whole("axis", 2) != 2:
        raise Refusal("it does not cut an image to the size of another")
    first, second = _computed(inputs)
    space = a.volume(second).space
    return first if a.volume(first).space == space else a.step("crop", first, {"to": space})


@_layer("Interp")
def _interp(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    """Linear interpolation to a size; a factor means different sizes in different forks of Caffe."""
    message = layer.message.message("interp_param")
    value = _input(inputs)
    space, to = a.volume(value).space, (message.whole("height", 0), message.whole("width", 0))
    if min(to) < 1 or len(space) != 2 or any(n < 1 or m % n for n, m in zip(space, to, strict=True)):
        raise Refusal("it does not enlarge an image to a height and a width that are multiples of its own")
    return value if space == to else a.step("upsample", value, {"to": to, "mode": "linear"})


@_layer("PriorBox", "PriorBoxClustered")
def _prior_box(a: Assembly, layer: Layer, inputs: list[Value]) -> Value:
    a.note(f"{layer.type} depends on shapes alone, so that it takes no part in a forward pass")
    return CONSTANT


#: Layers that decode or judge what the network makes: it ends with what they read.
ENDS = {
    **dict.fromkeys(("DetectionOutput",), "decodes boxes"),
    **dict.fromkeys(("ArgMax",), "picks the largest value"),
    **dict.fromkeys(("CTCGreedyDecoder",), "decodes a sequence"),
    **dict.fromkeys(
        (
            *("SoftmaxWithLoss", "EuclideanLoss", "HingeLoss", "SigmoidCrossEntropyLoss", "InfogainLoss"),
            *("MultinomialLogisticLoss", "ContrastiveLoss"),
        ),
        "computes the loss",
    ),
    "Accuracy": "judges the output",
}

#: Where data comes from, without a word about its shape.
DATA = frozenset(("Data", "ImageData", "HDF5Data", "WindowData", "DummyData", "MemoryData", "AnnotatedData", "Python"))

#: What a layer's type is called in files whose layers are `layers { … }`, where that is not our spelling in capitals.
V1_TYPES = {
    **{name.upper(): name for name in ("Accuracy", "ArgMax", "BNLL", "Concat", "Convolution", "Data", "Deconvolution")},
    **{
        name.upper(): name
        for name in ("Dropout", "Eltwise", "Exp", "Flatten", "LRN", "MVN", "Pooling", "Power", "ReLU")
    },
    **{name.upper(): name for name in ("Sigmoid", "Silence", "Softmax", "Split", "Slice", "TanH", "Threshold")},
    "ABSVAL": "AbsVal",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "DUMMY_DATA": "DummyData",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "HDF5_DATA": "HDF5Data",
    "HINGE_LOSS": "HingeLoss",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "WINDOW_DATA": "WindowData",
}
