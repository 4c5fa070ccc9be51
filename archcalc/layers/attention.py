"""Attention: every position looks at every other."""

from archcalc.layers.attributes import Positive, Switch
from archcalc.layers.outcome import (
    EVERYTHING,
    WEIGHTS,
    Composition,
    Outcome,
    Saved,
    Step,
    Tensor,
    gradients_of,
    operations,
    saves,
)
from archcalc.layers.registry import layer
from archcalc.sizes.conditions import divides
from archcalc.sizes.kinds import Size
from archcalc.sizes.volume import Volume


@layer(ranks=(1,))
def attention(x: Volume, memory: Volume | None = None, /, *, heads: Positive, bias: Switch = True) -> Outcome:
    """Multi-head attention of a sequence over itself, or over a second sequence: `from: [decoder, encoder]`.

    With L positions of width E and S positions attended to: four projections (query, key, value, output).
    MACs: E*E for each of L queries, S keys, S values and L outputs, and L*S*E for each of the two matrix products.
    Operations: bias additions, the scaling of the scores and their softmax.
    Saved for backward: the input(s), query, key and value, the attended values, and the logarithm of each softmax's
    sum (a fused kernel keeps no scores).
    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2; torch.nn.MultiheadAttention.
    """
    other = x if memory is None else memory
    e, length, attended = x.channels, x.space[0], other.positions
    projections = (2 * length * e + 2 * attended * other.channels) * e
    products = 2 * length * attended * e
    # Shaped as one tensor of 3*E rows; where the second sequence has another width it would be three.
    in_weight = Tensor("in_weight", e * (e + 2 * other.channels), shape=(3 * e, e))
    weights = (in_weight, Tensor("out_weight", e * e, shape=(e, e)))
    biases = (Tensor("in_bias", 3 * e), Tensor("out_bias", e)) if bias else ()
    scores = heads * length * attended
    rows = heads * length
    projected = length * e + 2 * attended * e
    return Outcome(
        x,
        params=(*weights, *biases),
        macs=projections + products,
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
        saved=(
            saves("input", WEIGHTS),
            *(() if memory is None else (saves("input", WEIGHTS, of=1),)),
            Saved("query, key and value", projected),
            Saved("attended values", length * e),
            Saved("log of the softmax sums", rows, "float32"),
            saves("in_weight"),
            saves("out_weight"),
        ),
        composition=_fused(x, projected, rows, weights, biases) if memory is None else Composition(),
        autocast="half",
        windows=EVERYTHING,
        products=products,
        conditions=(divides("heads-divide", heads, e, "heads must divide the channels", "heads"),),
    )


def _fused(
    x: Volume, projected: Size, rows: Size, weights: tuple[Tensor, Tensor], biases: tuple[Tensor, ...]
) -> Composition:
    """Self-attention as torch.nn.MultiheadAttention runs it: one projection for all three, one fused kernel.

    Query, key and value are slices of one tensor: each of their gradients is first spread over a tensor of its size.
    """
    n = x.elements
    in_weight, out_weight = weights
    in_bias, out_bias = biases[:1], biases[1:]
    packed = "query, key and value"
    forward = (
        Step("addmm" if biases else "mm", ("input",), (Tensor("projection", projected),)),
        Step("clone", ("projection",), (Tensor(packed, projected),)),
        Step(
            "scaled_dot_product_attention",
            (packed,),
            (Tensor("attended values", n), Tensor("log of the softmax sums", rows, "float32")),
        ),
        Step("addmm" if biases else "mm", ("attended values",), (Tensor("output", n),)),
    )
    of_each = (Tensor("gradient of query", n), Tensor("gradient of key", n), Tensor("gradient of value", n))
    backward = (
        Step("mm", ("gradient", "out_weight"), (Tensor("gradient of the attended values", n),)),
        Step("mm", ("gradient", "attended values"), gradients_of(out_weight), (WEIGHTS,)),
        Step("sum", ("gradient",), gradients_of(*out_bias), (WEIGHTS,)),
        Step(
            "scaled_dot_product_attention_backward",
            ("gradient of the attended values", packed, "attended values", "log of the softmax sums"),
            of_each,
        ),
        Step("select_backward", ("gradient of value",), (Tensor("spread value", projected),)),
        Step("select_backward", ("gradient of key",), (Tensor("spread key", projected),)),
        Step("add", ("spread value", "spread key"), (Tensor("value and key", projected),)),
        Step("select_backward", ("gradient of query",), (Tensor("spread query", projected),)),
        Step("add", ("value and key", "spread query"), (Tensor("gradient of all three", projected),)),
        Step("clone", ("gradient of all three",), (Tensor("gradient of the projection", projected),)),
        Step("mm", ("gradient of the projection", "in_weight"), (Tensor("gradient of input", n),), (0,)),
        Step("mm", ("gradient of the projection", "input"), gradients_of(in_weight), (WEIGHTS,)),
        Step("sum", ("gradient of the projection",), gradients_of(*in_bias), (WEIGHTS,)),
    )
    return Composition(forward, backward, fused=bool(biases))
