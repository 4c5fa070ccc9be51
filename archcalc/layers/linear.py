"""Linear layers: every output looks at the whole input vector."""

from collections.abc import Mapping
from typing import Any

from archcalc.layers.attributes import Positive, Switch
from archcalc.layers.layout import rows
from archcalc.layers.outcome import (
    EVERYTHING,
    WEIGHTS,
    Composition,
    Outcome,
    Saved,
    Step,
    Tensor,
    gradients_of,
    one_node,
    operations,
    saves,
)
from archcalc.layers.registry import layer
from archcalc.sizes.conditions import equal
from archcalc.sizes.volume import Volume


def _resolved(x: Volume, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A vector is one position."""
    return {"each_position": attributes["each_position"] and x.rank > 0}


@layer(resolve=_resolved)
def linear(x: Volume, *, out: Positive, bias: Switch = True, each_position: Switch = False) -> Outcome:
    """Fully connected layer on a vector; with `each_position: true` on the channels of every position alike.

    MACs: one per weight and position; the bias additions are counted apart.
    Saved for backward: the input.
    Source: torch.nn.Linear; derivatives.yaml, addmm and mm.
    """
    output = Volume(out, x.space)
    weights = Tensor("weight", x.channels * out, shape=(out, x.channels))
    biases = (Tensor("bias", out),) if bias else ()
    flat = equal("linear-needs-vector", x.rank, 0, "linear needs a vector, an input with 0 spatial axes")
    return Outcome(
        output,
        params=(weights, *biases),
        macs=weights.elements * x.positions,
        operations=operations("bias", add=output.elements) if bias else (),
        saved=(saves("input", WEIGHTS), saves("weight", 0)),
        composition=Composition(backward=_products(x, output, weights, biases), viewed=bias and x.rank > 0),
        rearranged=_folded(x, output, weights, biases) if x.rank and bias else None,
        needs=rows(x.rank) if x.rank else None,
        lies="channels last",
        windows=() if each_position and x.rank else EVERYTHING,
        conditions=() if each_position else (flat,),
    )


def _products(x: Volume, output: Volume, weights: Tensor, biases: tuple[Tensor, ...]) -> tuple[Step, ...]:
    """The gradients of addmm in its order, which is input, weight, bias, and of mm, which is weight, input.

    They read the gradient as a matrix of rows, which takes a copy where it does not lie so; a vector is one row.
    """
    gradient = "gradient"
    arranged: tuple[Step, ...] = ()
    if output.rank:
        gradient = "rows of the gradient"
        arranged = (Step("clone", ("gradient",), (Tensor(gradient, output.elements),), unless=rows(output.rank)),)
    of_input = Step("mm", (gradient, "weight"), (Tensor("gradient of input", x.elements),), (0,))
    of_weights = Step("mm", (gradient, "input"), gradients_of(weights), (WEIGHTS,))
    if not biases:
        return (*arranged, *one_node(of_weights, of_input))
    of_bias = Step("sum", (gradient,), gradients_of(*biases), (WEIGHTS,))
    return (*arranged, *one_node(of_input, of_weights, of_bias))


def _folded(x: Volume, output: Volume, weights: Tensor, biases: tuple[Tensor, ...]) -> Composition:
    """A sequence that is not contiguous: a product of the matrix that is made of it, and the bias added to that."""
    forward = (
        Step("mm", ("input", "weight", "bias"), (Tensor("product", output.elements),), called="linear"),
        Step("add", ("product", "bias"), (Tensor("output", output.elements),), called="linear"),
    )
    of_bias = Step("sum", ("gradient",), gradients_of(*biases), (WEIGHTS,))
    return Composition(forward, (of_bias, *_products(x, output, weights, ())))


@layer
def embedding(x: Volume, *, count: Positive, out: Positive) -> Outcome:
    """Table look-up: every entry of the input is an index below `count`, and becomes a vector of `out` numbers.

    MACs: none, since a row is read and nothing is multiplied.
    Saved for backward: the indices, which are the input itself.
    Source: torch.nn.Embedding; derivatives.yaml, embedding.
    """
    return Outcome(
        Volume(out, x.shape),
        params=(Tensor("weight", count * out, shape=(count, out)),),
        saved=(saves("input", WEIGHTS, dtype="int64"),),
        lies="channels last",
    )


@layer(ranks=(0,))
def rbf(x: Volume, *, out: Positive) -> Outcome:
    """Euclidean radial basis functions: the squared distance of the input vector from each of `out` fixed centres.

    The centres are chosen by hand and not learned, so they are buffers.
    MACs: none. Operations per input and centre: a subtraction, a square, and an addition to the sum.
    Saved for backward: the differences, for the derivative of their squares.
    Source: LeCun et al. 1998, section II.B, equation 7 (the output layer of LeNet-5).
    """
    pairs = x.channels * out
    return Outcome(
        Volume(out),
        buffers=(Tensor("centres", pairs),),
        operations=operations("elementwise", add=2 * pairs - out, multiply=pairs),
        saved=(Saved("differences", pairs, needed_by=(0,)),),
        windows=EVERYTHING,
        fan_in=x.channels,
        composition=Composition(
            forward=(
                Step("sub", ("input", "centres"), (Tensor("differences", pairs),)),
                Step("pow", ("differences",), (Tensor("squares", pairs),)),
                Step("sum", ("squares",), (Tensor("output", out),)),
            ),
            backward=(
                *one_node(
                    Step("pow", ("differences",), (Tensor("lower power", pairs),)),
                    Step("mul", ("lower power",), (Tensor("doubled differences", pairs),)),
                    Step("mul", ("gradient", "doubled differences"), (Tensor("gradient of the differences", pairs),)),
                ),
                Step("sum", ("gradient of the differences",), (Tensor("gradient of input", x.channels),)),
            ),
        ),
    )
