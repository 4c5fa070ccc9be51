"""Normalisation, scales and shifts, and regularisation."""

from __future__ import annotations

from archcalc.exchange.code.layers import Setting, Site, Unwritten, Written, given
from archcalc.exchange.writers.keras.layers.registry import axes_of, called, own, written


def _affine(site: Site) -> tuple[Setting, Setting]:
    bias = site["affine"] and site.attributes.get("bias", True)
    return Setting("center", bias, True), Setting("scale", site["affine"], True)


@written
def batch_norm(site: Site) -> Written:
    if not site["track"]:
        raise Unwritten("batch normalisation without running statistics")
    return called("layers.BatchNormalization", *_affine(site))


@written
def instance_norm(site: Site) -> Written:
    return called("layers.GroupNormalization", Setting("groups", -1), *_affine(site))


@written
def group_norm(site: Site) -> Written:
    return called("layers.GroupNormalization", Setting("groups", site["groups"], 32), *_affine(site))


@written
def layer_norm(site: Site) -> Written:
    axes = tuple(range(1, site.rank + 2)) if site["over"] == "volume" and site.rank else -1
    return called("layers.LayerNormalization", Setting("axis", axes, -1), *_affine(site))


@written
def rms_norm(site: Site) -> Written:
    if not site["affine"]:
        raise Unwritten("a root mean square without a scale")
    return called("layers.RMSNormalization")


@written
def lrn(site: Site) -> Written:
    return called("LocalResponseNormalization", given("size", site["size"]), own=_LOCAL_RESPONSE)


_LOCAL_RESPONSE = own(
    "LocalResponseNormalization",
    '''
class LocalResponseNormalization(layers.Layer):
    """Divide by what the channels beside each have."""

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def call(self, x):
        beside = (self.size // 2, (self.size - 1) // 2)
        squares = ops.pad(ops.square(x), [(0, 0)] * (len(x.shape) - 1) + [beside])
        channels = x.shape[-1]
        total = sum(squares[..., i : i + channels] for i in range(self.size))
        return x / (self.k + self.alpha * total / self.size) ** self.beta
''',
)


@written
def normalize(site: Site) -> Written:
    return called("layers.UnitNormalization", Setting("axis", axes_of(site, site["over"]), -1))


@written
def affine(site: Site) -> Written:
    terms = [("scale", "ones", " * self.scale")] * site["scale"] + [("bias", "zeros", " + self.bias")] * site["bias"]
    if not terms:
        return Written("{0}", last=True)
    name = "Affine" if len(terms) == 2 else "Scale" if site["scale"] else "Bias"
    lines = [
        f"class {name}(layers.Layer):",
        f'    """A learned {" and a learned ".join(term[0] for term in terms)} for each channel."""',
        "",
        "    def build(self, input_shape):",
        "        shape = input_shape[-1:]",
        *(
            f'        self.{term} = self.add_weight(name="{term}", shape=shape, initializer="{initializer}")'
            for term, initializer, _ in terms
        ),
        "",
        "    def call(self, x):",
        f"        return x{''.join(term[2] for term in terms)}",
    ]
    return called(name, own=own(name, "\n".join(lines)))


@written
def layer_scale(site: Site) -> Written:
    return called("LayerScale", own=_LAYER_SCALE)


_LAYER_SCALE = own(
    "LayerScale",
    '''
class LayerScale(layers.Layer):
    """A learned factor for each channel."""

    def build(self, input_shape):
        small = keras.initializers.Constant(1e-6)
        shape = input_shape[-1:]
        self.scale = self.add_weight(name="scale", shape=shape, initializer=small)

    def call(self, x):
        return x * self.scale
''',
)


@written
def scale(site: Site) -> Written:
    return called("layers.Rescaling", given("scale", site["factor"]))


@written
def zero(site: Site) -> Written:
    return called("layers.Rescaling", given("scale", 0))


@written
def dropout(site: Site) -> Written:
    return called("layers.Dropout", given("rate", site["rate"]))


@written
def drop_path(site: Site) -> Written:
    """The noise is one for a whole sample."""
    noise = Setting("noise_shape", (None, *(1,) * (site.rank + 1)))
    return called("layers.Dropout", given("rate", site["rate"]), noise)
