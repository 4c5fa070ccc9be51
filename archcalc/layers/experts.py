"""Experts: of several hidden layers beside each other, a router picks a few for each position."""

from typing import Annotated

from archcalc.layers.attributes import Count, Positive, Switch, Word
from archcalc.layers.outcome import Outcome
from archcalc.layers.registry import layer
from archcalc.sizes.volume import Volume


@layer
def experts(
    x: Volume,
    *,
    count: Positive,
    hidden: Positive,
    top_k: Positive,
    gated: Switch = True,
    activation: Annotated[str, Word("silu", "gelu", "relu")] = "silu",
    shared: Count = 0,
) -> Outcome:
    """A mixture of `count` experts, of which a router picks `top_k` for each position.

    An expert is a hidden layer of `hidden` units, down(activation(gate(x)) * up(x)), or down(activation(up(x))) with
    `gated: false`; none has a bias. The router is a linear layer to one value for each expert, whose softmax gives the
    weights; those of the picked experts are brought to a sum of 1. `shared` experts work on every position beside them.
    Active parameters are those that one position uses: the router's, those of `top_k` experts and of the shared ones.
    MACs: `top_k` experts and the router for each position.
    Saved for backward: the input, the router's weights and picks, and for each pick the row that it reads, what its
    hidden layer saves, its result before and after its weight, and its place. All follow from the number of positions,
    whoever is picked, and so do the peaks: the rows are sorted by their experts, and one product multiplies each with
    its own expert's matrix (torch._grouped_mm; what is padded inside is a workspace). A loop over the experts saves the
    same; its peaks depend on who is picked, and are lower the more evenly that is.
    Source: Shazeer et al. 2017, arXiv:1701.06538; Jiang et al. 2024, arXiv:2401.04088, section 2.1 (Mixtral).
    """
    from archcalc.layers.composed.experts import mixture

    return mixture(x, count, hidden, top_k, gated, activation, shared)
