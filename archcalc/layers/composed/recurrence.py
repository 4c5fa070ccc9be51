"""The operations of recurrent layers, as a framework's own kernels run them position by position.

Of a long sequence the first and the last positions are followed operation by operation. From one position to the next
in between what is there grows or shrinks by the same amount, so that no peak lies there: what those positions save and
give is taken together.
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from archcalc.layers.composed.tape import Tape, Undo, Value
from archcalc.layers.layout import Needs
from archcalc.layers.outcome import WEIGHTS, Tensor
from archcalc.records import Record
from archcalc.sizes.kinds import Size, is_concrete

#: Positions that are followed at the beginning and at the end of a sequence.
FIRST, LAST = 2, 2

#: What is carried from one position to the next: the hidden state, and of an LSTM the cell.
State: TypeAlias = tuple[Value, ...]

_WEIGHTS = frozenset({WEIGHTS})


class Parameters(Record):
    """Those of one layer of cells in one direction."""

    of_input: Value
    of_state: Value
    bias: Value | None
    bias_of_state: Value | None
    projection: Value | None


class Between(Record):
    """The positions that are not followed: how many, and the number of the last of them."""

    number: Size
    last: Size


class Layer(Record):
    """What a layer of cells in one direction has made: the inputs of its gates, the states of the positions, the same
    as one value, and the last state."""

    whole: Value
    states: tuple[Value, ...]
    stacked: Value
    last: State


class Cells:
    """One layer of cells in one direction, on a tape; `name` tells it from others of the same recurrent layer."""

    #: Linear combinations of input and state that a unit has.
    gates: ClassVar[int]
    #: Whether a cell is carried along beside the state.
    carries_cell: ClassVar[bool] = False

    def __init__(self, tape: Tape, parameters: Parameters, units: Size, state: Size, name: str) -> None:
        self.tape = tape
        self.parameters = parameters
        self.units = units
        self.state = state
        self.name = name

    def at(self, what: str, position: Size) -> str:
        """The name of what there is at a position."""
        return f"{what} (position {position}{self.name})"

    def between(self, what: str) -> str:
        """The name of what there is at all positions that are not followed."""
        return f"{what} (positions between{self.name})"

    def whole(self, x: Value, length: Size, needs: Needs | None) -> Value:
        """The input's part of all gates, by one product; with `needs` of a copy of the input, the bias added apart."""
        weight, bias, elements = self.parameters.of_input, self.parameters.bias, self.gates * self.units * length
        name = f"inputs of the gates{self.name}"
        if needs is None:
            return self.tape.product(x, weight, bias, elements, name)
        copied = self.tape.rows(x, needs, weight, bias, f"input by time{self.name}")
        if bias is None:
            return self.tape.product(copied, weight, None, elements, name, called="linear")
        product = self.tape.product(copied, weight, None, elements, f"product{self.name}", called="linear")
        return self.tape.shift(product, bias, name, called="linear")

    def read(
        self, x: Value, length: Size, state: State, made: str, needs: Needs | None, held: tuple[Value, ...] = ()
    ) -> Layer:
        """Every position, one after the other. Other values are `held` until there are the inputs of the gates."""
        each = self.gates * self.units
        whole = self.whole(x, length, needs)
        self.tape.hold(*held)
        if is_concrete(length) and length <= FIRST + LAST:
            between, numbers, sizes = None, list(range(int(length))), (each,) * int(length)
        else:
            between = Between(length - FIRST - LAST, length - LAST - 1)
            numbers = [*range(FIRST), *(length - back for back in range(LAST, 0, -1))]
            sizes = (*(each,) * FIRST, each * between.number, *(each,) * LAST)
        states: list[Value] = []
        parts = iter(self.tape.parts(whole, sizes, "stack"))
        for place, number in enumerate(numbers):
            if between is not None and place == FIRST:
                several, state = self.positions(next(parts), state, between)
                states += [several, state[0]]
            before, state = state, self.position(next(parts), state, number)
            self.tape.hold(*before)
            states.append(state[0])
        stacked = self.tape.concat(tuple(states), made, "stack")
        self.tape.hold(whole)
        return Layer(whole, tuple(states), stacked, state)

    def position(self, x: Value, state: State, number: Size) -> State:
        """One position: the state after it."""
        raise NotImplementedError

    def positions(self, x: Value, state: State, between: Between) -> tuple[Value, State]:
        """The positions that are not followed: their hidden states but the last, and the state after them."""
        raise NotImplementedError

    def combined(self, state: Value, number: Size) -> Value:
        """The state's part of the gates."""
        weight, bias = self.parameters.of_state, self.parameters.bias_of_state
        return self.tape.product(state, weight, bias, self.gates * self.units, self.at("gates", number))

    def undone(self, results: tuple[Value, ...], x: Value, state: State, saved: tuple[str, ...]) -> None:
        """How the positions between are undone: what they saved goes, then the gradients of their inputs are there."""
        reads = (*saved, *(each.base for each in state))
        self.tape.record_all(
            results,
            Undo("positions_between_backward", reads, ()),
            Undo("positions_between_backward", (), (x,)),
            passes=tuple(enumerate(state)),
        )

    def operands(self, *values: Value) -> tuple[Value, ...]:
        """What the products of the positions between read: their states and the parameters."""
        bias = self.parameters.bias_of_state
        return (*values, self.parameters.of_state, *(() if bias is None else (bias,)))


class Elman(Cells):
    """tanh(W x + U h + b)."""

    gates = 1

    def position(self, x: Value, state: State, number: Size) -> State:
        made = self.tape.add_(self.combined(state[0], number), x)
        return (self.tape.map("tanh", made, self.at("state", number), saved="result"),)

    def positions(self, x: Value, state: State, between: Between) -> tuple[Value, State]:
        tape, units, (hidden,) = self.tape, self.units, state
        several = tape.result(self.between("state"), units * (between.number - 1), x, hidden)
        last = tape.result(self.at("state", between.last), units, x, hidden)
        tape.run("tanh", (x,), several, last)
        tape.keep(hidden, _WEIGHTS)
        for each in (several, last):
            tape.keep(each, each.needs)
        self.undone((last, several), x, state, (several.name, last.name))
        return several, (last,)


class Gated(Cells):
    """The candidate is tanh(input + reset * state), the new state candidate + update * (state - candidate). The three
    gates of a position lie in one tensor, which is worked on in place."""

    gates = 3

    def position(self, x: Value, state: State, number: Size) -> State:
        tape, (hidden,) = self.tape, state
        thirds = (self.units,) * 3
        x_reset, x_update, x_candidate = tape.parts(x, thirds, "cat")
        reset, update, inner = tape.parts(self.combined(hidden, number), thirds, "cat")
        reset = tape.map_("sigmoid", tape.add_(reset, x_reset))
        update = tape.map_("sigmoid", tape.add_(update, x_update))
        inner = self.scaled(inner, reset, self.at("candidate before the gate", number))
        candidate = tape.map_("tanh", tape.add(x_candidate, inner, self.at("candidate", number)))
        difference = tape.result(self.at("state", number), self.units, hidden, candidate)
        tape.run("sub", (hidden, candidate), difference)
        tape.record(difference, Undo("neg", ("gradient",), (candidate,)), passes=(hidden,))
        return (tape.add_(self.scaled(difference, update, self.at("difference", number)), candidate),)

    def scaled(self, x: Value, gate: Value, name: str) -> Value:
        """A product with a gate in place of the value, of which the backward pass needs a copy."""
        tape, copy = self.tape, Tensor(name, x.elements)
        tape.run("clone", (x,), copy, training=True)
        made = tape.in_place("mul_", x, gate)
        tape.keep_own(copy, gate.needs)
        tape.keep(gate, x.needs)
        by_gate = Undo("mul", ("gradient", copy.name), (gate,))
        tape.record(made, by_gate, Undo("mul", ("gradient", gate.base), (x,)), arrive=(x, gate))
        return made

    def positions(self, x: Value, state: State, between: Between) -> tuple[Value, State]:
        tape, units, count, (hidden,) = self.tape, self.units, between.number, state
        several = tape.result(self.between("state"), units * (count - 1), x, hidden)
        last = tape.result(self.at("state", between.last), units, x, hidden)
        tape.run("sub", (hidden, x), several, last)
        gates, before, candidates, differences = (
            Tensor(self.between(what), times * units * count)
            for what, times in (("gates", 3), ("candidate before the gate", 1), ("candidate", 1), ("difference", 1))
        )
        tape.run("addmm", self.operands(hidden, several), gates, training=True)
        tape.run("clone", (gates,), before, training=True)
        tape.run("add", (x, gates), candidates, training=True)
        tape.run("sub", (hidden, candidates), differences, training=True)
        for each in (hidden, several):
            tape.keep(each, _WEIGHTS)
        own = (gates, before, candidates, differences)
        for tensor in own:
            tape.keep_own(tensor, last.needs, made="gradient")
        self.undone((last, several), x, state, (several.name, *(tensor.name for tensor in own)))
        return several, (last,)


class LongShortTerm(Cells):
    """The cell is forget * cell + input * candidate, and the state output * tanh(cell), or a projection of that. The
    four gates of a position lie in one tensor, which is worked on in place."""

    gates = 4
    carries_cell = True

    def position(self, x: Value, state: State, number: Size) -> State:
        tape, (hidden, cell) = self.tape, state
        made = tape.add_(self.combined(hidden, number), x)
        put_in, forget, candidate, put_out = tape.parts(made, (self.units,) * 4, "cat")
        put_in, forget = tape.map_("sigmoid", put_in), tape.map_("sigmoid", forget)
        candidate, put_out = tape.map_("tanh", candidate), tape.map_("sigmoid", put_out)
        left = tape.mul(forget, cell, self.at("cell", number))
        cell = tape.add_(left, tape.mul(put_in, candidate, self.at("new part of the cell", number)))
        tangent = tape.map("tanh", cell, self.at("tangent of the cell", number), saved="result")
        projection = self.parameters.projection
        if projection is None:
            return tape.mul(put_out, tangent, self.at("state", number)), cell
        output = tape.mul(put_out, tangent, self.at("output before the projection", number))
        projection = self.transposed(projection, 1, self.at("projection", number))
        return tape.product(output, projection, None, self.state, self.at("state", number)), cell

    def transposed(self, projection: Value, times: Size, name: str) -> Value:
        """The projection as its products read it: transposed, for which mixed precision converts it each time."""
        return self.tape.view(projection, times * self.units * self.state, name)

    def positions(self, x: Value, state: State, between: Between) -> tuple[Value, State]:
        tape, units, count, (hidden, cell) = self.tape, self.units, between.number, state
        projection = self.parameters.projection
        several = tape.result(self.between("state"), self.state * (count - 1), x, hidden)
        last = tape.result(self.at("state", between.last), self.state, x, hidden)
        last_cell = tape.result(self.at("cell", between.last), units, x, hidden)
        tape.run("mul", (x, cell), last_cell, *((several, last) if projection is None else ()))
        if projection is not None:
            tape.run("mm", (x,), several, last)
        gates = Tensor(self.between("gates"), 4 * units * count)
        cells = Tensor(self.between("cell"), units * (count - 1))
        tangents = Tensor(self.between("tangent of the cell"), units * count)
        outputs = Tensor(self.between("output before the projection"), units * count)
        tape.run("addmm", self.operands(hidden, several), gates, training=True)
        tape.run("mul", (cell, gates), cells, training=True)
        tape.run("tanh", (cells,), tangents, training=True)
        for each in (hidden, several):
            tape.keep(each, _WEIGHTS)
        tape.keep(cell, last.needs)
        for tensor in (gates, cells, tangents):
            tape.keep_own(tensor, last.needs, made="gradient")
        saved: tuple[str, ...] = (several.name, gates.name, cells.name, tangents.name)
        if projection is not None:
            read = self.transposed(projection, count, self.between("projection"))
            tape.run("mm", (gates, read), outputs, training=True)
            tape.keep_own(outputs, _WEIGHTS, made="gradient")
            saved = (*saved, outputs.name, projection.base)
        self.undone((last, last_cell, several), x, state, saved)
        return several, (last, last_cell)
