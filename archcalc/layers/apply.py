"""A rule applied: the volumes that reach a layer and its attributes in, its outcome out, all conditions judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from archcalc.layers.attributes import Refused
from archcalc.layers.outcome import Outcome
from archcalc.layers.registry import Layer
from archcalc.records import Record
from archcalc.sizes.conditions import Condition, at_most, judge
from archcalc.sizes.kinds import LARGEST, identity, is_array, is_concrete
from archcalc.sizes.volume import MAX_RANK, Volume


class Misfit(Record):
    """One reason why a layer does not fit: the rule, in words, and the attribute to blame, if it is one."""

    rule: str
    message: str
    blame: str | None = None


class DoesNotFit(Exception):
    """A layer does not fit the volumes that reach it, or its attributes do not fit each other."""

    def __init__(self, misfits: list[Misfit]) -> None:
        super().__init__(misfits)
        self.misfits = misfits


class Applied(Record):
    """The outcome of a rule, and the conditions that do not hold for all the sizes in question, with their verdicts."""

    outcome: Outcome
    open: tuple[tuple[Condition, Any], ...]


class Rules:
    """The rules of layers. Networks repeat themselves: what is asked again is not worked out again."""

    def __init__(self) -> None:
        self._seen: dict[Any, Applied] = {}

    def apply(self, layer: Layer, volumes: tuple[Volume, ...], attributes: dict[str, Any]) -> Applied:
        """What the layer's rule says; DoesNotFit if a condition fails for all the sizes in question."""
        key: Any = (layer.name, volumes, tuple(attributes.items()))
        try:
            known = self._seen.get(key)
        except TypeError:  # arrays have no hash
            key = identity(key)
            known = self._seen.get(key)
        if known is None:
            known = self._seen[key] = _applied(layer, volumes, attributes)
        return known


def _applied(layer: Layer, volumes: tuple[Volume, ...], attributes: dict[str, Any]) -> Applied:
    for volume in volumes:
        if layer.ranks is not None and volume.rank not in layer.ranks:
            message = f"{layer.name} needs an input with {_axes(layer)}: {volume} has {volume.rank or 'none'}"
            raise DoesNotFit([Misfit("wrong-axes", message)])
    fitted = _fitted(layer, volumes, attributes)
    left_open: list[tuple[Condition, Any]] = []
    for name, value in fitted.items():
        if value is not None:
            left_open += _judged(layer.attributes[name].kind.domain(name, value))
    outcome = layer.function(*volumes, **fitted)
    left_open += _judged((*outcome.conditions, *_bounds(outcome.output)))
    return Applied(outcome, tuple(left_open))


def _fitted(layer: Layer, volumes: tuple[Volume, ...], attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes, those with axes given one value for each axis of the input."""
    fitted = dict(attributes)
    for attribute in layer.fitted:
        value = fitted.get(attribute.name, attribute.default)
        if value is None:
            continue
        try:
            fitted[attribute.name] = attribute.kind.fit(value, volumes[0].rank)
        except Refused as refused:
            raise DoesNotFit([Misfit("wrong-axes", f"{attribute.name} {refused}", attribute.name)]) from None
    return fitted


def _judged(conditions: Iterable[Condition]) -> list[tuple[Condition, Any]]:
    """The conditions that some of the sizes in question break; DoesNotFit if all of them break one."""
    misfits = []
    left_open = []
    for condition in conditions:
        verdict = judge(condition)
        if verdict is False:
            misfits.append(Misfit(condition.rule, condition.explain(), condition.blame))
        elif verdict is not True:
            left_open.append((condition, verdict))
    if misfits:
        raise DoesNotFit(misfits)
    return left_open


def _bounds(output: Volume) -> Iterator[Condition]:
    """No volume has more axes, or more values, than any network's: so that no spec makes numbers without end."""
    yield at_most("too-many-axes", output.rank, MAX_RANK, f"a volume has channels and up to {MAX_RANK} more axes")
    for size in output.shape:
        if is_concrete(size) or is_array(size):
            yield at_most("too-large-volume", size, LARGEST, "an axis of a volume is too long")


def _axes(layer: Layer) -> str:
    ranks = layer.ranks or ()
    if len(ranks) == 1:
        return f"{ranks[0]} spatial ax{'is' if ranks[0] == 1 else 'es'}"
    return f"{ranks[0]} to {ranks[-1]} spatial axes"
