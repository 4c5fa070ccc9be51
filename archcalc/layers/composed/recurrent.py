"""Recurrent layers position by position, each layer of cells in both directions.

What is saved and done is what PyTorch's own kernel on a CPU does, which computes each position by simple operations: it
serves rnn and gru, and lstm with a projection. For an lstm without one PyTorch uses oneDNN's kernel where it is built
in, and on CUDA cuDNN's for all: those save the same values in a workspace whose size only the library knows.
"""

from __future__ import annotations

from archcalc.layers.composed.recurrence import FIRST, LAST, Cells, Elman, Gated, Layer, LongShortTerm, Parameters
from archcalc.layers.composed.tape import Tape, Value
from archcalc.layers.layout import POSITIONS_FIRST, Needs
from archcalc.layers.outcome import EVERYTHING, Instead, Outcome, Tensor, operations
from archcalc.records import Record
from archcalc.sizes.kinds import Size, is_array, total, undecided
from archcalc.sizes.volume import Volume


class Cell(Record):
    """One step of a recurrent layer, per hidden unit: activations with their parts counted as those layers count them,
    and what combines them. `cells` are its operations."""

    cells: type[Cells]
    activation: dict[str, int]
    elementwise: dict[str, int]

    @property
    def gates(self) -> int:
        """Linear combinations of input and state."""
        return self.cells.gates


_SIGMOID = {"exponential": 1, "add": 1, "divide": 1}
_TANH = {"multiply": 1, "exponential": 1, "add": 2, "divide": 1}


def _activations(sigmoids: int, tangents: int) -> dict[str, int]:
    return {kind: sigmoids * _SIGMOID.get(kind, 0) + tangents * _TANH[kind] for kind in _TANH}


#: By the name of the layer. The state of an LSTM is forget * state + input * candidate, and what it puts out is
#: output * tanh(state); the candidate of a GRU is tanh(input + reset * state), and its new state candidate + update *
#: (state - candidate).
CELLS = {
    "rnn": Cell(Elman, _activations(0, 1), {"add": 1}),
    "lstm": Cell(LongShortTerm, _activations(3, 2), {"add": 4 + 1, "multiply": 3}),
    "gru": Cell(Gated, _activations(2, 1), {"add": 3 + 2, "multiply": 2}),
}


class Sizes(Record):
    """The sizes of a recurrent layer: units, and values that they put out, which may be a projection."""

    units: Size
    out: Size
    layers: int
    directions: int
    bias: bool

    @property
    def projected(self) -> bool:
        """Whether what the units put out is projected."""
        return self.out is not self.units

    def runs(self) -> list[str]:
        """The layers of cells in each direction, as PyTorch calls them."""
        return [f"l{n}{direction}" for n in range(self.layers) for direction in ("", "_reverse")[: self.directions]]


def _parameters(tape: Tape, cell: Cell, sizes: Sizes, reads: Size, run: str) -> Parameters:
    rows = cell.gates * sizes.units
    return Parameters(
        tape.param(f"weight_ih_{run}", rows, reads),
        tape.param(f"weight_hh_{run}", rows, sizes.out),
        tape.param(f"bias_ih_{run}", rows) if sizes.bias else None,
        tape.param(f"bias_hh_{run}", rows) if sizes.bias else None,
        tape.param(f"weight_hr_{run}", sizes.out, sizes.units) if sizes.projected else None,
    )


def _followed(x: Volume, cell: Cell, sizes: Sizes, needs: Needs | None) -> tuple[Tape, Value]:
    """The operations of a recurrent layer and its output; with `needs` of an input that is copied to lie so."""
    tape, runs, length = Tape(), sizes.runs(), x.space[0]
    zeros = [tape.zeros("initial state", sizes.out * len(runs))]
    if cell.cells.carries_cell:
        zeros.append(tape.zeros("initial cell", sizes.units * len(runs)))
    source, reads, last = tape.input(x), x.channels, []
    for number in range(0, len(runs), sizes.directions):
        made: list[Layer] = []
        ends_here = number + sizes.directions == len(runs)
        joined = "output" if ends_here else f"states of both directions, {runs[number]}"
        for run in runs[number : number + sizes.directions]:
            name = f", {run}" if len(runs) > 1 else ""
            stacked = "output" if ends_here and sizes.directions == 1 else f"states{name}"
            parameters = _parameters(tape, cell, sizes, reads, run)
            cells = cell.cells(tape, parameters, sizes.units, sizes.out, name)
            begin = tuple(tape.view(each, each.elements // len(runs), f"{each.name}{name}") for each in zeros)
            other = tuple(direction.whole for direction in made)
            made.append(cells.read(source, length, begin, stacked, needs if number == 0 else None, other))
            last.append(made[-1].last)
        reads = sizes.out * sizes.directions
        below, source = source, made[0].stacked
        if len(made) > 1:
            source = tape.concat(tuple(direction.stacked for direction in made), joined)
            tape.hold(made[-1].whole, *(state for direction in made for state in direction.states))
        if number:
            tape.hold(below)
    final = []
    for number, ends in reversed(list(enumerate(zip(*last, strict=True)))):  # the cells, and then the states
        final.append(Tensor(f"last of {zeros[number].name}", total(end.elements for end in ends)))
        tape.run("stack", ends, final[-1])
    tape.hold(*zeros, *final, *(each for state in last for each in state))
    return tape, source


def recurrent(x: Volume, cell: Cell, sizes: Sizes) -> Outcome:
    """The outcome of a recurrent layer."""
    length, runs = x.space[0], sizes.runs()
    tape, output = _followed(x, cell, sizes, None)
    copying, copied = _followed(x, cell, sizes, POSITIONS_FIRST)
    params = tuple(tape.params.values())
    macs = total(tensor.elements for tensor in params if tensor.name.startswith("weight")) * length
    by_state = total(tensor.elements for tensor in params if tensor.name.startswith("weight_hh")) * (length - 1)
    by_projection = total(tensor.elements for tensor in params if tensor.name.startswith("weight_hr")) * length
    later = [run for run in runs if not run.startswith("l0")]
    by_layers = total(tape.params[f"weight_ih_{run}"].elements for run in later) * length
    steps = sizes.units * length * len(runs)
    biases = operations("bias", add=2 * cell.gates * steps) if sizes.bias else ()
    viewed = cell.cells.carries_cell
    return Outcome(
        Volume(sizes.out * sizes.directions, x.space),
        params=params,
        macs=macs,
        operations=(
            *biases,
            *operations("activation", **{kind: steps * times for kind, times in cell.activation.items()}),
            *operations("elementwise", **{kind: steps * times for kind, times in cell.elementwise.items()}),
        ),
        saved=tape.saved(),
        composition=tape.composition(output)._replace(viewed=viewed),
        rearranged=Instead(copying.saved(), copying.composition(copied)._replace(viewed=viewed)),
        needs=POSITIONS_FIRST,
        lies="positions first",
        windows=EVERYTHING,
        inner=by_state + by_projection + by_layers,
        undecided=undecided((length, short) for short in range(1, FIRST + LAST + 1)) if is_array(length) else (),
    )
