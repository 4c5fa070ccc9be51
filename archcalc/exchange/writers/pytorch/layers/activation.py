"""Activations, and functions of each value by itself."""

from __future__ import annotations

from collections.abc import Callable

from archcalc.exchange.code.layers import Setting, Written
from archcalc.exchange.writers.pytorch.layers.registry import WRITTEN, Site, on_maps, on_values, written


def _activation(module: str) -> Callable[[Site], Written]:
    def write(site: Site) -> Written:
        return on_values(site, module, Setting("inplace", site.inplace, False))

    return write


WRITTEN.update(
    relu=_activation("nn.ReLU"),
    relu6=_activation("nn.ReLU6"),
    leaky_relu=_activation("nn.LeakyReLU"),
    elu=_activation("nn.ELU"),
    selu=_activation("nn.SELU"),
    silu=_activation("nn.SiLU"),
    mish=_activation("nn.Mish"),
    sigmoid=_activation("nn.Sigmoid"),
    tanh=_activation("nn.Tanh"),
    softplus=_activation("nn.Softplus"),
    hardsigmoid=_activation("nn.Hardsigmoid"),
    hardswish=_activation("nn.Hardswish"),
)


@written
def gelu(site: Site) -> Written:
    return on_values(site, "nn.GELU", Setting("approximate", site["approximate"], "none"))


@written
def prelu(site: Site) -> Written:
    slopes = Setting("num_parameters", site.channels if site["per_channel"] else 1, 1)
    return on_maps(site, "nn.PReLU", slopes) if site["per_channel"] else on_values(site, "nn.PReLU", slopes)


@written
def softmax(site: Site) -> Written:
    return on_values(site, "nn.Softmax", Setting("dim", site.axis(site["over"])))


def _function(name: str) -> Callable[[Site], Written]:
    def write(site: Site) -> Written:
        return Written(f"{{0}}.{name}()", last=site.last[0])

    return write


WRITTEN.update({name: _function(name) for name in ("exp", "log", "sqrt", "square", "abs")})


@written
def clamp(site: Site) -> Written:
    limits = {"min": site["least"], "max": site["most"]}
    values = tuple(Setting(name, value) for name, value in limits.items() if value is not None)
    stated = ", ".join(f"{each.name}={{{each.name}}}" for each in values)
    return Written(f"{{0}}.clamp({stated})", last=site.last[0], values=values)
