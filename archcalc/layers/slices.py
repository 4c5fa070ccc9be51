"""Slices of a tensor, one after the other, and the gradient that they are spread over again."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.layers.outcome import Step, Tensor
from archcalc.sizes.kinds import Size, product
from archcalc.sizes.volume import Volume


def unsliced(
    x: Volume, space: Sequence[Size], axes: Sequence[int], made: str = "gradient of input"
) -> tuple[Step, ...]:
    """Slices of several axes of `x` down to `space`, undone from the last to the first: each gradient is a tensor of
    the size before its slice, zero outside it. Source: derivatives.yaml, slice."""
    whole = list(x.space)
    steps: list[Step] = []
    for number, axis in enumerate(axes):
        name = made if number == 0 else f"gradient before axis {axis}"
        read = "gradient" if number == len(axes) - 1 else f"gradient before axis {axes[number + 1]}"
        steps.append(Step("slice_backward", (read,), (Tensor(name, x.channels * product(whole)),)))
        whole[axis] = space[axis]
    return tuple(reversed(steps))
