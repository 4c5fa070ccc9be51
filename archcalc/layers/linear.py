"""Linear layers: every output looks at the whole input vector."""

from archcalc.layers.attributes import Positive, Switch
from archcalc.layers.outcome import EVERYTHING, Kept, Outcome, Tensor, keeps, operations
from archcalc.layers.registry import layer
from archcalc.sizes import equal
from archcalc.volume import Volume


@layer
def linear(x: Volume, *, out: Positive, bias: Switch = True, each_position: Switch = False) -> Outcome:
    """Fully connected layer on a vector; with `each_position: true` on the channels of every position alike.

    MACs: one per weight and position; the bias additions are counted apart.
    Kept for backward: the input.
    Source: torch.nn.Linear; derivatives.yaml, addmm and mm.
    """
    output = Volume(out, x.space)
    weights = x.channels * out
    flat = equal("linear-needs-vector", x.rank, 0, "linear works on a vector, and the input has spatial axes")
    return Outcome(
        output,
        params=(Tensor("weight", weights), Tensor("bias", out)) if bias else (Tensor("weight", weights),),
        macs=weights * x.positions,
        operations=operations("bias", add=output.elements) if bias else (),
        kept=(keeps("input", "weights"),),
        windows=() if each_position else EVERYTHING,
        conditions=() if each_position else (flat,),
    )


@layer
def embedding(x: Volume, *, count: Positive, out: Positive) -> Outcome:
    """Table look-up: every entry of the input is an index below `count`, and becomes a vector of `out` numbers.

    MACs: none, since a row is read and nothing is multiplied.
    Kept for backward: the indices, which are the input itself.
    Source: torch.nn.Embedding; derivatives.yaml, embedding.
    """
    return Outcome(
        Volume(out, x.shape),
        params=(Tensor("weight", count * out),),
        kept=(keeps("input", "weights"),),
    )


@layer(ranks=(0,))
def rbf(x: Volume, *, out: Positive) -> Outcome:
    """Euclidean radial basis functions: the squared distance of the input vector from each of `out` fixed centres.

    The centres are chosen by hand and not learned, so they are buffers.
    MACs: none. Operations per input and centre: a subtraction, a square, and an addition to the sum.
    Kept for backward: the differences, for the derivative of their squares.
    Source: LeCun et al. 1998, section II.B, equation 7 (the output layer of LeNet-5).
    """
    pairs = x.channels * out
    return Outcome(
        Volume(out),
        buffers=(Tensor("centres", pairs),),
        operations=operations("elementwise", add=2 * pairs - out, multiply=pairs),
        kept=(Kept("differences", pairs, needed_by="input"),),
        windows=EVERYTHING,
    )
