"""What stands behind a name of the graph while it is translated."""

from __future__ import annotations

from typing import Any, TypeAlias

from archcalc.records import Record

#: The batch among the axes that an axis of a tensor is made of.
BATCH = -1

#: What one axis of a tensor is made of, outermost first: axes of the volume by number, and `BATCH`. Empty for one
#: place that is no axis of the volume.
Axes: TypeAlias = tuple[int, ...]


class Value(Record):
    """An intermediate value: the step that makes it, its volume, and what each axis of the tensor is of that volume.

    A volume has its channels first and no batch; a tensor may have its axes in any order, the batch anywhere, and the
    batch and windows as one axis. So a permutation of axes takes no step. Axes of the volume that no axis of the tensor
    has are of size 1.
    """

    step: int
    dims: tuple[Axes, ...]
    shape: tuple[int, ...]

    @property
    def axes(self) -> Axes:
        """The axes of the volume in the order of the tensor."""
        return tuple(axis for dim in self.dims for axis in dim if axis != BATCH)


class Owned(Record):
    """A parameter, a buffer or a constant of the model, by its path; its axes may have been put in another order."""

    path: str
    kind: str
    sizes: tuple[Any, ...]


class Constant(Record):
    """What is computed of constants and buffers alone: the same whatever the input is; `buffers` are those buffers."""

    sizes: tuple[Any, ...]
    buffers: tuple[Owned, ...] = ()


class Repeated(Record):
    """A parameter that is repeated for each sample."""

    owned: Owned


class Picked(Record):
    """The rows of a table, a parameter, that a constant index picks; its axes may have been put in another order."""

    owned: Owned
    sizes: tuple[Any, ...]


class Noise(Record):
    """The noise of stochastic depth: how often it is not 0; None until that is said."""

    survives: float | None
