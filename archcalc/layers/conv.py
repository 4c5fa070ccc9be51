"""Convolutions: every output looks at a window of the input through shared weights."""

from collections.abc import Mapping
from typing import Any

from archcalc.layers.arithmetic import of_normalisation
from archcalc.layers.attributes import Amount, ConnectionTable, Kernel, Padding, PaddingOrSame, Positive, Switch
from archcalc.layers.layout import Move
from archcalc.layers.outcome import (
    OF_PARAMETERS,
    STATISTIC,
    WEIGHTS,
    Composition,
    Operation,
    Outcome,
    Saved,
    Step,
    Tensor,
    Window,
    gradients_of,
    one_node,
    operations,
    saves,
)
from archcalc.layers.registry import Form, layer
from archcalc.layers.slices import unsliced
from archcalc.layers.windows import extents, is_even, sides_of, slide
from archcalc.sizes.conditions import at_least, at_most, divides
from archcalc.sizes.kinds import Size, certainly_equal, maximum, minimum, product, undecided
from archcalc.sizes.volume import Volume


def _weights(shape: tuple[Size, ...], out: Size, bias: bool) -> tuple[Tensor, ...]:
    """The kernels, of the shape that frameworks give them, and the biases."""
    filters, channels, *kernel = shape
    kernels = Tensor("weight", product((*kernel, channels)) * filters, shape=shape, lies="image")
    return (kernels, Tensor("bias", out)) if bias else (kernels,)


def _bias_additions(output: Volume, bias: bool) -> tuple[Operation, ...]:
    return operations("bias", add=output.elements) if bias else ()


def _pads_itself(stride: tuple[Size, ...], padding: Any) -> bool:
    """Whether the padding is PyTorch's own "same"."""
    return padding == "same" and all(certainly_equal(s, 1) for s in stride)


def _copied(x: Volume, extent: tuple[Size, ...], stride: tuple[Size, ...], padding: Any) -> Size | None:
    """Elements of the padded copy that is convolved in the input's place where the padding differs between the sides
    of an axis; None if it does not. PyTorch's own "same" (stride 1) copies only what one side has more than the
    other; any other such padding is an operation of its own before the convolution."""
    sides = sides_of(x, extent, stride, padding)
    if is_even(sides):
        return None
    own = _pads_itself(stride, padding)
    added = (after - before if own else before + after for before, after in sides)
    return x.channels * product(size + more for size, more in zip(x.space, added, strict=True))


def _undecided(x: Volume, extent: tuple[Size, ...], stride: tuple[Size, ...], padding: Any) -> Any:
    """What decides whether there is a copy, and how large it is, where it is open."""
    strides = ((s, 1) for s in stride) if padding == "same" else ()
    return undecided((*sides_of(x, extent, stride, padding), *strides))


def _composed(x: Volume, copied: Size, output: Volume, params: tuple[Tensor, ...], own: bool) -> Composition:
    """A padding, which may be the convolution's `own`, and the convolution of what it makes."""
    reads = ("gradient", "padded input", "weight")
    names, function = tuple(param.name for param in params), f"conv{x.rank}d"
    padded = (Tensor("padded input", copied),)
    pad = Step("constant_pad_nd", ("input",), padded)
    return Composition(
        forward=(
            Step("constant_pad_nd", ("input", *names), padded, called=function) if own else pad,
            Step("convolution", ("padded input", *names), (Tensor("output", output.elements),), called=function),
        ),
        backward=(
            *one_node(
                Step("convolution_backward", reads, gradients_of(*params), (WEIGHTS,)),
                Step("convolution_backward", reads, (Tensor("gradient of padded input", copied),), (0,)),
            ),
            Step("constant_pad_nd", ("gradient of padded input",), (Tensor("gradient of input", x.elements),), (0,)),
        ),
    )


def _resolved(x: Volume, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A kernel of one value is never spread. The padding in numbers, unless it is PyTorch's own "same", which stores
    less than uneven numbers do."""
    kernel, stride, padding = (attributes[name] for name in ("kernel", "stride", "padding"))
    dilation = tuple(1 if certainly_equal(k, 1) else d for k, d in zip(kernel, attributes["dilation"], strict=True))
    sides = sides_of(x, extents(kernel, dilation), stride, padding)
    own = _pads_itself(stride, padding) and not is_even(sides)
    return {"padding": padding if own else sides, "dilation": dilation}


def _depthwise(x: Volume, attributes: Mapping[str, Any]) -> Form | None:
    """A convolution with a group for each of several input channels as `depthwise_conv`."""
    rest = {name: value for name, value in attributes.items() if name not in ("out", "groups")}
    if not 1 < attributes["groups"] == x.channels:
        return None
    return "depthwise_conv", {**rest, "multiplier": attributes["out"] // x.channels}


def _of_one_channel(x: Volume, attributes: Mapping[str, Any]) -> Form | None:
    """A depthwise convolution of a single channel as `conv`."""
    rest = {name: value for name, value in attributes.items() if name != "multiplier"}
    return ("conv", {**rest, "out": attributes["multiplier"], "groups": 1}) if x.channels == 1 else None


@layer(ranks=(1, 2, 3), resolve=_resolved, shorter=_depthwise)
def conv(
    x: Volume,
    *,
    out: Positive,
    kernel: Kernel,
    stride: Kernel = 1,
    padding: PaddingOrSame = 0,
    dilation: Kernel = 1,
    groups: Positive = 1,
    bias: Switch = True,
) -> Outcome:
    """Convolution over one, two or three axes: as many as the input has.

    Output size along each axis: (size - extent + before + after) // stride + 1, extent = dilation * (kernel - 1) + 1.
    MACs: one per weight and output position; the bias additions are counted apart.
    Saved for backward: the input (a padded copy of it where the padding is asymmetric), frozen weights or not.
    Source: torch.nn.Conv2d; derivatives.yaml, convolution.
    """
    extent = extents(kernel, dilation)
    space, windows, conditions = slide(x, extent, stride, padding)
    output = Volume(out, space)
    params = _weights((out, x.channels // groups, *kernel), out, bias)
    weights = params[0].elements
    copied = _copied(x, extent, stride, padding)
    return Outcome(
        output,
        params=params,
        macs=weights * output.positions,
        operations=_bias_additions(output, bias),
        saved=(saves("input") if copied is None else Saved("padded input", copied), saves("weight")),
        composition=Composition()
        if copied is None
        else _composed(x, copied, output, params, _pads_itself(stride, padding)),
        undecided=_undecided(x, extent, stride, padding),
        function=f"conv{x.rank}d",
        lies="image",
        windows=windows,
        conditions=(
            divides("groups-divide", groups, x.channels, "groups must divide the input channels", "groups"),
            divides("groups-divide", groups, out, "groups must divide the output channels", "groups"),
            *conditions,
        ),
        groups=groups,
    )


@layer(ranks=(1, 2, 3), resolve=_resolved, shorter=_of_one_channel)
def depthwise_conv(
    x: Volume,
    *,
    kernel: Kernel,
    stride: Kernel = 1,
    padding: PaddingOrSame = 0,
    dilation: Kernel = 1,
    multiplier: Positive = 1,
    bias: Switch = True,
) -> Outcome:
    """Depthwise convolution: each input channel has its own `multiplier` filters, so `out` follows from the input.

    The same as conv with groups = input channels and out = multiplier * input channels, in every figure.
    Saved for backward: the input (a padded copy of it where the padding is asymmetric), frozen weights or not.
    Source: Howard et al. 2017, arXiv:1704.04861, section 3.1; torch.nn.Conv2d with groups=in_channels.
    """
    out = x.channels * multiplier
    return conv(
        x,
        out=out,
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=x.channels,
        bias=bias,
    )


@layer(ranks=(1, 2, 3))
def standardized_conv(
    x: Volume,
    *,
    out: Positive,
    kernel: Kernel,
    stride: Kernel = 1,
    padding: Amount = 0,
    dilation: Kernel = 1,
    groups: Positive = 1,
    bias: Switch = True,
    gain: Switch = False,
) -> Outcome:
    """Convolution with weights that each pass standardises: the weights of each filter get mean 0 and variance 1.

    `gain: true` has a learned factor for each filter, as the networks without normalisation have it.
    MACs: as for conv. Operations, once for the batch: a normalisation of the weights over each filter, with `gain` a
    multiplication per weight, and one per filter by a fixed number.
    Saved for backward: the input, the standardised weights, a mean and an inverse deviation for each filter, and with
    `gain` the scaled gains; all but the input once for the batch.
    Source: Qiao et al. 2019, arXiv:1903.10520; Brock et al. 2021, arXiv:2101.08692, section 4; derivatives.yaml,
    native_batch_norm and convolution.
    """
    sides = tuple((amount, amount) for amount in padding)
    plain: Outcome = conv(
        x, out=out, kernel=kernel, stride=stride, padding=sides, dilation=dilation, groups=groups, bias=bias
    )
    weight, *biases = plain.params
    gains = (Tensor("gain", out),) if gain else ()
    weights = weight.elements
    return plain._replace(
        params=(weight, *gains, *biases),
        operations=(
            *plain.operations,
            *operations("normalisation", **of_normalisation(weights, out, False)),
            *(operations("normalisation", multiply=weights + out) if gain else ()),
        ),
        saved=(
            saves("input"),
            Saved(_STANDARDISED, weights, OF_PARAMETERS, per="batch"),
            Saved("mean", out, STATISTIC, needed_by=(WEIGHTS,), per="batch", made="always"),
            Saved("inverse deviation", out, STATISTIC, needed_by=(WEIGHTS,), per="batch", made="always"),
            *((Saved(_SCALED, out, OF_PARAMETERS, needed_by=(WEIGHTS,), per="batch"),) if gain else ()),
        ),
        composition=_of_standardised(x, plain.output, weight, gains, tuple(biases)),
    )


_STANDARDISED = "standardised weights"
_SCALED = "scaled gains"


def _of_standardised(
    x: Volume, output: Volume, weight: Tensor, gains: tuple[Tensor, ...], biases: tuple[Tensor, ...]
) -> Composition:
    """The weights standardised as a batch normalisation of one sample does it, whose channels are the filters, and the
    convolution with them."""
    out, scaled = output.channels, tuple(_SCALED for _ in gains)
    once = Tensor(_STANDARDISED, weight.elements, OF_PARAMETERS, per="batch")
    statistics = [Tensor(name, out, STATISTIC, per="batch") for name in ("mean", "inverse deviation")]
    of_gains = tuple(Tensor(f"gradient of {_SCALED}", out, OF_PARAMETERS, per="batch") for _ in gains)
    function = f"conv{x.rank}d"
    backward = ("gradient", "input", _STANDARDISED)
    of_weights = once._replace(name=f"gradient of {_STANDARDISED}")
    return Composition(
        forward=(
            *(Step("mul", ("gain",), (Tensor(_SCALED, out, OF_PARAMETERS, per="batch"),)) for _ in gains),
            Step("native_batch_norm", ("weight", *scaled), (once, *statistics)),
            Step(
                "convolution",
                ("input", _STANDARDISED, *(each.name for each in biases)),
                (Tensor("output", output.elements),),
                called=function,
                holds=scaled,
            ),
        ),
        backward=(
            Step("convolution_backward", backward, (of_weights, *gradients_of(*biases)), (WEIGHTS,)),
            Step("convolution_backward", backward, (Tensor("gradient of input", x.elements),), (0,)),
            Step(
                "native_batch_norm_backward",
                (of_weights.name, "weight", *scaled, "mean", "inverse deviation"),
                (*gradients_of(weight), *of_gains),
                (WEIGHTS,),
            ),
            *(Step("mul", (each.name,), gradients_of(*gains), (WEIGHTS,)) for each in of_gains),
        ),
    )


@layer(ranks=(1, 2, 3))
def table_conv(x: Volume, *, table: ConnectionTable, kernel: Kernel) -> Outcome:
    """Convolution whose output maps each see only some of the input maps, as a connection table says.

    Weights: one kernel for each connection of the table, and a bias for each output map.
    MACs: one per weight and output position; the bias additions are counted apart.
    Saved for backward: the input.
    Source: LeCun et al. 1998, section II.B, table I (layer C3 of LeNet-5).
    """
    out = len(table)
    space, windows, conditions = slide(x, kernel, (1,) * x.rank, ((0, 0),) * x.rank)
    output = Volume(out, space)
    params = _weights((sum(map(len, table)), *kernel), out, True)
    weights = params[0].elements
    message = "the table may only name maps of the input, counted from 0"
    largest = max(max(row) for row in table)
    return Outcome(
        output,
        params=params,
        macs=weights * output.positions,
        operations=_bias_additions(output, True),
        saved=(saves("input"), saves("weight")),
        function=f"conv{x.rank}d",
        lies="image",
        windows=windows,
        conditions=(at_most("table-fits", largest + 1, x.channels, message, "table"), *conditions),
    )


def _cropped(x: Volume, computed: Volume, output: Volume, axes: list[int], params: tuple[Tensor, ...]) -> Composition:
    """A larger output, and slices of it, whose gradients are spread over the larger one again."""
    return Composition(
        backward=(
            *unsliced(computed, output.space, axes, "gradient of the whole"),
            Step(
                "convolution_backward",
                ("gradient of the whole", "input", "weight"),
                (Tensor("gradient of input", x.elements), *gradients_of(*params)),
            ),
        )
    )


@layer(ranks=(1, 2, 3))
def conv_transpose(
    x: Volume,
    *,
    out: Positive,
    kernel: Kernel,
    stride: Kernel = 1,
    padding: Padding = 0,
    output_padding: Amount = 0,
    dilation: Kernel = 1,
    groups: Positive = 1,
    bias: Switch = True,
) -> Outcome:
    """Transposed convolution, also called deconvolution or up-convolution.

    Output size along each axis: (size - 1) * stride - before - after + extent + output_padding.
    MACs: one per weight and *input* position, since every input value meets every weight of its channel once.
    Saved for backward: the input. Where the padding differs between the sides of an axis, the smaller is taken for both
    and the rest is cropped, which keeps the larger tensor.
    Source: torch.nn.ConvTranspose2d; derivatives.yaml, convolution.
    """
    extent = extents(kernel, dilation)
    space, windows, conditions = [], [], []
    axes = zip(x.space, extent, stride, dilation, padding, output_padding, strict=True)
    for size, e, s, d, (before, after), extra in axes:
        length = (size - 1) * s - before - after + e + extra
        space.append(length)
        # Input position i reaches the outputs i * s - before to i * s - before + e - 1.
        windows.append(Window(before - e + s, before, 1, s))
        message = "the padding must leave an output of at least 1"
        conditions.append(at_least("padding-fits", length, 1, message, "padding"))
        message = "output_padding must be smaller than the stride or the dilation"
        conditions.append(at_least("output-padding", maximum(s, d), extra + 1, message, "output_padding"))
    output = Volume(out, tuple(space))
    cropped = (maximum(*sides) - minimum(*sides) for sides in padding)
    computed = Volume(out, tuple(n + more for n, more in zip(space, cropped, strict=True)))
    uneven = [axis for axis, sides in enumerate(padding) if not certainly_equal(*sides)]
    params = _weights((x.channels, out // groups, *kernel), out, bias)
    weights = params[0].elements
    return Outcome(
        output,
        params=params,
        macs=weights * x.positions,
        operations=_bias_additions(output, bias),
        saved=(saves("input"), saves("weight")),
        computed=None if is_even(padding) else computed,
        moves=() if is_even(padding) else (Move("narrow", tuple(axis + 2 for axis in uneven)),),
        composition=Composition() if is_even(padding) else _cropped(x, computed, output, uneven, params),
        undecided=undecided(padding),
        function=f"conv_transpose{x.rank}d",
        lies="image",
        windows=tuple(windows),
        conditions=(
            divides("groups-divide", groups, x.channels, "groups must divide the input channels", "groups"),
            divides("groups-divide", groups, out, "groups must divide the output channels", "groups"),
            *conditions,
        ),
        groups=groups,
    )
