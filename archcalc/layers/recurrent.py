"""Recurrent layers: a sequence is read position by position, and what was read so far is carried along.

What is saved for backward is what PyTorch's own kernel on a CPU saves, which computes each step by simple operations:
it serves rnn and gru, and lstm with a projection. For an lstm without one PyTorch uses oneDNN's kernel where it is
built in, and on CUDA cuDNN's for all: those save the same values in a workspace whose size only the library knows.
A gru of one layer and one direction is followed step by step. Peaks take any other layer for one operation: the small
tensors that a kernel makes and drops at each step are not in them.
"""

from archcalc.layers.attributes import OptionalPositive, Positive, Stacked, Switch
from archcalc.layers.multihead import POSITIONS_FIRST
from archcalc.layers.outcome import (
    EVERYTHING,
    OF_INPUT,
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
from archcalc.records import Record
from archcalc.sizes.conditions import at_most
from archcalc.sizes.kinds import Size, is_concrete, total
from archcalc.sizes.volume import Volume


class _Cell(Record):
    """One step of a recurrent layer, per hidden unit. `gates` are its linear combinations of input and state, and the
    others are operations: activations with their parts counted as those layers count them, and what combines them."""

    gates: int
    activation: dict[str, int]
    elementwise: dict[str, int]


_SIGMOID = {"exponential": 1, "add": 1, "divide": 1}
_TANH = {"multiply": 1, "exponential": 1, "add": 2, "divide": 1}


def _activations(sigmoids: int, tangents: int) -> dict[str, int]:
    return {kind: sigmoids * _SIGMOID.get(kind, 0) + tangents * _TANH[kind] for kind in _TANH}


_RNN = _Cell(1, _activations(0, 1), {"add": 1})
# The state is forget * state + input * candidate, and what is put out is output * tanh(state).
_LSTM = _Cell(4, _activations(3, 2), {"add": 4 + 1, "multiply": 3})
# The candidate is tanh(input + reset * state), the new state candidate + update * (state - candidate).
_GRU = _Cell(3, _activations(2, 1), {"add": 3 + 2, "multiply": 2})


#: A sequence of more positions is not followed step by step; what is saved is the same.
_MOST_STEPS = 1000


class _Run(Record):
    """One layer of cells in one direction: the sizes of what it reads, of its cells and of what it puts out, which may
    be a projection."""

    name: str
    reads: Size
    units: Size
    out: Size
    projected: bool


def _runs(x: Volume, units: Size, out: Size, layers: int, bidirectional: bool, projected: bool) -> list[_Run]:
    made = []
    for number in range(layers):
        for direction in ("", "_reverse")[: 2 if bidirectional else 1]:
            reads = x.channels if number == 0 else (2 * out if bidirectional else out)
            made.append(_Run(f"l{number}{direction}", reads, units, out, projected))
    return made


def _params(run: _Run, cell: _Cell, bias: bool) -> tuple[Tensor, ...]:
    rows = cell.gates * run.units
    return (
        Tensor(f"weight_ih_{run.name}", rows * run.reads, shape=(rows, run.reads)),
        Tensor(f"weight_hh_{run.name}", rows * run.out, shape=(rows, run.out)),
        *((Tensor(f"bias_ih_{run.name}", rows), Tensor(f"bias_hh_{run.name}", rows)) if bias else ()),
        *((Tensor(f"weight_hr_{run.name}", run.out * run.units, shape=(run.out, run.units)),) if run.projected else ()),
    )


def _recurrent(
    x: Volume, cell: _Cell, saved: dict[str, Size], *, units: Size, out: Size, layers: int, bias: bool, both: bool
) -> Outcome:
    """The outcome of a recurrent layer. `saved` has, by name, what one layer of cells in one direction saves."""
    length = x.space[0]
    directions, projected = 2 if both else 1, "outputs before the projection" in saved
    runs = _runs(x, units, out, layers, both, projected)
    params = tuple(tensor for run in runs for tensor in _params(run, cell, bias))
    macs = total(tensor.elements for tensor in params if tensor.name.startswith("weight")) * length
    by_state = total(tensor.elements for tensor in params if tensor.name.startswith("weight_hh")) * (length - 1)
    by_projection = total(tensor.elements for tensor in params if tensor.name.startswith("weight_hr")) * length
    by_layers = total(cell.gates * run.units * run.reads for run in runs[directions:]) * length
    steps = units * length * len(runs)
    biases = operations("bias", add=2 * cell.gates * steps) if bias else ()
    return Outcome(
        Volume(out * directions, x.space),
        params=params,
        macs=macs,
        operations=(
            *biases,
            *operations("activation", **{kind: steps * times for kind, times in cell.activation.items()}),
            *operations("elementwise", **{kind: steps * times for kind, times in cell.elementwise.items()}),
        ),
        saved=(
            Saved("input by time", x.elements * directions, needed_by=(WEIGHTS,), unless=POSITIONS_FIRST),
            *(Saved(name, elements * len(runs)) for name, elements in saved.items()),
            *(
                Saved(f"output of layer {number}", out * directions * length, needed_by=(WEIGHTS,))
                for number in range(1, layers)
            ),
        ),
        windows=EVERYTHING,
        function="linear",
        inner=by_state + by_projection + by_layers,
    )


@layer(ranks=(1,))
def rnn(
    x: Volume, *, out: Positive, layers: Stacked = 1, bidirectional: Switch = False, bias: Switch = True
) -> Outcome:
    """Elman's recurrent layer, tanh(W x + U h + b), on a sequence: 10x8 with `out: 6` becomes 10x6.

    `layers` are stacked; `bidirectional` reads the sequence from both ends and puts out both states.
    MACs: (E + H) * H for each position of a layer that reads E values and has H units.
    Saved for backward: the input with the positions first (of several samples a copy for each direction), the initial
    state, the state at each position, and what each layer after the first reads: as on a CPU. Peaks leave out what is
    made and dropped within a step.
    Source: Elman 1990; torch.nn.RNN with batch_first; derivatives.yaml, tanh.
    """
    length = x.space[0]
    saved = {"initial state": out, "states": out * length}
    return _recurrent(x, _RNN, saved, units=out, out=out, layers=layers, bias=bias, both=bidirectional)


@layer(ranks=(1,))
def gru(
    x: Volume, *, out: Positive, layers: Stacked = 1, bidirectional: Switch = False, bias: Switch = True
) -> Outcome:
    """Gated recurrent unit on a sequence: a reset gate, an update gate and a candidate.

    MACs: 3 * (E + H) * H for each position of a layer that reads E values and has H units.
    Saved for backward: the input with the positions first (of several samples a copy for each direction), the initial
    state and those that another step follows, and at each position the three gates, the candidate, its part from the
    state before the gate, and the difference of state and candidate: as on a CPU. With one layer, one direction and
    up to 1,000 positions the peaks follow each step; otherwise they leave out what is made and dropped within it.
    Source: Cho et al. 2014, arXiv:1406.1078; torch.nn.GRU with batch_first, whose reset gate acts after the product.
    """
    length = x.space[0]
    saved = {
        "initial state": out,
        "states": out * (length - 1),
        "gates": 3 * out * length,
        "candidates": out * length,
        "candidates before the gate": out * length,
        "differences": out * length,
    }
    outcome = _recurrent(x, _GRU, saved, units=out, out=out, layers=layers, bias=bias, both=bidirectional)
    if layers > 1 or bidirectional or not is_concrete(length) or length > _MOST_STEPS:
        return outcome  # its kernel is not followed step by step
    return outcome._replace(
        saved=_saved_by_step(int(length), out),
        composition=_gru_steps(x, int(length), out, outcome.params, bias, folded=False),
        rearranged=_gru_steps(x, int(length), out, outcome.params, bias, folded=True),
        needs=POSITIONS_FIRST,
        lies="positions first",
        viewed=True,
        function="",
    )


def _saved_by_step(length: int, units: Size) -> tuple[Saved, ...]:
    """What a gated recurrent unit saves: what its products read for the weights' gradients, and each step's values."""
    steps = range(length)
    return (
        saves("input", WEIGHTS),
        Saved("initial state", units, OF_INPUT, needed_by=(WEIGHTS,), made="always"),
        *(Saved(f"state {t}", units, needed_by=(WEIGHTS,), made="always") for t in steps[1:]),
        *(Saved(f"gates {t}", 3 * units, made="always") for t in steps),
        *(Saved(f"candidate {t}", units, made="always") for t in steps),
        *(Saved(f"candidate before the gate {t}", units) for t in steps),
        *(Saved(f"difference {t}", units) for t in steps),
        saves("weight_ih_l0", 0),
        saves("weight_hh_l0"),
    )


def _gru_steps(
    x: Volume, length: int, units: Size, params: tuple[Tensor, ...], bias: bool, *, folded: bool
) -> Composition:
    """A gated recurrent unit, step by step; the three gates of a step lie in one tensor, which is worked on in place.

    `folded` says that the input had to be copied to lie by time: then the bias is added to its product apart.
    """
    of_input, of_state = (tuple(p.name for p in params if f"_{of}_" in p.name) for of in ("ih", "hh"))
    whole = Tensor("inputs of the gates", 3 * units * length)
    states = ["initial state", *(f"state {t}" for t in range(1, length + 1))]
    forward = [Step("zeros", (), (Tensor(states[0], units, OF_INPUT),))]
    if folded and bias:
        forward += [
            Step("mm", ("input", *of_input), (Tensor("product", whole.elements),), called="linear"),
            Step("add", ("product", of_input[1]), (whole,)),
        ]
    else:
        forward.append(Step("addmm" if bias else "mm", ("input", *of_input), (whole,)))
    for t in range(length):
        gates, candidate, after = f"gates {t}", f"candidate {t}", states[t + 1]
        forward += [
            Step("addmm" if bias else "mm", (states[t], *of_state), (Tensor(gates, 3 * units),)),
            Step("add_", (gates, whole.name), ()),
            Step("clone", (gates,), (Tensor(f"candidate before the gate {t}", units),), training=True),
            Step("add", (whole.name, gates), (Tensor(candidate, units),)),
            Step("sub", (states[t], candidate), (Tensor(after, units),)),
            Step("clone", (after,), (Tensor(f"difference {t}", units),), training=True),
            Step("add_", (after, gates, candidate), ()),
        ]
    forward += [
        Step("stack", tuple(states[1:]), (Tensor("output", units * length),)),
        Step("stack", (states[-1],), (Tensor("final state", units),)),
    ]
    backward: list[Step] = []
    for t in reversed(range(length)):
        backward += _gru_step_backward(t, length, units, states, params, bias)
    by_gates = "gradient of the inputs of the gates"
    backward.append(
        Step("stack", tuple(f"gradient of the inputs {t}" for t in range(length)), (whole._replace(name=by_gates),))
    )
    own = {p.name: p for p in params}
    weight, biases = own[of_input[0]], [own[name] for name in of_input[1:]]
    by_input = Step("mm", (by_gates, weight.name), (Tensor("gradient of input", x.elements),), (0,))
    by_weight = Step("mm", (by_gates, "input"), gradients_of(weight), (WEIGHTS,))
    by_bias = [Step("sum", (by_gates,), gradients_of(each), (WEIGHTS,)) for each in biases]
    backward += [*by_bias, by_weight, by_input] if folded or not bias else [by_input, by_weight, *by_bias]
    return Composition(tuple(forward), tuple(backward))


def _gru_step_backward(
    t: int, length: int, units: Size, states: list[str], params: tuple[Tensor, ...], bias: bool
) -> list[Step]:
    """One step undone: from the gradient of the state after it to those of the state before it and of its gates."""
    last = t == length - 1
    after = "gradient" if last else f"gradient after {t}"
    gates, candidate = f"gates {t}", f"candidate {t}"

    def made(name: str, times: int = 1) -> tuple[Tensor, ...]:
        return (Tensor(f"{name} {t}", times * units),)

    steps = [
        Step("mul", (after, f"difference {t}"), made("by update")),
        Step("mul", (after, gates), made("by difference")),
        Step("neg", (f"by difference {t}",), made("negative")),
        *([Step("add", ("gradient", f"by difference {t}"), made("partly before"))] if t else []),
        Step("add", (after, f"negative {t}"), made("by candidate")),
        Step("tanh_backward", (f"by candidate {t}", candidate), made("by tangent")),
        Step("mul", (f"by tangent {t}", f"candidate before the gate {t}"), made("by reset")),
        Step("mul", (f"by tangent {t}", gates), made("by state's candidate")),
        Step("sigmoid_backward", (f"by update {t}", gates), made("of update")),
        Step("sigmoid_backward", (f"by reset {t}", gates), made("of reset")),
        Step("cat", (f"of reset {t}", f"of update {t}", f"by state's candidate {t}"), made("gradient of the gates", 3)),
    ]
    by_gates = f"gradient of the gates {t}"
    of_state = [p for p in params if "_hh_" in p.name]
    by_state = [Step("mm", (by_gates, of_state[0].name), made("by state"))] if t else []
    products = [
        Step("mm" if p is of_state[0] else "sum", (by_gates, states[t])[: 2 if p is of_state[0] else 1], (), (WEIGHTS,))
        for p in of_state
    ]
    ready = [
        step._replace(makes=gradients_of(p) if length == 1 else (_part(p, t),))
        for step, p in zip(products, of_state, strict=True)
    ]
    steps += [*by_state, *ready] if bias else [*ready, *by_state]
    sums = [] if last else [_joined(p, t, length) for p in of_state]
    steps += sums[1:]
    if t:
        steps.append(Step("add", (f"partly before {t}", f"by state {t}"), (Tensor(f"gradient after {t - 1}", units),)))
    steps += sums[:1]
    tensors = (f"of reset {t}", f"of update {t}", f"by tangent {t}")
    return [*steps, Step("cat", tensors, (Tensor(f"gradient of the inputs {t}", 3 * units),))]


def _part(parameter: Tensor, t: int) -> Tensor:
    """The gradient of a parameter by one step."""
    return Tensor(f"part {t} for {parameter.name}", parameter.elements, per="batch")


def _joined(parameter: Tensor, t: int, length: int) -> Step:
    """The gradient by one step added to those by the later ones."""
    before = _part(parameter, t + 1).name if t == length - 2 else f"sum {t + 1} for {parameter.name}"
    made = Tensor(f"sum {t} for {parameter.name}", parameter.elements, per="batch")
    whole = gradients_of(parameter) if t == 0 else (made,)
    return Step("add", (before, _part(parameter, t).name), whole, (WEIGHTS,))


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
    with a projection what it reads. That is PyTorch's own kernel on a CPU; oneDNN's, which it takes without a
    projection where that is built in, and cuDNN's save the same in a workspace that is larger by what only the library
    knows (27 kB more for 7 positions of 5 values and 6 units). Peaks leave out what is made and dropped within a step.
    Source: Hochreiter & Schmidhuber 1997; Sak et al. 2014, arXiv:1402.1128; torch.nn.LSTM with batch_first.
    """
    length = x.space[0]
    state = out if projection is None else projection
    saved = {
        "initial state": state,
        "initial cell": out,
        "states": state * (length - 1),
        "cells": out * (length - 1),
        "gates": 4 * out * length,
        "tangents of the cells": out * length,
    }
    if projection is not None:
        saved["outputs before the projection"] = out * length
    outcome = _recurrent(x, _LSTM, saved, units=out, out=state, layers=layers, bias=bias, both=bidirectional)
    if projection is None:
        return outcome
    message = "a projection makes the state smaller"
    return outcome._replace(conditions=(at_most("projection-fits", projection + 1, out, message, "projection"),))
