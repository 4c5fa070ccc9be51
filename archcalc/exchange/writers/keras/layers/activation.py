"""Activations, and functions of each value by itself."""

from __future__ import annotations

from collections.abc import Callable

from archcalc.exchange.code.layers import Setting, Site, Written, given
from archcalc.exchange.writers.keras.layers.registry import WRITTEN, called, computed, written


def _activation(name: str) -> Callable[[Site], Written]:
    return lambda site: called("layers.Activation", given("activation", name))


WRITTEN.update(
    relu=lambda site: called("layers.ReLU"),
    relu6=lambda site: called("layers.ReLU", Setting("max_value", 6)),
    leaky_relu=lambda site: called("layers.LeakyReLU"),
    elu=lambda site: called("layers.ELU"),
    selu=_activation("selu"),
    silu=_activation("silu"),
    mish=_activation("mish"),
    sigmoid=_activation("sigmoid"),
    tanh=_activation("tanh"),
    softplus=_activation("softplus"),
    hardsigmoid=_activation("hard_sigmoid"),
    hardswish=_activation("hard_silu"),
)


@written
def gelu(site: Site) -> Written:
    if site["approximate"] == "none":
        return called("layers.Activation", given("activation", "gelu"))
    return computed("keras.activations.gelu({0}, approximate=True)")


@written
def prelu(site: Site) -> Written:
    """A slope is shared along axes: along the positions, or along all."""
    shared = tuple(range(1, site.rank + (1 if site["per_channel"] else 2)))
    return called("layers.PReLU", Setting("shared_axes", shared, ()))


@written
def softmax(site: Site) -> Written:
    return called("layers.Softmax", Setting("axis", site["over"] or -1, -1))


def _function(name: str) -> Callable[[Site], Written]:
    return lambda site: computed(f"ops.{name}({{0}})")


WRITTEN.update({name: _function(name) for name in ("exp", "log", "sqrt", "square", "abs")})


@written
def clamp(site: Site) -> Written:
    least, most = Setting("least", site["least"]), Setting("most", site["most"])
    if site["least"] is None:
        return computed("ops.minimum({0}, {most})", most)
    if site["most"] is None:
        return computed("ops.maximum({0}, {least})", least)
    return computed("ops.clip({0}, {least}, {most})", least, most)
