"""Operations along axes: sums, means, maxima and norms over them, parts of them, and the product of two streams."""

from collections.abc import Mapping
from typing import Any, Literal

from archcalc.layers.attributes import Count, Integer, OneAxis, OptionalPositive, Positive, Sizes, SomeAxes, Switch
from archcalc.layers.broadcast import broadcast, operands
from archcalc.layers.layout import Move, Needs, channels_last
from archcalc.layers.outcome import (
    EVERYTHING,
    WEIGHTS,
    Composition,
    Outcome,
    Saved,
    Step,
    Tensor,
    Window,
    gradients_of,
    one_node,
    operations,
    saves,
)
from archcalc.layers.registry import Form, layer
from archcalc.sizes.conditions import at_least, at_most, equal
from archcalc.sizes.kinds import Size, ceil_div, certainly_equal
from archcalc.sizes.volume import Volume

_OF_INPUT = "gradient of input"


def _reduced(x: Volume, over: tuple[int, ...], keep: bool) -> Volume:
    """One value for all along some axes: spatial axes go, unless they are kept as 1; the channels become 1."""
    channels = 1 if 0 in over else x.channels
    space = tuple(1 if axis in over else n for axis, n in enumerate(x.space, 1) if keep or axis not in over)
    return Volume(channels, space)


def _sees(over: tuple[int, ...]) -> tuple[Window, ...] | None:
    """What an operation along axes sees: along the channels alone, each position by itself."""
    return () if over == (0,) else EVERYTHING


def _keeps(x: Volume, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The channels stay as 1 either way."""
    return {"keep": attributes["keep"] and attributes["over"] != (0,)}


@layer(resolve=_keeps)
def reduce_mean(x: Volume, *, over: SomeAxes, keep: Switch = False) -> Outcome:
    """The mean over some axes. Spatial axes go, or stay as 1 with `keep: true`; the channels stay as 1.

    Operations: an addition per value after the first of each mean, and a division per mean.
    Saved for backward: nothing.
    Source: torch.mean; derivatives.yaml, mean.
    """
    output = _reduced(x, over, keep)
    n, out = x.elements, output.elements
    return Outcome(
        output,
        operations=operations("elementwise", add=n - out, divide=out),
        windows=_sees(over),
        composition=Composition(backward=(Step("div", ("gradient",), (Tensor(_OF_INPUT, n),)),)),
    )


@layer(resolve=_keeps)
def reduce_sum(x: Volume, *, over: SomeAxes, keep: Switch = False) -> Outcome:
    """The sum over some axes. Spatial axes go, or stay as 1 with `keep: true`; the channels stay as 1.

    Operations: an addition per value after the first of each sum.
    Saved for backward: nothing.
    Source: torch.sum; derivatives.yaml, sum.
    """
    output = _reduced(x, over, keep)
    return Outcome(
        output,
        operations=operations("elementwise", add=x.elements - output.elements),
        windows=_sees(over),
        function="sum",
    )


@layer(resolve=_keeps)
def reduce_max(x: Volume, *, over: SomeAxes, keep: Switch = False) -> Outcome:
    """The largest value along some axes. Spatial axes go, or stay as 1 with `keep: true`; the channels stay as 1.

    Operations: a comparison per value after the first of each maximum.
    Saved for backward: the input and the output.
    Source: torch.amax; derivatives.yaml, amax.
    """
    output = _reduced(x, over, keep)
    n, out = x.elements, output.elements
    return Outcome(
        output,
        operations=operations("elementwise", compare=n - out),
        saved=(saves("input", 0), saves("output", 0)),
        windows=_sees(over),
        composition=Composition(
            backward=one_node(
                Step("eq", ("output", "input"), (Tensor("mask", n, "bool"),)),
                Step("sum", ("mask",), (Tensor("ties", out, "int64"),)),
                Step("div", ("gradient", "ties"), (Tensor("gradient of each tie", out),)),
                Step("mul", ("gradient of each tie", "mask"), (Tensor(_OF_INPUT, n),)),
            )
        ),
    )


def _of_norm(gradient: str, norms: str, n: Size, out: Size, made: str) -> tuple[Step, ...]:
    """The derivative of a norm: the input over the norm, nothing where the norm is 0."""
    return one_node(
        Step("div", ("input", norms), (Tensor("direction", n),)),
        Step("eq", (norms,), (Tensor("mask of zeros", out, "bool"),)),
        Step("masked_fill_", ("direction", "mask of zeros"), ()),
        Step("mul", (gradient, "direction"), (Tensor(made, n),)),
    )


@layer(resolve=_keeps)
def reduce_norm(x: Volume, *, over: SomeAxes, keep: Switch = False) -> Outcome:
    """The Euclidean norm along some axes. Spatial axes go, or stay as 1 with `keep: true`; the channels stay as 1.

    Operations: a square per value, an addition per value after the first of each norm, and a root per norm.
    Saved for backward: the input and the output.
    Source: torch.linalg.vector_norm; derivatives.yaml, linalg_vector_norm.
    """
    output = _reduced(x, over, keep)
    n, out = x.elements, output.elements
    return Outcome(
        output,
        operations=operations("elementwise", multiply=n, add=n - out, exponential=out),
        saved=(saves("input", 0), saves("output", 0)),
        windows=_sees(over),
        composition=Composition(backward=_of_norm("gradient", "output", n, out, _OF_INPUT)),
        function="linalg_vector_norm",
    )


@layer
def normalize(x: Volume, *, over: SomeAxes = "channels") -> Outcome:
    """Values over their Euclidean norm along some axes, so that each such vector has length 1.

    Operations: as for the norm, a comparison per norm (it is at least a small number), and a division per value.
    Saved for backward: the input, the norms, and the norms as they divide.
    Source: torch.nn.functional.normalize, which composes it; derivatives.yaml, linalg_vector_norm, clamp_min, div.
    """
    n, out = x.elements, _reduced(x, over, True).elements
    norms, divisors, unsummed = "norms", "divisors", "gradient of the divisors"
    return Outcome(
        x,
        operations=operations("normalisation", multiply=n, add=n - out, exponential=out, compare=out, divide=n),
        saved=(saves("input", 0), Saved(norms, out, needed_by=(0,)), Saved(divisors, out, needed_by=(0,))),
        windows=_sees(over),
        composition=Composition(
            forward=(
                Step("linalg_vector_norm", ("input",), (Tensor(norms, out),)),
                Step("clamp_min", (norms,), (Tensor(divisors, out),)),
                Step("div", ("input", divisors), (Tensor("output", n),)),
            ),
            backward=(
                *one_node(
                    Step("div", ("input", divisors), (Tensor("quotient", n),)),
                    Step("div", ("quotient", divisors), (Tensor("quotient by the divisor", n),)),
                    Step("neg", ("gradient",), (Tensor("negative gradient", n),)),
                    Step("mul", ("negative gradient", "quotient by the divisor"), (Tensor("unsummed gradient", n),)),
                    Step("div", ("gradient", divisors), (Tensor("direct gradient", n),)),
                    Step("sum", ("unsummed gradient",), (Tensor(unsummed, out),)),
                ),
                *one_node(
                    Step("gt", (norms,), (Tensor("mask of divisors", out, "bool"),)),
                    Step("where", (unsummed, "mask of divisors"), (Tensor("gradient of the norms", out),)),
                ),
                *_of_norm("gradient of the norms", norms, n, out, "gradient by the norms"),
                Step("add", ("direct gradient", "gradient by the norms"), (Tensor(_OF_INPUT, n),)),
            ),
        ),
    )


def _taken(x: Volume, axis: int, start: Size, count: Size | None, step: Size) -> Size:
    """How many positions there are; all from `start` on, if that is not said."""
    return ceil_div(x.shape[axis] - start, step) if count is None else count


def _resolved(x: Volume, attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"count": _taken(x, **attributes)}


def _of_channels(x: Volume, attributes: Mapping[str, Any]) -> Form | None:
    """A stretch of the channels as `select`."""
    if attributes["axis"] != 0 or attributes["step"] != 1:
        return None
    return "select", {name: attributes[name] for name in ("start", "count")}


@layer(resolve=_resolved, shorter=_of_channels)
def slice(  # noqa: A001  the name that frameworks have for it
    x: Volume,
    *,
    axis: OneAxis,
    start: Count = 0,
    count: OptionalPositive = None,
    step: Positive = 1,
) -> Outcome:
    """Some of the positions along one axis: `count` of them from number `start`, the first being 0.

    Without `count` all that there are from there; with `step: 2` every second.

    Saved for backward: nothing; the output shares the input's storage.
    Source: a slice, x[start:stop:step].
    """
    size = x.shape[axis]
    taken = _taken(x, axis, start, count, step)
    last = start + (taken - 1) * step + 1
    message = "the slice must lie in the axis"
    shape = (*x.shape[:axis], taken, *x.shape[axis + 1 :])
    spatial = range(1, x.rank + 1)
    kind: Literal["narrow", "every", "stride"] = "narrow"
    if not certainly_equal(step, 1):
        kind = "every" if certainly_equal(taken * step, size) else "stride"
    return Outcome(
        Volume(shape[0], tuple(shape[1:])),
        windows=tuple(Window(start, start, step) if n == axis else Window(0, 0) for n in spatial) if axis else (),
        conditions=(
            at_least("select-fits", taken, 1, "the slice must take at least one position", "start"),
            at_most("select-fits", last, size, message, "start" if count is None else "count"),
        ),
        storage="view",
        moves=(Move(kind, (axis + 1,)),),
        composition=Composition(backward=(Step("slice_backward", ("gradient",), (Tensor(_OF_INPUT, x.elements),)),)),
    )


@layer
def roll(x: Volume, *, over: SomeAxes, by: Integer) -> Outcome:
    """The values move along some axes by `by` positions; those that leave at one end enter at the other.

    Saved for backward: nothing; the output is a new tensor.
    Source: Liu et al. 2021, arXiv:2103.14030, section 3.2; torch.roll.
    """
    return Outcome(x, windows=_sees(over))


@layer
def matmul(*xs: Volume, transposed: Switch = False) -> Outcome:
    """The product of two streams as matrices.

    The rows are the positions of the last spatial axis, the columns are the channels; other axes are a batch of
    matrices, repeated as in a sum. M x K by K x N gives M x N; beside it `transposed: true` takes the second as N x K,
    as scores = queries * keys^T do.
    MACs: K per output value. Saved for backward: both streams, each for the other's gradient; one whose values do not
    lie in order, and which has more axes than two, is copied.
    Source: torch.matmul; derivatives.yaml, bmm.
    """
    first, second = xs[0], xs[-1]
    if min(first.rank, second.rank) < 1:
        message = "matmul needs branches with at least 1 spatial axis"
        rank = min(first.rank, second.rank)
        return Outcome(first, conditions=(*operands(xs, "matmul"), at_least("wrong-axes", rank, 1, message)))
    rows, inner = first.space[-1], first.channels
    columns, matching = (second.space[-1], second.channels) if transposed else (second.channels, second.space[-1])
    batch, conditions = broadcast(tuple(Volume(1, x.space[:-1]) for x in (first, second)))
    output = Volume(columns, (*batch.space, rows))
    message = f"the second branch must have as many {'channels' if transposed else 'rows'} as the first has channels"
    macs = inner * output.elements
    return Outcome(
        output,
        macs=macs,
        products=macs,
        saved=(saves("input", 1), saves("input", 0, of=1)),
        windows=EVERYTHING,
        conditions=(*operands(xs, "matmul"), equal("matmul-agrees", matching, inner, message), *conditions),
        composition=Composition(
            backward=one_node(
                Step("bmm", ("input", "gradient"), (Tensor(f"{_OF_INPUT} 1", second.elements),), (1,)),
                Step("bmm", ("gradient", "input 1"), (Tensor(_OF_INPUT, first.elements),), (0,)),
            )
        ),
        needs=Needs(channels_last(first.rank), first.rank) if output.rank > 1 and first.rank == second.rank else None,
        lies="channels last",
    )


@layer
def learned(x: Volume, *, shape: Sizes) -> Outcome:
    """A learned tensor of any shape, channels first: `learned: [768, 100]`, the same for every sample.

    It takes the place of its input, which it does not read. Saved for backward: nothing; it is a parameter.
    Source: Carion et al. 2020, arXiv:2005.12872, section 3.2 (object queries); torch.nn.Parameter.
    """
    output = Volume(shape[0], tuple(shape[1:]))
    values = (Tensor("values", output.elements, shape=tuple(shape)),)
    return Outcome(
        output,
        params=values,
        windows=EVERYTHING,
        storage="parameter",
        lies="channels last",
        composition=Composition(backward=(Step("sum", ("gradient",), gradients_of(*values), (WEIGHTS,)),)),
    )


@layer
def constant(x: Volume, *, shape: Sizes, buffer: Switch = True) -> Outcome:
    """A constant tensor of any shape, channels first: `constant: [768, 100]`, the same for every sample.

    It takes the place of its input, which it does not read, and is not trained: fixed positions, anchors, grids. It is
    stored as a buffer, or with `buffer: false` made anew in each pass, once for all samples.
    Saved for backward: nothing of its own.
    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5; torch.nn.Module.register_buffer, torch.zeros.
    """
    output = Volume(shape[0], tuple(shape[1:]))
    return Outcome(
        output,
        buffers=(Tensor("values", output.elements, shape=tuple(shape)),) if buffer else (),
        windows=EVERYTHING,
        storage="parameter" if buffer else "constant",
        lies="channels last",
    )
