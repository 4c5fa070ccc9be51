"""Recurrent layers: a sequence is read position by position, and what was read so far is carried along."""

from archcalc.layers.attributes import OptionalPositive, Positive, Stacked, Switch
from archcalc.layers.outcome import Outcome
from archcalc.layers.registry import layer
from archcalc.sizes.conditions import at_most
from archcalc.sizes.kinds import Size
from archcalc.sizes.volume import Volume


def _followed(x: Volume, cell: str, units: Size, out: Size, layers: int, bidirectional: bool, bias: bool) -> Outcome:
    from archcalc.layers.composed.recurrent import CELLS, Sizes, recurrent

    return recurrent(x, CELLS[cell], Sizes(units, out, layers, 2 if bidirectional else 1, bias))


@layer(ranks=(1,))
def rnn(
    x: Volume, *, out: Positive, layers: Stacked = 1, bidirectional: Switch = False, bias: Switch = True
) -> Outcome:
    """Elman's recurrent layer, tanh(W x + U h + b), on a sequence: 10x8 with `out: 6` becomes 10x6.

    `layers` are stacked; `bidirectional` reads the sequence from both ends and puts out both states.
    MACs: (E + H) * H for each position of a layer that reads E values and has H units.
    Saved for backward: the input with the positions first (of several samples a copy for each direction), the initial
    state, the state at each position, and what each layer after the first reads: as on a CPU. On CUDA cuDNN saves
    input, output and a workspace of its own.
    Source: Elman 1990; torch.nn.RNN with batch_first; derivatives.yaml, tanh.
    """
    return _followed(x, "rnn", out, out, layers, bidirectional, bias)


@layer(ranks=(1,))
def gru(
    x: Volume, *, out: Positive, layers: Stacked = 1, bidirectional: Switch = False, bias: Switch = True
) -> Outcome:
    """Gated recurrent unit on a sequence: a reset gate, an update gate and a candidate.

    MACs: 3 * (E + H) * H for each position of a layer that reads E values and has H units.
    Saved for backward: the input with the positions first (of several samples a copy for each direction), the initial
    state and those that another step follows, and at each position the three gates, the candidate, its part from the
    state before the gate, and the difference of state and candidate: as on a CPU. On CUDA cuDNN saves input, output
    and a workspace of its own.
    Source: Cho et al. 2014, arXiv:1406.1078; torch.nn.GRU with batch_first, whose reset gate acts after the product.
    """
    return _followed(x, "gru", out, out, layers, bidirectional, bias)


@layer(ranks=(1,))
def lstm(
    x: Volume,
    *,
    out: Positive,
    layers: Stacked = 1,
    bidirectional: Switch = False,
    bias: Switch = True,
    projection: OptionalPositive = None,
) -> Outcome:
    """Long short-term memory on a sequence: an input, a forget and an output gate, a candidate and a cell.

    `out` are the units; with `projection` what they put out is projected to so many values, which are the state.
    MACs: 4 * (E + P) * H for each position of a layer that reads E values, has H units and puts out P (H without a
    projection), and H * P for the projection.
    Saved for backward: the input with the positions first (of several samples a copy for each direction), the initial
    state and cell and those that another step follows, and at each position the four gates and the tangent of the cell;
    with a projection what it reads. That is PyTorch's own kernel on a CPU. Without a projection PyTorch prefers
    oneDNN's where that is built in, which saves input, output, states and a workspace whose size the library makes up
    by the machine's vector instructions, in pages of 4,096 bytes (28,672 bytes for 3 positions of 2 samples of 3
    values and 5 units); cuDNN's on CUDA has such a workspace too.
    Source: Hochreiter & Schmidhuber 1997; Sak et al. 2014, arXiv:1402.1128; torch.nn.LSTM with batch_first.
    """
    state = out if projection is None else projection
    outcome = _followed(x, "lstm", out, state, layers, bidirectional, bias)
    if projection is None:
        return outcome
    message = "a projection makes the state smaller"
    return outcome._replace(conditions=(at_most("projection-fits", projection + 1, out, message, "projection"),))
