"""What moves values and computes nothing."""

from __future__ import annotations

from archcalc.exchange.writers.onnx.graph import Site, Unwritten, Value
from archcalc.exchange.writers.onnx.layers.registry import written


@written
def flatten(site: Site) -> Value:
    return site.made(site.node("Flatten", site.first(), axis=1))


@written
def reshape(site: Site) -> Value:
    return site.made(site.node("Reshape", site.first(), site.numbers(0, *site.output.shape)))


@written
def tokens(site: Site) -> Value:
    return site.made(site.node("Reshape", site.first(), site.numbers(0, *site.output.shape)))


@written
def transpose(site: Site) -> Value:
    order = [0, *(axis + 1 for axis in site["order"])]
    return site.made(site.node("Transpose", site.first(), perm=order))


@written
def select_token(site: Site) -> Value:
    index = site.numbers(site["index"], scalar=True)
    return site.made(site.node("Gather", site.by_position(), index, axis=1))


@written
def class_token(site: Site) -> Value:
    """The tokens, repeated for each sample, in front of the sequence."""
    sequence = site.by_position()
    token = site.weight("weight", 1, site["count"], site.channels)
    batch = site.node("Shape", sequence, start=0, end=1)
    sizes = site.node("Concat", batch, site.numbers(1, 1), axis=0)
    return site.made(site.node("Concat", site.node("Expand", token, sizes), sequence, axis=1), last=True)


def _part(site: Site, *parts: tuple[int, int, int, int]) -> Value:
    """Parts along axes of the first input: axis, first position, the position behind the last, step."""
    axes, starts, ends, steps = zip(*parts, strict=True)
    bounds = (starts, ends, [site.axis(axis) for axis in axes], steps)
    return site.like(site.node("Slice", site.inputs[0].name, *(site.numbers(*each) for each in bounds)))


@written
def split(site: Site) -> Value:
    width = site.channels // site["parts"]
    return _part(site, (0, site["part"] * width, (site["part"] + 1) * width, 1))


@written
def select(site: Site) -> Value:
    return _part(site, (0, site["start"], site["start"] + site["count"], 1))


@written
def slice(site: Site) -> Value:  # noqa: A001  the layer's name
    axis, start, step = site["axis"], site["start"], site["step"]
    taken = site.output.shape[axis]
    return _part(site, (axis, start, start + (taken - 1) * step + 1, step))


@written
def subsample(site: Site) -> Value:
    axes = enumerate(zip(site.volume.space, site["stride"], strict=True), 1)
    return _part(site, *((axis, 0, size, stride) for axis, (size, stride) in axes))


@written
def crop(site: Site) -> Value:
    """Of an odd number of positions that are taken off to leave a number, the larger half is at the end."""
    sides = site["size"]
    if sides is None:
        off = [before - after for before, after in zip(site.volume.space, site.output.space, strict=True)]
        sides = [(each // 2, each - each // 2) for each in off]
    axes = enumerate(zip(site.volume.space, sides, strict=True), 1)
    return _part(site, *((axis, before, size - after, 1) for axis, (size, (before, after)) in axes))


@written
def pad(site: Site) -> Value:
    words = {"zero": "constant", "reflect": "reflect", "replicate": "edge"}
    if site["mode"] not in words:
        raise Unwritten(f"pad with the mode {site['mode']}")
    sides = [(0, 0), (0, 0), *site["size"]]
    sizes = site.numbers(*(before for before, _ in sides), *(after for _, after in sides))
    return site.made(site.node("Pad", site.first(), sizes, mode=words[site["mode"]]))


@written
def pad_channels(site: Site) -> Value:
    more = site.output.channels - site.channels
    sizes = site.numbers(*[0] * (site.rank + 2), 0, more, *[0] * site.rank)
    return site.made(site.node("Pad", site.first(), sizes))


@written
def channel_shuffle(site: Site) -> Value:
    groups, space = site["groups"], site.volume.space
    grouped = site.node("Reshape", site.first(), site.numbers(0, groups, site.channels // groups, *space))
    turned = site.node("Transpose", grouped, perm=[0, 2, 1, *range(3, site.rank + 3)])
    return site.made(site.node("Reshape", turned, site.numbers(0, *site.output.shape)))


@written
def pixel_shuffle(site: Site) -> Value:
    if site.rank != 2:
        raise Unwritten("pixel_shuffle of other than images")
    return site.made(site.node("DepthToSpace", site.first(), blocksize=site["scale"], mode="CRD"))


@written
def upsample(site: Site) -> Value:
    """`axes` leaves batch and channels as they are."""
    wanted, axes = site.numbers(*site.output.space), list(range(2, site.rank + 2))
    smooth = {"antialias": 1} if site["antialias"] else {}
    return site.made(site.node("Resize", site.first(), "", "", wanted, axes=axes, mode=site["mode"], **smooth))


@written
def matmul(site: Site) -> Value:
    second = site.by_position(1)
    if site["transposed"]:
        rank = site.inputs[1].volume.rank + 2
        second = site.node("Transpose", second, perm=[*range(rank - 2), rank - 1, rank - 2])
    return site.made(site.node("MatMul", site.by_position(0), second), last=True)
