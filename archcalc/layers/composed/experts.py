"""A mixture of experts, as it is computed with the rows sorted by their experts."""

from __future__ import annotations

from archcalc.layers import layout
from archcalc.layers.composed.tape import Tape, Undo, Value
from archcalc.layers.outcome import Outcome, Tensor
from archcalc.sizes.conditions import at_most
from archcalc.sizes.kinds import Size, certainly_equal, total
from archcalc.sizes.volume import Volume

#: What an activation counts per value, as its layer does, and what its derivative is written in.
_ACTIVATIONS: dict[str, tuple[dict[str, int], str]] = {
    "silu": ({"exponential": 1, "add": 1, "divide": 1}, "input"),
    "gelu": ({"multiply": 3, "add": 1, "exponential": 1}, "input"),
    "relu": ({"compare": 1}, "result"),
}


def mixture(x: Volume, count: Size, hidden: Size, top_k: Size, gated: bool, activation: str, shared: Size) -> Outcome:
    """The outcome of `experts`, whose attributes these are."""
    tape = Tape()
    own = tape.input(x)
    positions, width = x.positions, x.channels
    picks, weights = _routed(tape, own, positions, width, count, top_k)
    rows = positions * top_k
    order, places = Tensor("order of the picks", rows, "int64"), Tensor("places", rows, "int64")
    tape.run("sort", (picks,), Tensor("sorted picks", rows, "int64"), order)
    tape.run("floor_divide", (order,), places)
    picked = _indexed(tape, own, places, rows * width, "picked rows")
    units, made = _hidden(tape, picked, rows, width, hidden, count, gated, activation, "", (picks,))
    # Each result has one weight, which is repeated for its channels.
    routing = (own, picks, weights, order, places, picked)
    weights = _indexed(tape, weights, order, rows, "weights in order")
    weighted = tape.result("weighted results", rows * width, made, weights)
    tape.run("mul", (made, weights), weighted)
    tape.hold(units)
    tape.keep(made, weights.needs)
    tape.keep(weights, made.needs)
    unsummed = Tensor("unsummed gradient of the weights", rows * width)
    tape.record(
        weighted,
        Undo("mul", ("gradient", made.base), (unsummed,)),
        Undo("mul", ("gradient", weights.base), (made,)),
        Undo("sum", (unsummed.name,), (weights,)),
    )
    tape.count("elementwise", multiply=rows * width, add=(rows - positions) * width)
    with_shared = not certainly_equal(shared, 0)
    summed = tape.result("sum of the results" if with_shared else "output", positions * width, weighted)
    begin = Tensor("zeros", positions * width)
    tape.run("zeros_like", (own,), begin)
    tape.run("index_add", (begin, places, weighted), summed)
    tape.keep(weighted, weighted.needs)
    tape.keep_own(places, weighted.needs)
    tape.record(summed, Undo("index_select", ("gradient", places.name), (weighted,), holds=(weighted.base,)))
    if with_shared:
        _, beside = _hidden(tape, own, positions, width, hidden * shared, 1, gated, activation, "shared_")
        summed = tape.add(summed, beside, "output")
        tape.count("elementwise", add=positions * width)
    tape.hold(*routing)
    params = tuple(tape.params.values())
    of_experts = total(tensor.elements for tensor in params if not tensor.name.startswith(("router", "shared")))
    message = "there must be as many experts as are picked for a position"
    return Outcome(
        x,
        params=params,
        macs=tape.macs,
        operations=tuple(tape.operations),
        saved=tape.saved(),
        composition=tape.composition(summed)._replace(viewed=True),
        needs=layout.rows(x.rank) if x.rank else None,
        lies="channels last",
        inner=rows * width * hidden + (positions * width * hidden * shared if with_shared else 0),
        idle=of_experts - of_experts // count * top_k,
        conditions=(at_most("picks-fit", top_k, count, message, "top_k"),),
    )


def _indexed(tape: Tape, x: Value, index: Tensor, elements: Size, name: str) -> Value:
    """Values that an index picks; their gradients are put among zeros."""
    made = tape.result(name, elements, x)
    tape.run("index", (x, index), made)
    tape.keep_own(index, made.needs)
    zeros = Tensor(f"zeros for {x.name}", x.elements)
    of_zeros = Undo("new_zeros", ("gradient",), (zeros,))
    tape.record(made, of_zeros, Undo("index_put", (zeros.name, index.name, "gradient"), (x,)))
    return made


def _routed(tape: Tape, x: Value, positions: Size, width: Size, count: Size, top_k: Size) -> tuple[Tensor, Value]:
    """The picked experts at each position, and the weight of each."""
    router = tape.param("router_weight", count, width)
    logits = tape.linear(x, positions, width, count, router, None, "router")
    n, picks = positions * count, positions * top_k
    odds = tape.map("softmax", logits, "odds", saved="result")
    values = tape.result("picked odds", picks, odds)
    picked = Tensor("picks", picks, "int64")
    tape.run("topk", (odds,), values, picked)
    tape.keep_own(picked, values.needs)
    zeros = Tensor("zeros for the odds", n)
    of_zeros = Undo("new_zeros", ("gradient",), (zeros,))
    tape.record(values, of_zeros, Undo("scatter", (zeros.name, picked.name, "gradient"), (odds,)))
    # Their sum divides them: the derivative of a quotient, with one divisor for each position.
    sums = tape.result("sums of the odds", positions, values)
    tape.run("sum", (values,), sums)
    tape.record(sums, Undo("expand", ("gradient",), (values,)))
    weights = tape.result("weights", picks, values, sums)
    tape.run("div", (values, sums), weights)
    tape.keep(values, weights.needs)
    tape.keep(sums, weights.needs)
    quotient, negative = Tensor("quotient", picks), Tensor("negative gradient", picks)
    divided = Tensor("divided quotient", picks)
    unsummed = Tensor("unsummed gradient of the sums", picks)
    tape.record(
        weights,
        Undo("div", (values.base, sums.base), (quotient,)),
        Undo("div", (quotient.name, sums.base), (divided,)),
        Undo("neg", ("gradient",), (negative,)),
        Undo("mul", (negative.name, divided.name), (unsummed,)),
        Undo("div", ("gradient", sums.base), (values,)),
        Undo("sum", (unsummed.name,), (sums,)),
    )
    softmax = {"compare": n - positions, "add": 2 * n - positions, "exponential": n, "divide": n}
    tape.count("activation", **softmax)
    tape.count("elementwise", add=picks - positions, divide=picks)
    return picked, weights


def _hidden(
    tape: Tape,
    x: Value,
    rows: Size,
    width: Size,
    hidden: Size,
    count: Size,
    gated: bool,
    activation: str,
    prefix: str,
    picks: tuple[Tensor, ...] = (),
) -> tuple[Value, Value]:
    """The hidden layers of the experts, for so many rows in all: the values of their units, and their results. `picks`
    tell which of several are each row's."""

    def weight(name: str, outputs: Size, reads: Size) -> Value:
        return tape.param(f"{prefix}{name}_weight", *((outputs, reads) if prefix else (count, outputs, reads)))

    counted, derivative = _ACTIVATIONS[activation]
    tape.count("activation", **{kind: rows * hidden * times for kind, times in counted.items()})
    first = "gate" if gated else "up"
    made = tape.linear(x, rows, width, hidden, weight(first, hidden, width), None, f"{prefix}{first}", picks)
    activated = units = tape.map(activation, made, f"{prefix}activated", saved=derivative)
    if gated:
        up = tape.linear(x, rows, width, hidden, weight("up", hidden, width), None, f"{prefix}up", picks)
        units = tape.mul(activated, up, f"{prefix}gated")
        tape.count("elementwise", multiply=rows * hidden)
    made = tape.linear(units, rows, hidden, width, weight("down", width, hidden), None, f"{prefix}result", picks)
    if prefix:  # those that all positions share are a module of their own
        tape.hold(activated)
    return units, made
