"""What is done to the scores of attention before their softmax: biases by relative position, and masks."""

from archcalc.layers.attributes import Positive
from archcalc.layers.outcome import EVERYTHING, WEIGHTS, Composition, Outcome, Step, Tensor, gradients_of, operations
from archcalc.layers.registry import layer
from archcalc.sizes.volume import Volume


@layer(ranks=range(2, 7))
def relative_position_bias(x: Volume, *, rows: Positive) -> Outcome:
    """A learned bias for each head and relative position is added to scores.

    A table has `rows` entries for each head; an index picks one for each pair of positions. In a window of 7x7 there
    are (2*7 - 1)^2 = 169.
    Operations: one addition per score. Saved for backward: the index, which is a buffer.
    Source: Liu et al. 2021, arXiv:2103.14030, equation 4; derivatives.yaml, index.
    """
    heads, pairs = x.space[-2], x.space[-1] * x.channels
    table = Tensor("table", rows * heads, shape=(rows, heads))
    biases = heads * pairs
    once = (Tensor("gradient of the biases", biases, per="batch"), Tensor("gradient in order", biases, per="batch"))
    return Outcome(
        x,
        params=(table,),
        buffers=(Tensor("index", pairs, "int64"),),
        operations=operations("elementwise", add=x.elements),
        windows=EVERYTHING,
        composition=Composition(
            forward=(
                Step("index", ("table",), (Tensor("biases", biases, per="batch"),)),
                Step("clone", ("biases",), (Tensor("biases in order", biases, per="batch"),)),
                Step("add", ("input", "biases in order"), (Tensor("output", x.elements),)),
            ),
            backward=(
                Step("sum", ("gradient",), once[:1], (WEIGHTS,)),
                Step("clone", (once[0].name,), once[1:], (WEIGHTS,)),
                Step("index_put", (once[1].name,), gradients_of(table), (WEIGHTS,)),
            ),
        ),
    )


@layer(ranks=range(1, 7))
def mask(x: Volume) -> Outcome:
    """A constant mask on scores: what positions may not see gets a score that the softmax makes 0.

    The mask is a constant of the network: causal, of a window, or of shifted windows. It is added.
    Operations: one addition per value. Saved for backward: nothing.
    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3; derivatives.yaml, add.
    """
    return Outcome(x, operations=operations("elementwise", add=x.elements))
