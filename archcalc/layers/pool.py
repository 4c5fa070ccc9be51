"""Pooling: a window, or the whole map, is summarised by its maximum or its average."""

from collections.abc import Iterator, Mapping
from typing import Any

from archcalc.layers.attributes import Kernel, PaddingOrSame, Switch
from archcalc.layers.outcome import EVERYTHING, Composition, Outcome, Saved, Step, Tensor, Window, operations, saves
from archcalc.layers.registry import Form, Shorter, layer
from archcalc.layers.windows import extents, is_even, sides_of, slide
from archcalc.sizes.conditions import Condition, at_least
from archcalc.sizes.kinds import Size, ceil_div, certainly_equal, equals, product, undecided
from archcalc.sizes.volume import Volume


def _indices(output: Volume) -> Saved:
    """Where each maximum stood: 64-bit, whatever the type of the values."""
    return Saved("indices", output.elements, "int64", needed_by=(0,), made="always")


def _padding_conditions(padding: Any, extent: tuple[Size, ...]) -> Any:
    message = "the padding must be at most half the kernel"
    for (before, after), e in () if padding == "same" else zip(padding, extent, strict=True):
        yield at_least("pool-padding", e // 2, before, message, "padding")
        yield at_least("pool-padding", e // 2, after, message, "padding")


def _whole_window(x: Volume, kernel: tuple[Size, ...], sides: Any) -> Iterator[Condition]:
    """PyTorch's average pooling over three axes wants a window of values in its input; of padding that differs between
    the sides of an axis, all is input. Source: ATen's Pool.h, pool3d_shape_check."""
    message = "average pooling over three axes needs a whole window in the input, padding apart"
    inside = [(0, 0)] * x.rank if is_even(sides) else sides
    for size, k, (before, after) in zip(x.space, kernel, inside, strict=True):
        yield at_least("kernel-fits", size + before + after, k, message, "kernel")


def _pooled(x: Volume, function: str, sides: Any, made: Outcome, *own: Saved) -> Outcome:
    """A pooling that keeps its input; or, where the padding differs between the sides of an axis, one that pads first
    and keeps the padded copy, since a framework's pooling pads both sides alike."""
    made = made._replace(undecided=undecided(sides), function=function)
    if is_even(sides):
        return made._replace(saved=(saves("input", 0), *own))
    copied = x.channels * product(n + before + after for n, (before, after) in zip(x.space, sides, strict=True))
    copy, gradient = Tensor("padded input", copied), Tensor("gradient of padded input", copied)
    tensors = tuple(Tensor(saved.what, saved.elements, saved.dtype) for saved in own)
    composition = _pooling(x)._replace(
        forward=(
            Step("constant_pad_nd", ("input",), (copy,)),
            Step(function, ("padded input",), (Tensor("output", made.output.elements), *tensors)),
        ),
        backward=(
            Step(f"{function}_backward", ("gradient", "padded input", *(t.name for t in tensors)), (gradient,), (0,)),
            Step("constant_pad_nd", ("gradient of padded input",), (Tensor("gradient of input", x.elements),), (0,)),
        ),
    )
    saved = (Saved("padded input", copied, needed_by=(0,)), *own)
    lies = "channels first" if x.rank == 1 else made.lies  # a padded sequence is in order
    return made._replace(saved=saved, composition=composition, lies=lies)


def _pooling(x: Volume) -> Composition:
    """One operation; a framework pools a sequence as an image of one row, and gives a view of what it made."""
    return Composition(viewed=x.rank == 1)


def _window(windows: tuple[Window, ...] | None) -> Size:
    """Positions that a unit pools; 0 where that is all of them."""
    return product(each.last - each.first + 1 for each in windows) if windows else 0


def _resolved(x: Volume, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The stride and the padding in numbers, and whether rounding up makes the output larger."""
    kernel, stride = attributes["kernel"], attributes["stride"]
    strides = kernel if stride is None else stride
    extent = extents(kernel, attributes["dilation"]) if "dilation" in attributes else kernel
    sides = sides_of(x, extent, strides, attributes["padding"])
    down, up = (slide(x, extent, strides, sides, ceil_mode=ceil_mode)[0] for ceil_mode in (False, True))
    return {"stride": strides, "padding": sides, "ceil_mode": attributes["ceil_mode"] and down != up}


def _resolved_average(x: Volume, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """As of each window; where nothing is padded, nothing padded is left out of an average."""
    resolved = _resolved(x, attributes)
    padded = any(map(any, resolved["padding"]))
    return {**resolved, "count_include_pad": attributes["count_include_pad"] or not padded}


@layer(ranks=(1, 2, 3), resolve=_resolved)
def maxpool(
    x: Volume,
    *,
    kernel: Kernel,
    stride: Kernel = None,
    padding: PaddingOrSame = 0,
    dilation: Kernel = 1,
    ceil_mode: Switch = False,
) -> Outcome:
    """Max pooling; the stride is the kernel unless it is given.

    Output size as a convolution's; in ceil mode rounded up, as long as the last window starts inside the input.
    Operations: one comparison fewer than the window has values, per output.
    Saved for backward: the input (a padded copy of it where the padding is asymmetric), and the index of each maximum
    as a 64-bit integer.
    Source: torch.nn.MaxPool2d; derivatives.yaml, max_pool2d_with_indices.
    """
    extent = extents(kernel, dilation)
    strides = kernel if stride is None else stride
    space, windows, conditions = slide(x, extent, strides, padding, ceil_mode=ceil_mode)
    output = Volume(x.channels, space)
    made = Outcome(
        output,
        operations=operations("pooling", compare=output.elements * (product(kernel) - 1)),
        windows=windows,
        fan_in=_window(windows),
        lies="row with gradient" if x.rank == 1 else "image",
        composition=_pooling(x),
        conditions=(*conditions, *_padding_conditions(padding, kernel)),
    )
    return _pooled(x, f"max_pool{x.rank}d", sides_of(x, extent, strides, padding), made, _indices(output))


@layer(ranks=(1, 2, 3), resolve=_resolved_average)
def avgpool(
    x: Volume,
    *,
    kernel: Kernel,
    stride: Kernel = None,
    padding: PaddingOrSame = 0,
    ceil_mode: Switch = False,
    count_include_pad: Switch = True,
) -> Outcome:
    """Average pooling; the stride is the kernel unless it is given.

    `count_include_pad` says whether padded zeros count in the average; it changes values and no figure here.
    Over three axes a window may not be larger than the input without its padding.
    Operations: one addition fewer than the window has values, and one division, per output.
    Saved for backward: the input (a framework needs only its shape, and keeps it all the same; a padded copy of it
    where the padding is asymmetric).
    Source: torch.nn.AvgPool2d; derivatives.yaml, avg_pool2d.
    """
    strides = kernel if stride is None else stride
    space, windows, conditions = slide(x, kernel, strides, padding, ceil_mode=ceil_mode)
    sides = sides_of(x, kernel, strides, padding)
    output = Volume(x.channels, space)
    made = Outcome(
        output,
        operations=operations("pooling", add=output.elements * (product(kernel) - 1), divide=output.elements),
        windows=windows,
        fan_in=_window(windows),
        lies="row" if x.rank == 1 else "image",
        composition=_pooling(x),
        conditions=(*conditions, *_padding_conditions(padding, kernel)),
    )
    if x.rank == 3:
        made = made._replace(conditions=(*made.conditions, *_whole_window(x, kernel, sides)))
    return _pooled(x, f"avg_pool{x.rank}d", sides, made)


@layer(ranks=(1, 2, 3))
def global_avgpool(x: Volume) -> Outcome:
    """The average of every channel over all positions: one value a channel, all spatial axes of size 1.

    Operations: the additions of each channel and one division.
    Saved for backward: nothing, since a mean needs only shapes.
    Source: Lin et al. 2013, arXiv:1312.4400, section 3.2; torch.nn.AdaptiveAvgPool2d(1).
    """
    return Outcome(
        Volume(x.channels, (1,) * x.rank),
        operations=operations("pooling", add=x.elements - x.channels, divide=x.channels),
        windows=EVERYTHING,
        lies="channels first",
        composition=_pooling(x),
        unchanged=equals(x.space, (1,) * x.rank),
        function=f"adaptive_avg_pool{x.rank}d",
    )


@layer(ranks=(1, 2, 3))
def global_maxpool(x: Volume) -> Outcome:
    """The maximum of every channel over all positions: one value a channel, all spatial axes of size 1.

    Saved for backward: the input, and the index of each maximum as a 64-bit integer.
    Source: torch.nn.AdaptiveMaxPool2d(1); derivatives.yaml, adaptive_max_pool2d.
    """
    output = Volume(x.channels, (1,) * x.rank)
    return Outcome(
        output,
        operations=operations("pooling", compare=x.elements - x.channels),
        saved=(saves("input", 0), _indices(output)),
        windows=EVERYTHING,
        lies="image",
        composition=_pooling(x),
        unchanged=equals(x.space, output.space),
        function=f"adaptive_max_pool{x.rank}d",
    )


def _within_windows(x: Volume, output: Volume) -> Size:
    """Additions or comparisons within the windows of an adaptive pooling, all of them together."""
    window = product(ceil_div(n, m) for n, m in zip(x.space, output.space, strict=True))
    return output.elements * (window - 1)


def _adaptive_windows(x: Volume, size: tuple[Size, ...]) -> tuple[Window, ...]:
    """Output o summarises the positions from `floor(o * n / m)` up to, not including, `ceil((o + 1) * n / m)`."""
    return tuple(Window(0, n - 1, n, m) for n, m in zip(x.space, size, strict=True))


def _to_one(size: tuple[Size, ...]) -> bool:
    """Whether an adaptive pooling is a global one."""
    return all(certainly_equal(m, 1) for m in size)


def _global(name: str) -> Shorter:
    """An adaptive pooling to one position as the global pooling of that name."""

    def shorter(_: Volume, attributes: Mapping[str, Any]) -> Form | None:
        return (name, {}) if _to_one(attributes["size"]) else None

    return shorter


@layer(ranks=(1, 2, 3), shorter=_global("global_avgpool"))
def adaptive_avgpool(x: Volume, *, size: Kernel) -> Outcome:
    """Average pooling to a given number of positions along each axis, whatever the input has.

    Operations, with windows of ceil(n / m) positions along an axis (exact where m divides n): one addition fewer than
    the window has values, and one division, per output.
    Saved for backward: the input, unless the output has one position: that is global_avgpool, and a mean keeps
    nothing. An adaptive pooling that changes nothing still makes a new tensor.
    Source: torch.nn.AdaptiveAvgPool2d.
    """
    if _to_one(size):
        return global_avgpool(x)
    output = Volume(x.channels, size)
    return Outcome(
        output,
        operations=operations("pooling", add=_within_windows(x, output), divide=output.elements),
        saved=(saves("input", 0),),
        windows=_adaptive_windows(x, size),
        fan_in=_window(_adaptive_windows(x, size)),
        lies="row" if x.rank == 1 else "image",
        composition=_pooling(x),
        unchanged=equals(x.space, size),
        function=f"adaptive_avg_pool{x.rank}d",
        undecided=undecided((m, 1) for m in size),
    )


@layer(ranks=(1, 2, 3), shorter=_global("global_maxpool"))
def adaptive_maxpool(x: Volume, *, size: Kernel) -> Outcome:
    """Max pooling to a given number of positions along each axis, whatever the input has.

    Operations, with windows of ceil(n / m) positions along an axis (exact where m divides n): one comparison fewer
    than the window has values, per output.
    Saved for backward: the input, and the index of each maximum as a 64-bit integer. To one position it is
    global_maxpool.
    Source: torch.nn.AdaptiveMaxPool2d; derivatives.yaml, adaptive_max_pool2d.
    """
    if _to_one(size):
        return global_maxpool(x)
    output = Volume(x.channels, size)
    return Outcome(
        output,
        operations=operations("pooling", compare=_within_windows(x, output)),
        saved=(saves("input", 0), _indices(output)),
        windows=_adaptive_windows(x, size),
        fan_in=_window(_adaptive_windows(x, size)),
        lies="row" if x.rank == 1 else "image",
        composition=_pooling(x),
        unchanged=equals(x.space, size),
        function=f"adaptive_max_pool{x.rank}d",
    )
