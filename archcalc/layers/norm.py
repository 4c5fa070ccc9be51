"""Normalisation: values are brought to a common scale, over the batch, the channels, a group or a neighbourhood."""

from typing import Annotated

from archcalc.layers.arithmetic import of_normalisation, of_rms_normalisation
from archcalc.layers.attributes import Factor, Positive, Switch, Word
from archcalc.layers.layout import Needs
from archcalc.layers.outcome import (
    VALUE,
    WEIGHTS,
    WIDE,
    Composition,
    Operation,
    Outcome,
    Saved,
    Step,
    Tensor,
    broadcast_product_backward,
    gradients_of,
    operations,
    saves,
)
from archcalc.layers.registry import layer
from archcalc.sizes.conditions import divides
from archcalc.sizes.kinds import Size
from archcalc.sizes.volume import Volume


def _scale_and_shift(size: Size, affine: bool, shape: tuple[Size, ...] = ()) -> tuple[Tensor, ...]:
    return (Tensor("weight", size, shape=shape), Tensor("bias", size, shape=shape)) if affine else ()


def _measured(x: Volume, statistics: Size, affine: bool) -> tuple[Operation, ...]:
    """Mean and variance are measured on the sample itself."""
    return operations("normalisation", **of_normalisation(x.elements, statistics, affine))


def _statistics(size: Size, dtype: str = "float32") -> tuple[Saved, Saved]:
    """Mean and inverse deviation: computed at inference too, and mostly in 32 bits whatever the values are in."""
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
            Saved("mean", c, "float32", per="batch", made="training" if track else "always"),
            Saved("inverse deviation", c, "float32", per="batch", made="training" if track else "always"),
        ),
        lies="image",
    )


@layer
def layer_norm(
    x: Volume, *, over: Annotated[str, Word("channels", "volume")] = "channels", affine: Switch = True
) -> Outcome:
    """Layer normalisation, over the channels of each position or over the whole volume of the sample.

    Saved for backward: the input, and a mean and an inverse deviation for each position (or for the sample).
    Source: Ba et al. 2016, arXiv:1607.06450; torch.nn.LayerNorm; derivatives.yaml, native_layer_norm.
    """
    statistics = x.positions if over == "channels" else 1
    return Outcome(
        x,
        params=(
            _scale_and_shift(x.channels, affine)
            if over == "channels"
            else _scale_and_shift(x.elements, affine, x.shape if x.rank else ())
        ),
        operations=_measured(x, statistics, affine),
        saved=(saves("input"), *_statistics(statistics)),
        windows=() if over == "channels" else None,
        autocast="float32",
        lies="channels last" if over == "channels" else "channels first",
    )


@layer
def group_norm(x: Volume, *, groups: Positive, affine: Switch = True) -> Outcome:
    """Group normalisation: over all positions of each group of channels.

    Saved for backward: the input, and a mean and an inverse deviation for each group.
    Source: Wu & He 2018, arXiv:1803.08494; torch.nn.GroupNorm; derivatives.yaml, native_group_norm.
    """
    return Outcome(
        x,
        params=_scale_and_shift(x.channels, affine),
        operations=_measured(x, groups, affine),
        saved=(saves("input"), *_statistics(groups, VALUE)),
        windows=None,
        autocast="float32",
        lies="image",
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
    statistics = (Tensor("mean", c, "float32"), Tensor("inverse deviation", c, "float32"))
    normalise = ("input", *(tensor.name for tensor in repeated))
    saved = ("input", "mean", "inverse deviation", "repeated weight")
    composition = Composition(
        forward=(
            Step("repeat", (), repeated),
            Step("native_batch_norm", normalise, (Tensor("output", x.elements), *statistics)),
        ),
        backward=(
            Step("native_batch_norm_backward", ("gradient", *saved), by_sample, (WEIGHTS,)),
            Step("native_batch_norm_backward", ("gradient", *saved), (Tensor("gradient of input", x.elements),), (0,)),
            *(
                Step("sum", (of_each.name,), gradients_of(param), (WEIGHTS,))
                for of_each, param in zip(by_sample, params, strict=True)
            ),
        ),
    )
    return Outcome(
        x,
        params=params,
        operations=_measured(x, c, affine),
        saved=(saves("input"), *_statistics(c), *((Saved("repeated weight", c, WIDE),) if affine else ())),
        windows=None,
        composition=composition if affine else Composition(),
        lies="channels first",
        needs=Needs(tuple(range(x.rank + 2)), x.rank + 2, whole=True),
        viewed=True,
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
    normalised = (Saved("normalised input", n, needed_by=(WEIGHTS,), device="cpu"),) if affine else ()
    decomposed = (
        saves("input", 0)._replace(device="cpu"),
        Saved("reciprocal root", p, needed_by=(0,), device="cpu"),
        *normalised,
    )
    fused = (saves("input")._replace(device="cuda"), Saved("reciprocal root", p, "float32", device="cuda"))
    return Outcome(
        x,
        params=params,
        operations=operations("normalisation", **of_rms_normalisation(n, p, affine)),
        saved=(*decomposed, *fused),
        composition=_decomposed_rms_norm(x, params),
        autocast="float32",
    )


def _decomposed_rms_norm(x: Volume, params: tuple[Tensor, ...]) -> Composition:
    """What a CPU runs for it."""
    n, p = x.elements, x.positions
    inner = "normalised input" if params else "output"
    scaled = "scaled gradient" if params else "gradient"
    forward = (
        Step("pow", ("input",), (Tensor("squares", n),)),
        Step("mean", ("squares",), (Tensor("mean square", p),)),
        Step("rsqrt", ("mean square",), (Tensor("reciprocal root", p),)),
        Step("mul", ("input", "reciprocal root"), (Tensor(inner, n),)),
    )
    scale = (Step("mul", (inner,), (Tensor("output", n),)),) if params else ()
    unscale = (
        Step("mul", ("gradient", "normalised input"), (Tensor("product", n),), (WEIGHTS,)),
        Step("mul", ("gradient",), (Tensor("scaled gradient", n),), (0,)),
        Step("sum", ("product",), gradients_of(*params), (WEIGHTS,)),
    )
    backward = (
        Step("mul", (scaled, "input"), (Tensor("products with the input", n),), (0,)),
        Step("mul", (scaled, "reciprocal root"), (Tensor("gradient of input", n),), (0,)),
        Step("sum", ("products with the input",), (Tensor("gradient of the root", p),), (0,)),
        Step("pow", ("reciprocal root",), (Tensor("cube of the root", p),), (0,)),
        Step("mul", ("cube of the root",), (Tensor("derivative of the root", p),), (0,)),
        Step(
            "mul", ("gradient of the root", "derivative of the root"), (Tensor("gradient of the mean square", p),), (0,)
        ),
        Step("div", ("gradient of the mean square",), (Tensor("gradient of the squares", n),), (0,)),
        Step("pow", ("input",), (Tensor("power of the input", n),), (0,)),
        Step("mul", ("power of the input",), (Tensor("twice the input", n),), (0,)),
        Step("mul", ("gradient of the squares", "twice the input"), (Tensor("gradient of input", n),), (0,)),
    )
    return Composition((*forward, *scale), (*(unscale if params else ()), *backward), device="cpu", parts=True)


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
            Saved("scaled sum", n, WIDE, needed_by=(0,)),
            Saved("power", n, WIDE, needed_by=(0,)),
        ),
        composition=_composed_lrn(n, padded),
        autocast="widens",
    )


def _composed_lrn(n: Size, padded: Size) -> Composition:
    return Composition(
        forward=(
            Step("mul", ("input",), (Tensor("squares", n),)),
            Step("constant_pad_nd", ("squares",), (Tensor("padded squares", padded),)),
            Step("avg_pool3d", ("padded squares",), (Tensor("average", n),)),
            Step("mul", ("average",), (Tensor("scaled average", n),)),
            Step("add", ("scaled average",), (Tensor("scaled sum", n),)),
            Step("pow", ("scaled sum",), (Tensor("power", n),)),
            Step("div", ("input", "power"), (Tensor("output", n),)),
        ),
        backward=(
            Step("div", ("input", "power"), (Tensor("quotient", n),)),
            Step("div", ("quotient", "power"), (Tensor("quotient by the power", n),)),
            Step("neg", ("gradient",), (Tensor("negative gradient", n),)),
            Step("mul", ("negative gradient", "quotient by the power"), (Tensor("gradient of the power", n),)),
            Step("div", ("gradient", "power"), (Tensor("direct gradient", n),)),
            Step("pow", ("scaled sum",), (Tensor("lower power", n),)),
            Step("mul", ("lower power",), (Tensor("derivative of the power", n),)),
            Step("mul", ("gradient of the power", "derivative of the power"), (Tensor("gradient of the sum", n),)),
            Step("mul", ("gradient of the sum",), (Tensor("gradient of the average", n),)),
            Step("avg_pool3d_backward", ("gradient of the average", "padded squares"), (Tensor("spread", padded),)),
            Step("constant_pad_nd", ("spread",), (Tensor("gradient of the squares", n),)),
            Step("mul", ("gradient of the squares", "input"), (Tensor("first half", n),)),
            Step("add", ("direct gradient", "first half"), (Tensor("partial sum", n),)),
            Step("mul", ("gradient of the squares", "input"), (Tensor("second half", n),)),
            Step("add", ("partial sum", "second half"), (Tensor("gradient of input", n),)),
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
    both = Step("mul", ("input",), (Tensor("scaled", n),)), Step("add", ("scaled",), (Tensor("output", n),))
    of_bias = (Step("sum", ("gradient",), gradients_of(*shift), (WEIGHTS,)),) if bias else ()
    of_weight = broadcast_product_backward(x, weight, "weight") if scale else ()
    return Outcome(
        x,
        params=(*weight, *shift),
        operations=operations("elementwise", multiply=n if scale else 0, add=n if bias else 0),
        saved=(saves("input", WEIGHTS),) if scale else (),
        fan_in=1 if bias else 0,
        composition=Composition(both if scale and bias else (), (*of_bias, *of_weight)),
    )


@layer
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
