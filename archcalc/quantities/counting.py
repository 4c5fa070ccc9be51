"""What tools print, by their counting profiles: `fvcore_macs`, `torch_flops`, `activations`; and the training step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.counting.count import Profile, count_layers
from archcalc.counting.profiles import MEMORY_FIGURES, PROFILES
from archcalc.counting.training import training_cost
from archcalc.quantities.registry import Part, quantity, summed
from archcalc.sizes.kinds import Size
from archcalc.units import BYTES, COUNT

#: The profile that the plain quantities `macs` and `flops` are counted by.
_OWN = "archcalc"


def name_of(profile: Profile) -> str:
    """The quantity that a profile's figure is: `fvcore_macs`, `ptflops_aten_macs`, `torchinfo_mult_adds`."""
    unit = next(iter(profile.counters))
    if profile.name == _OWN:
        return unit
    name = profile.name.replace("-", "_")
    return name if profile.name in MEMORY_FIGURES else f"{name}_{unit}"


def counted_by(name: str, profile: Profile | None) -> str:
    """The quantity that stands for `macs` or `flops` where operations are counted as a profile counts them; any other
    quantity stands for itself, and so do those two in a unit that the profile has not."""
    own = "flops" if profile is not None and profile.unit == "FLOP" else "macs"
    return name if profile is None or name != own else name_of(profile)


#: What was counted for a network, while it is in use: which gradients are wanted depends on all of it, and a claim
#: or an explanation asks for one part after the other.
_COUNTED: WeakKeyDictionary[Analysis, dict[str, list[Size]]] = WeakKeyDictionary()


def _counted(profile: Profile, analysis: Analysis) -> list[Size]:
    counted = _COUNTED.setdefault(analysis, {})
    if profile.name not in counted:
        counted[profile.name] = count_layers(profile, analysis)
    return counted[profile.name]


def _amount(profile: Profile) -> Callable[[Part, AnalysedLayer], Size]:
    def amount(part: Part, row: AnalysedLayer) -> Size:
        return _counted(profile, part.analysis)[row.node.index]

    amount.__name__ = name_of(profile)
    amount.__doc__ = f"{profile.tool}, in {profile.unit}s, as `archcalc count --list` describes it."
    return amount


for _profile in (*PROFILES.values(), *MEMORY_FIGURES.values()):
    if _profile.name != _OWN:
        _unit = BYTES if _profile.unit == "byte" else COUNT
        _title = f"{_profile.unit}s ({_profile.name})"
        summed(_unit, title=_title, depends=["samples"], by_place=True)(_amount(_profile))


@quantity(title="training MACs", of="network", depends=["samples", "freeze"])
def training_macs(part: Part) -> Any:
    """Multiply-accumulates of one training step: forward, and the gradients of weights and of inputs."""
    return part.samples(training_cost(part.analysis, part.setup).macs)
