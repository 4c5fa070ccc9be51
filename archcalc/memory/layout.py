"""The layout of a tensor: which axes are outermost in memory, and whether it is a slice of something larger.

Sizes of 1 do not count: an axis of one place lies anywhere. Source: the strides of torch 2.14.1, TensorImpl's
`is_contiguous` and `at::detail::computeStride`, which decide when a reshape is a view.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from archcalc.layers.layout import Lies, Move, Needs, channels_last
from archcalc.records import Record
from archcalc.sizes.kinds import Size, agree
from archcalc.sizes.symbols import Undecided
from archcalc.sizes.volume import Volume


class Layout(Record):
    """How a tensor lies.

    `order` are its axes from outermost to innermost. Of the axes in `cut` a larger storage holds more than the tensor,
    those in `strided` skip places. `view` is set for another tensor's view, and `part` for one of several views that
    one operation made.
    """

    order: tuple[int, ...]
    cut: frozenset[int] = frozenset()
    strided: frozenset[int] = frozenset()
    view: bool = False
    part: bool = False

    @property
    def dense(self) -> Layout:
        """The layout of a new tensor like this one."""
        return _laid(self.order)

    @property
    def natural(self) -> bool:
        """Whether it is contiguous, channels first."""
        return not self.cut and not self.strided and self.order == tuple(range(len(self.order)))


@cache
def _laid(order: tuple[int, ...]) -> Layout:
    return Layout(order)


@cache
def first(rank: int) -> Layout:
    """Contiguous, channels first, for so many spatial axes."""
    return _laid(tuple(range(rank + 2)))


@cache
def last(rank: int) -> Layout:
    """Contiguous, channels last."""
    return _laid(channels_last(rank))


def is_one(size: Size) -> bool:
    """Whether an axis has one place only. Undecided where that differs among the values in question."""
    if type(size) is int:
        return size == 1
    verdict = agree(size, 1)
    if verdict is None:
        raise Undecided("whether an axis has one place decides which tensors are stored")
    return verdict


def shape_of(volume: Volume, *, one_sample: bool) -> tuple[Size, ...]:
    """All axes of a batch of such volumes: one sample, or several, however many."""
    return (1 if one_sample else 2, *volume.shape)


def is_last(layout: Layout, shape: Sequence[Size]) -> bool:
    """Whether a map lies channels last, as its strides tell. Source: c10's `is_channels_last_strides_2d`."""
    rank = len(shape) - 2
    if layout.order == first(rank).order:
        return False
    if rank == 1 and not is_whole(layout, shape, first(1).order):
        return False  # a sequence by positions is put in order first
    if layout.order == channels_last(rank):  # its strides tell it even of one position, or of one channel
        return not all(map(is_one, shape[1:]))
    order = _without_ones(layout.order, shape)
    return order != tuple(sorted(order)) and order == _without_ones(channels_last(rank), shape)


def _without_ones(axes: Iterable[int], shape: Sequence[Size]) -> tuple[int, ...]:
    """The axes of more than one place."""
    return tuple(axis for axis in axes if not is_one(shape[axis]))


def merges(layout: Layout, shape: Sequence[Size], axes: tuple[int, ...]) -> bool:
    """Whether these axes lie one after the other, so that a view can take them as one."""
    if layout.natural and axes == tuple(range(axes[0], axes[0] + len(axes))):
        return True
    wanted = _without_ones(axes, shape)
    order = _without_ones(layout.order, shape)
    if not wanted:
        return True
    start = order.index(wanted[0])
    if order[start : start + len(wanted)] != wanted:
        return False
    inner = set(wanted[1:])
    return not (inner & layout.cut) and not (set(wanted[:-1]) & layout.strided)


def fits(layout: Layout, shape: Sequence[Size], needs: Needs) -> bool:
    """Whether an operation works on the tensor as it lies."""
    if needs.whole:
        return is_whole(layout, shape, needs.order)
    groups = (needs.order[: needs.merged], *needs.more)
    return all(merges(layout, shape, group) for group in groups)


def is_whole(layout: Layout, shape: Sequence[Size], order: tuple[int, ...]) -> bool:
    """Whether the tensor is contiguous with its axes in that order."""
    if layout.order == order and not layout.cut and not layout.strided:
        return True
    told = _without_ones(order, shape)
    return merges(layout, shape, order) and not (told and told[-1] in layout.strided)


def laid(lies: Lies, layout: Layout, shape: Sequence[Size], rank: int) -> Layout:
    """The layout of a new tensor with `rank` spatial axes, made from one of that layout and shape."""
    if lies == "alike":
        if len(layout.order) != rank + 2 or (shape and is_whole(layout, shape, first(rank).order)):
            return first(rank)
        return layout.dense
    if lies == "channels last":
        return last(rank)
    if lies == "positions first":
        return _laid((*range(2, rank + 2), 0, 1))
    if lies in ("row", "row with gradient"):
        layout, shape = _one_row(layout), (*shape[:2], 1, *shape[2:])
        return last(1) if is_last(layout, shape) else first(1)
    return last(rank) if lies == "image" and is_last(layout, shape) else first(rank)


def _one_row(layout: Layout) -> Layout:
    """The layout of a sequence seen as an image of one row, whose positions are the last axis."""
    return _divided(layout, (2, 3))


def moved(layout: Layout, moves: Iterable[Move]) -> Layout:
    """The layout of a view."""
    for move in moves:
        layout = _moved(layout, move)
    return layout._replace(view=True)


def _moved(layout: Layout, move: Move) -> Layout:
    axes = move.axes
    if move.kind == "permute":
        return _renumbered(layout, {old: new for new, old in enumerate(axes)})
    if move.kind == "narrow":
        return layout._replace(cut=layout.cut | set(axes))
    if move.kind == "stride":
        return layout._replace(cut=layout.cut | set(axes), strided=layout.strided | set(axes))
    if move.kind == "every":
        return layout._replace(strided=layout.strided | set(axes))
    if move.kind == "part":
        return layout._replace(cut=layout.cut | set(axes), part=True)
    if move.kind == "take":
        [gone] = axes
        inner = layout.order[layout.order.index(gone) + 1 :][:1]
        left = [axis for axis in sorted(layout.order) if axis != gone]
        return _renumbered(layout._replace(cut=layout.cut | set(inner)), {old: new for new, old in enumerate(left)})
    if move.kind == "divide":
        return _divided(layout, axes)
    # The merged axes become the first of them.
    head = axes[0]
    left = [axis for axis in sorted(layout.order) if axis not in axes[1:]]
    outermost = next(axis for axis in layout.order if axis in axes)
    cut = layout.cut | ({head} if outermost in layout.cut else set())
    return _renumbered(layout._replace(cut=cut), {old: new for new, old in enumerate(left)})


def _divided(layout: Layout, axes: tuple[int, ...]) -> Layout:
    """The first of the axes becomes all of them, which are numbered from there: it is cut where the outermost of them
    is, and skips places where the innermost does."""
    head, more = axes[0], len(axes) - 1
    order = [axis + more if axis > head else axis for axis in layout.order]
    at = order.index(head)
    order[at : at + 1] = axes
    cut = frozenset(axis + more if axis > head else axis for axis in layout.cut)
    strided = frozenset(axis + more if axis >= head else axis for axis in layout.strided)
    return Layout(tuple(order), cut, strided)


def _renumbered(layout: Layout, numbers: dict[int, int]) -> Layout:
    """The axes under new numbers; those without one go."""
    return layout._replace(
        order=tuple(numbers[axis] for axis in layout.order if axis in numbers),
        cut=frozenset(numbers[axis] for axis in layout.cut if axis in numbers),
        strided=frozenset(numbers[axis] for axis in layout.strided if axis in numbers),
    )


def unmoved(layout: Layout, moves: Sequence[Move], rank: int) -> Layout:
    """The layout of a view's gradient seen as the tensor that the view is of, which has `rank` spatial axes.

    Gradients of slices are new tensors, laid out by `laid`; here they keep their order.
    """
    for move in reversed(moves):
        axes = move.axes
        if move.kind == "permute":
            layout = _renumbered(layout, dict(enumerate(axes)))
        elif move.kind == "merge":
            layout = _divided(layout, axes)
        elif move.kind == "divide":
            layout = _moved(layout, Move("merge", axes))
        elif move.kind == "take":
            layout = first(rank)
    return layout._replace(view=False, part=False)
