"""What stands for an operation that nobody knows, in a network that is read in spite of it."""

from archcalc.layers.attributes import Count, Sizes
from archcalc.layers.outcome import EVERYTHING, Outcome, Tensor
from archcalc.layers.registry import layer
from archcalc.sizes.volume import Volume


@layer
def unknown(
    x: Volume, second: Volume | None = None, third: Volume | None = None, /, *, shape: Sizes, params: Count = 0
) -> Outcome:
    """An operation that is not known: what it makes has a shape, and nothing of what it computes is counted.

    It stands in a spec that is imported with `--partial`, and every total leaves out its MACs and its other operations;
    a report says so. `params` are the values of its parameters, which are counted.
    Saved for backward: nobody knows what, and every total leaves it out.
    Source: none; its shape is what the model's file says.
    """
    return Outcome(
        Volume(shape[0], tuple(shape[1:])),
        params=(Tensor("weight", params),) if params != 0 else (),
        windows=EVERYTHING,
    )
