"""Attention: every position looks at every other."""

from archcalc.layers.attributes import Positive, Switch
from archcalc.layers.outcome import EVERYTHING, Kept, Outcome, Tensor, keeps, operations
from archcalc.layers.registry import layer
from archcalc.sizes import divides
from archcalc.volume import Volume


@layer(ranks=(1,))
def attention(x: Volume, memory: Volume | None = None, /, *, heads: Positive, bias: Switch = True) -> Outcome:
    """Multi-head attention of a sequence over itself, or over a second sequence: `from: [decoder, encoder]`.

    With L positions of width E and S positions attended to: four projections (query, key, value, output).
    MACs: E*E for each of L queries, S keys, S values and L outputs, and L*S*E for each of the two matrix products.
    Operations: bias additions, the scaling of the scores and their softmax.
    Kept for backward: the input(s), query, key and value, the attended values before and after the output
    projection's copy, and the logarithm of each softmax's sum (a fused kernel keeps no scores).
    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2; torch.nn.MultiheadAttention.
    """
    other = x if memory is None else memory
    e, length, attended = x.channels, x.space[0], other.positions
    macs = (2 * length * e + 2 * attended * other.channels) * e + 2 * length * attended * e
    weights = (Tensor("in_weight", e * (e + 2 * other.channels)), Tensor("out_weight", e * e))
    biases = (Tensor("in_bias", 3 * e), Tensor("out_bias", e)) if bias else ()
    scores = heads * length * attended
    rows = heads * length
    projected = length * e + 2 * attended * e
    return Outcome(
        x,
        params=(*weights, *biases),
        macs=macs,
        operations=(
            *(operations("bias", add=projected + length * e) if bias else ()),
            *operations(
                "activation",
                multiply=scores,
                compare=scores - rows,
                add=2 * scores - rows,
                exponential=scores,
                divide=scores,
            ),
        ),
        kept=(
            keeps("input", "weights"),
            *(() if memory is None else (keeps("input", "weights", of=1),)),
            Kept("query, key and value", projected),
            Kept("attended values", length * e),
            Kept("log of the softmax sums", rows),
        ),
        windows=EVERYTHING,
        conditions=(divides("heads-divide", heads, e, "heads must divide the channels", "heads"),),
    )
