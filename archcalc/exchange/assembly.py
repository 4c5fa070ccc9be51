"""A flat network in the making, for files that name layers and leave the volumes to be worked out.

The rule of each layer runs as its step is added, so that a reader knows the volume of every value it has made, and what
does not fit is said of the place in the file that it comes from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from archcalc.diagnostics.diagnostic import Diagnostic, Place, SpecError, fail, plain
from archcalc.exchange.flat import SOURCE, Flat, FlatStep, exact, head_names
from archcalc.exchange.operations.registry import Refusal
from archcalc.exchange.refusals import Refused, unknown
from archcalc.language.document import INPUT, MAX_LAYERS, OUTPUT
from archcalc.layers.apply import DoesNotFit, Rules
from archcalc.layers.attributes import Refused as WrongValue
from archcalc.layers.registry import layers
from archcalc.records import Record
from archcalc.sizes.volume import Volume

_Made = TypeVar("_Made")


class Item(Record):
    """What a file describes at one place: what it calls its kind, its name in the file, and where it stands.

    `modules` are the paths and kinds of what it is a part of, as a step has them.
    """

    kind: str
    name: str
    place: Place | None = None
    modules: tuple[tuple[str, str], ...] = ()

    @property
    def where(self) -> str:
        """The place in words."""
        line = f"line {self.place.line}" if self.place is not None else ""
        named = f"`{plain(self.name, 80)}`" if self.name else ""
        return f"at {line} ({named})" if line and named else f"at {line}" if line else f"in {named}"


class Assembly:
    """The steps made so far, their volumes, and what was refused on the way."""

    def __init__(self, shown: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.shown = shown
        self.inputs = _inputs(shapes)
        self.steps: list[FlatStep] = []
        self.notes: list[str] = []
        self._sources = [Volume(shape[0], shape[1:]) for shape in self.inputs.values()]
        self._volumes: list[Volume] = []
        self._rules = Rules()
        self._item = Item("", "")
        self._refused: list[Refused] = []
        self._misfits: list[Diagnostic] = []

    def read(self, item: Item, inputs: Iterable[object], rule: Callable[[], _Made]) -> _Made | None:
        """What a rule makes of an item. None if it is refused, or one of its inputs was, which is no second finding."""
        self._item = item
        if any(value is None for value in inputs):
            return None
        try:
            return rule()
        except Refusal as refusal:
            self._refused.append(Refused(item.kind, str(refusal), item.where, place=item.place))
        except DoesNotFit as failed:
            for misfit in failed.misfits:
                message = f"{plain(item.kind, 60)} {item.where} does not fit: {misfit.message}"
                self._misfits.append(Diagnostic(misfit.rule, message, item.place))
        return None

    def step(
        self,
        layer: str,
        inputs: int | Sequence[int],
        attributes: dict[str, Any] | None = None,
        *,
        path: str | None = None,
        weights: str = "",
        trainable: bool = True,
    ) -> int:
        """A step with the item's name, or another path; returns its number.

        `weights` is a name for its parameters: steps that have the same one share them. Refusal if an attribute
        cannot have its value, DoesNotFit if the layer does not fit its inputs.
        """
        if len(self.steps) >= MAX_LAYERS:
            raise fail("too-large", f"{self.shown} has more than {MAX_LAYERS:,} layers", self._item.place)
        rule = layers()[layer]
        given = {}
        for name, value in (attributes or {}).items():
            try:
                given[name] = rule.attributes[name].kind.accept(exact(value))
            except WrongValue as wrong:
                raise Refusal(f"its {name} {wrong}") from None
        reads = (inputs,) if isinstance(inputs, int) else tuple(inputs)
        outcome = self._rules.apply(rule, tuple(map(self.volume, reads)), given).outcome
        self._volumes.append(outcome.output)
        owned = (weights,) if weights and outcome.params else ()
        named = self._item.name if path is None else path
        modules = self._item.modules
        frozen = bool(outcome.params) and not trainable
        volume = outcome.output.shape
        self.steps.append(FlatStep(layer, given, reads, named, owned, None, volume, modules, trainable=not frozen))
        return len(self.steps) - 1

    def within(self, layer: str, inputs: int | Sequence[int], attributes: dict[str, Any] | None = None) -> int:
        """A step beside the item's own, named by its layer: `fc6/flatten`."""
        return self.step(layer, inputs, attributes, path=f"{self._item.name}.{layer}")

    def enter(self, modules: tuple[tuple[str, str], ...]) -> None:
        """From here on the item's steps are in these modules."""
        self._item = self._item._replace(modules=modules)

    def volume(self, value: int) -> Volume:
        """The volume of a value: the output of a step, or an input of the network."""
        return self._volumes[value] if value > SOURCE else self._sources[SOURCE - value]

    def note(self, text: str) -> None:
        """A comment at the top of the spec, once."""
        if text not in self.notes:
            self.notes.append(text)

    def finish(self, name: str, ends: Mapping[str, int]) -> Flat:
        """The network, which ends with these values by name, the last of them its output.

        SpecError with all that was refused, and everything that does not fit.
        """
        findings = [unknown(self.shown, self._refused, "layer")] if self._refused else []
        if findings or self._misfits:
            raise SpecError([*findings, *self._misfits])
        return Flat(name, tuple(self.notes), self.inputs, self.steps, head_names(ends, self.steps))


def _inputs(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The network's inputs by the names that a spec can give them: one has none of its own."""
    if len(shapes) == 1:
        (shape,) = shapes.values()
        return {INPUT: shape}
    made: dict[str, tuple[int, ...]] = {}
    for given, shape in shapes.items():
        name = re.sub(r"\W", "_", given, flags=re.ASCII)
        name = name if name[:1].isalpha() else f"input_{name}"
        while name in made or name == OUTPUT:
            name += "_"
        made[name] = shape
    return made
