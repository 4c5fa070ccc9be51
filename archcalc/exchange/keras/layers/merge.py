"""Several tensors as one, by layers and by the operations of numbers."""

from __future__ import annotations

from archcalc.exchange.keras.call import Call, as_number
from archcalc.exchange.keras.registry import keras_layer
from archcalc.exchange.operations.registry import Refusal

_JOINS = {"Add": "add", "Multiply": "multiply", "Average": "mean", "Subtract": "subtract", "Divide": "divide"}


@keras_layer(*_JOINS, "TrueDivide")
def join(call: Call) -> int:
    """`add`, `multiply` and the like; with a number, `scale` or the sum with a constant."""
    layer = _JOINS.get(call.kind, "divide")
    if not call.numbers:
        if len(call.inputs) == 1:
            return call.inputs[0]
        return call.step(layer, call.inputs)
    if len(call.inputs) != 1 or len(call.numbers) != 1:
        raise Refusal("it reads more than a tensor and a number")
    value, number = call.inputs[0], call.numbers[0]
    if layer == "multiply":
        return call.step("scale", value, {"factor": number})
    if layer == "divide" and number:
        return call.step("scale", value, {"factor": as_number(1 / number, "divisor")})
    if layer in ("add", "subtract"):
        constant = call.within("constant", value, {"shape": (1,), "buffer": False})
        return call.step("add", (value, constant))
    raise Refusal("it divides by a number, or a number by it")


@keras_layer("Concatenate")
def concatenate(call: Call) -> int:
    """`concat`, along the channels or another axis."""
    if not call.inputs:
        raise Refusal("it reads no tensor")
    axis = call.axis(call.config.get("axis", -1), call.volume(call.inputs[0]))
    return call.step("concat", call.inputs, {"axis": axis} if axis else {})
