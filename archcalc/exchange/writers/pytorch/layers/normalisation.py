"""Normalisation, scales and shifts, and regularisation."""

from __future__ import annotations

from archcalc.exchange.code.layers import Own, Setting, Written, given
from archcalc.exchange.writers.pytorch.layers.registry import Site, on_maps, on_positions, on_values, written


@written
def batch_norm(site: Site) -> Written:
    return on_maps(
        site,
        f"nn.BatchNorm{max(site.rank, 1)}d",
        given("num_features", site.channels),
        Setting("affine", site["affine"], True),
        Setting("track_running_stats", site["track"], True),
    )


@written
def instance_norm(site: Site) -> Written:
    features = given("num_features", site.channels)
    return on_maps(site, f"nn.InstanceNorm{site.rank}d", features, Setting("affine", site["affine"], False))


@written
def group_norm(site: Site) -> Written:
    settings = (given("num_groups", site["groups"]), given("num_channels", site.channels))
    affine, bias = Setting("affine", site["affine"], True), Setting("bias", site["bias"], True)
    return on_maps(site, "nn.GroupNorm", *settings, affine, bias)


@written
def layer_norm(site: Site) -> Written:
    affine, bias = Setting("elementwise_affine", site["affine"], True), Setting("bias", site["bias"], True)
    if site["over"] == "channels":
        return on_positions(site, "nn.LayerNorm", given("normalized_shape", site.channels), affine, bias)
    return on_maps(site, "nn.LayerNorm", given("normalized_shape", tuple(site.inputs[0].shape)), affine, bias)


@written
def rms_norm(site: Site) -> Written:
    affine = Setting("elementwise_affine", site["affine"], True)
    return on_positions(site, "nn.RMSNorm", given("normalized_shape", site.channels), affine)


@written
def lrn(site: Site) -> Written:
    return on_maps(site, "nn.LocalResponseNorm", given("size", site["size"]))


@written
def normalize(site: Site) -> Written:
    axes = [site.axis(axis) for axis in site["over"]]
    over = axes[0] if len(axes) == 1 else tuple(axes)
    return Written(f"functional.normalize({{0}}, dim={over})", last=site.last[0])


def _ones(site: Site) -> str:
    """The axes of size 1 behind a channel's value where the channels are not last."""
    return "" if site.last[0] else ", 1" * site.rank


@written
def affine(site: Site) -> Written:
    terms = [("weight", "ones", " * self.weight")] * site["scale"] + [("bias", "zeros", " + self.bias")] * site["bias"]
    if not terms:
        return Written("{0}", last=site.last[0])
    name = "Affine" if len(terms) == 2 else "Scale" if site["scale"] else "Bias"
    lines = [
        "",
        f"class {name}(nn.Module):",
        f'    """A learned {" and a learned ".join(term[0] for term in terms)} for each channel."""',
        "",
        "    def __init__(self, channels):",
        "        super().__init__()",
        *(f"        self.{term} = nn.Parameter(torch.{made}(channels{_ones(site)}))" for term, made, _ in terms),
        "",
        "    def forward(self, x):",
        f"        return x{''.join(term[2] for term in terms)}",
        "",
    ]
    return on_values(site, name, given("channels", site.channels), own=Own(name, "\n".join(lines)))


@written
def layer_scale(site: Site) -> Written:
    text = _LAYER_SCALE.replace("SHAPE", f"channels{_ones(site)}")
    return on_values(site, "LayerScale", given("channels", site.channels), own=Own("LayerScale", text))


_LAYER_SCALE = '''
class LayerScale(nn.Module):
    """A learned factor for each channel."""

    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(1e-6 * torch.ones(SHAPE))

    def forward(self, x):
        return x * self.scale
'''


@written
def scale(site: Site) -> Written:
    return Written("{0} * {factor}", last=site.last[0], values=(Setting("factor", site["factor"]),))


@written
def zero(site: Site) -> Written:
    return Written("{0} * 0", last=site.last[0])


@written
def dropout(site: Site) -> Written:
    rate = Setting("p", site["rate"], by_name=False)
    return on_values(site, "nn.Dropout", rate, Setting("inplace", site.inplace, False))


@written
def drop_path(site: Site) -> Written:
    return on_values(site, "DropPath", given("rate", site["rate"]), own=_DROP_PATH)


_DROP_PATH = Own(
    "DropPath",
    '''
class DropPath(nn.Module):
    """Drop the whole branch of a sample with a probability, in training."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        if not self.training or self.rate == 0:
            return x
        noise = x.new_empty((len(x), *(1,) * (x.dim() - 1)))
        noise.bernoulli_(1 - self.rate)
        return x * noise.div_(1 - self.rate) if self.rate < 1 else x * noise
''',
)
