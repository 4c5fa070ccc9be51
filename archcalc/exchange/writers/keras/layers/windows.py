"""The padding of windows that slide: Keras has none, or as much as a size needs with the odd one after."""

from __future__ import annotations

from typing import Any

from archcalc.exchange.code.layers import Setting, Site
from archcalc.exchange.code.text import simple
from archcalc.layers.windows import extents, same_padding, sides_of
from archcalc.records import Record


class Padding(Record):
    """Padding by the word that a layer takes, or of so much on the sides of each axis before it."""

    word: str
    sides: Any


def extent_of(site: Site) -> tuple[int, ...]:
    """How far the window reaches along each axis."""
    kernel: tuple[int, ...] = site["kernel"]
    return extents(kernel, site.attributes.get("dilation", (1,) * site.rank))


def stride_of(site: Site) -> tuple[int, ...]:
    """The steps of the window along each axis."""
    stride: tuple[int, ...] | None = site["stride"]
    return site["kernel"] if stride is None else stride


def reach(site: Site) -> Any:
    """What the window sees beyond the sides of each axis: what a ceiling adds is after."""
    extent, stride = extent_of(site), stride_of(site)
    sides = sides_of(site.inputs[0], extent, stride, site["padding"])
    if not site.attributes.get("ceil_mode"):
        return tuple((int(before), int(after)) for before, after in sides)
    found = []
    for size, out, e, s, (before, after) in zip(
        site.inputs[0].space, site.output.space, extent, stride, sides, strict=True
    ):
        found.append((before, max(after, (out - 1) * s + e - size - before)))
    return tuple(found)


def is_same(site: Site) -> bool:
    """Whether Keras's "same" is just the padding, for this size of the input."""
    return bool(reach(site) == same_padding(site.inputs[0].space, extent_of(site), stride_of(site)))


def _is_always_same(site: Site) -> bool:
    """Whether it is for every size: with a stride, how much "same" pads follows from the size."""
    return is_same(site) and (site["padding"] == "same" or set(stride_of(site)) == {1})


def _sees_no_sides(site: Site) -> bool:
    """Whether the window stays in its input."""
    return not any(map(any, reach(site)))


def padding(site: Site) -> Padding:
    """The padding of a window, in one way in all calls of a block: by a word if a word says it everywhere."""
    if site.alike.all(_sees_no_sides):
        return Padding("valid", ())
    if site.alike.all(_is_always_same):
        return Padding("same", ())
    return Padding("valid", reach(site))


def amounts(sides: Any) -> Any:
    """Amounts on the sides of each axis as Keras's layers take them: one, one an axis, or two an axis."""
    if all(before == after for before, after in sides):
        return simple([before for before, _ in sides])
    return tuple(sides[0]) if len(sides) == 1 else tuple(map(tuple, sides))


def zeros(site: Site, sides: Any) -> tuple[str, Setting]:
    """Zeros on the sides of each axis, and how many."""
    return f"layers.ZeroPadding{site.rank}D({{amounts}}, name={{n_pad}})({{0}})", Setting("amounts", amounts(sides))
