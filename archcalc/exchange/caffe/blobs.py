"""The network of a prototxt: layers that read blobs by name and write blobs, some of them over what they read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from archcalc.diagnostics.diagnostic import Place, Source, fail, plain
from archcalc.exchange.assembly import Assembly, Item
from archcalc.exchange.caffe.layers import CONSTANT, DATA, ENDS, RULES, V1_TYPES, Layer, Value, is_by_channel
from archcalc.exchange.caffe.text import Message, Scalar, parse
from archcalc.exchange.flat import SOURCE, Flat
from archcalc.exchange.operations.registry import Refusal
from archcalc.language.document import MAX_LAYERS
from archcalc.language.source import read_text


def read(path: Path, shown: str) -> Flat:
    """The network of a file. SpecError if it is damaged, has no input of a known shape, or layers not known."""
    return network(path.stem, read_text(path, name=shown))


def network(name: str, source: Source) -> Flat:
    """The network of a file's text, as it runs in the phase TEST."""
    net = parse(source)
    place: Place | None = None
    try:
        layers = []
        for message in net.messages("layer", "layers"):
            place = message.place
            if _runs(message):
                layers.append(_layer(message))
        place = None
        if len(layers) > MAX_LAYERS:
            raise fail("too-large", f"{source.name} has more than {MAX_LAYERS:,} layers")
        inputs = _inputs(source, net, layers)
        name = plain(net.text("name", name), 80) or name
    except Refusal as refusal:
        raise fail("bad-prototxt", f"{source.name} is not a network of Caffe: {refusal}", place) from None
    reading = _Reading(source.name, inputs)
    for layer in _with_scales(layer for layer in layers if layer.type != "Input"):
        reading.add(layer)
    return reading.finish(name)


def _runs(message: Message) -> bool:
    """Whether a layer is there in the phase TEST, where no stage is set."""
    included, excluded = message.messages("include"), message.messages("exclude")
    return any(map(_is_met, included)) if included else not any(map(_is_met, excluded))


def _is_met(rule: Message) -> bool:
    return rule.text("phase", "TEST") in ("TEST", "1") and not rule.texts("stage") and rule.whole("min_level", 0) <= 0


def _layer(message: Message) -> Layer:
    kind = message.text("type")
    shared = [field.text if isinstance(field, Scalar) else field.text("name") for field in message.all("param")]
    return Layer(
        message.text("name"),
        V1_TYPES.get(kind, kind),
        tuple(message.texts("bottom")),
        tuple(message.texts("top")),
        message,
        message.place,
        ",".join(shared) if any(shared) else "",
    )


def _inputs(source: Source, net: Message, layers: list[Layer]) -> dict[str, tuple[int, ...]]:
    """The blobs that are the network's inputs, and their shapes without the batch."""
    shapes = {}
    flat = net.wholes("input_dim")
    given = [shape.wholes("dim") for shape in net.messages("input_shape")]
    for number, name in enumerate(net.texts("input")):
        shapes[name] = given[number] if number < len(given) else flat[4 * number : 4 * number + 4]
    for layer in layers:
        if layer.type == "Input":
            inner = layer.message.message("input_param").messages("shape")
            for number, top in enumerate(layer.tops):
                shapes[top] = inner[min(number, len(inner) - 1)].wholes("dim") if inner else []
    if not shapes and (data := next((layer for layer in layers if layer.type in DATA), None)):
        message = f"the input of {source.name} is a layer {data.type}, which does not say its shape"
        said = "a deploy.prototxt says it: `input_shape { dim: 1 dim: 3 dim: 224 dim: 224 }`"
        raise fail("bad-prototxt", message, data.place, help=said)
    if not shapes:
        raise Refusal("it has no input")
    for name, dims in shapes.items():
        if not 2 <= len(dims) <= 5 or min(dims) < 1:
            raise Refusal(f"its input {plain(name, 60)} is not a batch and up to four sizes, each at least 1")
    return {name: tuple(dims[1:]) for name, dims in shapes.items()}


def _with_scales(layers: Iterable[Layer]) -> Iterator[Layer]:
    """The layers, where a scale with bias behind a batch normalisation is a part of it."""
    layers = list(layers)
    last_read = {blob: number for number, layer in enumerate(layers) for blob in layer.bottoms}
    skip = False
    for number, layer in enumerate(layers):
        after = layers[number + 1] if number + 1 < len(layers) else None
        if skip:
            skip = False
        elif after is not None and layer.type == "BatchNorm" and _is_scale_of(after, layer, last_read, number):
            skip = True
            weights = ",".join(filter(None, (layer.weights, after.weights)))
            yield layer._replace(tops=after.tops, weights=weights, scaled=True)
        else:
            yield layer


def _is_scale_of(scale: Layer, norm: Layer, last_read: dict[str, int], number: int) -> bool:
    if scale.type != "Scale" or scale.bottoms != norm.tops:
        return False
    message = scale.message.message("scale_param")
    only = scale.tops == scale.bottoms or last_read[scale.bottoms[0]] == number + 1
    return only and message.flag("bias_term", False) and is_by_channel(message)


class _Reading:
    """What each blob holds now; None where the layer that made it was refused."""

    def __init__(self, shown: str, inputs: dict[str, tuple[int, ...]]) -> None:
        self.assembly = Assembly(shown, inputs)
        self.blobs: dict[str, Value | None] = {blob: SOURCE - number for number, blob in enumerate(inputs)}
        #: Blobs that nothing reads yet: the last of them are the network's outputs.
        self.unread: dict[str, None] = {}
        self.owners: dict[str, str] = {}

    def add(self, layer: Layer) -> None:
        """Read a layer."""
        for bottom in layer.bottoms:
            if bottom not in self.blobs:
                message = f"{plain(layer.type, 60)} reads the blob `{plain(bottom, 80)}`, which nothing before it makes"
                raise fail("bad-prototxt", message, layer.place)
        if layer.type in ENDS:
            self.assembly.note(
                f"{layer.type} {ENDS[layer.type]}, which is not counted: the network ends with what it reads"
            )
            self.blobs.update(dict.fromkeys(layer.tops, CONSTANT))
            return
        inputs = [self.blobs[bottom] for bottom in layer.bottoms]
        read = [value for value in inputs if value is not None]
        path = layer.name.replace("/", ".")
        item = Item(layer.type, path, layer.place, _modules(path))
        made = self.assembly.read(item, inputs, lambda: self._made(layer, read))
        for bottom in layer.bottoms:
            self.unread.pop(bottom, None)
        outputs = [None] * len(layer.tops) if made is None else made
        for top, value in zip(layer.tops, outputs, strict=False):
            self.blobs[top] = value
            self.unread.pop(top, None)
            self.unread[top] = None

    def _made(self, layer: Layer, inputs: list[Value]) -> list[Value]:
        rule = RULES.get(layer.type)
        if rule is None:
            raise Refusal("there is no rule for it")
        if not inputs:
            raise Refusal("it reads no blob")
        for name in filter(None, layer.weights.split(",")):
            if self.owners.setdefault(name, layer.weights) != layer.weights:
                raise Refusal("it shares some of its weights, and not all")
        made = rule(self.assembly, layer, inputs)
        outputs = made if isinstance(made, list) else [made]
        if len(outputs) != len(layer.tops):
            raise Refusal(f"it writes {len(layer.tops)} blobs, and {len(outputs)} are read")
        return outputs

    def finish(self, name: str) -> Flat:
        """The network: the last blob that nothing reads is its output, the others are heads."""
        ends = {blob: value for blob in self.unread if isinstance(value := self.blobs[blob], int)}
        return self.assembly.finish(name, ends)


def _modules(path: str) -> tuple[tuple[str, str], ...]:
    """What stands before a name's last slash is a module: `inception_3a/1x1` is in one of the kind `inception`."""
    outer = path.rpartition(".")[0]
    kind = re.sub(r"_?\d+[a-z]?$", "", outer.rpartition(".")[2])
    return ((outer, kind),) if kind else ()
