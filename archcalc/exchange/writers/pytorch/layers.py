"""How each layer is written in PyTorch: a function a layer, from its attributes to a module and the call of it.

A value's tensor is `[N, C, ...]`, or `[N, ..., C]` where a layer on sequences has made it so; a layer that wants the
other form moves the axis, which copies nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from archcalc.exchange.writers.pytorch.text import Code, Group, literal, simple
from archcalc.layers.windows import extents, is_even, sides_of
from archcalc.records import Record
from archcalc.sizes.volume import Volume


class Unwritten(Exception):
    """A layer, or an attribute of it, that this writer does not know."""


class Setting(Record):
    """An argument of a module. One that has its default everywhere is left out; `by_name` says how it is given."""

    name: str
    value: Any
    default: Any = ...
    by_name: bool = True


class Written(Record):
    """A layer in PyTorch: the module to make, and what computes the output. In `call`, `{m}` is the module and `{0}`
    the first input. `last` tells the form of the output, `pairs` that the module returns another value beside it."""

    call: Code
    module: str = ""
    settings: tuple[Setting, ...] = ()
    last: bool = False
    pairs: bool = False


@dataclass(frozen=True)
class Site:
    """A layer where it stands: its attributes, one value an axis where they have axes, the volumes and forms of its
    inputs."""

    attributes: Mapping[str, Any]
    inputs: tuple[Volume, ...]
    last: tuple[bool, ...]
    output: Volume
    inplace: bool
    form: str

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]

    @property
    def rank(self) -> int:
        """Spatial axes of the first input."""
        return self.inputs[0].rank

    @property
    def channels(self) -> int:
        """Channels of the first input."""
        return int(self.inputs[0].channels)

    def first(self, number: int = 0) -> str:
        """An input as `[N, C, ...]`."""
        moved = self.last[number] and self.inputs[number].rank
        return f"{{{number}}}.movedim(-1, 1)" if moved else f"{{{number}}}"

    def by_position(self, number: int = 0) -> str:
        """An input as `[N, ..., C]`."""
        moved = not self.last[number] and self.inputs[number].rank
        return f"{{{number}}}.movedim(1, -1)" if moved else f"{{{number}}}"

    def axis(self, axis: int) -> int:
        """The tensor's axis of an axis of the first input, 0 being the channels."""
        if axis == 0:
            return self.rank + 1 if self.last[0] else 1
        return axis if self.last[0] else axis + 1


WRITTEN: dict[str, Callable[[Site], Written]] = {}


def written(function: Callable[[Site], Written]) -> Callable[[Site], Written]:
    """The function writes the layer of its name."""
    WRITTEN[function.__name__] = function
    return function


def _on_maps(site: Site, module: str, *settings: Setting) -> Written:
    return Written(f"{{m}}({site.first()})", module, settings)


def _on_positions(site: Site, module: str, *settings: Setting) -> Written:
    return Written(f"{{m}}({site.by_position()})", module, settings, site.rank > 0)


def _on_values(site: Site, module: str, *settings: Setting) -> Written:
    return Written("{m}({0})", module, settings, site.last[0])


def _given(name: str, value: Any) -> Setting:
    """An argument that is always given, by its position."""
    return Setting(name, value, by_name=False)


# --- convolutions and linear layers


def _sides(site: Site, extent: tuple[int, ...], stride: Any) -> Any:
    """The padding of each axis, which must be the same on both sides of it."""
    sides = sides_of(site.inputs[0], extent, stride, site["padding"])
    if not is_even(sides):
        raise Unwritten("padding that differs between the sides of an axis")
    return simple([before for before, _ in sides])


def _convolution(site: Site, out: int, groups: int) -> Written:
    kernel, dilation = site["kernel"], site["dilation"]
    return _on_maps(
        site,
        f"nn.Conv{site.rank}d",
        _given("in_channels", site.channels),
        _given("out_channels", out),
        _given("kernel_size", simple(kernel)),
        Setting("stride", simple(site["stride"]), 1),
        Setting("padding", _sides(site, extents(kernel, dilation), site["stride"]), 0),
        Setting("dilation", simple(dilation), 1),
        Setting("groups", groups, 1),
        Setting("bias", site["bias"], True),
    )


@written
def conv(site: Site) -> Written:
    return _convolution(site, site["out"], site["groups"])


@written
def depthwise_conv(site: Site) -> Written:
    return _convolution(site, site.channels * site["multiplier"], site.channels)


@written
def conv_transpose(site: Site) -> Written:
    if not is_even(site["padding"]):
        raise Unwritten("padding that differs between the sides of an axis")
    return _on_maps(
        site,
        f"nn.ConvTranspose{site.rank}d",
        _given("in_channels", site.channels),
        _given("out_channels", site["out"]),
        _given("kernel_size", simple(site["kernel"])),
        Setting("stride", simple(site["stride"]), 1),
        Setting("padding", simple([before for before, _ in site["padding"]]), 0),
        Setting("output_padding", simple(site["output_padding"]), 0),
        Setting("groups", site["groups"], 1),
        Setting("bias", site["bias"], True),
        Setting("dilation", simple(site["dilation"]), 1),
    )


@written
def linear(site: Site) -> Written:
    return _on_positions(
        site,
        "nn.Linear",
        _given("in_features", site.channels),
        _given("out_features", site["out"]),
        Setting("bias", site["bias"], True),
    )


@written
def embedding(site: Site) -> Written:
    settings = (_given("num_embeddings", site["count"]), _given("embedding_dim", site["out"]))
    return Written("{m}({0})", "nn.Embedding", settings, last=True)


@written
def attention(site: Site) -> Written:
    if site.form or site["causal"] or len(site.inputs) > 1:
        raise Unwritten("attention other than a sequence's over itself, as torch.nn.MultiheadAttention has it")
    x = site.by_position()
    settings = (
        _given("embed_dim", site.channels),
        _given("num_heads", site["heads"]),
        Setting("bias", site["bias"], True),
        Setting("batch_first", True, False),
    )
    call = Group("{m}(", (x, x, x, "need_weights=False"), ")")
    return Written(call, "nn.MultiheadAttention", settings, last=True, pairs=True)


# --- activations


def _activation(module: str) -> Callable[[Site], Written]:
    def write(site: Site) -> Written:
        return _on_values(site, module, Setting("inplace", site.inplace, False))

    return write


WRITTEN.update(
    relu=_activation("nn.ReLU"),
    relu6=_activation("nn.ReLU6"),
    leaky_relu=_activation("nn.LeakyReLU"),
    elu=_activation("nn.ELU"),
    selu=_activation("nn.SELU"),
    silu=_activation("nn.SiLU"),
    mish=_activation("nn.Mish"),
    sigmoid=_activation("nn.Sigmoid"),
    tanh=_activation("nn.Tanh"),
    softplus=_activation("nn.Softplus"),
    hardsigmoid=_activation("nn.Hardsigmoid"),
    hardswish=_activation("nn.Hardswish"),
)


@written
def gelu(site: Site) -> Written:
    return _on_values(site, "nn.GELU", Setting("approximate", site["approximate"], "none"))


@written
def prelu(site: Site) -> Written:
    slopes = Setting("num_parameters", site.channels if site["per_channel"] else 1, 1)
    return _on_maps(site, "nn.PReLU", slopes) if site["per_channel"] else _on_values(site, "nn.PReLU", slopes)


@written
def softmax(site: Site) -> Written:
    return _on_values(site, "nn.Softmax", Setting("dim", site.axis(site["over"])))


# --- normalisation and regularisation


@written
def batch_norm(site: Site) -> Written:
    return _on_maps(
        site,
        f"nn.BatchNorm{max(site.rank, 1)}d",
        _given("num_features", site.channels),
        Setting("affine", site["affine"], True),
        Setting("track_running_stats", site["track"], True),
    )


@written
def instance_norm(site: Site) -> Written:
    features = _given("num_features", site.channels)
    return _on_maps(site, f"nn.InstanceNorm{site.rank}d", features, Setting("affine", site["affine"], False))


@written
def group_norm(site: Site) -> Written:
    settings = (_given("num_groups", site["groups"]), _given("num_channels", site.channels))
    return _on_maps(site, "nn.GroupNorm", *settings, Setting("affine", site["affine"], True))


@written
def layer_norm(site: Site) -> Written:
    affine = Setting("elementwise_affine", site["affine"], True)
    if site["over"] == "channels":
        return _on_positions(site, "nn.LayerNorm", _given("normalized_shape", site.channels), affine)
    return _on_maps(site, "nn.LayerNorm", _given("normalized_shape", tuple(site.inputs[0].shape)), affine)


@written
def rms_norm(site: Site) -> Written:
    affine = Setting("elementwise_affine", site["affine"], True)
    return _on_positions(site, "nn.RMSNorm", _given("normalized_shape", site.channels), affine)


@written
def lrn(site: Site) -> Written:
    return _on_maps(site, "nn.LocalResponseNorm", _given("size", site["size"]))


@written
def scale(site: Site) -> Written:
    return Written(f"{{0}} * {literal(site['factor'])}", last=site.last[0])


@written
def zero(site: Site) -> Written:
    return Written("{0} * 0", last=site.last[0])


@written
def dropout(site: Site) -> Written:
    rate = Setting("p", site["rate"], by_name=False)
    return _on_values(site, "nn.Dropout", rate, Setting("inplace", site.inplace, False))


@written
def drop_path(site: Site) -> Written:
    return _on_values(site, "DropPath", _given("rate", site["rate"]))


# --- pooling


def _pooling(site: Site, kind: str, *more: Setting) -> Written:
    kernel, stride = site["kernel"], site["stride"]
    extent = extents(kernel, site.attributes.get("dilation", (1,) * site.rank))
    strides = kernel if stride is None else stride
    return _on_maps(
        site,
        f"nn.{kind}{site.rank}d",
        _given("kernel_size", simple(kernel)),
        Setting("stride", simple(strides), simple(kernel)),
        Setting("padding", _sides(site, extent, strides), 0),
        *more,
        Setting("ceil_mode", site["ceil_mode"], False),
    )


@written
def maxpool(site: Site) -> Written:
    return _pooling(site, "MaxPool", Setting("dilation", simple(site["dilation"]), 1))


@written
def avgpool(site: Site) -> Written:
    return _pooling(site, "AvgPool", Setting("count_include_pad", site["count_include_pad"], True))


def _adaptive(site: Site, kind: str, size: Any) -> Written:
    return _on_maps(site, f"nn.Adaptive{kind}Pool{site.rank}d", _given("output_size", size))


@written
def global_avgpool(site: Site) -> Written:
    return _adaptive(site, "Avg", 1)


@written
def global_maxpool(site: Site) -> Written:
    return _adaptive(site, "Max", 1)


@written
def adaptive_avgpool(site: Site) -> Written:
    return _adaptive(site, "Avg", simple(site["size"]))


@written
def adaptive_maxpool(site: Site) -> Written:
    return _adaptive(site, "Max", simple(site["size"]))


# --- moving values


@written
def identity(site: Site) -> Written:
    return Written("{0}", last=site.last[0])


@written
def flatten(site: Site) -> Written:
    return Written(f"{site.first()}.flatten(1)")


@written
def transpose(site: Site) -> Written:
    return Written(f"{site.first()}.permute(0, {', '.join(str(axis + 1) for axis in site['order'])})")


@written
def subsample(site: Site) -> Written:
    steps = ", ".join(f"::{step}" if step > 1 else ":" for step in site["stride"])
    return Written(f"{site.first()}[:, :, {steps}]")


@written
def pad_channels(site: Site) -> Written:
    if site.rank != 2:
        raise Unwritten("more channels for anything but maps")
    sides = (0, 0, 0, 0, 0, site["out"] - site.channels)
    return _on_maps(site, "nn.ConstantPad3d", _given("padding", sides), _given("value", 0.0))


@written
def tokens(site: Site) -> Written:
    return Written(f"{site.first()}.flatten(2).transpose(1, 2)", last=True)


@written
def select_token(site: Site) -> Written:
    return Written(f"{site.by_position()}[:, {site['index']}]")


@written
def class_token(site: Site) -> Written:
    settings = (_given("count", site["count"]), _given("channels", site.channels))
    return Written(f"{{m}}({site.by_position()})", "ClassToken", settings, last=True)


@written
def position_embedding(site: Site) -> Written:
    volume = site.inputs[0]
    shape = (*volume.space, volume.channels) if site.last[0] else volume.shape
    return _on_values(site, "PositionEmbedding", _given("shape", tuple(shape)))


@written
def reduce_mean(site: Site) -> Written:
    axes = site["over"]
    if site["keep"] or 0 in axes:
        raise Unwritten("a mean that keeps its axes, or is over channels")
    return Written(f"{{0}}.mean({literal(simple([site.axis(axis) for axis in axes]))})", last=site.last[0])


# --- joins


def _alike(site: Site) -> tuple[list[str], bool]:
    """The inputs in the form of the first."""
    if len({volume.rank for volume in site.inputs}) > 1:
        raise Unwritten("branches with different numbers of axes")
    last = site.last[0]
    return [site.by_position(i) if last else site.first(i) for i in range(len(site.inputs))], last


def _joined(operator: str) -> Callable[[Site], Written]:
    def write(site: Site) -> Written:
        inputs, last = _alike(site)
        return Written(f" {operator} ".join(inputs), last=last)

    return write


WRITTEN.update(add=_joined("+"), multiply=_joined("*"), subtract=_joined("-"), divide=_joined("/"))


@written
def mean(site: Site) -> Written:
    inputs, last = _alike(site)
    return Written(f"({' + '.join(inputs)}) / {len(inputs)}", last=last)


@written
def concat(site: Site) -> Written:
    inputs, last = _alike(site)
    call = Group("torch.cat(", (Group("[", tuple(inputs), "]"), str(site.axis(site["axis"]))), ")")
    return Written(call, last=last)


#: Modules that torch.nn does not have: written out where they are used.
OWN_MODULES = {
    "DropPath": '''
class DropPath(nn.Module):
    """Drop the whole branch of a sample with a probability, in training."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        if not self.training or self.rate == 0:
            return x
        noise = x.new_empty((len(x), *(1,) * (x.dim() - 1)))
        noise.bernoulli_(1 - self.rate)
        return x * noise.div_(1 - self.rate) if self.rate < 1 else x * noise
''',
    "ClassToken": '''
class ClassToken(nn.Module):
    """Learned tokens in front of a sequence."""

    def __init__(self, count, channels):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(count, channels))

    def forward(self, x):
        return torch.cat([self.token.expand(len(x), -1, -1), x], 1)
''',
    "PositionEmbedding": '''
class PositionEmbedding(nn.Module):
    """A learned tensor of a sample's shape, added to every sample."""

    def __init__(self, shape):
        super().__init__()
        self.embedding = nn.Parameter(torch.zeros(shape))

    def forward(self, x):
        return x + self.embedding
''',
}
