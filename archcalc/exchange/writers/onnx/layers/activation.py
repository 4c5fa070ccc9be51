"""Functions of each value by itself, softmax, dropout."""

from __future__ import annotations

from archcalc.exchange.writers.onnx.graph import Site, Value
from archcalc.exchange.writers.onnx.layers.registry import written, written_as
from archcalc.exchange.writers.onnx.message import Attribute

#: Layers that are one operator, with those attributes that it does not have by itself.
_OPERATORS: dict[str, tuple[str, dict[str, Attribute]]] = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.01}),
    "elu": ("Elu", {}),
    "selu": ("Selu", {}),
    "mish": ("Mish", {}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "softplus": ("Softplus", {}),
    "hardsigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "hardswish": ("HardSwish", {}),
    "abs": ("Abs", {}),
    "exp": ("Exp", {}),
    "log": ("Log", {}),
    "sqrt": ("Sqrt", {}),
    "identity": ("Identity", {}),
}


@written_as(*_OPERATORS)
def elementwise(site: Site) -> Value:
    """The operator of the layer."""
    kind, attributes = _OPERATORS[site.layer]
    return site.like(site.node(kind, site.inputs[0].name, **attributes))


@written
def silu(site: Site) -> Value:
    """A value times its sigmoid, as PyTorch's exporter has it."""
    value = site.inputs[0].name
    return site.like(site.node("Mul", value, site.node("Sigmoid", value)))


@written
def relu6(site: Site) -> Value:
    return site.like(site.node("Clip", site.inputs[0].name, site.number(0), site.number(6)))


@written
def gelu(site: Site) -> Value:
    return site.like(site.node("Gelu", site.inputs[0].name, approximate=site["approximate"]))


@written
def prelu(site: Site) -> Value:
    if not site["per_channel"]:
        return site.like(site.node("PRelu", site.inputs[0].name, site.weight("weight", 1)))
    slopes = site.weight("weight", site.channels, *[1] * site.rank)
    return site.made(site.node("PRelu", site.first(), slopes))


@written
def softmax(site: Site) -> Value:
    return site.like(site.node("Softmax", site.inputs[0].name, axis=site.axis(site["over"])))


@written
def dropout(site: Site) -> Value:
    return site.like(site.node("Dropout", site.inputs[0].name, site.number(site["rate"])))


@written
def drop_path(site: Site) -> Value:
    """Nothing: in inference every branch is there."""
    return site.like(site.inputs[0].name)


@written
def scale(site: Site) -> Value:
    return site.like(site.node("Mul", site.inputs[0].name, site.number(site["factor"])))


@written
def square(site: Site) -> Value:
    value = site.inputs[0].name
    return site.like(site.node("Mul", value, value))


@written
def clamp(site: Site) -> Value:
    """A bound that is not there is an input that is left out."""
    bounds = ["" if site[name] is None else site.number(site[name]) for name in ("least", "most")]
    return site.like(site.node("Clip", site.inputs[0].name, *bounds[: 2 if bounds[1] else 1]))


@written
def zero(site: Site) -> Value:
    return site.like(site.node("Mul", site.inputs[0].name, site.number(0)))
