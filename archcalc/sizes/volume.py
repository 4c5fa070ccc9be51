"""The volume: what flows between layers, for one sample."""

from __future__ import annotations

from archcalc.records import Record
from archcalc.sizes.kinds import Size, is_concrete, product

#: A volume has at the most so many axes beside its channels: windows in two directions, heads, and positions in two.
MAX_RANK = 6


#: The spatial axes by name, for a sequence, a map and a video.
AXIS_NAMES: dict[int, tuple[str, ...]] = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def axis_names(rank: int) -> tuple[str, ...]:
    """What so many spatial axes are called; numbers, counted from 0 (the channels), where they have no names."""
    return AXIS_NAMES.get(rank) or tuple(f"axis {number}" for number in range(1, rank + 1))


class Volume(Record):
    """A tensor of one sample, channels first: `Volume(96, (55, 55))` is the lecture's 55x55x96.

    `space` holds the spatial axes (height, width for an image; length for a sequence) and is empty for a vector. Where
    positions are divided into windows or channels into heads, those are axes of it too, before the positions.
    """

    channels: Size
    space: tuple[Size, ...] = ()

    @property
    def rank(self) -> int:
        """How many spatial axes there are."""
        return len(self.space)

    @property
    def positions(self) -> Size:
        """Spatial positions: 1 for a vector."""
        return product(self.space)

    @property
    def elements(self) -> Size:
        """Numbers in it."""
        return self.channels * product(self.space)

    @property
    def shape(self) -> tuple[Size, ...]:
        """Channels first, as in specs and JSON: `[96, 55, 55]`."""
        return (self.channels, *self.space)

    def __str__(self) -> str:
        """Channels last, as the lecture and the papers write it: `55x55x96`."""
        return "x".join(str(size) for size in (*self.space, self.channels))


#: How many channels an image has: grey, colour, colour with transparency.
_OF_IMAGES = frozenset({1, 3, 4})


def said_channels_last(volume: Volume) -> str | None:
    """What to say of the input of a network whose sizes are most likely an image's with its channels last; None for
    any other, and for sizes that are not numbers."""
    if volume.rank != 2 or not all(is_concrete(size) for size in volume.shape):
        return None
    height, width, channels = volume.shape
    if channels not in _OF_IMAGES or min(height, width) <= max(_OF_IMAGES):
        return None
    image = Volume(channels, (height, width))
    return (
        f"[{height}, {width}, {channels}] is {height} channels of {width}x{channels} positions: channels come first, "
        f"and {image} is written [{channels}, {height}, {width}]"
    )
