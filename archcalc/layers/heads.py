"""The heads of attention: channels shared out to them, turned by their positions, repeated, and put together again."""

from archcalc.layers.attributes import Positive
from archcalc.layers.layout import Move, Needs
from archcalc.layers.outcome import EVERYTHING, Composition, Outcome, Step, Tensor
from archcalc.layers.registry import layer
from archcalc.sizes.conditions import divides
from archcalc.sizes.volume import Volume


def _copied_back(x: Volume) -> Composition:
    """Values whose gradients are copied into their order."""
    return Composition(backward=(Step("clone", ("gradient",), (Tensor("gradient of input", x.elements),)),))


@layer(ranks=range(1, 6))
def split_heads(x: Volume, *, heads: Positive) -> Outcome:
    """The channels are shared out to heads, which become an axis before the positions.

    197x768 with 12 heads becomes 12x197x64.
    Saved for backward: nothing; the output shares the input's storage.
    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2.
    """
    return Outcome(
        Volume(x.channels // heads, (*x.space[:-1], heads, x.space[-1])),
        conditions=(divides("heads-divide", heads, x.channels, "heads must divide the channels", "heads"),),
        windows=EVERYTHING,
        storage="view",
        moves=(Move("divide", (1, 2)), Move("permute", (0, 2, *range(3, x.rank + 2), 1, x.rank + 2))),
        composition=_copied_back(x),
    )


@layer(ranks=range(2, 7))
def merge_heads(x: Volume) -> Outcome:
    """The heads become channels again: 12x197x64 becomes 197x768, the inverse of split_heads.

    Saved for backward: nothing; the output shares the input's storage where each position's heads lie together there,
    and is a copy elsewhere.
    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2.
    """
    *rest, heads, positions = x.space
    output = Volume(x.channels * heads, (*rest, positions))
    last = x.rank + 1
    return Outcome(
        output,
        windows=EVERYTHING,
        storage="view",
        needs=Needs((last - 1, 1), 2),
        moves=(Move("permute", (0, last - 1, 1, *range(2, last - 1), last)), Move("merge", (1, 2))),
        lies="channels last",
    )


@layer(ranks=range(2, 7))
def repeat_heads(x: Volume, *, times: Positive) -> Outcome:
    """Each head is there `times` times, so that several heads of queries share one of keys and values.

    Saved for backward: nothing; the output is a new tensor.
    Source: Ainslie et al. 2023, arXiv:2305.13245; torch.repeat_interleave.
    """
    *rest, heads, positions = x.space
    return Outcome(
        Volume(x.channels, (*rest, heads * times, positions)),
        windows=EVERYTHING,
        composition=Composition(backward=(Step("sum", ("gradient",), (Tensor("gradient of input", x.elements),)),)),
        lies="channels last",
    )


@layer(ranks=range(1, 7))
def rotary(x: Volume) -> Outcome:
    """Rotary positions: pairs of channels are turned by an angle that grows with the position.

    Operations: two multiplications and an addition per value. Saved for backward: nothing but the tables of cosines
    and sines, which are constants of the network.
    Source: Su et al. 2021, arXiv:2104.09864, equation 34.
    """
    from archcalc.layers.composed.heads import rotated
    from archcalc.layers.composed.tape import Tape

    tape = Tape()
    output = rotated(tape, tape.input(x), "output")
    return Outcome(
        x,
        operations=tuple(tape.operations),
        composition=tape.composition(output),
        conditions=(divides("heads-divide", 2, x.channels, "rotary positions need pairs of channels", None),),
    )
