"""Linear layers and tables."""

from __future__ import annotations

from archcalc.exchange.code.layers import Setting, Site, Written, given
from archcalc.exchange.writers.keras.layers.registry import called, own, written


@written
def linear(site: Site) -> Written:
    return called("layers.Dense", given("units", site["out"]), Setting("use_bias", site["bias"], True))


@written
def embedding(site: Site) -> Written:
    return called("layers.Embedding", given("input_dim", site["count"]), given("output_dim", site["out"]))


@written
def rbf(site: Site) -> Written:
    return called("RadialBasis", given("units", site["out"]), own=_RADIAL_BASIS)


_RADIAL_BASIS = own(
    "RadialBasis",
    '''
class RadialBasis(layers.Layer):
    """The squared distances of a vector from fixed centres."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        shape = (self.units, input_shape[-1])
        self.centres = self.add_weight(name="centres", shape=shape, trainable=False)

    def call(self, x):
        return ops.sum(ops.square(x[:, None] - self.centres), axis=-1)
''',
)
