"""Normalisation: values are brought to a common scale, over the batch, the channels, a group or a neighbourhood."""

from typing import Annotated

from archcalc.layers.attributes import Positive, Rate, Switch, Word
from archcalc.layers.outcome import Kept, Operation, Outcome, Tensor, keeps, operations
from archcalc.layers.registry import layer
from archcalc.sizes import Size, divides
from archcalc.volume import Volume


def _scale_and_shift(size: Size, affine: bool) -> tuple[Tensor, ...]:
    return (Tensor("weight", size), Tensor("bias", size)) if affine else ()


def _measured(x: Volume, statistics: Size, affine: bool) -> tuple[Operation, ...]:
    """Mean, variance and normalisation from the sample itself: per value one addition to each of two sums, one
    subtraction, one square, one product; per statistic two divisions, a reciprocal and a root; then the affine."""
    n = x.elements
    extra = n if affine else 0
    return operations(
        "normalisation",
        add=3 * n + extra,
        multiply=2 * n + extra,
        divide=3 * statistics,
        exponential=statistics,
    )


@layer
def batch_norm(x: Volume, *, affine: Switch = True, track: Switch = True) -> Outcome:
    """Batch normalisation: a scale and a shift learned for each channel, and two running statistics.

    `affine: false` has no learned scale and shift; `track: false` no running statistics.
    Operations, with the statistics fixed as at inference: one multiplication and one addition per value.
    Kept for backward: the input, and the mean and inverse deviation of each channel, once for the batch.
    Source: Ioffe & Szegedy 2015, arXiv:1502.03167; torch.nn.BatchNorm2d; derivatives.yaml, native_batch_norm.
    """
    c = x.channels
    running = (Tensor("running_mean", c), Tensor("running_var", c), Tensor("num_batches_tracked", 1, "int64"))
    return Outcome(
        x,
        params=_scale_and_shift(c, affine),
        buffers=running if track else (),
        operations=operations("normalisation", multiply=x.elements, add=x.elements),
        kept=(keeps("input"), Kept("mean", c, per="batch"), Kept("inverse deviation", c, per="batch")),
    )


@layer
def layer_norm(
    x: Volume, *, over: Annotated[str, Word("channels", "volume")] = "channels", affine: Switch = True
) -> Outcome:
    """Layer normalisation, over the channels of each position or over the whole volume of the sample.

    Kept for backward: the input, and a mean and an inverse deviation for each position (or for the sample).
    Source: Ba et al. 2016, arXiv:1607.06450; torch.nn.LayerNorm; derivatives.yaml, native_layer_norm.
    """
    statistics = x.positions if over == "channels" else 1
    return Outcome(
        x,
        params=_scale_and_shift(x.channels if over == "channels" else x.elements, affine),
        operations=_measured(x, statistics, affine),
        kept=(keeps("input"), Kept("mean", statistics), Kept("inverse deviation", statistics)),
        windows=() if over == "channels" else None,
    )


@layer
def group_norm(x: Volume, *, groups: Positive, affine: Switch = True) -> Outcome:
    """Group normalisation: over all positions of each group of channels.

    Kept for backward: the input, and a mean and an inverse deviation for each group.
    Source: Wu & He 2018, arXiv:1803.08494; torch.nn.GroupNorm; derivatives.yaml, native_group_norm.
    """
    return Outcome(
        x,
        params=_scale_and_shift(x.channels, affine),
        operations=_measured(x, groups, affine),
        kept=(keeps("input"), Kept("mean", groups), Kept("inverse deviation", groups)),
        windows=None,
        conditions=(divides("groups-divide", groups, x.channels, "groups must divide the input channels", "groups"),),
    )


@layer(ranks=(1, 2, 3))
def instance_norm(x: Volume, *, affine: Switch = False) -> Outcome:
    """Instance normalisation: over all positions of each channel of each sample.

    Kept for backward: the input, a mean and an inverse deviation for each channel of each sample, and with `affine`
    the scale repeated for each sample.
    Source: Ulyanov et al. 2016, arXiv:1607.08022; torch.nn.InstanceNorm2d.
    """
    c = x.channels
    repeated = (Kept("repeated weight", c),) if affine else ()
    return Outcome(
        x,
        params=_scale_and_shift(c, affine),
        operations=_measured(x, c, affine),
        kept=(keeps("input"), Kept("mean", c), Kept("inverse deviation", c), *repeated),
        windows=None,
    )


@layer
def rms_norm(x: Volume, *, affine: Switch = True) -> Outcome:
    """Root-mean-square normalisation over the channels of each position: a learned scale, no mean, no shift.

    Operations per value: a square, an addition to the sum, a product with the reciprocal root, and the scale.
    Kept for backward: the input and the reciprocal root of each position; on a CPU, where it is decomposed, also the
    normalised values when there is a scale.
    Source: Zhang & Sennrich 2019, arXiv:1910.07467; torch.nn.RMSNorm.
    """
    n = x.elements
    normalised = (Kept("normalised input", n, device="cpu"),) if affine else ()
    return Outcome(
        x,
        params=(Tensor("weight", x.channels),) if affine else (),
        operations=operations(
            "normalisation",
            add=n,
            multiply=3 * n if affine else 2 * n,
            divide=2 * x.positions,
            exponential=x.positions,
        ),
        kept=(keeps("input"), Kept("reciprocal root", x.positions), *normalised),
    )


@layer(ranks=(1, 2, 3))
def lrn(x: Volume, *, size: Positive) -> Outcome:
    """Local response normalisation across `size` neighbouring channels.

    Operations per value: a square, size - 1 additions, a scale and an offset, a power, a division.
    Kept for backward: the input, the padded squares, the scaled sum and its power.
    Source: Krizhevsky et al. 2012, section 3.3; torch.nn.LocalResponseNorm, which composes it of simpler operations.
    """
    n = x.elements
    return Outcome(
        x,
        operations=operations("normalisation", add=n * size, multiply=2 * n, exponential=n, divide=n),
        kept=(
            keeps("input"),
            Kept("padded squares", (x.channels + size - 1) * x.positions),
            Kept("scaled sum", n),
            Kept("power", n),
        ),
    )


@layer
def affine(x: Volume, *, scale: Switch = True, bias: Switch = True) -> Outcome:
    """A learned coefficient and a learned bias for each channel, as in LeNet-5's subsampling.

    Operations: one multiplication and one addition per value.
    Kept for backward: the input, for the coefficient's gradient.
    Source: LeCun et al. 1998, section II.B.
    """
    c, n = x.channels, x.elements
    tensors = ((Tensor("weight", c),) if scale else ()) + ((Tensor("bias", c),) if bias else ())
    return Outcome(
        x,
        params=tensors,
        operations=operations("elementwise", multiply=n if scale else 0, add=n if bias else 0),
        kept=(keeps("input", "weights"),) if scale else (),
    )


@layer
def scale(x: Volume, *, factor: Rate) -> Outcome:
    """A fixed factor for all values, as Inception-ResNet has it on its residuals.

    Operations: one multiplication per value. Kept for backward: nothing but the factor, which is no tensor.
    Source: Szegedy et al. 2016, arXiv:1602.07261, section 3.3; derivatives.yaml, mul by a scalar.
    """
    return Outcome(x, operations=operations("elementwise", multiply=x.elements))
