"""Layers that move values and compute nothing: shapes, parts, paddings, windows, tokens, heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archcalc.exchange.code.layers import Own, Setting, Unwritten, Written, given
from archcalc.exchange.code.text import simple
from archcalc.exchange.writers.pytorch.layers.convolution import cropped
from archcalc.exchange.writers.pytorch.layers.registry import Site, on_maps, on_values, written


@written
def identity(site: Site) -> Written:
    return Written("{0}", last=site.last[0])


@written
def flatten(site: Site) -> Written:
    return Written(f"{site.first()}.flatten(1)" if site.rank else "{0}")


@written
def reshape(site: Site) -> Written:
    shape = tuple(-1 if size == -1 else size for size in site["shape"])
    return Written(f"{site.first()}.reshape(len({{0}}), *{{shape}})", values=(Setting("shape", shape),))


@written
def transpose(site: Site) -> Written:
    order = site["order"]
    if list(order) == [1, 0]:
        return Written("{0}", last=not site.last[0])
    return Written(f"{site.first()}.permute(0, {', '.join(str(axis + 1) for axis in order)})")


_PADDINGS = {"zero": "ZeroPad", "reflect": "ReflectionPad", "replicate": "ReplicationPad"}


@written
def pad(site: Site) -> Written:
    sides = site["size"]
    if not any(map(any, sides)) and not site.overwritten:
        return Written("{0}", last=site.last[0])  # a place that has a name
    amounts = simple([amount for side in reversed(sides) for amount in side])
    return on_maps(site, f"nn.{_PADDINGS[site['mode']]}{site.rank}d", given("padding", amounts))


@written
def pad_channels(site: Site) -> Written:
    if site.rank != 2:
        raise Unwritten("more channels for anything but maps")
    sides = (0, 0, 0, 0, 0, site["out"] - site.channels)
    return on_maps(site, "nn.ConstantPad3d", given("padding", sides), given("value", 0.0))


@written
def crop(site: Site) -> Written:
    if site["to"] is None:
        return Written(f"{site.first()}{cropped(site['size'])}")
    return on_maps(site, "CenterCrop", given("size", tuple(site["to"])), own=_CENTER_CROP)


_CENTER_CROP = Own(
    "CenterCrop",
    '''
class CenterCrop(nn.Module):
    """The middle of each map."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        for axis, size in enumerate(self.size, 2):
            x = x.narrow(axis, (x.shape[axis] - size) // 2, size)
        return x
''',
)


@written
def subsample(site: Site) -> Written:
    steps = ", ".join(f"::{step}" if step > 1 else ":" for step in site["stride"])
    return Written(f"{site.first()}[:, :, {steps}]")


@written
def upsample(site: Site) -> Written:
    settings: list[Setting] = []
    space, to = site.inputs[0].space, site.output.space
    if all(m % n == 0 for n, m in zip(space, to, strict=True)):
        settings.append(Setting("scale_factor", simple([m // n for n, m in zip(space, to, strict=True)])))
    else:
        settings.append(Setting("size", simple(list(to))))
    if site["antialias"]:
        raise Unwritten("antialiased interpolation, which no module does")
    linear = ("linear", "bilinear", "trilinear")[site.rank - 1]
    mode = {"linear": linear, "cubic": "bicubic"}.get(site["mode"], "nearest")
    return on_maps(site, "nn.Upsample", *settings, Setting("mode", mode, "nearest"))


@written
def unfold(site: Site) -> Written:
    values = {name: simple(site[name]) for name in ("kernel", "dilation", "padding", "stride")}
    return on_maps(site, "nn.Unfold", *_sliding(values))


@written
def fold(site: Site) -> Written:
    return on_maps(site, "nn.Fold", given("output_size", tuple(site["size"])), *_sliding(site.attributes))


def _sliding(values: Mapping[str, Any]) -> tuple[Setting, ...]:
    """Windows that slide, in the order of PyTorch."""
    rest = {"dilation": 1, "padding": 0, "stride": 1}
    return (
        given("kernel_size", values["kernel"]),
        *(Setting(name, values[name], default) for name, default in rest.items()),
    )


@written
def pixel_shuffle(site: Site) -> Written:
    if site.rank != 2:
        raise Unwritten("pixel_shuffle of anything but maps")
    return on_maps(site, "nn.PixelShuffle", given("upscale_factor", site["scale"]))


@written
def channel_shuffle(site: Site) -> Written:
    if not site.rank:
        raise Unwritten("channel_shuffle of a vector")
    return on_maps(site, "nn.ChannelShuffle", given("groups", site["groups"]))


@written
def select(site: Site) -> Written:
    values = (Setting("start", site["start"]), Setting("count", site["count"]))
    return Written(f"{{0}}.narrow({site.axis(0)}, {{start}}, {{count}})", last=site.last[0], values=values)


@written
def split(site: Site) -> Written:
    values = (Setting("parts", site["parts"]), Setting("part", site["part"]))
    return Written(f"{{0}}.chunk({{parts}}, {site.axis(0)})[{{part}}]", last=site.last[0], values=values)


@written
def slice_(site: Site) -> Written:
    axis, step, start = site.axis(site["axis"]), site["step"], Setting("start", site["start"])
    if step == 1:
        size = site.output.shape[site["axis"]]
        count = Setting("count", size)
        return Written(f"{{0}}.narrow({axis}, {{start}}, {{count}})", last=site.last[0], values=(start, count))
    end = "" if site["count"] is None else str(site["start"] + (site["count"] - 1) * step + 1)
    before = ":, " * axis
    return Written(f"{{0}}[{before}{{start}}:{end}:{step}]", last=site.last[0], values=(start,))


@written
def roll(site: Site) -> Written:
    axes = [site.axis(axis) for axis in site["over"]]
    by = Setting("by", site["by"] if len(axes) == 1 else (site["by"],) * len(axes))
    over = axes[0] if len(axes) == 1 else tuple(axes)
    return Written(f"{{0}}.roll({{by}}, {over})", last=site.last[0], values=(by,))


# --- windows


@written
def window_partition(site: Site) -> Written:
    rank = site.rank
    split = "".join(f".unflatten({axis + 1}, (-1, self.window[{axis}]))" for axis in reversed(range(rank)))
    order = ", ".join(map(str, (*range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1)))
    merge = f".flatten({rank + 1}, {2 * rank}).flatten(1, {rank})" if rank > 1 else ""
    text = _WINDOW_PARTITION.format(split=split, order=order, merge=merge)
    window = given("window", tuple(site["window"]))
    return Written(f"{{m}}({site.by_position()})", "WindowPartition", (window,), True, own=Own("WindowPartition", text))


_WINDOW_PARTITION = '''
class WindowPartition(nn.Module):
    """Maps [N, ..., C] to windows that do not overlap: [N, windows, positions, C]."""

    def __init__(self, window):
        super().__init__()
        self.window = window

    def forward(self, x):
        x = x{split}
        return x.permute(0, {order}){merge}
'''


@written
def window_reverse(site: Site) -> Written:
    """The windows are the nearest to squares that come out even, since the spec does not say which."""
    if len(site["size"]) != 2:
        raise Unwritten("windows of anything but two axes put together again")
    (height, width), positions = site["size"], site.inputs[0].space[1]
    even = [h for h in range(1, positions + 1) if positions % h == height % h == width % (positions // h) == 0]
    tall = min(even, key=lambda h: abs(h - positions // h))
    settings = (given("window", (tall, positions // tall)), given("size", (height, width)))
    return Written(f"{{m}}({site.by_position()})", "WindowReverse", settings, True, own=_WINDOW_REVERSE)


_WINDOW_REVERSE = Own(
    "WindowReverse",
    '''
class WindowReverse(nn.Module):
    """Windows to the maps of a size that they were divided from."""

    def __init__(self, window, size):
        super().__init__()
        self.window = window
        self.columns = size[1] // window[1]

    def forward(self, x):
        x = x.unflatten(2, self.window).unflatten(1, (-1, self.columns))
        return x.permute(0, 1, 3, 2, 4, 5).flatten(3, 4).flatten(1, 2)
''',
)


# --- tokens


@written
def tokens(site: Site) -> Written:
    if site.last[0]:
        return Written(f"{{0}}.flatten(1, {site.rank})" if site.rank > 1 else "{0}", last=True)
    return Written("{0}.flatten(2).transpose(1, 2)", last=True)


@written
def select_token(site: Site) -> Written:
    return Written(f"{site.by_position()}[:, {{index}}]", values=(Setting("index", site["index"]),))


@written
def class_token(site: Site) -> Written:
    settings = (given("count", site["count"]), given("channels", site.channels))
    return Written(f"{{m}}({site.by_position()})", "ClassToken", settings, last=True, own=_CLASS_TOKEN)


_CLASS_TOKEN = Own(
    "ClassToken",
    '''
class ClassToken(nn.Module):
    """Learned tokens in front of a sequence."""

    def __init__(self, count, channels):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, count, channels))

    def forward(self, x):
        return torch.cat([self.token.expand(len(x), -1, -1), x], 1)
''',
)


def _shape(volume: Any, last: bool) -> tuple[Setting, ...]:
    """The sizes of a tensor, each an argument."""
    names = ("channels", *(("length",), ("height", "width"), ("depth", "height", "width"))[volume.rank - 1])
    sizes = dict(zip(names if 1 <= volume.rank <= 3 else map(str, range(9)), volume.shape, strict=False))
    channels, *space = (given(name, size) for name, size in sizes.items())
    return (*space, channels) if last else (channels, *space)


@written
def position_embedding(site: Site) -> Written:
    return on_values(site, "PositionEmbedding", *_shape(site.inputs[0], site.last[0]), own=_POSITION_EMBEDDING)


_POSITION_EMBEDDING = Own(
    "PositionEmbedding",
    '''
class PositionEmbedding(nn.Module):
    """A learned tensor of a sample's shape, added to every sample."""

    def __init__(self, *shape):
        super().__init__()
        self.embedding = nn.Parameter(torch.zeros(shape))

    def forward(self, x):
        return x + self.embedding
''',
)


@written
def learned(site: Site) -> Written:
    last = site.output.rank > 0
    return Written("{m}({0})", "Learned", _shape(site.output, last), last=last, own=_LEARNED)


_LEARNED = Own(
    "Learned",
    '''
class Learned(nn.Module):
    """A learned tensor, the same for every sample of a batch."""

    def __init__(self, *shape):
        super().__init__()
        self.values = nn.Parameter(torch.zeros(shape))

    def forward(self, x):
        return self.values[None]
''',
)


@written
def constant(site: Site) -> Written:
    last, buffer = site.output.rank > 0, site["buffer"]
    own = _CONSTANT if buffer else _ZEROS
    return Written("{m}({0})", own.name, _shape(site.output, last), last=last, own=own)


_CONSTANT = Own(
    "Constant",
    '''
class Constant(nn.Module):
    """A tensor that is not trained, the same for every sample. Its values are to be filled in."""

    def __init__(self, *shape):
        super().__init__()
        self.register_buffer("values", torch.zeros(shape))

    def forward(self, x):
        return self.values[None]
''',
)

_ZEROS = Own(
    "Zeros",
    '''
class Zeros(nn.Module):
    """A constant that each pass makes, the same for every sample."""

    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.new_zeros(1, *self.shape)
''',
)


# --- heads


@written
def split_heads(site: Site) -> Written:
    heads = (Setting("heads", site["heads"]),)
    return Written(f"{site.by_position()}.unflatten(-1, ({{heads}}, -1)).transpose(-3, -2)", last=True, values=heads)


@written
def merge_heads(site: Site) -> Written:
    return Written(f"{site.by_position()}.transpose(-3, -2).flatten(-2)", last=True)


@written
def repeat_heads(site: Site) -> Written:
    times = (Setting("times", site["times"]),)
    return Written(f"{site.by_position()}.repeat_interleave({{times}}, -3)", last=True, values=times)
