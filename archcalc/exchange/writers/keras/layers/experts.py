"""Mixtures of experts."""

from __future__ import annotations

from archcalc.exchange.code.layers import Site, Written, given
from archcalc.exchange.writers.keras.layers.registry import called, own, written


@written
def experts(site: Site) -> Written:
    shared, gated, activation = site["shared"], site["gated"], site["activation"]
    hidden = own("FeedForward", _feed_forward(gated, activation))
    made = own("Experts", _experts(gated, activation, bool(shared)), *((hidden,) if shared else ()))
    return called(
        made.name,
        given("hidden", site["hidden"]),
        given("count", site["count"]),
        given("top_k", site["top_k"]),
        *((given("shared", shared),) if shared else ()),
        own=made,
    )


def _feed_forward(gated: bool, activation: str) -> str:
    gate = "        self.gate = layers.Dense(self.hidden, use_bias=False)\n" if gated else ""
    build = "        self.gate.build(input_shape)\n" if gated else ""
    made = f"ops.{activation}(self.gate(x)) * self.up(x)" if gated else f"ops.{activation}(self.up(x))"
    return f'''
class FeedForward(layers.Layer):
    """A hidden layer."""

    def __init__(self, hidden, **kwargs):
        super().__init__(**kwargs)
        self.hidden = hidden

    def build(self, input_shape):
{gate}        self.up = layers.Dense(self.hidden, use_bias=False)
        self.down = layers.Dense(input_shape[-1], use_bias=False)
{build}        self.up.build(input_shape)
        self.down.build((*input_shape[:-1], self.hidden))

    def call(self, x):
        return self.down({made})
'''


def _experts(gated: bool, activation: str, shared: bool) -> str:
    names = ("gate", "up") if gated else ("up",)
    weights = "".join(f'        self.{name} = self.add_weight(name="{name}", shape=shape)\n' for name in names)
    first = "".join(f'        {name} = ops.einsum("...c,ech->...eh", x, self.{name})\n' for name in names)
    made = f"ops.{activation}(gate) * up" if gated else f"ops.{activation}(up)"
    argument = ", shared" if shared else ""
    stored = "        self.shared = shared\n" if shared else ""
    member = (
        "        self.beside = FeedForward(self.shared * self.hidden)\n        self.beside.build(input_shape)\n"
        if shared
        else ""
    )
    beside = " + self.beside(x)" if shared else ""
    return f'''
class Experts(layers.Layer):
    """Hidden layers beside each other, of which a router picks a few for each position.

    All compute every position, and those that are not picked count for nothing.
    """

    def __init__(self, hidden, count, top_k{argument}, **kwargs):
        super().__init__(**kwargs)
        self.hidden = hidden
        self.count = count
        self.top_k = top_k
{stored}
    def build(self, input_shape):
        channels = input_shape[-1]
        self.router = layers.Dense(self.count, use_bias=False)
        self.router.build(input_shape)
        shape = (self.count, channels, self.hidden)
{weights}        shape = (self.count, self.hidden, channels)
        self.down = self.add_weight(name="down", shape=shape)
{member}
    def call(self, x):
        shares = ops.softmax(self.router(x))
        best, _ = ops.top_k(shares, self.top_k)
        shares = ops.where(shares < best[..., -1:], 0.0, shares)
        shares = shares / ops.sum(shares, axis=-1, keepdims=True)
{first}        made = {made}
        made = ops.einsum("...eh,ehc->...ec", made, self.down)
        return ops.sum(made * shares[..., None], axis=-2){beside}
'''
