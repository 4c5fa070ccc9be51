"""Joins: several branches become one volume."""

from collections.abc import Iterator

from archcalc.layers.attributes import OneAxis
from archcalc.layers.broadcast import broadcast
from archcalc.layers.outcome import (
    EVERYTHING,
    Composition,
    Outcome,
    Saved,
    Step,
    Tensor,
    gradient_step,
    nth,
    one_node,
    operations,
    saves,
)
from archcalc.layers.registry import layer
from archcalc.sizes.conditions import Condition, equal
from archcalc.sizes.kinds import certainly_equal, total
from archcalc.sizes.volume import Volume

_SAME_RANK = "the branches must have the same number of spatial axes"


def _agree(first: Volume, other: Volume) -> Iterator[Condition]:
    """The branches have the same axes, of the same sizes."""
    yield equal("branches-agree", other.rank, first.rank, _SAME_RANK)
    for a, b in zip(first.space, other.space, strict=False):
        yield equal("branches-agree", b, a, "the branches must agree in every spatial axis")
    message = "the branches must have the same number of channels"
    yield equal("branches-agree", other.channels, first.channels, message)


def _sums(xs: tuple[Volume, ...], last: str = "output") -> tuple[Step, ...]:
    """One addition after the other; the partial sums are tensors too."""
    names = [f"sum {i}" for i in range(1, len(xs) - 1)] + [last]
    left = ["input", *names]
    steps = []
    for i in range(1, len(xs)):
        n = broadcast(xs[: i + 1])[0].elements
        steps.append(Step("add", (left[i - 1], nth("input", i)), (Tensor(names[i - 1], n),)))
    return tuple(steps)


def _summed_gradients(xs: tuple[Volume, ...], output: Volume) -> tuple[Step, ...]:
    """The gradients of the branches that were repeated to fit; the others have the output's own."""
    return tuple(step for i in reversed(range(len(xs))) for step in gradient_step("sum", "gradient", xs[i], output, i))


@layer(commutes=True)
def add(*xs: Volume) -> Outcome:
    """The sum of the branches, value by value, as in a residual connection.

    A branch is repeated along the axes that it lacks or has of size 1: a vector is added at every position.
    Operations: one addition per value for every branch after the first.
    Saved for backward: nothing.
    Source: He et al. 2015, arXiv:1512.03385, equation 1; derivatives.yaml, add.
    """
    output, conditions = broadcast(xs)
    return Outcome(
        output,
        operations=operations("elementwise", add=output.elements * (len(xs) - 1)),
        composition=Composition(_sums(xs), backward=_summed_gradients(xs, output)),
        storage="new" if len(xs) > 1 else "view",
        conditions=conditions,
    )


@layer(commutes=True)
def mean(*xs: Volume) -> Outcome:
    """The mean of the branches, value by value: FractalNet's join.

    Operations: the additions of a sum, and one division per value.
    Saved for backward: nothing.
    Source: Larsson et al. 2016, arXiv:1605.07648, section 3.
    """
    n = xs[0].elements
    return Outcome(
        xs[0],
        operations=operations("elementwise", add=n * (len(xs) - 1), divide=n),
        composition=Composition(
            (*_sums(xs, "sum"), Step("div", ("sum",), (Tensor("output", n),))),
            (Step("div", ("gradient",), (Tensor("gradient of inputs", n),)),),
        ),
        conditions=tuple(c for x in xs[1:] for c in _agree(xs[0], x)),
    )


@layer
def concat(*xs: Volume, axis: OneAxis = "channels") -> Outcome:
    """The branches one after the other, along the channels or another axis.

    The axis stands beside the branches: `concat: [left, right]`, and below it `axis: height`.
    Operations: none.
    Saved for backward: nothing; the output is a new tensor.
    Source: Szegedy et al. 2014, arXiv:1409.4842, figure 2; torch.cat.
    """
    shape = list(xs[0].shape)
    ranks = (equal("branches-agree", x.rank, xs[0].rank, _SAME_RANK) for x in xs[1:])
    shape[axis] = total(x.shape[axis] for x in xs if x.rank == xs[0].rank)
    return Outcome(
        Volume(shape[0], tuple(shape[1:])),
        composition=Composition(backward=(), slices=axis + 1),
        function="cat",
        windows=EVERYTHING if axis else (),
        conditions=(*ranks, *(c for x in xs[1:] for c in _agree_beside(xs[0], x, axis))),
    )


def _agree_beside(first: Volume, other: Volume, axis: int) -> Iterator[Condition]:
    """The branches agree in every axis but the one along which they are put together."""
    for number, (a, b) in enumerate(zip(first.shape, other.shape, strict=False)):
        if number != axis:
            where = "every spatial axis" if number else "their channels"
            yield equal("branches-agree", b, a, f"the branches must agree in {where}")


@layer(commutes=True)
def multiply(*xs: Volume) -> Outcome:
    """The product of the branches, value by value. A vector, or an axis of size 1, is repeated to fit.

    That is how squeeze-and-excitation scales its channels: 28x28x256 by 1x1x256.
    Operations: one multiplication per output value for every branch after the first.
    Saved for backward: both operands of each product.
    Source: Hu et al. 2017, arXiv:1709.01507, equation 4; derivatives.yaml, mul.
    """
    output, conditions = broadcast(xs)
    products = len(xs) - 1
    return Outcome(
        output,
        operations=operations("elementwise", multiply=output.elements * products),
        saved=_factors(xs, output),
        conditions=conditions,
        composition=_products(xs, output),
        storage="new" if products else "view",
    )


def _partial_products(xs: tuple[Volume, ...], output: Volume) -> list[Volume]:
    """The product of the first branch, of the first two, and so on: each as large as what it has met so far."""
    return [xs[0], *(multiply(*xs[:i]).output for i in range(2, len(xs))), output]


def _factors(xs: tuple[Volume, ...], output: Volume) -> tuple[Saved, ...]:
    """Both operands of each product: each for the other's gradient."""
    partial = _partial_products(xs, output)
    saved: list[Saved] = []
    for i in range(1, len(xs)):
        left = saves("input", i) if i == 1 else Saved(f"product {i - 1}", partial[i - 1].elements, needed_by=(i,))
        saved += [left, saves("input", *range(i), of=i)]
    return tuple(saved)


def _products(xs: tuple[Volume, ...], output: Volume) -> Composition:
    """One product after the other; the gradient of an operand that was repeated to fit is made at full size first."""
    last = len(xs) - 1
    partial = _partial_products(xs, output)
    names = ["input", *(f"product {i}" for i in range(1, last)), "output"]
    forward: list[Step] = []
    backward: list[Step] = []
    for i in range(1, len(xs)):
        n = partial[i].elements
        forward.append(Step("mul", (names[i - 1], nth("input", i)), (Tensor(names[i], n),)))
        above = "gradient" if i == last else f"gradient of product {i}"
        before = tuple(range(i))
        operands = (
            (nth("input", i), xs[i], names[i - 1], (i,)),
            (names[i - 1], partial[i - 1], nth("input", i), before),
        )
        steps, sums = [], []
        for operand, volume, factor, need in operands:
            whole = certainly_equal(volume.elements, n)
            made = f"gradient of {operand}" if whole else f"unsummed gradient of {operand}"
            steps.append(Step("mul", (above, factor), (Tensor(made, n),), need))
            if not whole:
                summed = Tensor(f"gradient of {operand}", volume.elements)
                sums.append(Step("sum", (made,), (summed,), need))
        backward = [*one_node(*steps, *sums), *backward]
    return Composition(tuple(forward), tuple(backward))
