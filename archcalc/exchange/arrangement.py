"""Values brought into the form that a layer wants: axes put in order, made one, or divided, in as few steps as can be.

A permutation costs nothing until a layer needs its axes in order. A reshape becomes a step where axes become one or are
divided; where the batch and windows become one axis it does not, since a volume has no batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import TYPE_CHECKING, TypeAlias

from archcalc.exchange.operations.registry import Refusal
from archcalc.exchange.values import BATCH, Axes, Value
from archcalc.records import Record

if TYPE_CHECKING:
    from archcalc.exchange.translate import Translation

#: Axes of a volume that become one; none for an axis of size 1 that is new.
Group: TypeAlias = tuple[int, ...]


def arranged(t: Translation, value: Value, groups: Sequence[Group]) -> Value:
    """The value with a volume whose axes are those groups, in that order; each axis of the tensor in one group."""
    order = [axis for group in groups for axis in group]
    if order == list(range(len(value.shape))) and len(groups) == len(order):
        return value
    wanted = tuple(prod(value.shape[axis] for axis in group) for group in groups) or (1,)
    step, shape, present = value.step, value.shape, sorted(order)
    if order != present:
        if len(present) != len(shape):
            kept = tuple(shape[axis] for axis in present)
            step, shape = reshaped(t, step, shape, kept), kept
        step, shape = transposed(t, step, shape, tuple(map(present.index, order)))
    if shape != wanted:
        step = reshaped(t, step, shape, wanted)
    numbers = {axis: number for number, group in enumerate(groups) for axis in group}
    return Value(step, tuple(_renumbered(dim, numbers) for dim in value.dims), wanted)


def transposed(
    t: Translation, step: int, shape: tuple[int, ...], order: tuple[int, ...]
) -> tuple[int, tuple[int, ...]]:
    """A step that puts a volume's axes in another order, and the shape that they have then."""
    made = t.step("transpose", {"order": order}, (step,))
    after = tuple(shape[axis] for axis in order)
    t.note(made, after)
    return made, after


def _renumbered(dim: Axes, numbers: dict[int, int]) -> Axes:
    """What an axis of a tensor is made of, under new numbers; axes that became one are named once."""
    return tuple(dict.fromkeys(BATCH if axis == BATCH else numbers[axis] for axis in dim))


def reshaped(
    t: Translation, step: int, before: tuple[int, ...], after: tuple[int, ...], *, channels_last: bool = False
) -> int:
    """A step that brings a volume into another shape, by the plainest layer that does."""
    if len(after) == 1 and not channels_last:
        made = t.step("flatten", {}, (step,))
    elif 2 < len(before) <= 4 and len(after) == 2 and after[0] == before[0] and 1 not in before[1:]:
        made = t.step("tokens", {}, (step,))
    else:
        made = t.step("reshape", {"shape": after, **({"channels": "last"} if channels_last else {})}, (step,))
    t.note(made, after)
    return made


def by_channels(t: Translation, value: Value, dim: int = -1) -> Value:
    """The value with that axis of the tensor as its channels, and all others in the tensor's order."""
    dim %= len(value.dims)
    channels = value.dims[dim]
    if BATCH in channels:
        raise Refusal("it works along the batch")
    rest = [(axis,) for number, each in enumerate(value.dims) if number != dim for axis in each if axis != BATCH]
    made = arranged(t, value, (channels, *rest))
    dims = list(made.dims)
    dims[dim] = (0,)
    return made._replace(dims=tuple(dims))


def by_heads(t: Translation, value: Value) -> Value:
    """The value with the last axis of the tensor as its channels, and the two before it as its last axes, one each."""
    *rest, heads, rows, channels = value.dims
    others = [(axis,) for dim in rest for axis in dim if axis != BATCH]
    made = arranged(t, value, (channels, *others, heads, rows))
    last = len(others) + 1
    return made._replace(dims=(*made.dims[:-3], (last,), (last + 1,), (0,)))


def as_image(t: Translation, value: Value) -> Value:
    """The value as a batch of volumes, or one for all samples, channels first: each further axis of the tensor is one
    of the volume."""
    made, more = as_images(t, value)
    if more:
        raise Refusal("its first axis is not the batch alone")
    return made


def as_images(t: Translation, value: Value) -> tuple[Value, int]:
    """The value as a batch of volumes, or as one for all samples; what is one axis with the batch, such as windows or
    heads, are the first axes of the volume behind its channels, and their number."""
    if len(value.dims) < 2 or value.dims[0][:1] not in ((BATCH,), ()):
        raise Refusal("its first axis does not begin with the batch")
    channels, *space = value.dims[1:]
    batch, within = value.dims[0][:1], value.dims[0][1:]
    made = arranged(t, value, (channels, *((axis,) for axis in within), *space))
    more = len(within)
    dims = ((*batch, *range(1, more + 1)), (0,), *((more + number,) for number in range(1, len(space) + 1)))
    return made._replace(dims=dims), more


def axis_of(value: Value, dim: int) -> int:
    """The axis of the volume that an axis of the tensor is; Refusal if it is the batch."""
    axes = value.dims[dim % len(value.dims)]
    if BATCH in axes:
        raise Refusal("it works along the batch")
    if len(axes) != 1:
        raise Refusal("it works along an axis of size 1 alone")
    return axes[0]


def with_axis(t: Translation, value: Value, dim: int) -> Value:
    """The value, in which that axis of the tensor, of size 1, is one of the volume."""
    dim %= len(value.dims)
    if value.dims[dim]:
        return value
    groups: list[Group] = [(axis,) for axis in range(len(value.shape)) if axis in value.axes]
    made = arranged(t, value, (*groups, ()))
    dims = list(made.dims)
    dims[dim] = (len(groups),)
    return made._replace(dims=tuple(dims))


# --- several values


class Conformed(Record):
    """Values whose volumes meet as a layer wants them, and what the result's axes are of the volume that they make."""

    steps: tuple[int, ...]
    dims: tuple[Axes, ...]


def conformed(t: Translation, values: Sequence[Value], new: int | None = None) -> Conformed:
    """Values that are joined: their tensors' axes meet from the last on, and one that lacks an axis is repeated. An
    axis of that number, counted from the last (-1), is made where none has it."""
    count = max(len(value.dims) for value in values)
    padded = [((),) * (count - len(value.dims)) + value.dims for value in values]
    parts: list[tuple[int, int]] = []
    dims: list[list[tuple[int, int] | int]] = []
    for dim in range(count):
        there = [each[dim] for each in padded]
        widest = max(there, key=len)
        own = len([axis for axis in widest if axis != BATCH])
        for axes in there:
            if axes and len([axis for axis in axes if axis != BATCH]) not in (0, own):
                raise Refusal("the axes of the two are divided in different ways")
        if not own and new is not None and dim == count + new:
            parts.append((dim, 0))
            dims.append([(dim, 0)])
            continue
        numbered = iter(range(own))
        dims.append([BATCH if axis == BATCH else (dim, next(numbered)) for axis in widest])
        parts += [(dim, number) for number in range(own)]
    known_axes = [_axes_of_parts(each, parts) for each in padded]
    first = max(known_axes, key=len)
    order = sorted((part for part in parts if part in first), key=lambda part: first[part])
    missing = [part for part in parts if part not in first]
    order = order + missing if order else missing[-1:] + missing[:-1]
    steps = []
    for value, known in zip(values, known_axes, strict=True):
        groups: list[Group] = [(known[part],) if part in known else () for part in order]
        while len(groups) > 1 and not groups[1]:  # what it lacks in front of its positions is repeated anyway
            if value.shape and new is not None:
                break
            del groups[1]
        steps.append(arranged(t, value, groups).step if order else value.step)
    numbers = {part: number for number, part in enumerate(order)}
    made = tuple(tuple(BATCH if part == BATCH else numbers[part] for part in dim) for dim in dims)  # type: ignore[index]
    return Conformed(tuple(steps), made)


def _axes_of_parts(dims: tuple[Axes, ...], parts: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """The axis of a value's volume for each part of the common tensor that it has."""
    found = {}
    for dim, number in parts:
        own = [axis for axis in dims[dim] if axis != BATCH]
        if number < len(own):
            found[dim, number] = own[number]
    return found


# --- other shapes


class _Piece(Record):
    """A part of an axis: the number of the axis, which part of it from the outside, and its size."""

    axis: int
    number: int
    size: int


def regrouped(t: Translation, value: Value, sizes: tuple[int, ...], *, copied: bool) -> Value:
    """The value's tensor in another shape. `copied` says that the framework copies it."""
    found = _pieces(t, value, sizes)
    if found is None:  # axes become one and are divided otherwise
        whole = prod(sizes) // t.batch
        one = regrouped(t, value, (t.batch, whole), copied=copied)
        found = _pieces(t, one, sizes)
        if found is None:
            raise Refusal("it divides the batch")
        value = one
    groups = [tuple(piece for piece in group if piece.axis != BATCH) for group in found]
    divided: dict[int, list[_Piece]] = {}
    for piece in sorted(piece for group in groups for piece in group):
        divided.setdefault(piece.axis, []).append(piece)
    if any(len(group) > 1 for group in groups) or any(len(pieces) > 1 for pieces in divided.values()):
        made = (
            _by_heads(t, value, groups, divided)
            or _repeated_heads(t, value, groups)
            or _reshaped(t, value, groups, divided, copied=copied)
        )
        shape, numbers, step = made
    else:
        shape, step = value.shape, value.step
        numbers = {pieces[0]: axis for axis, pieces in divided.items()}
    dims = tuple(
        tuple(dict.fromkeys(BATCH if piece.axis == BATCH else numbers[piece] for piece in group)) for group in found
    )
    return Value(step, dims, shape)


def _pieces(t: Translation, value: Value, sizes: tuple[int, ...]) -> list[list[_Piece]] | None:
    """For each axis of the new tensor the parts of axes that it is made of; None where an axis would have to be
    divided in a way that does not come out."""
    axes = [axis for dim in value.dims for axis in dim]
    found: list[list[_Piece]] = []
    rest, number, at = 0, 0, -1

    def size_of(axis: int) -> int:
        return t.batch if axis == BATCH else value.shape[axis]

    for need in sizes:
        group: list[_Piece] = []
        if need == 1 and rest in (0, 1) and at + 1 < len(axes) and size_of(axes[at + 1]) == 1:
            at, rest, number = at + 1, 1, 0
            group.append(_Piece(axes[at], 0, 1))
        while need > 1:
            if rest in (0, 1):
                at, number = at + 1, 0
                if at == len(axes):
                    raise Refusal("it has another number of values than its input")
                rest = size_of(axes[at])
                if rest == 1:
                    group.append(_Piece(axes[at], 0, 1))
                    continue
            taken = need if rest % need == 0 else rest if need % rest == 0 else 0
            if not taken or (axes[at] == BATCH and taken != rest):
                return None
            group.append(_Piece(axes[at], number, taken))
            rest, need, number = rest // taken, need // taken, number + 1
        found.append(group)
    left = axes[at + 1 :]
    if rest > 1 or any(size_of(axis) != 1 for axis in left):
        raise Refusal("it has another number of values than its input")
    if found:
        found[-1] += [_Piece(axis, 0, 1) for axis in left]
    return found


_Made: TypeAlias = tuple[tuple[int, ...], dict[_Piece, int], int]


def _by_heads(
    t: Translation, value: Value, groups: list[tuple[_Piece, ...]], divided: dict[int, list[_Piece]]
) -> _Made | None:
    """The channels of a sequence shared out to heads, by the layer that does it; None where it is something else."""
    parts = divided.get(0, [])
    others = [axis for axis, pieces in divided.items() if axis and len(pieces) > 1]
    rank = len(value.shape) - 1
    plain = value.axes[-2:] == (rank, 0) and len(value.axes) == rank + 1
    fixed = not any(BATCH in dim for dim in value.dims)
    if len(parts) < 2 or others or not rank or not plain or fixed or any(len(group) > 1 for group in groups):
        return None
    *heads, width = [piece.size for piece in parts]
    *rest, positions = value.shape[1:]
    step = t.step("split_heads", {"heads": prod(heads)}, (value.step,))
    t.note(step, (width, *rest, prod(heads), positions))
    shape = (width, *rest, *heads, positions)
    if len(heads) > 1:
        step = t.step("reshape", {"shape": shape}, (step,))
        t.note(step, shape)
    numbers = {parts[-1]: 0, **{piece: len(rest) + 1 + number for number, piece in enumerate(parts[:-1])}}
    for axis, pieces in divided.items():
        if axis:
            numbers[pieces[0]] = axis if axis <= len(rest) else axis + len(heads)
    return shape, numbers, step


def _repeated_heads(t: Translation, value: Value, groups: list[tuple[_Piece, ...]]) -> _Made | None:
    """Heads, each of which is there several times, as one axis; None where it is something else."""
    if value.step not in t.expanded:
        return None
    origin, axis = t.expanded[value.step]
    heads = len(origin.shape) - 2
    whole = all(piece.size == value.shape[piece.axis] for group in groups for piece in group)
    joined = [[piece.axis for piece in group] for group in groups if len(group) > 1]
    if not whole or heads < 1 or axis != len(origin.shape) or joined != [[heads, axis]]:
        return None
    step = t.step("repeat_heads", {"times": value.shape[axis]}, (origin.step,))
    shape = (*origin.shape[:heads], origin.shape[heads] * value.shape[axis], origin.shape[-1])
    t.note(step, shape)
    return shape, {piece: heads if piece.axis == axis else piece.axis for group in groups for piece in group}, step


def _reshaped(
    t: Translation,
    value: Value,
    groups: list[tuple[_Piece, ...]],
    divided: dict[int, list[_Piece]],
    *,
    copied: bool,
) -> _Made:
    """Axes divided, put in order, and made one."""
    pieces = [piece for axis in range(len(value.shape)) for piece in divided.get(axis, ())]
    groups = [group for group in groups if group]
    last = False
    if copied and len(groups) > 1 and pieces[0] in groups[-1]:
        ordered, last = [groups[-1], *groups[:-1]], True
    elif copied:
        ordered = groups
    else:
        ordered = sorted(groups, key=lambda group: min(map(pieces.index, group)))
    shape = tuple(prod(piece.size for piece in group) for group in ordered)
    numbers = {piece: number for number, group in enumerate(ordered) for piece in group}
    special = _special(t, value, ordered, shape, pieces) if last else None
    if special is not None:
        t.note(special, shape)
        return shape, numbers, special
    step = value.step
    wanted = [piece for group in ordered for piece in group]
    before = value.shape
    if wanted != pieces:
        sizes = tuple(piece.size for piece in pieces)
        if sizes != before:
            step, before = reshaped(t, step, before, sizes), sizes
            t.divided[step] = (value, pieces)
        step, before = transposed(t, step, before, tuple(map(pieces.index, wanted)))
    if before != shape:
        from_pieces = step
        step = reshaped(t, step, before, shape, channels_last=last and any(len(group) > 1 for group in groups))
        if wanted == pieces and from_pieces == value.step:
            t.divided[step] = (value, pieces)
    return shape, numbers, step


def _special(
    t: Translation, value: Value, ordered: list[tuple[_Piece, ...]], shape: tuple[int, ...], pieces: list[_Piece]
) -> int | None:
    """Heads, or windows, that become one axis, by the layer that does it: their channels stay innermost."""
    axes = [[piece.axis for piece in group] for group in ordered]
    rank = len(value.shape) - 1
    whole = len(pieces) == len(value.shape)
    if whole and rank > 1 and axes == [[rank - 1, 0], *([axis] for axis in range(1, rank - 1)), [rank]]:
        return t.step("merge_heads", {}, (value.step,))
    source = t.divided.get(value.step)
    if source is None or axes[0] != [0] or not whole:
        return None
    origin, parts = source
    if len(parts) != len(value.shape) or parts[0].axis != 0 or parts[0].size != origin.shape[0]:
        return None
    named = [[parts[axis][:2] for axis in group] for group in axes[1:]]
    spatial = range(1, len(origin.shape))
    halves = all(len([piece for piece in parts if piece.axis == axis]) == 2 for axis in spatial)
    if not halves or named != [[(axis, number) for axis in spatial] for number in (0, 1)]:
        return None
    # The windows of a map and the map of windows are the same permutation; what was divided before is put together.
    if t.windows.get(origin.shape[1:]) == shape[1:]:
        return t.step("window_reverse", {"size": shape[1:]}, (origin.step,))
    sizes = tuple(parts[axis].size for axis in axes[2])
    t.windows[shape[1:]] = origin.shape[1:]
    return t.step("window_partition", {"window": sizes[0] if len(set(sizes)) == 1 else sizes}, (origin.step,))


def is_view(sizes: Sequence[int], strides: Sequence[int], after: Sequence[int]) -> bool:
    """Whether a tensor of these sizes and strides has another shape without a copy. Source: torch, computeStride."""
    chunks: list[int] = []  # sizes of stretches of axes that lie one after the other
    inner: int | None = None
    for size, stride in reversed(list(zip(sizes, strides, strict=True))):
        if size == 1:
            continue
        if inner is not None and stride == inner:
            chunks[-1] *= size
        else:
            chunks.append(size)
        inner = stride * size
    need = iter(reversed([size for size in after if size != 1]))
    for chunk in chunks:
        taken = 1
        while taken < chunk:
            taken *= next(need, chunk + 1)
        if taken != chunk:
            return False
    return True
