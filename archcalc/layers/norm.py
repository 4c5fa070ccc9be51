"""Normalisation: values are brought to a common scale, over the batch, the channels, a group or a neighbourhood."""

from collections.abc import Mapping
from typing import Annotated, Any

from archcalc.layers.arithmetic import of_normalisation, of_rms_normalisation
from archcalc.layers.attributes import Factor, Positive, Switch, Word
from archcalc.layers.layout import Needs, channels_last
from archcalc.layers.outcome import (
    OF_INPUT,
    OF_PARAMETERS,
    STATISTIC,
    WEIGHTS,
    Composition,
    Instead,
    Operation,
    Outcome,
    Saved,
    Step,
    Tensor,
    broadcast_product_backward,
    gradients_of,
    one_node,
    operations,
    saves,
)
from archcalc.layers.registry import Form, layer
from archcalc.sizes.conditions import at_least, divides
from archcalc.sizes.kinds import Size
from archcalc.sizes.volume import Volume


def _scale_and_shift(size: Size, affine: bool, shape: tuple[Size, ...] = ()) -> tuple[Tensor, ...]:
    return (Tensor("weight", size, shape=shape), Tensor("bias", size, shape=shape)) if affine else ()


def _measured(x: Volume, statistics: Size, affine: bool) -> tuple[Operation, ...]:
    """Mean and variance are measured on the sample itself."""
    return operations("normalisation", **of_normalisation(x.elements, statistics, affine))


def _statistics(size: Size, dtype: str = STATISTIC) -> tuple[Saved, Saved]:
    """Mean and inverse deviation: computed at inference too."""
    return (
        Saved("mean", size, dtype, made="always"),
        Saved("inverse deviation", size, dtype, made="always"),
    )


@layer
def batch_norm(x: Volume, *, affine: Switch = True, track: Switch = True) -> Outcome:
    """Batch normalisation: a scale and a shift learned for each channel, and two running statistics.

    `affine: false` has no learned scale and shift; `track: false` no running statistics.
    Operations, with the statistics fixed as at inference: one multiplication and one addition per value.
    Saved for backward: the input, and the mean and inverse deviation of each channel, once for the batch.
    Source: Ioffe & Szegedy 2015, arXiv:1502.03167; torch.nn.BatchNorm2d; derivatives.yaml, native_batch_norm.
    """
    c = x.channels
    running = (Tensor("running_mean", c), Tensor("running_var", c), Tensor("num_batches_tracked", 1, "int64"))
    return Outcome(
        x,
        params=_scale_and_shift(c, affine),
        buffers=running if track else (),
        operations=operations("normalisation", multiply=x.elements, add=x.elements),
        saved=(
            saves("input"),
            # With running statistics, inference computes none.
            Saved("mean", c, STATISTIC, per="batch", made="training" if track else "always"),
            Saved("inverse deviation", c, STATISTIC, per="batch", made="training" if track else "always"),
        ),
        lies="image",
        values_of_statistic=x.positions,
    )


def _resolved(x: Volume, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """There is no shift without a scale."""
    return {"bias": attributes["affine"] and attributes["bias"]}


@layer(resolve=_resolved)
def layer_norm(
    x: Volume,
    *,
    over: Annotated[str, Word("channels", "volume")] = "channels",
    affine: Switch = True,
    bias: Switch = True,
) -> Outcome:
    """Layer normalisation, over the channels of each position or over the whole volume of the sample.

    `affine: false` has no learned scale and shift, `bias: false` no shift.

    Saved for backward: the input, and a mean and an inverse deviation for each position (or for the sample).
    Source: Ba et al. 2016, arXiv:1607.06450; torch.nn.LayerNorm; derivatives.yaml, native_layer_norm.
    """
    statistics = x.positions if over == "channels" else 1
    return Outcome(
        x,
        params=(
            _scale_and_shift(x.channels, affine)[: 2 if bias else 1]
            if over == "channels"
            else _scale_and_shift(x.elements, affine, x.shape if x.rank else ())[: 2 if bias else 1]
        ),
        operations=_measured(x, statistics, affine),
        saved=(saves("input"), *_statistics(statistics)),
        windows=() if over == "channels" else None,
        lies="channels last" if over == "channels" else "channels first",
    )


@layer
def group_norm(x: Volume, *, groups: Positive, affine: Switch = True, bias: Switch = True) -> Outcome:
    """Group normalisation: over all positions of each group of channels.

    `affine: false` has no learned scale and shift, `bias: false` no shift.

    Saved for backward: the input, and a mean and an inverse deviation for each group.
    Source: Wu & He 2018, arXiv:1803.08494; torch.nn.GroupNorm; derivatives.yaml, native_group_norm.
    """
    return Outcome(
        x,
        params=_scale_and_shift(x.channels, affine)[: 2 if bias else 1],
        operations=_measured(x, groups, affine),
        saved=(saves("input"), *_statistics(groups, OF_PARAMETERS)),
        windows=None,
        lies="image",
        values_of_statistic=x.channels * x.positions // groups,
        conditions=(divides("groups-divide", groups, x.channels, "groups must divide the input channels", "groups"),),
    )


@layer(ranks=(1, 2, 3))
def instance_norm(x: Volume, *, affine: Switch = False) -> Outcome:
    """Instance normalisation: over all positions of each channel of each sample.

    Saved for backward: the input, a mean and an inverse deviation for each channel of each sample, and with `affine`
    the scale repeated for each sample.
    Source: Ulyanov et al. 2016, arXiv:1607.08022; torch.nn.InstanceNorm2d.
    """
    c = x.channels
    params = _scale_and_shift(c, affine)
    repeated = tuple(Tensor(f"repeated {param.name}", c) for param in params)
    by_sample = tuple(Tensor(f"gradient of repeated {param.name}", c) for param in params)
    statistics = (Tensor("mean", c, STATISTIC), Tensor("inverse deviation", c, STATISTIC))
    normalise = ("input", *(tensor.name for tensor in repeated))
    saved = ("input", "mean", "inverse deviation", "repeated weight")
    composition = Composition(
        forward=(
            Step("repeat", tuple(param.name for param in params), repeated),
            Step("native_batch_norm", normalise, (Tensor("output", x.elements), *statistics)),
        ),
        backward=(
            *one_node(
                Step("native_batch_norm_backward", ("gradient", *saved), by_sample, (WEIGHTS,)),
                Step(
                    "native_batch_norm_backward", ("gradient", *saved), (Tensor("gradient of input", x.elements),), (0,)
                ),
            ),
            *(
                Step("sum", (of_each.name,), gradients_of(param), (WEIGHTS,))
                for of_each, param in zip(by_sample, params, strict=True)
            ),
        ),
        viewed=True,
    )
    return Outcome(
        x,
        params=params,
        operations=_measured(x, c, affine),
        saved=(saves("input"), *_statistics(c), *((Saved("repeated weight", c),) if affine else ())),
        windows=None,
        composition=composition if affine else Composition(viewed=True),
        lies="channels first",
        needs=Needs(tuple(range(x.rank + 2)), x.rank + 2, whole=True),
        conditions=(at_least("one-value", x.positions, 2, "instance normalisation needs more than one position"),),
    )


@layer
def rms_norm(x: Volume, *, affine: Switch = True) -> Outcome:
    """Root-mean-square normalisation over the channels of each position: a learned scale, no mean, no shift.

    Operations per value: a square, an addition to the sum, a product with the reciprocal root, and the scale.
    Saved for backward: the input and the reciprocal root of each position; on a CPU, where it is decomposed, also the
    normalised values when there is a scale.
    Source: Zhang & Sennrich 2019, arXiv:1910.07467; torch.nn.RMSNorm; derivatives.yaml, mul, rsqrt, pow and
    _fused_rms_norm.
    """
    n, p = x.elements, x.positions
    params = (Tensor("weight", x.channels),) if affine else ()
    normalised = (Saved("normalised input", n, "float32", needed_by=(WEIGHTS,), device="cpu"),) if affine else ()
    root = Saved("reciprocal root", p, "float32", needed_by=(0,), device="cpu")
    fused = (saves("input")._replace(device="cuda"), Saved("reciprocal root", p, "float32", device="cuda"))
    copy = Saved("input in float32", n, "float32", needed_by=(0,), device="cpu")
    return Outcome(
        x,
        params=params,
        operations=operations("normalisation", **of_rms_normalisation(n, p, affine)),
        saved=(saves("input", 0)._replace(device="cpu"), root, *normalised, *fused),
        composition=_decomposed_rms_norm(x, params),
        upcast=Instead((copy, root, *normalised), _upcast_rms_norm(x, params)),
        lies="channels last",
        ordered=Needs(channels_last(x.rank), x.rank + 2, whole=True),
    )


def _decomposed_rms_norm(x: Volume, params: tuple[Tensor, ...]) -> Composition:
    """What a CPU runs for it: in the backward pass each part of the input's gradient goes to the input at once."""
    return Composition(
        _rms_norm("input", "output", x, params),
        _rms_norm_backward("gradient", "input", ("gradient of input", "gradient of input"), x, params),
        device="cpu",
        parts=True,
    )


def _upcast_rms_norm(x: Volume, params: tuple[Tensor, ...]) -> Composition:
    """The same between a conversion to float32 and one back, whose input gets the parts as a sum."""
    n = x.elements
    parts = ("first part of the gradient", "second part of the gradient")
    return Composition(
        (
            Step("to", ("input",), (Tensor("input in float32", n, "float32"),)),
            *_rms_norm("input in float32", "output in float32", x, params),
            Step("to", ("output in float32",), (Tensor("output", n, OF_INPUT),), holds=("reciprocal root",)),
        ),
        (
            Step("to", ("gradient",), (Tensor("gradient in float32", n, "float32"),)),
            *_rms_norm_backward("gradient in float32", "input in float32", parts, x, params),
            Step("add", parts, (Tensor("summed gradient", n),), (0,)),
            Step("to", ("summed gradient",), (Tensor("gradient of input", n, OF_INPUT),), (0,)),
        ),
        device="cpu",
    )


def _rms_norm(read: str, made: str, x: Volume, params: tuple[Tensor, ...]) -> tuple[Step, ...]:
    n, p = x.elements, x.positions
    inner = "normalised input" if params else made
    held = ("reciprocal root",) if read == "input" else ("reciprocal root", read)
    scale = (Step("mul", (inner, "weight"), (Tensor(made, n, "float32"),), holds=held),) if params else ()
    return (
        Step("pow", (read,), (Tensor("squares", n, "float32"),)),
        Step("mean", ("squares",), (Tensor("mean square", p, "float32"),)),
        Step("rsqrt", ("mean square",), (Tensor("reciprocal root", p, "float32"),), holds=("squares",)),
        Step("mul", (read, "reciprocal root"), (Tensor(inner, n, "float32"),), holds=held),
        *scale,
    )


def _rms_norm_backward(
    gradient: str, read: str, parts: tuple[str, str], x: Volume, params: tuple[Tensor, ...]
) -> tuple[Step, ...]:
    n, p = x.elements, x.positions
    scaled = "scaled gradient" if params else gradient
    unscale = one_node(
        Step("mul", (gradient, "normalised input"), (Tensor("product", n),), (WEIGHTS,)),
        Step("mul", (gradient, "weight"), (Tensor("scaled gradient", n),), (0,)),
        Step("sum", ("product",), gradients_of(*params), (WEIGHTS,)),
    )
    return (
        *(unscale if params else ()),
        *one_node(
            Step("mul", (scaled, read), (Tensor("products with the input", n),), (0,)),
            Step("mul", (scaled, "reciprocal root"), (Tensor(parts[0], n),), (0,)),
            Step("sum", ("products with the input",), (Tensor("gradient of the root", p),), (0,)),
        ),
        *one_node(
            Step("pow", ("reciprocal root",), (Tensor("cube of the root", p),), (0,)),
            Step("mul", ("cube of the root",), (Tensor("derivative of the root", p),), (0,)),
            Step(
                "mul",
                ("gradient of the root", "derivative of the root"),
                (Tensor("gradient of the mean square", p),),
                (0,),
            ),
        ),
        Step("div", ("gradient of the mean square",), (Tensor("gradient of the squares", n),), (0,)),
        *one_node(
            Step("pow", (read,), (Tensor("power of the input", n),), (0,)),
            Step("mul", ("power of the input",), (Tensor("twice the input", n),), (0,)),
            Step("mul", ("gradient of the squares", "twice the input"), (Tensor(parts[1], n),), (0,)),
        ),
    )


@layer(ranks=(1, 2, 3))
def lrn(x: Volume, *, size: Positive) -> Outcome:
    """Local response normalisation across `size` neighbouring channels.

    Operations per value: a square, size - 1 additions, a scale and an offset, a power, a division.
    Saved for backward: the input, the padded squares, the scaled sum and its power.
    Source: Krizhevsky et al. 2012, section 3.3; torch.nn.LocalResponseNorm, which composes it of simpler operations.
    """
    n = x.elements
    padded = (x.channels + size - 1) * x.positions
    return Outcome(
        x,
        operations=operations("normalisation", add=n * size, multiply=2 * n, exponential=n, divide=n),
        saved=(
            saves("input", 0),
            Saved("padded squares", padded, needed_by=(0,)),
            Saved("scaled sum", n, needed_by=(0,)),
            Saved("power", n, needed_by=(0,)),
        ),
        composition=_composed_lrn(n, padded, "avg_pool2d" if x.rank == 1 else "avg_pool3d"),
    )


def _composed_lrn(n: Size, padded: Size, pool: str) -> Composition:
    return Composition(
        forward=(
            Step("mul", ("input",), (Tensor("squares", n),)),
            Step("constant_pad_nd", ("squares",), (Tensor("padded squares", padded),)),
            Step(pool, ("padded squares",), (Tensor("average", n),)),
            Step("mul", ("average",), (Tensor("scaled average", n),)),
            Step("add", ("scaled average",), (Tensor("scaled sum", n),)),
            Step("pow", ("scaled sum",), (Tensor("power", n),), holds=("average",)),
            Step("div", ("input", "power"), (Tensor("output", n),)),
        ),
        backward=(
            *one_node(
                Step("div", ("input", "power"), (Tensor("quotient", n),)),
                Step("div", ("quotient", "power"), (Tensor("quotient by the power", n),)),
                Step("neg", ("gradient",), (Tensor("negative gradient", n),)),
                Step("mul", ("negative gradient", "quotient by the power"), (Tensor("gradient of power", n),)),
                Step("div", ("gradient", "power"), (Tensor("gradient 1 of input", n),)),
            ),
            *one_node(
                Step("pow", ("scaled sum",), (Tensor("lower power", n),)),
                Step("mul", ("lower power",), (Tensor("derivative of the power", n),)),
                Step("mul", ("gradient of power", "derivative of the power"), (Tensor("gradient of scaled sum", n),)),
            ),
            Step("mul", ("gradient of scaled sum",), (Tensor("gradient of average", n),)),
            Step(
                f"{pool}_backward",
                ("gradient of average", "padded squares"),
                (Tensor("gradient of padded squares", padded),),
            ),
            Step("constant_pad_nd", ("gradient of padded squares",), (Tensor("gradient of squares", n),)),
            *one_node(
                Step("mul", ("gradient of squares", "input"), (Tensor("gradient 2 of input", n),)),
                Step("mul", ("gradient of squares", "input"), (Tensor("gradient 3 of input", n),)),
            ),
            # Both gradients of the square are passed on before either goes.
            Step("add", ("gradient 1 of input", "gradient 3 of input"), (Tensor("partial sum", n),)),
            Step(
                "add",
                ("partial sum", "gradient 2 of input"),
                (Tensor("gradient of input", n),),
                holds=("gradient 3 of input",),
            ),
        ),
    )


@layer
def affine(x: Volume, *, scale: Switch = True, bias: Switch = True) -> Outcome:
    """A learned coefficient and a learned bias for each channel, as in LeNet-5's subsampling.

    Operations: one multiplication and one addition per value.
    Saved for backward: the input, for the coefficient's gradient.
    Source: LeCun et al. 1998, section II.B.
    """
    c, n = x.channels, x.elements
    weight = (Tensor("weight", c),) if scale else ()
    shift = (Tensor("bias", c),) if bias else ()
    scaled = Step("mul", ("input", "weight"), (Tensor("scaled", n),))
    both = scaled, Step("add", ("scaled", "bias"), (Tensor("output", n),))
    of_bias = (Step("sum", ("gradient",), gradients_of(*shift), (WEIGHTS,)),) if bias else ()
    of_weight = broadcast_product_backward(x, weight, "weight") if scale else ()
    return Outcome(
        x,
        params=(*weight, *shift),
        operations=operations("elementwise", multiply=n if scale else 0, add=n if bias else 0),
        saved=(saves("input", WEIGHTS), saves("weight", 0)) if scale else (),
        fan_in=1 if bias else 0,
        composition=Composition(both if scale and bias else (), (*of_bias, *of_weight)),
        function="mul" if scale else "add",
    )


def _by_zero(x: Volume, attributes: Mapping[str, Any]) -> Form | None:
    """A factor of 0 as `zero`."""
    return None if attributes["factor"] else ("zero", {})


@layer(shorter=_by_zero)
def scale(x: Volume, *, factor: Factor) -> Outcome:
    """A fixed factor for all values, as Inception-ResNet has it on its residuals.

    Operations: one multiplication per value. Saved for backward: nothing but the factor, which is no tensor.
    Source: Szegedy et al. 2016, arXiv:1602.07261, section 3.3; derivatives.yaml, mul by a scalar.
    """
    return Outcome(x, operations=operations("elementwise", multiply=x.elements))


@layer
def zero(x: Volume) -> Outcome:
    """The input times 0: an edge that is not there, of the input's shape.

    It is computed as `scale: 0` is, and its gradient too. Operations: one multiplication per value.
    Saved for backward: nothing.
    Source: Dong & Yang 2020, arXiv:2001.00326, section 2.1 (the operation `none`); derivatives.yaml, mul by a scalar.
    """
    return Outcome(x, operations=operations("elementwise", multiply=x.elements))


@layer
def offset(x: Volume, *, by: Factor) -> Outcome:
    """A fixed number is added to all values.

    Operations: one addition per value. Saved for backward: nothing.
    Source: derivatives.yaml, add by a scalar.
    """
    return Outcome(
        x, operations=operations("elementwise", add=x.elements), composition=Composition(backward=()), function="add"
    )
