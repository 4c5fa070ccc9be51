"""Pooling: a window, or the whole map, is summarised by its maximum or its average."""

from typing import Any

from archcalc.layers.attributes import Kernel, Padding, Switch
from archcalc.layers.outcome import EVERYTHING, Kept, Outcome, Window, keeps, operations
from archcalc.layers.registry import layer
from archcalc.layers.windows import extents, slide
from archcalc.sizes import Size, at_least, certainly_equal, equals, product
from archcalc.volume import Volume


def _indices(output: Volume) -> Kept:
    """Where each maximum stood: 64-bit, whatever the type of the values."""
    return Kept("indices", output.elements, "int64", needed_by=(0,), made="always")


def _padding_conditions(padding: Any, extent: tuple[Size, ...]) -> Any:
    message = "the padding must be at most half the kernel"
    for (before, after), e in zip(padding, extent, strict=True):
        yield at_least("pool-padding", e // 2, before, message, "padding")
        yield at_least("pool-padding", e // 2, after, message, "padding")


@layer(ranks=(1, 2, 3))
def maxpool(
    x: Volume,
    *,
    kernel: Kernel,
    stride: Kernel = None,
    padding: Padding = 0,
    dilation: Kernel = 1,
    ceil_mode: Switch = False,
) -> Outcome:
    """Max pooling; the stride is the kernel unless it is given.

    Output size as a convolution's; in ceil mode rounded up, as long as the last window starts inside the input.
    Operations: one comparison fewer than the window has values, per output.
    Kept for backward: the input, and the index of each maximum as a 64-bit integer.
    Source: torch.nn.MaxPool2d; derivatives.yaml, max_pool2d_with_indices.
    """
    extent = extents(kernel, dilation)
    space, windows, conditions = slide(x, extent, kernel if stride is None else stride, padding, ceil_mode=ceil_mode)
    output = Volume(x.channels, space)
    return Outcome(
        output,
        operations=operations("pooling", compare=output.elements * (product(kernel) - 1)),
        kept=(keeps("input", 0), _indices(output)),
        windows=windows,
        conditions=(*conditions, *_padding_conditions(padding, kernel)),
    )


@layer(ranks=(1, 2, 3))
def avgpool(
    x: Volume,
    *,
    kernel: Kernel,
    stride: Kernel = None,
    padding: Padding = 0,
    ceil_mode: Switch = False,
    count_include_pad: Switch = True,
) -> Outcome:
    """Average pooling; the stride is the kernel unless it is given.

    `count_include_pad` says whether padded zeros count in the average; it changes values and no figure here.
    Operations: one addition fewer than the window has values, and one division, per output.
    Kept for backward: the input (a framework needs only its shape, and keeps it all the same).
    Source: torch.nn.AvgPool2d; derivatives.yaml, avg_pool2d.
    """
    space, windows, conditions = slide(x, kernel, kernel if stride is None else stride, padding, ceil_mode=ceil_mode)
    output = Volume(x.channels, space)
    adds = output.elements * (product(kernel) - 1)
    return Outcome(
        output,
        operations=operations("pooling", add=adds, divide=output.elements),
        kept=(keeps("input", 0),),
        windows=windows,
        conditions=(*conditions, *_padding_conditions(padding, kernel)),
    )


@layer(ranks=(1, 2, 3))
def global_avgpool(x: Volume) -> Outcome:
    """The average of every channel over all positions: one value a channel, all spatial axes of size 1.

    Operations: the additions of each channel and one division.
    Kept for backward: nothing, since a mean needs only shapes.
    Source: Lin et al. 2013, arXiv:1312.4400, section 3.2; torch.nn.AdaptiveAvgPool2d(1).
    """
    return Outcome(
        Volume(x.channels, (1,) * x.rank),
        operations=operations("pooling", add=x.elements - x.channels, divide=x.channels),
        windows=EVERYTHING,
    )


@layer(ranks=(1, 2, 3))
def global_maxpool(x: Volume) -> Outcome:
    """The maximum of every channel over all positions: one value a channel, all spatial axes of size 1.

    Kept for backward: the input, and the index of each maximum as a 64-bit integer.
    Source: torch.nn.AdaptiveMaxPool2d(1); derivatives.yaml, adaptive_max_pool2d.
    """
    output = Volume(x.channels, (1,) * x.rank)
    return Outcome(
        output,
        operations=operations("pooling", compare=x.elements - x.channels),
        kept=(keeps("input", 0), _indices(output)),
        windows=EVERYTHING,
    )


def _unchanged(x: Volume, size: tuple[Size, ...]) -> Size:
    """Whether an adaptive pooling is to the size that the input has."""
    return product(equals(n, m) for n, m in zip(x.space, size, strict=True))


def _adaptive_windows(x: Volume, size: tuple[Size, ...]) -> tuple[Window, ...]:
    """Output o summarises the positions from `floor(o * n / m)` up to, not including, `ceil((o + 1) * n / m)`."""
    return tuple(Window(0, n - 1, n, m) for n, m in zip(x.space, size, strict=True))


@layer(ranks=(1, 2, 3))
def adaptive_avgpool(x: Volume, *, size: Kernel) -> Outcome:
    """Average pooling to a given number of positions along each axis, whatever the input has.

    Operations, for windows that do not overlap: every input is added once, and one division per output.
    Kept for backward: the input, unless the output has one position (a mean keeps nothing). An adaptive pooling
    that changes nothing still makes a new tensor.
    Source: torch.nn.AdaptiveAvgPool2d.
    """
    output = Volume(x.channels, size)
    to_one = all(certainly_equal(m, 1) for m in size)
    return Outcome(
        output,
        operations=operations("pooling", add=x.elements - output.elements, divide=output.elements),
        kept=() if to_one else (keeps("input", 0),),
        windows=_adaptive_windows(x, size),
        unchanged=_unchanged(x, size),
    )


@layer(ranks=(1, 2, 3))
def adaptive_maxpool(x: Volume, *, size: Kernel) -> Outcome:
    """Max pooling to a given number of positions along each axis, whatever the input has.

    Kept for backward: the input, and the index of each maximum as a 64-bit integer.
    Source: torch.nn.AdaptiveMaxPool2d; derivatives.yaml, adaptive_max_pool2d.
    """
    output = Volume(x.channels, size)
    return Outcome(
        output,
        operations=operations("pooling", compare=x.elements - output.elements),
        kept=(keeps("input", 0), _indices(output)),
        windows=_adaptive_windows(x, size),
        unchanged=_unchanged(x, size),
    )
