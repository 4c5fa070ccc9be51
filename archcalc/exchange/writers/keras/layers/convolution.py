"""Convolutions."""

from __future__ import annotations

from typing import Any

from archcalc.exchange.code.layers import Setting, Site, Unwritten, Written, given
from archcalc.exchange.code.text import simple
from archcalc.exchange.writers.keras.layers.registry import called, own, written
from archcalc.exchange.writers.keras.layers.windows import amounts, padding, zeros


def _convolution(site: Site, module: str, *settings: Setting, groups: int = 1) -> Written:
    if max(site["stride"]) > 1 and max(site["dilation"]) > 1:
        raise Unwritten("a convolution with both stride and dilation")
    found = padding(site)
    made = called(
        module,
        *settings,
        Setting("strides", simple(site["stride"]), 1),
        Setting("padding", found.word, "valid"),
        Setting("dilation_rate", simple(site["dilation"]), 1),
        Setting("groups", groups, 1),
        Setting("use_bias", site["bias"], True),
    )
    if not found.sides:
        return made
    before, values = zeros(site, found.sides)
    return made._replace(before=before, values=(values,))


def _conv(site: Site, out: int, groups: int) -> Written:
    settings = (given("filters", out), given("kernel_size", simple(site["kernel"])))
    return _convolution(site, f"layers.Conv{site.rank}D", *settings, groups=groups)


@written
def conv(site: Site) -> Written:
    return _conv(site, site["out"], site["groups"])


@written
def depthwise_conv(site: Site) -> Written:
    if site.rank > 2:
        return _conv(site, site.channels * site["multiplier"], site.channels)
    settings = (given("kernel_size", simple(site["kernel"])), Setting("depth_multiplier", site["multiplier"], 1))
    return _convolution(site, f"layers.DepthwiseConv{site.rank}D", *settings)


@written
def conv_transpose(site: Site) -> Written:
    """Keras takes off as much as a kernel is larger than its stride, or nothing; the rest is cropped."""
    kernel, stride, more = site["kernel"], site["stride"], site["output_padding"]
    if site["groups"] > 1:
        raise Unwritten("a transposed convolution in groups")
    if max(stride) > 1 and max(site["dilation"]) > 1:
        raise Unwritten("a transposed convolution with both stride and dilation")
    if any(extra > after for extra, (_, after) in zip(more, site["padding"], strict=True)):
        raise Unwritten("a transposed convolution with more output than its kernel makes")
    sides = tuple((before, after - extra) for extra, (before, after) in zip(more, site["padding"], strict=True))
    is_same = site.alike.all(_is_same)
    made = called(
        f"layers.Conv{site.rank}DTranspose",
        given("filters", site["out"]),
        given("kernel_size", simple(kernel)),
        Setting("strides", simple(stride), 1),
        Setting("padding", "same" if is_same else "valid", "valid"),
        Setting("dilation_rate", simple(site["dilation"]), 1),
        Setting("use_bias", site["bias"], True),
    )
    if any(k < s for k, s in zip(kernel, stride, strict=True)):
        raise Unwritten("a transposed convolution whose stride is larger than its kernel")
    if is_same or not any(map(any, sides)):
        return made
    after = f"layers.Cropping{site.rank}D({{cropping}}, name={{n_crop}})({{0}})"
    return made._replace(after=after, values=(Setting("cropping", amounts(sides)),))


def _is_same(site: Site) -> bool:
    """Whether as much goes off both sides as a kernel is larger than its stride."""
    each: Any = zip(site["kernel"], site["stride"], site["padding"], site["output_padding"], strict=True)
    return all(before == after == (k - s) / 2 and not more for k, s, (before, after), more in each)


@written
def table_conv(site: Site) -> Written:
    if site.rank != 2:
        raise Unwritten("table_conv of anything but maps")
    table = given("table", tuple(map(tuple, site["table"])))
    return called("TableConv2D", table, given("kernel_size", tuple(site["kernel"])), own=_TABLE_CONV)


_TABLE_CONV = own(
    "TableConv2D",
    '''
class TableConv2D(layers.Layer):
    """A convolution whose outputs each see the inputs that a table names."""

    def __init__(self, table, kernel_size, **kwargs):
        super().__init__(**kwargs)
        self.table = table
        self.kernel_size = kernel_size
        self.sources = [source for row in table for source in row]
        self.targets = [target for target, row in enumerate(table) for _ in row]

    def build(self, input_shape):
        shape = (*self.kernel_size, len(self.sources), 1)
        self.kernel = self.add_weight(name="kernel", shape=shape)
        shape = (len(self.table),)
        self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")

    def call(self, x):
        x = ops.take(x, self.sources, axis=-1)
        maps = ops.depthwise_conv(x, self.kernel)
        sums = ops.matmul(maps, ops.one_hot(self.targets, len(self.table)))
        return sums + self.bias
''',
)
