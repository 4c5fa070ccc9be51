"""Convolutions."""

from __future__ import annotations

from typing import Any

from archcalc.exchange.code.layers import Own, Setting, Written, given
from archcalc.exchange.code.text import simple
from archcalc.exchange.writers.pytorch.layers.registry import Site, on_maps, written
from archcalc.layers.windows import extents, is_even, sides_of


def padded(site: Site, extent: tuple[int, ...], stride: Any, fill: str = "") -> tuple[Any, Written]:
    """The padding of a window that slides, and what calls its module: where the sides of an axis differ, the padding is
    an operation of its own."""
    sides = sides_of(site.inputs[0], extent, stride, site["padding"])
    if is_even(sides):
        return simple([before for before, _ in sides]), Written(f"{{m}}({site.first()})")
    amounts = tuple(amount for side in reversed(sides) for amount in side)
    call = f"{{m}}(functional.pad({site.first()}, {{amounts}}{fill}))"
    return 0, Written(call, values=(Setting("amounts", amounts),))


def _convolution(site: Site, out: int, groups: int) -> Written:
    kernel, dilation, stride = site["kernel"], site["dilation"], site["stride"]
    extent = extents(kernel, dilation)
    padding, made = padded(site, extent, stride)
    if made.values and site["padding"] == "same" and set(stride) == {1}:
        padding, made = "same", Written(f"{{m}}({site.first()})")
    return made._replace(
        module=f"nn.Conv{site.rank}d",
        settings=(
            given("in_channels", site.channels),
            given("out_channels", out),
            given("kernel_size", simple(kernel)),
            Setting("stride", simple(stride), 1),
            Setting("padding", padding, 0),
            Setting("dilation", simple(dilation), 1),
            Setting("groups", groups, 1),
            Setting("bias", site["bias"], True),
        ),
    )


@written
def conv(site: Site) -> Written:
    return _convolution(site, site["out"], site["groups"])


@written
def depthwise_conv(site: Site) -> Written:
    return _convolution(site, site.channels * site["multiplier"], site.channels)


@written
def standardized_conv(site: Site) -> Written:
    name = f"StandardizedConv{site.rank}d"
    return Written(
        f"{{m}}({site.first()})",
        module=name,
        own=Own(name, _STANDARDIZED_CONV.format(rank=site.rank)),
        settings=(
            given("in_channels", site.channels),
            given("out_channels", site["out"]),
            given("kernel_size", simple(site["kernel"])),
            Setting("stride", simple(site["stride"]), 1),
            Setting("padding", simple(site["padding"]), 0),
            Setting("dilation", simple(site["dilation"]), 1),
            Setting("groups", site["groups"], 1),
            Setting("bias", site["bias"], True),
            Setting("gain", site["gain"], False),
        ),
    )


_STANDARDIZED_CONV = '''
class StandardizedConv{rank}d(nn.Conv{rank}d):
    """A convolution with weights of mean 0 and variance 1 over each filter."""

    def __init__(self, *arguments, gain=False, **others):
        super().__init__(*arguments, **others)
        self.gain = nn.Parameter(torch.ones(self.out_channels)) if gain else None
        self.scale = self.weight[0].numel() ** -0.5

    def forward(self, x):
        scale = None if self.gain is None else self.gain * self.scale
        weight = functional.batch_norm(self.weight.flatten(1).unsqueeze(0), None, None, scale, training=True)
        return self._conv_forward(x, weight.view_as(self.weight), self.bias)
'''


@written
def conv_transpose(site: Site) -> Written:
    sides = site["padding"]
    even = [min(side) for side in sides]
    made = on_maps(
        site,
        f"nn.ConvTranspose{site.rank}d",
        given("in_channels", site.channels),
        given("out_channels", site["out"]),
        given("kernel_size", simple(site["kernel"])),
        Setting("stride", simple(site["stride"]), 1),
        Setting("padding", simple(even), 0),
        Setting("output_padding", simple(site["output_padding"]), 0),
        Setting("groups", site["groups"], 1),
        Setting("bias", site["bias"], True),
        Setting("dilation", simple(site["dilation"]), 1),
    )
    if is_even(sides):
        return made
    left = [(before - least, after - least) for (before, after), least in zip(sides, even, strict=True)]
    return made._replace(call=f"{made.call}{cropped(left)}")


def cropped(sides: Any) -> str:
    """The index that takes so many positions off both sides of each axis."""
    axes = (f"{before or ''}:{-after or ''}" for before, after in sides)
    return f"[:, :, {', '.join(axes)}]"


@written
def table_conv(site: Site) -> Written:
    kernel = site["kernel"]
    return on_maps(
        site,
        "TableConv",
        given("table", tuple(map(tuple, site["table"]))),
        given("kernel_size", tuple(kernel)),
        own=Own("TableConv", _TABLE_CONV.replace("conv2d", f"conv{site.rank}d")),
    )


_TABLE_CONV = '''
class TableConv(nn.Module):
    """A convolution whose outputs each see the inputs that a table names."""

    def __init__(self, table, kernel_size):
        super().__init__()
        sources = [source for row in table for source in row]
        targets = [target for target, row in enumerate(table) for _ in row]
        self.sources, self.targets = sources, targets
        self.weight = nn.Parameter(torch.randn(len(sources), 1, *kernel_size) * 0.1)
        self.bias = nn.Parameter(torch.zeros(len(table)))

    def forward(self, x):
        x = x[:, self.sources]
        maps = functional.conv2d(x, self.weight, groups=len(self.sources))
        sums = maps.new_zeros(len(x), len(self.bias), *maps.shape[2:])
        sums = sums.index_add(1, torch.tensor(self.targets, device=x.device), maps)
        return sums + self.bias.view(-1, *(1,) * (x.dim() - 2))
'''
