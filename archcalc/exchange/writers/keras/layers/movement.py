"""Layers that move values and compute nothing: shapes, parts, paddings, windows, tokens, heads."""

from __future__ import annotations

from archcalc.exchange.code.layers import Setting, Site, Unwritten, Written, given
from archcalc.exchange.code.text import literal, simple
from archcalc.exchange.writers.keras.layers.registry import around, called, computed, own, written
from archcalc.exchange.writers.keras.layers.windows import amounts


@written
def identity(site: Site) -> Written:
    return Written("{0}", last=True)


@written
def flatten(site: Site) -> Written:
    return called("layers.Flatten") if site.rank else Written("{0}", last=True)


@written
def reshape(site: Site) -> Written:
    """The values of maps are numbered with the channels first, as the spec has them; those of a vector lie as the
    layer before put them."""
    rank, space = site.rank, site.output.space
    channels_first = f"layers.Permute({literal((rank + 1, *range(1, rank + 1)))}, name={{n_first}})({{0}})"
    if not space:
        return called("layers.Flatten")._replace(before=channels_first) if rank else Written("{0}", last=True)
    sizes = (*site.output.shape,) if rank else (*space, site.output.channels)
    values = tuple(Setting(f"size{axis}", size) for axis, size in enumerate(sizes, 1))
    shape = f"({', '.join(f'{{{each.name}}}' for each in values)})"
    made = computed(f"layers.Reshape({shape}, name={{n}})({{0}})", *values)
    channels_last = f"layers.Permute({literal((*range(2, len(sizes) + 1), 1))}, name={{n_last}})({{0}})"
    return made._replace(before=channels_first, after=channels_last) if rank else made


@written
def transpose(site: Site) -> Written:
    order = (*site["order"][1:], site["order"][0])
    return called("layers.Permute", given("dims", tuple(axis or site.rank + 1 for axis in order)))


_PADDINGS = {"reflect": "reflect", "replicate": "edge"}


@written
def pad(site: Site) -> Written:
    sides = site["size"]
    if not any(map(any, sides)):
        return Written("{0}", last=True)  # a place that has a name
    if site["mode"] == "zero":
        return called(f"layers.ZeroPadding{site.rank}D", given("padding", amounts(sides)))
    added = Setting("amounts", around(site.rank, sides))
    return computed(f'ops.pad({{0}}, {{amounts}}, mode="{_PADDINGS[site["mode"]]}")', added)


@written
def pad_channels(site: Site) -> Written:
    before = ", ".join(["(0, 0)"] * (site.rank + 1))
    return computed(f"ops.pad({{0}}, ({before}, (0, {{more}})))", Setting("more", site["out"] - site.channels))


@written
def crop(site: Site) -> Written:
    if site["to"] is None:
        return called(f"layers.Cropping{site.rank}D", given("cropping", amounts(site["size"])))
    return called("CenterCrop", given("size", tuple(site["to"])), own=_CENTER_CROP)


_CENTER_CROP = own(
    "CenterCrop",
    '''
class CenterCrop(layers.Layer):
    """The middle of each map."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, x):
        for axis, size in enumerate(self.size, 1):
            start = (x.shape[axis] - size) // 2
            x = ops.take(x, range(start, start + size), axis=axis)
        return x
''',
)


@written
def subsample(site: Site) -> Written:
    steps = ", ".join(f"::{step}" if step > 1 else ":" for step in site["stride"])
    return computed(f"{{0}}[:, {steps}]")


@written
def upsample(site: Site) -> Written:
    space, to = site.inputs[0].space, site.output.space
    if any(m % n for n, m in zip(space, to, strict=True)):
        raise Unwritten("upsample by anything but a whole factor")
    if site["mode"] != "nearest" and (site.rank != 2 or site["antialias"]):
        raise Unwritten("linear interpolation of anything but maps, or antialiased")
    factor = given("size", simple([m // n for n, m in zip(space, to, strict=True)]))
    word = {"linear": "bilinear", "cubic": "bicubic"}.get(site["mode"], "nearest")
    mode = (Setting("interpolation", word, "nearest"),)
    return called(f"layers.UpSampling{site.rank}D", factor, *(mode if site.rank == 2 else ()))


@written
def pixel_shuffle(site: Site) -> Written:
    if site.rank != 2:
        raise Unwritten("pixel_shuffle of anything but maps")
    return called("PixelShuffle", given("scale", site["scale"]), own=_PIXEL_SHUFFLE)


_PIXEL_SHUFFLE = own(
    "PixelShuffle",
    '''
class PixelShuffle(layers.Layer):
    """Channels become positions."""

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, x):
        _, height, width, channels = x.shape
        of = self.scale
        x = ops.reshape(x, (-1, height, width, channels // of**2, of, of))
        x = ops.transpose(x, (0, 1, 4, 2, 5, 3))
        return ops.reshape(x, (-1, height * of, width * of, channels // of**2))
''',
)


@written
def channel_shuffle(site: Site) -> Written:
    return called("ChannelShuffle", given("groups", site["groups"]), own=_CHANNEL_SHUFFLE)


_CHANNEL_SHUFFLE = own(
    "ChannelShuffle",
    '''
class ChannelShuffle(layers.Layer):
    """Interleave the channels of groups."""

    def __init__(self, groups, **kwargs):
        super().__init__(**kwargs)
        self.groups = groups

    def call(self, x):
        *sizes, channels = x.shape[1:]
        groups = (self.groups, channels // self.groups)
        x = ops.reshape(x, (-1, *sizes, *groups))
        return ops.reshape(ops.swapaxes(x, -2, -1), (-1, *sizes, channels))
''',
)


@written
def select(site: Site) -> Written:
    start, count = site["start"], site["count"]
    return computed("{0}[..., {start}:{stop}]", Setting("start", start), Setting("stop", start + count))


@written
def split(site: Site) -> Written:
    values = (Setting("parts", site["parts"]), Setting("part", site["part"]))
    return computed("ops.split({0}, {parts}, axis=-1)[{part}]", *values)


@written
def slice_(site: Site) -> Written:
    axis, step, start = site["axis"], site["step"], site["start"]
    before = ":, " * axis if axis else "..., "
    more = f":{step}" if step > 1 else ""
    if site["count"] is None:
        return computed(f"{{0}}[{before}{{start}}:{more}]", Setting("start", start))
    stop = Setting("stop", start + (site["count"] - 1) * step + 1)
    return computed(f"{{0}}[{before}{{start}}:{{stop}}{more}]", Setting("start", start), stop)


@written
def take(site: Site) -> Written:
    before = ":, " * site["axis"] if site["axis"] else "..., "
    if not site["axis"]:
        raise Unwritten("take of a channel")
    return computed(f"{{0}}[{before}{{index}}]", Setting("index", site["index"]))


@written
def roll(site: Site) -> Written:
    axes = [axis or -1 for axis in site["over"]]
    by = Setting("by", site["by"] if len(axes) == 1 else (site["by"],) * len(axes))
    return computed(f"ops.roll({{0}}, {{by}}, axis={literal(simple(axes) if len(axes) == 1 else tuple(axes))})", by)


# --- windows


@written
def window_partition(site: Site) -> Written:
    axes, rank = range(site.rank), site.rank
    order = (0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1)
    counts, places = (" * ".join(f"{of}[{axis}]" for axis in axes) for of in ("counts", "self.window"))
    text = _WINDOW_PARTITION.replace("ORDER", literal(order)).replace("COUNT", counts).replace("PLACES", places)
    window = given("window", tuple(site["window"]))
    return called("WindowPartition", window, own=own("WindowPartition", text))


_WINDOW_PARTITION = '''
class WindowPartition(layers.Layer):
    """Maps [N, ..., C] to windows that do not overlap: [N, windows, positions, C]."""

    def __init__(self, window, **kwargs):
        super().__init__(**kwargs)
        self.window = window

    def call(self, x):
        *sizes, channels = x.shape[1:]
        counts = [size // w for size, w in zip(sizes, self.window)]
        parts = [n for pair in zip(counts, self.window) for n in pair]
        x = ops.reshape(x, (-1, *parts, channels))
        x = ops.transpose(x, ORDER)
        windows, positions = COUNT, PLACES
        return ops.reshape(x, (-1, windows, positions, channels))
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
    return called("WindowReverse", *settings, own=_WINDOW_REVERSE)


_WINDOW_REVERSE = own(
    "WindowReverse",
    '''
class WindowReverse(layers.Layer):
    """Windows to the maps of a size that they were divided from."""

    def __init__(self, window, size, **kwargs):
        super().__init__(**kwargs)
        self.window = window
        self.size = size

    def call(self, x):
        counts = [size // w for size, w in zip(self.size, self.window)]
        x = ops.reshape(x, (-1, *counts, *self.window, x.shape[-1]))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, *self.size, x.shape[-1]))
''',
)


# --- tokens


@written
def tokens(site: Site) -> Written:
    return (
        computed("layers.Reshape((-1, {0}.shape[-1]), name={n})({0})") if site.rank > 1 else Written("{0}", last=True)
    )


@written
def select_token(site: Site) -> Written:
    return computed("{0}[:, {index}]", Setting("index", site["index"]))


@written
def class_token(site: Site) -> Written:
    return called("ClassToken", Setting("count", site["count"], 1), own=_CLASS_TOKEN)


_CLASS_TOKEN = own(
    "ClassToken",
    '''
class ClassToken(layers.Layer):
    """Learned tokens in front of a sequence."""

    def __init__(self, count=1, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def build(self, input_shape):
        shape = (1, self.count, input_shape[-1])
        self.token = self.add_weight(name="token", shape=shape, initializer="zeros")

    def call(self, x):
        shape = (ops.shape(x)[0], *self.token.shape[1:])
        token = ops.broadcast_to(self.token, shape)
        return ops.concatenate([token, x], axis=1)
''',
)


@written
def position_embedding(site: Site) -> Written:
    return called("PositionEmbedding", own=_POSITION_EMBEDDING)


_POSITION_EMBEDDING = own(
    "PositionEmbedding",
    '''
class PositionEmbedding(layers.Layer):
    """A learned tensor of a sample's shape, added to every sample."""

    def build(self, input_shape):
        shape = input_shape[1:]
        self.table = self.add_weight(name="table", shape=shape, initializer="zeros")

    def call(self, x):
        return x + self.table
''',
)


@written
def learned(site: Site) -> Written:
    return _tensor(site, "Learned", "A learned tensor", "")


@written
def constant(site: Site) -> Written:
    """One that is no buffer is code, and a weight of Keras's all the same: it is to be filled in."""
    if not site["buffer"]:
        return _zeros(site)
    return _tensor(site, "Constant", "A tensor that is not trained", ", trainable=False")


def _shape(site: Site) -> Setting:
    return given("shape", (*site.output.space, site.output.channels))


def _tensor(site: Site, name: str, title: str, more: str) -> Written:
    text = _TENSOR.replace("NAME", name).replace("TITLE", title).replace("MORE", more)
    return called(name, _shape(site), own=own(name, text))


_TENSOR = '''
class NAME(layers.Layer):
    """TITLE, the same for every sample of a batch."""

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.shape = shape

    def build(self, input_shape):
        shape = self.shape
        self.values = self.add_weight(name="values", shape=shapeMORE)

    def call(self, x):
        return ops.broadcast_to(self.values, (ops.shape(x)[0], *self.shape))
'''


def _zeros(site: Site) -> Written:
    return called("Zeros", _shape(site), own=_ZEROS)


_ZEROS = own(
    "Zeros",
    '''
class Zeros(layers.Layer):
    """A constant that each pass makes, the same for every sample."""

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.shape = shape

    def call(self, x):
        return ops.zeros((ops.shape(x)[0], *self.shape))
''',
)


# --- heads


@written
def split_heads(site: Site) -> Written:
    return called("SplitHeads", given("heads", site["heads"]), own=_SPLIT_HEADS)


_SPLIT_HEADS = own(
    "SplitHeads",
    '''
class SplitHeads(layers.Layer):
    """Channels [..., L, C] to heads [..., heads, L, C // heads]."""

    def __init__(self, heads, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads

    def call(self, x):
        *sizes, channels = x.shape[1:]
        heads = (self.heads, channels // self.heads)
        return ops.swapaxes(ops.reshape(x, (-1, *sizes, *heads)), -3, -2)
''',
)


@written
def merge_heads(site: Site) -> Written:
    return called("MergeHeads", own=_MERGE_HEADS)


_MERGE_HEADS = own(
    "MergeHeads",
    '''
class MergeHeads(layers.Layer):
    """Heads [..., heads, L, C] to channels [..., L, heads * C]."""

    def call(self, x):
        *sizes, heads, length, width = x.shape[1:]
        x = ops.swapaxes(x, -3, -2)
        return ops.reshape(x, (-1, *sizes, length, heads * width))
''',
)


@written
def repeat_heads(site: Site) -> Written:
    return computed("ops.repeat({0}, {times}, axis=-3)", Setting("times", site["times"]))
