"""What is done to the heads of attention, on a layer's tape."""

from __future__ import annotations

from archcalc.layers.composed.tape import Tape, Undo, Value
from archcalc.layers.outcome import operations


def rotated(tape: Tape, x: Value, name: str) -> Value:
    """The values turned by their positions, on a layer's tape."""
    half = x.elements // 2
    direct = tape.map("mul", x, f"{name} * cos", back="mul")
    first, second = tape.part(x, half, f"first half of {name}"), tape.part(x, half, f"second half of {name}")
    turned = tape.concat((tape.map("neg", second, f"negative half of {name}", back="neg"), first), f"turned {name}")
    made = tape.add(direct, tape.map("mul", turned, f"{name} * sin", back="mul"), name)
    tape.operations += operations("elementwise", multiply=2 * x.elements, add=x.elements)
    return made


def repeated(tape: Tape, x: Value, elements: int, name: str) -> Value:
    """The heads repeated up to so many elements, on a layer's tape."""
    made = tape.result(name, elements, x)
    tape.run("clone", (x,), made)
    tape.record(made, Undo("sum", ("gradient",), (x,)))
    return made
