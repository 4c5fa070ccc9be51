"""Mixtures of experts."""

from __future__ import annotations

from archcalc.exchange.code.layers import Own, Written, given
from archcalc.exchange.writers.pytorch.layers.registry import Site, on_positions, written


@written
def experts(site: Site) -> Written:
    shared, gated, activation = site["shared"], site["gated"], site["activation"]
    hidden = Own("FeedForward", _feed_forward(gated, activation))
    own = Own("Experts", _experts(gated, activation, bool(shared)), (hidden,) if shared else ())
    return on_positions(
        site,
        own.name,
        given("channels", site.channels),
        given("hidden", site["hidden"]),
        given("count", site["count"]),
        given("top_k", site["top_k"]),
        *((given("shared", shared),) if shared else ()),
        own=own,
    )


def _feed_forward(gated: bool, activation: str) -> str:
    gate = "        self.gate = nn.Linear(channels, hidden, bias=False)\n" if gated else ""
    made = f"functional.{activation}(self.gate(x)) * self.up(x)" if gated else f"functional.{activation}(self.up(x))"
    return f'''
class FeedForward(nn.Module):
    """A hidden layer."""

    def __init__(self, channels, hidden):
        super().__init__()
{gate}        self.up = nn.Linear(channels, hidden, bias=False)
        self.down = nn.Linear(hidden, channels, bias=False)

    def forward(self, x):
        return self.down({made})
'''


def _experts(gated: bool, activation: str, shared: bool) -> str:
    names = ("gate", "up") if gated else ("up",)
    weights = "".join(
        f"        self.{name} = nn.Parameter(torch.randn(count, hidden, channels) * 0.02)\n" for name in names
    )
    first = "".join(f"        {name} = functional.grouped_mm(given, self.{name}.mT, offs=ends)\n" for name in names)
    made = f"functional.{activation}(gate) * up" if gated else f"functional.{activation}(up)"
    argument = ", shared" if shared else ""
    member = "        self.shared = FeedForward(channels, shared * hidden)\n" if shared else ""
    beside = "        made = made + self.shared(rows)\n" if shared else ""
    return f'''
class Experts(nn.Module):
    """Hidden layers beside each other, of which a router picks a few for each position.

    Positions are sorted by their experts, so that each expert multiplies its own.
    """

    def __init__(self, channels, hidden, count, top_k{argument}):
        super().__init__()
        self.top_k = top_k
        self.router = nn.Linear(channels, count, bias=False)
{weights}        self.down = nn.Parameter(torch.randn(count, channels, hidden) * 0.02)
{member}
    def forward(self, x):
        rows = x.flatten(0, -2)
        weights, picked = self.router(rows).softmax(-1).topk(self.top_k)
        weights = weights / weights.sum(-1, keepdim=True)
        by_expert, order = picked.flatten().sort()
        numbers = torch.arange(len(self.up), device=x.device)
        ends = torch.searchsorted(by_expert, numbers, right=True).int()
        positions = order // self.top_k
        given = rows[positions]
{first}        made = {made}
        made = functional.grouped_mm(made, self.down.mT, offs=ends)
        made = made * weights.flatten()[order, None]
        made = torch.zeros_like(rows).index_add(0, positions, made)
{beside}        return made.view_as(x)
'''
