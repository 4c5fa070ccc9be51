"""Layers that move values and compute nothing: flatten, pad, crop, upsample, shuffle, select, reshape, tokens."""

from collections.abc import Iterable, Iterator, Mapping
from math import gcd
from typing import Annotated, Any

from archcalc.layers.attributes import (
    Amount,
    Count,
    Kernel,
    OneAxis,
    Order,
    Padding,
    Positive,
    Sizes,
    SizesToInfer,
    Switch,
    Word,
    is_inferred,
)
from archcalc.layers.layout import Lies, Move, Needs, each_as_one
from archcalc.layers.outcome import (
    EVERYTHING,
    WEIGHTS,
    Composition,
    Outcome,
    Saved,
    Step,
    Tensor,
    Window,
    broadcast_product_backward,
    gradients_of,
    one_node,
    operations,
    saves,
)
from archcalc.layers.registry import Form, layer
from archcalc.layers.slices import unsliced
from archcalc.layers.windows import extents, slide
from archcalc.records import Record
from archcalc.sizes.conditions import Condition, at_least, at_most, divides, equal
from archcalc.sizes.kinds import Size, ceil_div, certainly_equal, is_concrete, maximum, product, total, undecided
from archcalc.sizes.volume import Volume


def _scattered(x: Volume, operation: str = "slice_backward") -> Composition:
    """A part is a view; its gradient is a tensor of the whole's size, zero outside the part."""
    return Composition(backward=(Step(operation, ("gradient",), (Tensor("gradient of input", x.elements),)),))


def _one_row(x: Volume) -> Needs:
    """All values of a sample as they are numbered, one after the other."""
    return Needs(tuple(range(1, x.rank + 2)), x.rank + 1)


def _merged(x: Volume, axis: int) -> tuple[Move, ...]:
    """The axes from that one on as one axis."""
    return (Move("merge", tuple(range(axis, x.rank + 2))),) if x.rank + 1 > axis else ()


@layer
def identity(x: Volume) -> Outcome:
    """The input, unchanged: a place that can be named.

    Saved for backward: nothing.
    Source: torch.nn.Identity.
    """
    return Outcome(x, storage="view")


@layer
def flatten(x: Volume) -> Outcome:
    """The whole volume as one vector: 6x6x256 becomes 9216.

    Saved for backward: nothing; the output shares the input's storage, unless a transposition or a crop has left the
    values out of order: then they are copied.
    Source: torch.flatten.
    """
    return Outcome(Volume(x.elements), windows=EVERYTHING, storage="view", needs=_one_row(x), moves=_merged(x, 1))


class _Stretch(Record):
    """Axes of a shape that become axes of another one: so many from one on, and so many from one on."""

    start: int
    axes: int
    to_start: int
    to_axes: int


def _stretches(before: tuple[Size, ...], after: tuple[Size, ...]) -> Iterator[_Stretch]:
    """The shortest stretches of two shapes, from the left, that hold the same number of values each. Where sizes are
    open, what is left is one stretch."""
    i = j = 0
    while i < len(before) and j < len(after):
        start, to_start = i, j
        left, right = before[i], after[j]
        i, j = i + 1, j + 1
        while not certainly_equal(left, right):
            if not is_concrete(left) or not is_concrete(right) or (i == len(before) and j == len(after)):
                i, j = len(before), len(after)
                break
            if (left < right and i < len(before)) or j == len(after):
                left, i = left * before[i], i + 1
            else:
                right, j = right * after[j], j + 1
        if i == len(before) or j == len(after):  # axes of one place may be left
            i, j = len(before), len(after)
        yield _Stretch(start, i - start, to_start, j - to_start)


def _inferred(x: Volume, shape: tuple[Size, ...]) -> tuple[Size, ...]:
    """The shape with the size that follows from the others."""
    stated = product(size for size in shape if not is_inferred(size))
    return tuple(x.elements // stated if is_inferred(size) else size for size in shape)


def _resolved_shape(x: Volume, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """All sizes; a vector lies in one way."""
    shape = _inferred(x, attributes["shape"])
    return {"shape": shape, "channels": attributes["channels"] if len(shape) > 1 else "first"}


def _flattened(x: Volume, attributes: Mapping[str, Any]) -> Form | None:
    """A reshape to a vector as `flatten`, one of a map to its positions as `tokens`."""
    shape = attributes["shape"]
    if len(shape) == 1 and x.rank:
        return "flatten", {}
    if len(shape) == 2 and x.rank > 1 and shape[0] == x.channels and attributes["channels"] == "first":
        return "tokens", {}
    return None


@layer(resolve=_resolved_shape, shorter=_flattened)
def reshape(x: Volume, *, shape: SizesToInfer, channels: Annotated[str, Word("first", "last")] = "first") -> Outcome:
    """The same values in another shape, channels first: `reshape: [64, 7, 7]`.

    One size may be -1, and follows from the others: `reshape: [channels, -1]`.
    Saved for backward: nothing; the output shares the input's storage, unless axes become one that do not lie one after
    the other (because of a transposition or a crop): then the values are copied. The copy has its channels outermost,
    or with `channels: last` innermost, as sequences do.
    Source: torch.reshape.
    """
    stated = product(size for size in shape if not is_inferred(size))
    message = "reshape must keep the number of values"
    keeps = equal("reshape-keeps", stated, x.elements, message, "shape")
    if any(map(is_inferred, shape)):
        message = "the sizes of the shape must divide the number of values"
        keeps = divides("reshape-keeps", stated, x.elements, message, "shape")
        shape = _inferred(x, shape)
    merged: list[tuple[int, ...]] = []
    moves: list[Move] = []
    for start, axes, to_start, to_axes in _stretches(x.shape, shape):
        if axes > 1:
            merged.append(tuple(range(start + 1, start + axes + 1)))
            moves.append(Move("merge", tuple(range(to_start + 1, to_start + axes + 1))))
        if to_axes > 1:
            moves.append(Move("divide", tuple(range(to_start + 1, to_start + to_axes + 1))))
    return Outcome(
        Volume(shape[0], tuple(shape[1:])),
        windows=EVERYTHING,
        conditions=(keeps,),
        storage="view",
        needs=each_as_one(tuple(merged)),
        moves=tuple(moves),
        lies="channels last" if channels == "last" and len(shape) > 1 else "alike",
    )


@layer
def transpose(x: Volume, *, order: Order) -> Outcome:
    """The axes in another order; axis 0 is the channels: `transpose: [1, 0]` swaps channels and positions.

    Saved for backward: nothing; the output shares the input's storage.
    Source: torch.permute.
    """
    axes = [axis for axis in order if is_concrete(axis) and 0 <= axis <= x.rank]
    message = f"order must name each of the axes 0 to {x.rank} once"
    each = equal("axis-order", len(set(axes)), x.rank + 1, message, "order")
    once = equal("axis-order", len(order), x.rank + 1, message, "order")
    shape = [x.shape[axis] for axis in axes] or [1]
    return Outcome(
        Volume(shape[0], tuple(shape[1:])),
        windows=EVERYTHING,
        conditions=(each, once),
        storage="view",
        moves=(Move("permute", (0, *(int(axis) + 1 for axis in axes))),),
    )


def _padded(after: Size, before: Size) -> Lies:
    """How what is padded with zeros lies: where nothing is padded it is a copy as it comes."""
    return "alike" if certainly_equal(after, before) else "image"


@layer(ranks=(1, 2, 3))
def pad(
    x: Volume,
    *,
    size: Padding,
    mode: Annotated[str, Word("zero", "reflect", "replicate")] = "zero",
) -> Outcome:
    """Positions are added at the sides of each axis.

    Saved for backward: nothing for zeros; the input for the other modes.
    Source: torch.nn.functional.pad; derivatives.yaml, constant_pad_nd, reflection_pad2d, replication_pad2d.
    """
    conditions: list[Condition] = []
    if mode == "reflect":
        message = "a reflected padding must be smaller than the axis"
        for n, (before, after) in zip(x.space, size, strict=True):
            conditions.append(at_least("padding-fits", n, before + 1, message, "size"))
            conditions.append(at_least("padding-fits", n, after + 1, message, "size"))
    return Outcome(
        Volume(x.channels, tuple(n + before + after for n, (before, after) in zip(x.space, size, strict=True))),
        saved=() if mode == "zero" else (saves("input", 0),),
        function={"reflect": f"reflection_pad{x.rank}d", "replicate": f"replication_pad{x.rank}d"}.get(mode, ""),
        lies=_padded(total(amount for sides in size for amount in sides), 0) if mode == "zero" else "image",
        windows=tuple(Window(0 - before, 0 - before) for before, _ in size),
        conditions=tuple(conditions),
    )


def _taken_off(x: Volume, to: tuple[Size, ...]) -> tuple[tuple[Size, Size], ...]:
    """What is taken off the sides of each axis for so many positions to be left."""
    return tuple(((n - m) // 2, n - m - (n - m) // 2) for n, m in zip(x.space, to, strict=True))


def _resolved_crop(x: Volume, attributes: Mapping[str, Any]) -> dict[str, Any]:
    to = attributes["to"]
    return {} if to is None else {"size": _taken_off(x, to), "to": None}


def _only_axis(used: Iterable[bool]) -> int | None:
    """The only spatial axis of which something is used, counted from 1; None if it is none or several."""
    axes = [axis for axis, is_used in enumerate(used, 1) if is_used]
    return axes[0] if len(axes) == 1 else None


def _cropped_slice(x: Volume, attributes: Mapping[str, Any]) -> Form | None:
    """A crop of one axis as `slice`."""
    axis = _only_axis(map(any, attributes["size"]))
    if axis is None:
        return None
    before, after = attributes["size"][axis - 1]
    return "slice", {"axis": axis, "start": before, "count": x.shape[axis] - before - after, "step": 1}


def _strided_slice(x: Volume, attributes: Mapping[str, Any]) -> Form | None:
    """Every so-manieth position of one axis as `slice`."""
    axis = _only_axis(s != 1 for s in attributes["stride"])
    if axis is None:
        return None
    step = attributes["stride"][axis - 1]
    return "slice", {"axis": axis, "start": 0, "count": ceil_div(x.shape[axis], step), "step": step}


@layer(ranks=(1, 2, 3), one_of=("size", "to"), resolve=_resolved_crop, shorter=_cropped_slice)
def crop(x: Volume, *, size: Padding = None, to: Kernel = None) -> Outcome:
    """Positions are taken off the sides of each axis: U-Net's crop before it concatenates.

    `to` gives the positions that are left, in the middle, in place of those taken off: `crop: {to: size(up)}`. Of an
    odd number taken off, the larger half is at the end.
    Saved for backward: nothing; the output shares the input's storage.
    Source: Ronneberger et al. 2015, arXiv:1505.04597, figure 1.
    """
    fits: list[Condition] = []
    if to is not None:
        message = "a crop cannot enlarge an axis"
        fits += [at_least("crop-fits", n, m, message, "to") for n, m in zip(x.space, to, strict=True)]
        size = _taken_off(x, to)
    space = tuple(n - before - after for n, (before, after) in zip(x.space, size, strict=True))
    cropped = [axis for axis, sides in enumerate(size) if not all(certainly_equal(side, 0) for side in sides)]
    message = "cropping must leave at least 1 position"
    return Outcome(
        Volume(x.channels, space),
        windows=tuple(Window(before, before) for before, _ in size),
        conditions=(*fits, *(at_least("crop-fits", n, 1, message, "size") for n in space)),
        storage="view",
        moves=(Move("narrow", tuple(axis + 2 for axis in cropped)),) if cropped else (),
        undecided=undecided((side, 0) for sides in size for side in sides),
        composition=Composition(backward=unsliced(x, space, cropped)),
    )


@layer(ranks=(1, 2, 3), shorter=_strided_slice)
def subsample(x: Volume, *, stride: Kernel) -> Outcome:
    """Every `stride`-th position along each axis, from the first: how an identity shortcut halves its map.

    Saved for backward: nothing; the output shares the input's storage.
    Source: He et al. 2015, arXiv:1512.03385, section 3.3, option A; a strided slice.
    """
    space = tuple(ceil_div(n, s) for n, s in zip(x.space, stride, strict=True))
    thinned = [axis for axis, s in enumerate(stride) if not certainly_equal(s, 1)]
    whole = [axis for axis in thinned if certainly_equal(space[axis] * stride[axis], x.space[axis])]
    return Outcome(
        Volume(x.channels, space),
        windows=tuple(Window(0, 0, s) for s in stride),
        storage="view",
        moves=(
            *((Move("stride", tuple(axis + 2 for axis in thinned if axis not in whole)),) if whole != thinned else ()),
            *((Move("every", tuple(axis + 2 for axis in whole)),) if whole else ()),
        ),
        undecided=undecided((s, 1) for s in stride),
        composition=Composition(backward=unsliced(x, space, thinned)),
    )


@layer
def pad_channels(x: Volume, *, out: Positive) -> Outcome:
    """Channels of zeros are added, up to `out` channels: how an identity shortcut widens its volume.

    Saved for backward: nothing; the output is a new tensor.
    Source: He et al. 2015, arXiv:1512.03385, section 3.3, option A; torch.nn.functional.pad along the channels.
    """
    message = "there must be at least as many channels as the input has"
    return Outcome(
        Volume(out, x.space),
        conditions=(at_least("padding-fits", out, x.channels, message, "out"),),
        lies=_padded(out, x.channels),
    )


def _ratio(n: Size, m: Size) -> tuple[Size, Size]:
    """Positions before and after, in lowest terms where they are known."""
    divisor = gcd(n, m) if is_concrete(n) and is_concrete(m) else 1
    return n // divisor, m // divisor


def _resolved_upsample(x: Volume, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The factors, where all axes have a whole one."""
    to = attributes["to"]
    before, after = zip(*map(_ratio, x.space, to or x.space), strict=True)
    return {} if to is None or set(before) != {1} else {"scale": after, "to": None}


@layer(ranks=(1, 2, 3), one_of=("scale", "to"), resolve=_resolved_upsample)
def upsample(
    x: Volume,
    *,
    scale: Kernel = None,
    to: Kernel = None,
    mode: Annotated[str, Word("nearest", "linear", "cubic")] = "nearest",
    antialias: Switch = False,
) -> Outcome:
    """Each axis is enlarged by a whole factor, repeating the nearest value or interpolating.

    Linear interpolation is bilinear on an image, cubic is bicubic and knows images alone.
    `to` gives the positions that there are then, also fewer, in place of the factor: `upsample: {to: size(skip)}`.
    `antialias: true` (of images, not nearest) interpolates between more values along an axis that becomes smaller.
    Operations: none for nearest; linear multiplies and adds 2 values along each axis (4 on an image), per output, cubic
    4 (16). An antialiased axis that is n times smaller has n times as many.
    Saved for backward: nothing.
    Source: torch.nn.functional.interpolate; derivatives.yaml, upsample_nearest2d, upsample_bilinear2d,
    upsample_bicubic2d and those that end in _aa.
    """
    if to is None:
        ratios = [(1, s) for s in scale]
        to = tuple(n * s for n, s in zip(x.space, scale, strict=True))
    else:
        ratios = list(map(_ratio, x.space, to))
    output = Volume(x.channels, to)
    # From n positions to m: output o takes the value at o * n / m, or those less than `reach` from (o + 1/2) * n / m
    # - 1/2; antialiased and with n above m, less than reach * n / m from there.
    reach = {"nearest": 0, "linear": 1, "cubic": 2}[mode]
    sides = [2 * reach * (maximum(n, m) if antialias else m) for n, m in ratios]
    around = tuple(
        Window(n + m - side, n - m + side, 2 * n, 2 * m) if reach else Window(0, 0, n, m)
        for (n, m), side in zip(ratios, sides, strict=True)
    )
    values = product(ceil_div(side, m) for (_, m), side in zip(ratios, sides, strict=True))
    counted = operations("elementwise", multiply=output.elements * values, add=output.elements * (values - 1))
    image = "bicubic and antialiased interpolation is of images"
    smooth = "antialiasing needs an interpolation: mode linear or cubic"
    return Outcome(
        output,
        operations=counted if reach else (),
        windows=around,
        function=_resampling(mode, x.rank, antialias),
        lies="image",
        conditions=(
            *((equal("wrong-axes", x.rank, 2, image, "mode"),) if mode == "cubic" or antialias else ()),
            *((at_least("antialias-interpolates", reach, 1, smooth, "antialias"),) if antialias else ()),
        ),
    )


def _resampling(mode: str, rank: int, antialias: bool) -> str:
    """The framework's function."""
    if mode == "nearest":
        return f"upsample_nearest{rank}d"
    by_rank = {"linear": ("linear", "bilinear", "trilinear"), "cubic": ("cubic", "bicubic", "tricubic")}
    function = f"upsample_{by_rank[mode][rank - 1]}{rank}d"
    return f"_{function}_aa" if antialias else function


@layer(ranks=(1, 2, 3))
def pixel_shuffle(x: Volume, *, scale: Positive) -> Outcome:
    """Channels become positions: 8x8x64 with scale 2 becomes 16x16x16.

    Saved for backward: nothing.
    Source: Shi et al. 2016, arXiv:1609.05158; torch.nn.PixelShuffle.
    """
    into = product((scale,) * x.rank)
    message = "scale to the power of the axes must divide the channels"
    return Outcome(
        Volume(x.channels // into, tuple(n * scale for n in x.space)),
        windows=tuple(Window(0, 0, 1, scale) for _ in x.space),
        lies="image",
        conditions=(divides("groups-divide", into, x.channels, message, "scale"),),
    )


@layer
def channel_shuffle(x: Volume, *, groups: Positive) -> Outcome:
    """The channels of the groups are interleaved.

    Saved for backward: nothing; the output is a new tensor.
    Source: Zhang et al. 2017, arXiv:1707.01083, section 3.1; torch.nn.ChannelShuffle.
    """
    return Outcome(
        x,
        conditions=(divides("groups-divide", groups, x.channels, "groups must divide the input channels", "groups"),),
        lies="channels first",
    )


@layer
def select(x: Volume, *, start: Count, count: Positive) -> Outcome:
    """`count` of the channels, from number `start` (the first is 0).

    Saved for backward: nothing; the output shares the input's storage.
    Source: torch.narrow.
    """
    message = "the selected channels must be in the input"
    return Outcome(
        Volume(count, x.space),
        conditions=(at_most("select-fits", start + count, x.channels, message, "count"),),
        storage="view",
        moves=(Move("narrow", (1,)),),
        composition=_scattered(x),
    )


@layer
def split(x: Volume, *, parts: Positive, part: Count = 0) -> Outcome:
    """One of `parts` equal shares of the channels; the first is part 0.

    Saved for backward: nothing; the output shares the input's storage.
    Source: Ma et al. 2018, arXiv:1807.11164, figure 3; torch.chunk.
    """
    return Outcome(
        Volume(x.channels // parts, x.space),
        conditions=(
            divides("groups-divide", parts, x.channels, "parts must divide the input channels", "parts"),
            at_most("split-part", part + 1, parts, "the parts are counted from 0", "part"),
        ),
        storage="view",
        moves=(Move("part", (1,)),),
        composition=Composition(
            backward=one_node(
                # The other parts have no gradient of their own here: zeros stand for it.
                Step("zeros", (), (Tensor("zeros", x.elements - x.elements // parts),)),
                Step("cat", ("gradient", "zeros"), (Tensor("gradient of input", x.elements),)),
            )
        ),
    )


@layer(ranks=(1, 2, 3))
def tokens(x: Volume) -> Outcome:
    """The positions of a map as one sequence, row by row: 14x14x768 becomes 196x768.

    Saved for backward: nothing; the output shares the input's storage.
    Source: Dosovitskiy et al. 2020, arXiv:2010.11929, section 3.1.
    """
    return Outcome(
        Volume(x.channels, (x.positions,)),
        windows=EVERYTHING,
        storage="view",
        needs=Needs(tuple(range(2, x.rank + 2)), x.rank),
        moves=_merged(x, 2),
    )


@layer(ranks=(1,))
def select_token(x: Volume, *, index: Count = 0) -> Outcome:
    """One position of a sequence as a vector: the class token before the classifier.

    Saved for backward: nothing; the output shares the input's storage.
    Source: Dosovitskiy et al. 2020, arXiv:2010.11929, equation 4.
    """
    message = "the token must be in the sequence"
    return Outcome(
        Volume(x.channels),
        windows=EVERYTHING,
        conditions=(at_most("select-fits", index + 1, x.space[0], message, "index"),),
        storage="view",
        moves=(Move("take", (2,)),),
        composition=_scattered(x, "select_backward"),
    )


@layer(ranks=range(1, 7))
def take(x: Volume, *, axis: OneAxis, index: Count = 0) -> Outcome:
    """One place of an axis, which goes: of `[3, 64, 49]` `take: {axis: channels, index: 2}` leaves `[64, 49]`.

    Saved for backward: nothing; the output shares the input's storage.
    Source: torch.select.
    """
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    message = "the index must be a place of the axis"
    return Outcome(
        Volume(shape[0], tuple(shape[1:])),
        windows=EVERYTHING if axis else (),
        conditions=(at_most("select-fits", index + 1, x.shape[axis], message, "index"),),
        storage="view",
        moves=(Move("take", (axis + 1,)),),
        composition=_scattered(x, "select_backward"),
    )


@layer
def expand(x: Volume, *, axis: OneAxis, size: Positive) -> Outcome:
    """The one place of an axis of size 1, `size` times.

    Saved for backward: nothing; the output shares the input's storage, and takes no more of it.
    Source: torch.Tensor.expand; derivatives.yaml, expand.
    """
    shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    return Outcome(
        Volume(shape[0], tuple(shape[1:])),
        windows=EVERYTHING if axis else (),
        conditions=(equal("branches-agree", x.shape[axis], 1, "an axis is repeated that has size 1", "axis"),),
        storage="view",
        moves=(Move("stride", (axis + 1,)),),
        composition=Composition(backward=(Step("sum", ("gradient",), (Tensor("gradient of input", x.elements),)),)),
    )


@layer
def index_select(x: Volume, *, axis: OneAxis, count: Positive, buffer: Switch = True) -> Outcome:
    """Places of an axis that a constant list of `count` indices picks: a table's entries by relative position, say.

    The indices are a buffer, unless `buffer: false`: then they are a constant of the code.
    Operations: none. Saved for backward: the indices.
    Source: an index, x[:, indices]; derivatives.yaml, index.
    """
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    return Outcome(
        Volume(shape[0], tuple(shape[1:])),
        buffers=(Tensor("index", count, "int64"),) if buffer else (),
        saved=() if buffer else (Saved("index", count, "int64", needed_by=(0,), per="batch"),),
        windows=EVERYTHING if axis else (),
        composition=Composition(
            backward=(Step("index_put", ("gradient",), (Tensor("gradient of input", x.elements),)),)
        ),
    )


@layer(ranks=(1,))
def class_token(x: Volume, *, count: Positive = 1) -> Outcome:
    """Learned tokens in front of a sequence: 196x768 becomes 197x768.

    Saved for backward: nothing; the output is a new tensor.
    Source: Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1.
    """
    token = (Tensor("token", x.channels * count, shape=(count, x.channels)),)
    return Outcome(
        Volume(x.channels, (x.space[0] + count,)),
        params=token,
        composition=Composition(backward=(Step("sum", ("gradient",), gradients_of(*token), (WEIGHTS,)),), slices=2),
        function="cat",
        windows=(Window(0 - count, 0 - count),),
        lies="channels last",
    )


@layer
def position_embedding(x: Volume) -> Outcome:
    """A learned tensor of the input's own shape is added to it.

    Operations: one addition per value. Saved for backward: nothing.
    Source: Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1; derivatives.yaml, add.
    """
    embedding = (Tensor("embedding", x.elements, shape=x.shape if x.rank else ()),)
    return Outcome(
        x,
        params=embedding,
        operations=operations("elementwise", add=x.elements),
        composition=Composition(backward=(Step("sum", ("gradient",), gradients_of(*embedding), (WEIGHTS,)),)),
        function="add",
    )


@layer
def layer_scale(x: Volume) -> Outcome:
    """A learned factor for each channel.

    Operations: one multiplication per value. Saved for backward: the input, for the factor's gradient.
    Source: Touvron et al. 2021, arXiv:2103.17239, section 2.
    """
    scale = (Tensor("scale", x.channels),)
    return Outcome(
        x,
        params=scale,
        operations=operations("elementwise", multiply=x.elements),
        saved=(saves("input", WEIGHTS), saves("scale", 0)),
        composition=Composition(backward=broadcast_product_backward(x, scale, "scale")),
        function="mul",
    )


@layer(ranks=(1, 2, 3))
def window_partition(x: Volume, *, window: Kernel) -> Outcome:
    """A map is divided into windows that do not overlap.

    56x56x96 with `window: 7` becomes 64 windows of 49 positions, 64x49x96.
    Saved for backward: nothing; the output is a new tensor.
    Source: Liu et al. 2021, arXiv:2103.14030, section 3.2.
    """
    message = "the window must divide the map"
    pairs = list(zip(x.space, window, strict=True))
    return Outcome(
        Volume(x.channels, (product(n // w for n, w in pairs), product(window))),
        windows=EVERYTHING,
        conditions=tuple(divides("window-divides", w, n, message, "window") for n, w in pairs),
        composition=_copied(x),
        lies="channels last",
    )


@layer(ranks=(2,))
def window_reverse(x: Volume, *, size: Sizes) -> Outcome:
    """Windows become the map of that `size` that they were divided from: the inverse of window_partition.

    Saved for backward: nothing; the output is a new tensor.
    Source: Liu et al. 2021, arXiv:2103.14030, section 3.2.
    """
    message = "the map must have as many positions as all windows"
    return Outcome(
        Volume(x.channels, tuple(size)),
        windows=EVERYTHING,
        conditions=(equal("reshape-keeps", product(size), x.positions, message, "size"),),
        composition=_copied(x),
        lies="channels last",
    )


@layer(ranks=(2,))
def unfold(x: Volume, *, kernel: Kernel, stride: Kernel = 1, padding: Amount = 0, dilation: Kernel = 1) -> Outcome:
    """The values of each window as the channels of one position: 28x28x64 with kernel 3 and padding 1 becomes 784x576.

    Windows lie as those of conv; where they overlap, a value is there several times.
    Saved for backward: nothing.
    Source: torch.nn.Unfold; derivatives.yaml, im2col.
    """
    sides = tuple((amount, amount) for amount in padding)
    space, _, conditions = slide(x, extents(kernel, dilation), stride, sides)
    output = Volume(x.channels * product(kernel), (product(space),))
    return Outcome(
        output,
        windows=EVERYTHING,
        conditions=conditions,
        function="im2col",
        lies="channels first",
        **_in_place_of(x, output, "col2im"),
    )


@layer(ranks=(1,))
def fold(
    x: Volume, *, size: Sizes, kernel: Positive, stride: Positive = 1, padding: Count = 0, dilation: Positive = 1
) -> Outcome:
    """The inverse of unfold: windows become the map of that `size`, and where they overlap they are added up.

    Kernel, stride, padding and dilation are the same along both axes.
    Operations: an addition per value of the input. Saved for backward: nothing. The output has a storage that the input
    would fit into.
    Source: torch.nn.Fold; derivatives.yaml, col2im; aten/native/Col2Im.cpp, empty_like.
    """
    extent = dilation * (kernel - 1) + 1
    positions = product((n + 2 * padding - extent) // stride + 1 for n in size)
    values = product(kernel for _ in size)
    message = "the input must have as many positions as the map has windows"
    divided = "the values of a window must divide the channels"
    output = Volume(x.channels // values, tuple(size))
    return Outcome(
        output,
        operations=operations("elementwise", add=x.elements),
        windows=EVERYTHING,
        conditions=(
            equal("reshape-keeps", positions, x.positions, message, "size"),
            divides("groups-divide", values, x.channels, divided, "kernel"),
            *(
                at_least("kernel-fits", n + 2 * padding, extent, "the kernel must fit into the map", "kernel")
                for n in size
            ),
        ),
        function="col2im",
        lies="channels first",
        **_in_place_of(x, output, "im2col"),
    )


def _in_place_of(x: Volume, output: Volume, backward: str) -> dict[str, Any]:
    """What is made as large as what is read and then brought to its size has a storage for the larger of the two."""
    larger = maximum(x.elements, output.elements)
    undone = Step(backward, ("gradient",), (Tensor("gradient of input", larger),))
    return {"computed": Volume(larger), "composition": Composition(backward=(undone,))}


def _copied(x: Volume) -> Composition:
    """Values that are copied into another order, and whose gradients are copied back."""
    return Composition(backward=(Step("clone", ("gradient",), (Tensor("gradient of input", x.elements),)),))
