"""Darknet's configurations (`.cfg`): a section for each layer, which reads the one before it unless it says another.

What a section means is what src/parser.c of pjreddie/darknet makes of it; the options that AlexeyAB/darknet adds are
read too. Layers are named by their numbers there, which its sections count by: `layers.36/conv`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archcalc.diagnostics.diagnostic import Place, Source, fail, plain
from archcalc.exchange.assembly import Assembly, Item
from archcalc.exchange.flat import SOURCE, Flat
from archcalc.exchange.operations.arguments import given
from archcalc.exchange.operations.registry import Refusal
from archcalc.language.document import INPUT, MAX_LAYERS, OUTPUT
from archcalc.language.source import read_text
from archcalc.records import Record
from archcalc.sizes.volume import Volume


class Section(Record):
    """`[kind]` and the options under it; of an option that stands twice, the first is used."""

    kind: str
    options: dict[str, str]
    place: Place

    def whole(self, name: str, default: int) -> int:
        """A whole number."""
        return _whole(name, self.options[name]) if name in self.options else default

    def wholes(self, name: str) -> list[int]:
        """Whole numbers with commas between them. Refusal if there is none."""
        parts = [part for part in self.options.get(name, "").split(",") if part]
        if not parts:
            raise Refusal(f"it has no {name}")
        return [_whole(name, part) for part in parts]

    def number(self, name: str, default: float) -> float:
        """A number, whole or not."""
        text = self.options.get(name, str(default))
        if not re.fullmatch(r"[+-]?(\d{1,20}\.?\d{0,20}|\.\d{1,20})", text, re.ASCII):
            raise Refusal(f"its {name} is not a number")
        return float(text)


def _whole(name: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise Refusal(f"its {name} is not a whole number")
    return int(text)


def read(path: Path, shown: str) -> Flat:
    """The network of a configuration. SpecError if it is damaged, or has sections or options that are not known."""
    return network(path.stem, read_text(path, name=shown))


def sections(source: Source) -> list[Section]:
    """The sections of a configuration. SpecError at a line that is neither a section nor an option."""
    found: list[Section] = []
    offset = 0
    for line in source.text.splitlines(keepends=True):
        text = re.sub(r"\s", "", line)
        place = Place(source, offset, offset + max(len(line.rstrip()), 1))
        offset += len(line)
        if not text or text[0] in "#;":
            continue
        if text[0] == "[":
            found.append(Section(text.partition("]")[0] + "]", {}, place))
            continue
        name, sign, value = text.partition("=")
        if not sign or not found:
            message = "a line is a [section], an option as name=value under one, or a comment after #"
            raise fail("bad-cfg", message, place)
        found[-1].options.setdefault(name, value.partition("#")[0])
    if not found or found[0].kind not in ("[net]", "[network]"):
        first = found[0].place if found else None
        raise fail("bad-cfg", f"{source.name} is not a network of Darknet: its first section must be [net]", first)
    if len(found) > MAX_LAYERS:
        raise fail("too-large", f"{source.name} has more than {MAX_LAYERS:,} sections")
    return found


def network(name: str, source: Source) -> Flat:
    """The network of a configuration's text."""
    net, *layers = sections(source)
    reading = _Reading(source.name, _input(net))
    for index, section in enumerate(layers):
        reading.add(index, section)
    return reading.finish(name)


def _input(net: Section) -> tuple[int, ...]:
    try:
        image = (net.whole("channels", 0), net.whole("height", 0), net.whole("width", 0))
        shape = image if all(image) else (net.whole("inputs", 0),)
    except Refusal as refusal:
        raise fail("bad-cfg", f"the input cannot be read: {refusal}", net.place) from None
    if min(shape) < 1:
        raise fail("bad-cfg", "[net] must give the input: channels, height and width, each at least 1", net.place)
    return shape


class _Reading:
    """The value of each section so far; None for one that was refused."""

    def __init__(self, shown: str, shape: tuple[int, ...]) -> None:
        self.assembly = Assembly(shown, {INPUT: shape})
        self.values: list[int | None] = []
        self.index = 0
        self.section: Section
        self.heads: dict[str, int] = {}

    def add(self, index: int, section: Section) -> None:
        """Read a section."""
        self.index, self.section = index, section
        item = Item(section.kind, "", section.place)
        self.values.append(self.assembly.read(item, (self._before(),), lambda: self._value(section)))

    def _value(self, section: Section) -> int | None:
        rule = _RULES.get(section.kind)
        if rule is None:
            raise Refusal("there is no rule for it")
        for option, value in section.options.items():
            known = rule.options is None or option in rule.options or option in _TRAINING
            if not known and value not in ("0", "0.0"):
                raise Refusal(f"its option {plain(option, 60)} is not known")
        return rule.function(self, section)

    def _before(self) -> int | None:
        return self.values[self.index - 1] if self.index else SOURCE

    def input(self) -> int:
        """What the section before this one makes."""
        value = self._before()
        assert value is not None  # what follows from a refusal is not read
        return value

    def other(self, number: int) -> int | None:
        """What another section makes: counted from the first, or back from this one if it is negative."""
        index = number if number >= 0 else self.index + number
        if not 0 <= index < self.index:
            raise Refusal(f"it reads layer {number}, which is not before it")
        return self.values[index]

    def step(
        self, layer: str, inputs: int | list[int], attributes: dict[str, Any] | None = None, weights: str = ""
    ) -> int:
        """A step, named by the number of the section."""
        return self.assembly.step(layer, inputs, attributes, path=f"{self.index}.{layer}", weights=weights)

    def activation(self, value: int, default: str = "logistic") -> int:
        """What the section's activation makes of a value."""
        word = self.section.options.get("activation", default)
        if word not in _ACTIVATIONS:
            raise Refusal(f"its activation {plain(word, 60)} is not known")
        layer = _ACTIVATIONS[word]
        return self.step(layer, value) if layer else value

    def finish(self, name: str) -> Flat:
        """The network, which ends with its last section."""
        end = self.values[-1] if self.values else SOURCE
        heads = {head: value for head, value in self.heads.items() if value != end}
        return self.assembly.finish(name, heads if end is None else {**heads, OUTPUT: end})


#: What each activation is called here; None is no layer.
_ACTIVATIONS = {
    "linear": None,
    "logistic": "sigmoid",
    "relu": "relu",
    "relu6": "relu6",
    "leaky": "leaky_relu",
    "elu": "elu",
    "selu": "selu",
    "gelu": "gelu",
    "tanh": "tanh",
    "swish": "silu",
    "mish": "mish",
}

#: Options of any section that say how it is trained, or when its weights are stored.
_TRAINING = frozenset(
    (
        *("stopbackward", "onlyforward", "dontload", "dontloadscales", "dontsave", "numload", "truth", "learning_rate"),
        *("smooth", "burnin_update", "train_only_bn", "grad_centr", "stream", "wait_stream", "noloss"),
    )
)


class _Rule(Record):
    function: Callable[[_Reading, Section], int | None]
    options: frozenset[str] | None


_RULES: dict[str, _Rule] = {}


def _section(*kinds: str, options: str | None = "") -> Callable[[Callable[[_Reading, Section], int | None]], None]:
    """Make a rule known for sections of these kinds, whose options are those named; None for any."""

    def register(function: Callable[[_Reading, Section], int | None]) -> None:
        for kind in kinds:
            _RULES[f"[{kind}]"] = _Rule(function, None if options is None else frozenset(options.split()))

    return register


@_section(
    *("convolutional", "conv"),
    options="filters size stride stride_x stride_y pad padding groups dilation activation batch_normalize share_index"
    " flipped dot",
)
def _convolutional(reading: _Reading, section: Section) -> int:
    size = section.whole("size", 1)
    stride = section.whole("stride", 1)
    padding = size // 2 if section.whole("pad", 0) else section.whole("padding", 0)
    normalized = bool(section.whole("batch_normalize", 0))
    attributes = given(
        out=(section.whole("filters", 1), None),
        kernel=(size, None),
        stride=((section.whole("stride_y", stride), section.whole("stride_x", stride)), 1),
        padding=(padding, 0),
        dilation=(section.whole("dilation", 1) if size > 1 else 1, 1),
        groups=(section.whole("groups", 1), 1),
        bias=(not normalized, True),
    )
    weights = f"{reading.index}"
    if "share_index" in section.options:
        shared = section.whole("share_index", 0)
        reading.other(shared)
        weights = f"{shared if shared >= 0 else reading.index + shared}"
    value = reading.step("conv", reading.input(), attributes, weights=f"{weights}.conv")
    if normalized:
        value = reading.step("batch_norm", value, weights=f"{weights}.batch_norm")
    return reading.activation(value)


@_section("deconvolutional", "deconv", options="filters size stride pad padding activation batch_normalize")
def _deconvolutional(reading: _Reading, section: Section) -> int:
    size = section.whole("size", 1)
    normalized = bool(section.whole("batch_normalize", 0))
    attributes = given(
        out=(section.whole("filters", 1), None),
        kernel=(size, None),
        stride=(section.whole("stride", 1), 1),
        padding=(size // 2 if section.whole("pad", 0) else section.whole("padding", 0), 0),
        bias=(not normalized, True),
    )
    value = reading.step("conv_transpose", reading.input(), attributes)
    return reading.activation(reading.step("batch_norm", value) if normalized else value)


@_section("connected", "conn", options="output activation batch_normalize")
def _connected(reading: _Reading, section: Section) -> int:
    normalized = bool(section.whole("batch_normalize", 0))
    attributes = given(out=(section.whole("output", 1), None), bias=(not normalized, True))
    value = reading.step("linear", _vector(reading), attributes)
    return reading.activation(reading.step("batch_norm", value) if normalized else value)


def _vector(reading: _Reading) -> int:
    value = reading.input()
    return reading.step("flatten", value) if reading.assembly.volume(value).rank else value


@_section("batchnorm")
def _batchnorm(reading: _Reading, section: Section) -> int:
    return reading.step("batch_norm", reading.input())


@_section("activation", options="activation")
def _activation(reading: _Reading, section: Section) -> int:
    return reading.activation(reading.input(), "linear")


@_section("logistic")
def _logistic(reading: _Reading, section: Section) -> int:
    return reading.step("sigmoid", reading.input())


@_section("maxpool", "max", options="size stride stride_x stride_y padding")
def _maxpool(reading: _Reading, section: Section) -> int:
    """`padding` is that of both sides together, and a window may reach behind the end: it is filled up there."""
    stride = section.whole("stride", 1)
    strides = (section.whole("stride_y", stride), section.whole("stride_x", stride))
    size = section.whole("size", stride)
    padding = section.whole("padding", size - 1)
    if size < 1 or min(strides) < 1 or padding < 0:
        raise Refusal("its size or stride is less than 1")
    space = reading.assembly.volume(reading.input()).space
    if len(space) != 2:
        raise Refusal("its input is not an image")
    sides = tuple(_sides(n, size, stride, padding) for n, stride in zip(space, strides, strict=True))
    attributes = given(kernel=(size, None), stride=(None if strides == (size, size) else strides, None))
    if any(sides):
        attributes["padding"] = sides if any(isinstance(side, tuple) for side in sides) else given(p=(sides, 0))["p"]
    return reading.step("maxpool", reading.input(), attributes)


def _sides(n: int, size: int, stride: int, padding: int) -> int | tuple[int, int]:
    """The positions that windows reach before the beginning and behind the end; one number where both may be added."""
    positions = (n + padding - size) // stride + 1
    before = padding // 2
    after = max((positions - 1) * stride + size - n - before, 0)
    alike = (n + 2 * before - size) // stride + 1 == positions and after <= before
    return before if alike else (before, after)


@_section("avgpool", "avg")
def _avgpool(reading: _Reading, section: Section) -> int:
    return reading.step("global_avgpool", reading.input())


@_section("softmax", "soft", options="groups temperature spatial")
def _softmax(reading: _Reading, section: Section) -> int:
    if section.whole("groups", 1) != 1:
        raise Refusal("it is over groups of values")
    value = reading.input()
    if not section.whole("spatial", 0) and reading.assembly.volume(value).positions != 1:
        value = reading.step("flatten", value)
    return reading.step("softmax", value)


@_section("dropout", options="probability")
def _dropout(reading: _Reading, section: Section) -> int:
    return reading.step("dropout", reading.input(), given(rate=(section.number("probability", 0.5), 0.5)))


@_section("normalization", "lrn", options="size alpha beta kappa")
def _normalization(reading: _Reading, section: Section) -> int:
    return reading.step("lrn", reading.input(), {"size": section.whole("size", 5)})


@_section("shortcut", options="from activation alpha beta weights_type weights_normalization")
def _shortcut(reading: _Reading, section: Section) -> int | None:
    if section.options.get("weights_type", "none") != "none":
        raise Refusal("its branches have weights")
    if (section.number("alpha", 1), section.number("beta", 1)) != (1, 1):
        raise Refusal("one of its branches is multiplied")
    values = [reading.input()]
    for number in section.wholes("from"):
        value = reading.other(number)
        if value is None:
            return None
        values.append(value)
    fitted = [values[0], *(_fitted(reading, value, reading.assembly.volume(values[0])) for value in values[1:])]
    return reading.activation(reading.step("add", fitted), "linear")


def _fitted(reading: _Reading, value: int, wanted: Volume) -> int:
    """A branch of another shape: every so many positions of it, and the channels that both have; the others get 0."""
    volume = reading.assembly.volume(value)
    if volume.space != wanted.space:
        stride = volume.space[0] // wanted.space[0] if volume.rank == wanted.rank > 0 else 0
        if stride < 2 or tuple(-(-n // stride) for n in volume.space) != wanted.space:
            raise Refusal("it adds volumes whose sizes do not fit")
        value = reading.step("subsample", value, {"stride": stride})
    if volume.channels < wanted.channels:
        return reading.step("pad_channels", value, {"out": wanted.channels})
    if volume.channels > wanted.channels:
        return reading.step("select", value, {"start": 0, "count": wanted.channels})
    return value


@_section("scale_channels", "sam", options="from activation")
def _product(reading: _Reading, section: Section) -> int | None:
    factors = [reading.other(number) for number in section.wholes("from")]
    if len(factors) != 1:
        raise Refusal("it multiplies more than two volumes")
    if factors[0] is None:
        return None
    return reading.activation(reading.step("multiply", [factors[0], reading.input()]), "linear")


@_section("route", options="layers groups group_id")
def _route(reading: _Reading, section: Section) -> int | None:
    values = []
    for number in section.wholes("layers"):
        value = reading.other(number)
        if value is None:
            return None
        values.append(value)
    joined = values[0] if len(values) == 1 else reading.step("concat", values)
    groups = section.whole("groups", 1)
    if groups == 1:
        return joined
    return reading.step("split", joined, {"parts": groups, "part": section.whole("group_id", 0)})


@_section("upsample", options="stride scale")
def _upsample(reading: _Reading, section: Section) -> int:
    if section.number("scale", 1) != 1:
        raise Refusal("it multiplies what it enlarges")
    return reading.step("upsample", reading.input(), {"scale": section.whole("stride", 2)})


@_section("reorg", "reorg3d", options="stride reverse")
def _reorg(reading: _Reading, section: Section) -> int:
    """Positions become channels: each square of `stride` by `stride`."""
    stride = section.whole("stride", 1)
    value = reading.input()
    volume = reading.assembly.volume(value)
    if section.whole("reverse", 0):
        return reading.step("pixel_shuffle", value, {"scale": stride})
    if volume.rank != 2 or stride < 1 or any(n % stride for n in volume.space):
        raise Refusal("its stride does not divide an image")
    (height, width), channels = volume.space, volume.channels
    squares = (channels, height // stride, stride, width // stride, stride)
    value = reading.step("reshape", value, {"shape": squares})
    value = reading.step("transpose", value, {"order": (0, 2, 4, 1, 3)})
    return reading.step("reshape", value, {"shape": (channels * stride**2, height // stride, width // stride)})


@_section("crop", options="crop_height crop_width flip angle saturation exposure shift noadjust")
def _crop(reading: _Reading, section: Section) -> int:
    if not section.whole("noadjust", 0):
        reading.assembly.note("[crop] also scales the values of the image, which is not counted")
    to = (section.whole("crop_height", 1), section.whole("crop_width", 1))
    return reading.step("crop", reading.input(), {"to": to})


@_section("cost", options="type scale ratio noobj thresh")
def _cost(reading: _Reading, section: Section) -> int:
    reading.assembly.note("[cost] computes the loss, which is no part of the network")
    return reading.input()


@_section("yolo", "region", "detection", "Gaussian_yolo", options=None)
def _detection(reading: _Reading, section: Section) -> int:
    kind = section.kind
    reading.assembly.note(f"{kind} decodes boxes, which is not counted: the network ends with what it reads")
    value = reading.input()
    reading.heads[f"{kind.strip('[]').lower()}_{reading.index}"] = value
    return value
