"""The arithmetic of a window that slides along an axis, shared by convolutions and pooling."""

from __future__ import annotations

from typing import Any

from archcalc.layers.outcome import Window
from archcalc.sizes.conditions import Condition, at_least
from archcalc.sizes.kinds import Size, ceil_div, certainly_equal, maximum, minimum
from archcalc.sizes.volume import Volume


def extents(kernel: tuple[Size, ...], dilation: tuple[Size, ...]) -> tuple[Size, ...]:
    """How far each kernel reaches: `dilation * (kernel - 1) + 1`."""
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))


def same_padding(space: tuple[Size, ...], extent: tuple[Size, ...], stride: tuple[Size, ...]) -> Any:
    """Padding under which a window gives `ceil(size / stride)` positions; the odd one goes after.

    Source: TensorFlow's SAME, of which PyTorch's padding="same" is the case of stride 1.
    """
    sides = []
    for size, e, s in zip(space, extent, stride, strict=True):
        needed = e - 1 if certainly_equal(s, 1) else maximum((ceil_div(size, s) - 1) * s + e - size, 0)
        sides.append((needed // 2, needed - needed // 2))
    return tuple(sides)


def sides_of(x: Volume, extent: tuple[Size, ...], stride: tuple[Size, ...], padding: Any) -> Any:
    """What is added before and after along each axis, "same" worked out."""
    return same_padding(x.space, extent, stride) if padding == "same" else padding


def is_even(sides: Any) -> bool:
    """Whether the same is added on both sides of every axis, whatever the sizes are."""
    return all(certainly_equal(before, after) for before, after in sides)


def slide(
    x: Volume, extent: tuple[Size, ...], stride: tuple[Size, ...], padding: Any, *, ceil_mode: bool = False
) -> tuple[tuple[Size, ...], tuple[Window, ...], tuple[Condition, ...]]:
    """Output space, windows and conditions of a window sliding over the input's space.

    `(size - extent + before + after) // stride + 1`. In ceil mode the last window may reach past the end but must
    start inside the input or its front padding, as in Caffe and PyTorch: the smaller of the two floors, whose
    numerators differ by `after + stride - extent`. Of padding that differs between the sides of an axis, all is input.
    """
    sides = sides_of(x, extent, stride, padding)
    # Uneven sides are padded first, by an operation of their own: to the window they are part of the input.
    inside = ceil_mode and not is_even(sides)
    space, windows, conditions = [], [], []
    for size, e, s, (before, after) in zip(x.space, extent, stride, sides, strict=True):
        if inside:
            space.append((size + before + after - 1 + minimum(s - e, 0)) // s + 1)
        elif ceil_mode:
            space.append((size + before - 1 + minimum(after + s - e, 0)) // s + 1)
        elif padding == "same":
            space.append(ceil_div(size, s))
        else:
            space.append((size - e + before + after) // s + 1)
        windows.append(Window(0 - before, e - 1 - before, s))
        if padding != "same":
            message = "the kernel must fit into the padded input"
            beyond = s - 1 if ceil_mode else 0  # how far past the end a window may reach
            conditions.append(at_least("kernel-fits", size + before + after + beyond, e, message, "kernel"))
    return tuple(space), tuple(windows), tuple(conditions)
