"""Linear layers and tables."""

from __future__ import annotations

from archcalc.exchange.code.layers import Own, Setting, Written, given
from archcalc.exchange.writers.pytorch.layers.registry import Site, on_positions, written


@written
def linear(site: Site) -> Written:
    return on_positions(
        site,
        "nn.Linear",
        given("in_features", site.channels),
        given("out_features", site["out"]),
        Setting("bias", site["bias"], True),
    )


@written
def embedding(site: Site) -> Written:
    settings = (given("num_embeddings", site["count"]), given("embedding_dim", site["out"]))
    # A constant is made in the type of what it stands behind.
    call = "{m}({0}.long())" if site.once[0] else "{m}({0})"
    return Written(call, "nn.Embedding", settings, last=True)


@written
def rbf(site: Site) -> Written:
    settings = (given("in_features", site.channels), given("out_features", site["out"]))
    return Written("{m}({0})", "RadialBasis", settings, own=_RADIAL_BASIS)


_RADIAL_BASIS = Own(
    "RadialBasis",
    '''
class RadialBasis(nn.Module):
    """The squared distances of a vector from fixed centres."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.register_buffer("centres", torch.randn(out_features, in_features))

    def forward(self, x):
        return (x[:, None] - self.centres).pow(2).sum(-1)
''',
)
