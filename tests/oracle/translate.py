"""The flat network as torch.nn modules, written the way a person would write it: a row of `TRANSLATIONS` a layer.

A value is a tensor and whether its channels are its last axis. Sequences are `[N, L, C]` once a layer that works on
them has made them so (a token, an attention, a linear layer), maps are `[N, C, H, W]`; a layer that wants the other
form gets a view of it with the axes moved, never a copy. The network's own input is contiguous; one of rank 1 is
`[N, L, C]` if a layer that reads it works on sequences.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
import torchvision
from torch import nn
from torch.nn import functional

from archcalc.analysis.interpret import Interpretation
from archcalc.language.network import INPUT_INDEX, Node
from archcalc.layers.outcome import Outcome
from archcalc.memory.blocks import BlockCall, blocks
from archcalc.sizes.volume import Volume


class Untranslated(Exception):
    """A layer, or an attribute of it, that torch.nn has no equal of."""


class Value(NamedTuple):
    """A tensor of the network. `last` says that the channels are its last axis and not the one after the batch."""

    tensor: torch.Tensor
    last: bool = False

    @property
    def first(self) -> torch.Tensor:
        """`[N, C, ...]`."""
        return self.tensor.movedim(-1, 1) if self.last and self.tensor.dim() > 2 else self.tensor

    @property
    def by_position(self) -> torch.Tensor:
        """`[N, ..., C]`."""
        return self.tensor if self.last or self.tensor.dim() <= 2 else self.tensor.movedim(1, -1)


class Site(NamedTuple):
    """One layer of the network: its attributes, one value an axis where they have axes, and its input volumes."""

    attributes: dict[str, Any]
    inputs: tuple[Volume, ...]
    output: Volume
    inplace: bool
    form: str = ""
    #: Whether an embedding looks the output up.
    indices: bool = False

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


class Layer(nn.Module):
    """A translated layer: `call` computes its output from its inputs, `modules` hold its parameters."""

    def __init__(self, call: Callable[..., Value], **modules: nn.Module | nn.Parameter | torch.Tensor) -> None:
        super().__init__()
        self.call = call
        for name, each in modules.items():
            if isinstance(each, torch.Tensor) and not isinstance(each, nn.Parameter):
                self.register_buffer(name, each)
            else:
                setattr(self, name, each)

    def forward(self, *inputs: Value) -> Value:
        return self.call(self, *inputs)


Translation = Callable[[Site], Layer]
TRANSLATIONS: dict[str, Translation] = {}

#: Layers that have no translation, and why.
WITHOUT = {
    "table_conv": "torch.nn has no convolution with a table of connections",
    "unknown": "it stands for an operation that nobody knows",
}


def translation(function: Translation) -> Translation:
    """Make a row of the table; the function is called as the layer is, with an underscore where Python has the name."""
    TRANSLATIONS[function.__name__.rstrip("_")] = function
    return function


def translated(interpretation: Interpretation, apart_in_training: Iterable[int] = ()) -> Program:
    """The network; the layers named work in place at inference alone. Untranslated names the first layer that has no
    row."""
    return Program(interpretation, apart_in_training)


def site_of(interpretation: Interpretation, node: Node, outcome: Outcome) -> Site:
    """A node's attributes with the rule's defaults, and its volumes."""
    volumes = tuple(interpretation.volume(index) for index in node.inputs)
    attributes = {}
    for name, attribute in node.layer.attributes.items():
        value = node.attributes.get(name, attribute.default)
        attributes[name] = value if value is None else attribute.kind.fit(value, volumes[0].rank)
    readers = (each.layer.name for each in interpretation.network.nodes if node.index in each.inputs)
    indices = "embedding" in readers
    return Site(attributes, volumes, outcome.output, outcome.storage == "inplace", outcome.form, indices)


#: Layers that work on sequences of vectors, `[N, L, C]`.
OF_SEQUENCES = frozenset(
    {"linear", "attention", "layer_norm", "rms_norm", "class_token", "rnn", "gru", "lstm", "experts"}
)


class Program(nn.Module):
    """All layers in order. A tied layer has the parameters and buffers of the first of its name."""

    def __init__(self, interpretation: Interpretation, apart_in_training: Iterable[int]) -> None:
        super().__init__()
        self.interpretation = interpretation
        self.nodes = interpretation.network.nodes
        owners: dict[Any, Layer] = {}
        #: Layers that have another's parameters and buffers: the other, and the layer.
        self.tied: list[tuple[Layer, Layer]] = []
        layers = []
        for node, outcome in zip(self.nodes, interpretation.outcomes, strict=True):
            row = TRANSLATIONS.get(node.layer.name)
            if row is None:
                raise Untranslated(f"no translation of `{node.layer.name}`")
            layer = row(site_of(interpretation, node, outcome))
            if node.tied is not None:
                self.tied.append((owners.setdefault(node.tied, layer), layer))
                share(*self.tied[-1])
            layers.append(layer)
        self.layers = nn.ModuleList(layers)
        #: Those that work in place at inference alone, as they are in training.
        self.in_training = {}
        for index in apart_in_training:
            node, outcome = self.nodes[index], interpretation.outcomes[index]
            site = site_of(interpretation, node, outcome)._replace(inplace=False)
            self.in_training[index] = TRANSLATIONS[node.layer.name](site)
        self.last_use = last_uses(interpretation)
        #: The blocks by the layers with which they begin.
        self.blocks: dict[int, list[BlockCall]] = {}
        for block in blocks(interpretation.network):
            self.blocks.setdefault(block.first, []).append(block)

    def takes_indices(self, index: int) -> bool:
        """Whether an input is whole numbers, to be looked up."""
        views = {index}
        for node in self.nodes:
            if node.inputs[0] in views:
                if node.layer.name == "embedding":
                    return True
                if self.interpretation.outcomes[node.index].storage == "view":
                    views.add(node.index)
        return False

    def examples(self, batch: int, dtype: torch.dtype) -> dict[int, Value]:
        """The inputs by number: random, contiguous."""
        network = self.interpretation.network
        return {
            INPUT_INDEX - number: self.example(INPUT_INDEX - number, volume, batch, dtype)
            for number, volume in enumerate(network.inputs.values())
        }

    def example(self, index: int, volume: Volume, batch: int, dtype: torch.dtype) -> Value:
        """One of them."""
        if self.takes_indices(index):
            return Value(torch.zeros(batch, *volume.shape, dtype=torch.int64))
        readers = {node.layer.name for node in self.nodes if index in node.inputs}
        if volume.rank == 1 and readers & OF_SEQUENCES:
            return Value(torch.randn(batch, *volume.space, volume.channels).to(dtype), last=True)
        return Value(torch.randn(batch, *volume.shape).to(dtype))

    def in_type(self, dtype: torch.dtype) -> Program:
        """With parameters and buffers in another type. Converting makes of a shared buffer one for each layer."""
        self.to(dtype)
        for owner, layer in self.tied:
            share(owner, layer)
        return self

    def freeze(self, indices: Sequence[int]) -> None:
        """Do not train the parameters of these layers."""
        for index in indices:
            for parameter in self.layers[index].parameters():
                parameter.requires_grad_(False)

    def run(
        self,
        values: dict[int, Value],
        first: int,
        last: int,
        visit: Visit | None = None,
        frames: Frames | None = None,
    ) -> None:
        """Run the layers from `first` to `last` on `values`, by number; what is not needed any more is dropped.

        A block is a module, whose caller has its arguments until it returns: `frames` are the calls that run.
        """
        frames = {} if frames is None else frames
        for node in self.nodes[first : last + 1]:
            for block in self.blocks.get(node.index, ()):
                frames.setdefault(block.last, []).append([values[index] for index in block.entries])
            layer = self.in_training.get(node.index) if self.training else None
            output = (layer or self.layers[node.index])(*(values[index] for index in node.inputs))
            values[node.index] = output
            if visit is not None:
                visit(node.index, output)
            for index in self.last_use[node.index]:
                values.pop(index, None)
            frames.pop(node.index, None)
            del output


Visit = Callable[[int, Value], None]

#: The arguments of calls of blocks, by the numbers of the layers after which they return.
Frames = dict[int, list[list[Value]]]


def last_uses(interpretation: Interpretation) -> list[list[int]]:
    """The values that each layer is the last to read; a value that nobody reads goes at once, an output never."""
    nodes = interpretation.network.nodes
    last = {node.index: node.index for node in nodes}
    for node in nodes:
        for index in node.inputs:
            last[index] = node.index
    for index in interpretation.network.outputs.values():
        last.pop(index, None)
    found: list[list[int]] = [[] for _ in nodes]
    for index, node in last.items():
        found[node].append(index)
    return found


def share(owner: nn.Module, layer: nn.Module) -> None:
    """Give a layer the parameters and buffers of another, by name."""
    for name, parameter in owner.named_parameters():
        *path, last = name.split(".")
        setattr(layer.get_submodule(".".join(path)), last, parameter)
    for name, buffer in owner.named_buffers():
        *path, last = name.split(".")
        module = layer.get_submodule(".".join(path))
        module.register_buffer(last, buffer, persistent=last not in module._non_persistent_buffers_set)


# --- forms


def on_maps(function: Callable[[torch.Tensor], torch.Tensor]) -> Layer:
    """A layer without parameters that wants the channels after the batch."""
    return Layer(lambda _, x: Value(function(x.first)))


def on_values(function: Callable[[torch.Tensor], torch.Tensor]) -> Layer:
    """A layer without parameters that takes either form as it is."""
    return Layer(lambda _, x: Value(function(x.tensor), x.last))


def of_maps(module: nn.Module) -> Layer:
    """A module that wants the channels after the batch."""
    return Layer(lambda self, x: Value(self.module(x.first)), module=module)


def by_position(module: nn.Module) -> Layer:
    """A module that wants the channels last."""
    return Layer(lambda self, x: Value(self.module(x.by_position), x.tensor.dim() > 2), module=module)


def by_rank(kind: str, rank: int) -> Any:
    """`nn.Conv2d` for `Conv` and two axes."""
    return getattr(nn, f"{kind}{rank}d")


def axis_of(x: Value, axis: int) -> int:
    """The tensor's axis of an axis of the volume, 0 being the channels."""
    if axis == 0:
        return x.tensor.dim() - 1 if x.last else 1
    return axis if x.last else axis + 1


def padding_list(sides: Sequence[tuple[int, int]]) -> list[int]:
    """Sides of every axis as torch.nn.functional.pad takes them: the last axis first."""
    return [amount for side in reversed(sides) for amount in side]


def broadcast(parameter: torch.Tensor, x: Value) -> torch.Tensor:
    """A value a channel, shaped to fit."""
    return parameter if x.last or x.tensor.dim() == 2 else parameter.view(-1, *(1,) * (x.tensor.dim() - 2))


def with_sides(site: Site, extents: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """The padding before and after every axis; `same` gives `ceil(n / stride)` positions, the larger half behind."""
    if site["padding"] != "same":
        return list(site["padding"])
    sides = []
    for n, extent, stride in zip(site.inputs[0].space, extents, strides, strict=True):
        total = max((math.ceil(n / stride) - 1) * stride + extent - n, 0)
        sides.append((total // 2, total - total // 2))
    return sides


# --- convolutions


def convolution(site: Site, out: int, groups: int) -> Layer:
    kernel, stride, dilation = site["kernel"], site["stride"], site["dilation"]
    sides = with_sides(site, [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)], stride)
    make = by_rank("Conv", site.rank)
    settings = {"dilation": dilation, "groups": groups, "bias": site["bias"]}
    if site["padding"] == "same" and set(stride) == {1}:
        return of_maps(make(site.channels, out, kernel, padding="same", **settings))
    if all(before == after for before, after in sides):
        return of_maps(make(site.channels, out, kernel, stride, [before for before, _ in sides], **settings))
    module = make(site.channels, out, kernel, stride, **settings)
    sizes = padding_list(sides)
    return Layer(lambda self, x: Value(self.module(functional.pad(x.first, sizes))), module=module)


@translation
def conv(site: Site) -> Layer:
    return convolution(site, site["out"], site["groups"])


@translation
def depthwise_conv(site: Site) -> Layer:
    return convolution(site, site.channels * site["multiplier"], site.channels)


@translation
def standardized_conv(site: Site) -> Layer:
    make, out = by_rank("Conv", site.rank), site["out"]
    settings = {"dilation": site["dilation"], "groups": site["groups"], "bias": site["bias"]}
    module = make(site.channels, out, site["kernel"], site["stride"], site["padding"], **settings)
    gain = {"gain": nn.Parameter(torch.ones(out))} if site["gain"] else {}

    def call(self: Any, x: Value) -> Value:
        weight = self.module.weight
        scale = self.gain * 0.5 if gain else None
        flat = functional.batch_norm(weight.reshape(1, out, -1), None, None, scale, training=True)
        return Value(self.module._conv_forward(x.first, flat.reshape_as(weight), self.module.bias))

    return Layer(call, module=module, **gain)


@translation
def conv_transpose(site: Site) -> Layer:
    sides = site["padding"]
    even = [min(side) for side in sides]
    module = by_rank("ConvTranspose", site.rank)(
        site.channels,
        site["out"],
        site["kernel"],
        site["stride"],
        even,
        site["output_padding"],
        site["groups"],
        site["bias"],
        site["dilation"],
    )
    return Layer(
        lambda self, x: Value(
            cut_sides(self.module(x.first), [(b - e, a - e) for (b, a), e in zip(sides, even, strict=True)])
        ),
        module=module,
    )


# --- linear layers, attention


@translation
def linear(site: Site) -> Layer:
    return by_position(nn.Linear(site.channels, site["out"], site["bias"]))


@translation
def embedding(site: Site) -> Layer:
    return Layer(
        lambda self, x: Value(self.module(x.first), last=True), module=nn.Embedding(site["count"], site["out"])
    )


@translation
def rbf(site: Site) -> Layer:
    centres = torch.randn(site["out"], site.channels)
    return Layer(lambda self, x: Value((x.tensor[:, None] - self.centres).pow(2).sum(-1)), centres=centres)


@translation
def attention(site: Site) -> Layer:
    if site.form:
        return attention_of_linear_layers(site)
    memory = site.inputs[1].channels if len(site.inputs) > 1 else None
    module = nn.MultiheadAttention(
        site.channels, site["heads"], bias=site["bias"], kdim=memory, vdim=memory, batch_first=True
    )

    def call(self: Any, x: Value, memory: Value | None = None) -> Value:
        query = x.by_position
        other = query if memory is None else memory.by_position
        return Value(self.module(query, other, other, need_weights=False)[0], last=True)

    return Layer(call, module=module)


# --- activations


def activation(kind: type[nn.Module]) -> Translation:
    """One with or without an in-place form."""

    def row(site: Site) -> Layer:
        module = kind(inplace=site.inplace) if "inplace" in site.attributes else kind()
        return on_values(module)

    return row


for _name, _kind in {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
    "hardsigmoid": nn.Hardsigmoid,
    "hardswish": nn.Hardswish,
}.items():
    TRANSLATIONS[_name] = activation(_kind)


@translation
def prelu(site: Site) -> Layer:
    module = nn.PReLU(site.channels if site["per_channel"] else 1)
    if site["per_channel"]:
        return of_maps(module)
    return Layer(lambda self, x: Value(self.module(x.tensor), x.last), module=module)


@translation
def gelu(site: Site) -> Layer:
    return on_values(nn.GELU(site["approximate"]))


@translation
def softmax(site: Site) -> Layer:
    return Layer(lambda _, x: Value(functional.softmax(x.tensor, axis_of(x, site["over"])), x.last))


# --- normalisation


@translation
def batch_norm(site: Site) -> Layer:
    make = by_rank("BatchNorm", max(site.rank, 1))
    return of_maps(make(site.channels, affine=site["affine"], track_running_stats=site["track"]))


@translation
def instance_norm(site: Site) -> Layer:
    return of_maps(by_rank("InstanceNorm", site.rank)(site.channels, affine=site["affine"]))


@translation
def group_norm(site: Site) -> Layer:
    return of_maps(nn.GroupNorm(site["groups"], site.channels, affine=site["affine"], bias=site["bias"]))


@translation
def layer_norm(site: Site) -> Layer:
    stated = {"elementwise_affine": site["affine"], "bias": site["bias"]}
    if site["over"] == "channels":
        return by_position(nn.LayerNorm(site.channels, **stated))
    return of_maps(nn.LayerNorm(site.inputs[0].shape, **stated))


@translation
def rms_norm(site: Site) -> Layer:
    return by_position(nn.RMSNorm(site.channels, elementwise_affine=site["affine"]))


@translation
def lrn(site: Site) -> Layer:
    return on_maps(nn.LocalResponseNorm(site["size"]))


@translation
def affine(site: Site) -> Layer:
    weight = {"weight": nn.Parameter(torch.ones(site.channels))} if site["scale"] else {}
    bias = {"bias": nn.Parameter(torch.zeros(site.channels))} if site["bias"] else {}

    def call(self: Any, x: Value) -> Value:
        tensor = x.tensor
        tensor = tensor * broadcast(self.weight, x) if weight else tensor
        tensor = tensor + broadcast(self.bias, x) if bias else tensor
        return Value(tensor, x.last)

    return Layer(call, **weight, **bias)


@translation
def scale(site: Site) -> Layer:
    factor = float(site["factor"])
    return on_values(lambda x: x * factor)


@translation
def offset(site: Site) -> Layer:
    by = float(site["by"])
    return on_values(lambda x: x + by)


@translation
def power(site: Site) -> Layer:
    exponent = float(site["exponent"])
    return on_values(lambda x: x.pow(exponent))


@translation
def zero(site: Site) -> Layer:
    return on_values(lambda x: x.mul(0.0))


@translation
def layer_scale(site: Site) -> Layer:
    factors = nn.Parameter(torch.ones(site.channels))
    return Layer(lambda self, x: Value(x.tensor * broadcast(self.scale, x), x.last), scale=factors)


@translation
def position_embedding(site: Site) -> Layer:
    """Of the input's shape, in the form in which the input first comes."""
    volume = site.inputs[0]
    embedding = nn.Parameter(torch.zeros(volume.elements))

    def call(self: Any, x: Value) -> Value:
        shape = (*volume.space, volume.channels) if x.last else volume.shape
        return Value(x.tensor + self.embedding.view(shape), x.last)

    return Layer(call, embedding=embedding)


# --- regularisation


@translation
def dropout(site: Site) -> Layer:
    module = nn.Dropout(float(site["rate"]), inplace=site.inplace)
    return Layer(lambda self, x: Value(self.module(x.tensor), x.last), module=module)


@translation
def drop_path(site: Site) -> Layer:
    rate = float(site["rate"])
    return Layer(lambda self, x: Value(torchvision.ops.stochastic_depth(x.tensor, rate, "row", self.training), x.last))


# --- pooling


def pooling(kind: str, site: Site, **settings: Any) -> Layer:
    kernel = site["kernel"]
    stride = site["stride"] or kernel
    dilation = settings.get("dilation", (1,) * site.rank)
    sides = with_sides(site, [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)], stride)
    make = by_rank(kind, site.rank)
    if all(before == after for before, after in sides):
        return on_maps(make(kernel, stride, [before for before, _ in sides], ceil_mode=site["ceil_mode"], **settings))
    module = make(kernel, stride, ceil_mode=site["ceil_mode"], **settings)
    sizes, fill = padding_list(sides), -math.inf if kind == "MaxPool" else 0.0
    return on_maps(lambda x: module(functional.pad(x, sizes, value=fill)))


@translation
def maxpool(site: Site) -> Layer:
    return pooling("MaxPool", site, dilation=site["dilation"])


@translation
def avgpool(site: Site) -> Layer:
    return pooling("AvgPool", site, count_include_pad=site["count_include_pad"])


@translation
def global_avgpool(site: Site) -> Layer:
    return on_maps(by_rank("AdaptiveAvgPool", site.rank)(1))


@translation
def global_maxpool(site: Site) -> Layer:
    return on_maps(by_rank("AdaptiveMaxPool", site.rank)(1))


@translation
def adaptive_avgpool(site: Site) -> Layer:
    return on_maps(by_rank("AdaptiveAvgPool", site.rank)(site["size"]))


@translation
def adaptive_maxpool(site: Site) -> Layer:
    return on_maps(by_rank("AdaptiveMaxPool", site.rank)(site["size"]))


# --- moving values


@translation
def identity(site: Site) -> Layer:
    return Layer(lambda _, x: x)


@translation
def flatten(site: Site) -> Layer:
    return on_maps(lambda x: x.flatten(1))


@translation
def reshape(site: Site) -> Layer:
    return on_maps(lambda x: x.reshape(len(x), *site["shape"]))


@translation
def transpose(site: Site) -> Layer:
    return on_maps(lambda x: x.permute(0, *(axis + 1 for axis in site["order"])))


@translation
def pad(site: Site) -> Layer:
    mode = {"zero": "constant"}.get(site["mode"], site["mode"])
    sizes = padding_list(site["size"])
    return on_maps(lambda x: functional.pad(x, sizes, mode))


def cut_sides(x: torch.Tensor, sides: Sequence[tuple[int, int]]) -> torch.Tensor:
    """A slice along each axis that loses something."""
    for axis, (before, after) in enumerate(sides, 2):
        if before or after:
            x = x.narrow(axis, before, x.shape[axis] - before - after)
    return x


@translation
def crop(site: Site) -> Layer:
    return on_maps(lambda x: cut_sides(x, site["size"]))


@translation
def subsample(site: Site) -> Layer:
    def thinned(x: torch.Tensor) -> torch.Tensor:
        for axis, stride in enumerate(site["stride"], 2):
            if stride > 1:
                x = x[(slice(None),) * axis + (slice(None, None, stride),)]
        return x

    return on_maps(thinned)


@translation
def pad_channels(site: Site) -> Layer:
    more = site["out"] - site.channels
    return on_maps(lambda x: functional.pad(x, [0, 0] * site.rank + [0, more]))


@translation
def upsample(site: Site) -> Layer:
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[site.rank]
    mode = {"linear": linear, "cubic": "bicubic"}.get(site["mode"], "nearest")
    to, smooth = site.output.space, site["antialias"]
    return on_maps(lambda x: functional.interpolate(x, size=to, mode=mode, antialias=smooth))


@translation
def unfold(site: Site) -> Layer:
    return on_maps(nn.Unfold(site["kernel"], site["dilation"], site["padding"], site["stride"]))


@translation
def fold(site: Site) -> Layer:
    return on_maps(nn.Fold(site["size"], site["kernel"], site["dilation"], site["padding"], site["stride"]))


@translation
def pixel_shuffle(site: Site) -> Layer:
    if site.rank != 2:
        raise Untranslated("torch.nn.PixelShuffle works on two axes")
    return on_maps(nn.PixelShuffle(site["scale"]))


@translation
def channel_shuffle(site: Site) -> Layer:
    if site.rank != 2:
        raise Untranslated("torch.nn.ChannelShuffle works on two axes")
    return on_maps(nn.ChannelShuffle(site["groups"]))


@translation
def select(site: Site) -> Layer:
    return Layer(lambda _, x: Value(x.tensor.narrow(axis_of(x, 0), site["start"], site["count"]), x.last))


@translation
def split(site: Site) -> Layer:
    return Layer(lambda _, x: Value(x.tensor.chunk(site["parts"], axis_of(x, 0))[site["part"]], x.last))


@translation
def tokens(site: Site) -> Layer:
    return Layer(lambda _, x: Value(x.first.flatten(2).transpose(1, 2), last=True))


@translation
def select_token(site: Site) -> Layer:
    return Layer(lambda _, x: Value(x.by_position[:, site["index"]]))


@translation
def class_token(site: Site) -> Layer:
    token = nn.Parameter(torch.zeros(site["count"], site.channels))
    return Layer(
        lambda self, x: Value(torch.cat([self.token.expand(len(x.tensor), -1, -1), x.by_position], 1), last=True),
        token=token,
    )


# --- joins


def in_one_form(values: Sequence[Value]) -> tuple[list[torch.Tensor], bool]:
    """All in the form of the first that has most axes; the others get axes of size 1 before their positions."""
    rank = max(x.tensor.dim() for x in values)
    last = next(x.last for x in values if x.tensor.dim() == rank)
    tensors = []
    for x in values:
        tensor = x.by_position if last else x.first
        if tensor.dim() < rank:
            ones = (1,) * (rank - tensor.dim())
            shape = (len(tensor), *ones, *tensor.shape[1:]) if last else (*tensor.shape[:2], *ones, *tensor.shape[2:])
            tensor = tensor.view(shape)
        tensors.append(tensor)
    return tensors, last


def join(function: Callable[[list[torch.Tensor]], torch.Tensor]) -> Layer:
    def call(_: Layer, *values: Value) -> Value:
        tensors, last = in_one_form(values)
        return Value(function(tensors), last)

    return Layer(call)


def summed(tensors: list[torch.Tensor]) -> torch.Tensor:
    total, *others = tensors
    for other in others:
        total = total + other
    return total


@translation
def add(site: Site) -> Layer:
    return join(summed)


@translation
def mean(site: Site) -> Layer:
    return join(lambda tensors: summed(tensors) / len(tensors))


@translation
def concat(site: Site) -> Layer:
    def call(_: Layer, *values: Value) -> Value:
        tensors, last = in_one_form(values)
        return Value(torch.cat(tensors, axis_of(Value(tensors[0], last), site["axis"])), last)

    return Layer(call)


@translation
def multiply(site: Site) -> Layer:
    def product(tensors: list[torch.Tensor]) -> torch.Tensor:
        total, *others = tensors
        for other in others:
            total = total * other
        return total

    return join(product)


@translation
def subtract(site: Site) -> Layer:
    return join(lambda tensors: tensors[0] - tensors[1])


@translation
def divide(site: Site) -> Layer:
    return join(lambda tensors: tensors[0] / tensors[1])


@translation
def matmul(site: Site) -> Layer:
    """Rows are the positions of the last axis, columns the channels."""

    def call(_: Layer, one: Value, other: Value) -> Value:
        right = other.by_position
        return Value(torch.matmul(one.by_position, right.mT if site["transposed"] else right), last=True)

    return Layer(call)


# --- values by themselves, and along axes

for _name, _function in {
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "square": torch.square,
    "abs": torch.abs,
}.items():
    TRANSLATIONS[_name] = lambda site, function=_function: on_values(function)  # type: ignore[misc]


@translation
def clamp(site: Site) -> Layer:
    least, most = (None if site[name] is None else float(site[name]) for name in ("least", "most"))
    return on_values(lambda x: torch.clamp(x, least, most))


def along_axes(function: Callable[..., torch.Tensor], site: Site) -> Layer:
    """Channels stay as 1, spatial axes only where they are kept."""

    def call(_: Layer, x: Value) -> Value:
        axes = [axis_of(x, axis) for axis in site["over"]]
        made = function(x.tensor, axes, keepdim=True)
        gone = [axis_of(x, axis) for axis in site["over"] if axis > 0 and not site["keep"]]
        for axis in sorted(gone, reverse=True):
            made = made.squeeze(axis)
        return Value(made, x.last)

    return Layer(call)


for _name, _reduction in {
    "reduce_mean": torch.mean,
    "reduce_sum": torch.sum,
    "reduce_max": torch.amax,
    "reduce_norm": lambda x, axes, keepdim: torch.linalg.vector_norm(x, dim=axes, keepdim=keepdim),
}.items():
    TRANSLATIONS[_name] = lambda site, function=_reduction: along_axes(function, site)  # type: ignore[misc]


@translation
def normalize(site: Site) -> Layer:
    return Layer(lambda _, x: Value(functional.normalize(x.tensor, dim=[axis_of(x, a) for a in site["over"]]), x.last))


@translation
def slice_(site: Site) -> Layer:
    def call(_: Layer, x: Value) -> Value:
        axis, start, step = axis_of(x, site["axis"]), site["start"], site["step"]
        size = x.tensor.shape[axis] if site["count"] is None else start + (site["count"] - 1) * step + 1
        return Value(x.tensor[(slice(None),) * axis + (slice(start, size, step),)], x.last)

    return Layer(call)


@translation
def take(site: Site) -> Layer:
    """Where the channels go, the first of the other axes are the channels: they come first then."""
    return Layer(
        lambda _, x: Value(x.tensor.select(axis_of(x, site["axis"]), site["index"]), x.last and site["axis"] > 0)
    )


@translation
def expand(site: Site) -> Layer:
    def call(_: Layer, x: Value) -> Value:
        shape = list(x.tensor.shape)
        shape[axis_of(x, site["axis"])] = site["size"]
        return Value(x.tensor.expand(shape), x.last)

    return Layer(call)


@translation
def index_select(site: Site) -> Layer:
    def picked(x: Value, picks: torch.Tensor) -> Value:
        return Value(x.tensor[(slice(None),) * axis_of(x, site["axis"]) + (picks,)], x.last)

    picks = torch.zeros(site["count"], dtype=torch.int64)
    if site["buffer"]:
        return Layer(lambda self, x: picked(x, self.picks), picks=picks)
    return Layer(lambda _, x: picked(x, picks.clone()))


@translation
def roll(site: Site) -> Layer:
    def call(_: Layer, x: Value) -> Value:
        axes = [axis_of(x, axis) for axis in site["over"]]
        return Value(torch.roll(x.tensor, [site["by"]] * len(axes), axes), x.last)

    return Layer(call)


# --- heads, recurrence


@translation
def split_heads(site: Site) -> Layer:
    def call(_: Layer, x: Value) -> Value:
        *rest, channels = x.by_position.shape
        heads = site["heads"]
        return Value(x.by_position.reshape(*rest, heads, channels // heads).transpose(-2, -3), last=True)

    return Layer(call)


@translation
def merge_heads(site: Site) -> Layer:
    return Layer(lambda _, x: Value(x.by_position.transpose(-2, -3).flatten(-2), last=True))


def recurrent(kind: type[nn.RNNBase]) -> Translation:
    """PyTorch's own kernels: oneDNN's has a workspace whose size no shape tells."""

    def call(self: Any, x: Value) -> Value:
        with torch.backends.mkldnn.flags(enabled=False):
            return Value(self.module(x.by_position)[0], last=True)

    def row(site: Site) -> Layer:
        settings = {"bias": site["bias"], "bidirectional": site["bidirectional"], "batch_first": True}
        if site.attributes.get("projection"):
            settings["proj_size"] = site["projection"]
        return Layer(call, module=kind(site.channels, site["out"], site["layers"], **settings))

    return row


TRANSLATIONS["rnn"] = recurrent(nn.RNN)
TRANSLATIONS["gru"] = recurrent(nn.GRU)
TRANSLATIONS["lstm"] = recurrent(nn.LSTM)


from oracle.transformer import attention_of_linear_layers  # noqa: E402  its rows are made with what stands above
