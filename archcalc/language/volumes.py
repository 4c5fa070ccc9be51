"""The volume at a step, as expressions know it: its channels, its spatial sizes, its positions.

`channels`, `size` and `positions` are those of the volume that reaches the step; `channels(stem)` is that of a named
step's output. They are worked out only where an expression asks: expansion needs no sizes otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from archcalc.diagnostics.diagnostic import Diagnostic
from archcalc.language.expression import VOLUME_NAMES, of_step
from archcalc.language.misfits import findings
from archcalc.language.network import Node, is_input
from archcalc.layers.apply import DoesNotFit, Misfit, Rules
from archcalc.sizes.volume import Volume

_MEASURES: dict[str, Callable[[Volume], Any]] = {
    "channels": lambda volume: volume.channels,
    "size": lambda volume: volume.space,
    "positions": lambda volume: volume.positions,
}
assert tuple(_MEASURES) == VOLUME_NAMES


class NoVolume(Exception):
    """The volume that an expression asks for does not exist: a layer before it does not fit."""

    def __init__(self, node: Node, volumes: tuple[Volume, ...], misfits: list[Misfit]) -> None:
        super().__init__(node)
        self.node = node
        self.volumes = volumes
        self.misfits = misfits

    def findings(self, nodes: list[Node]) -> list[Diagnostic]:
        """What is wrong with the layer, once the network's paths are known."""
        return findings(nodes, self.node, self.volumes, self.misfits)


class Volumes:
    """The outputs of a network's nodes while it grows."""

    def __init__(self, inputs: tuple[Volume, ...], rules: Rules) -> None:
        self.nodes: list[Node] = []
        self._inputs = inputs
        self._outputs: list[Volume] = []
        self._rules = rules

    def of(self, index: int) -> Volume:
        """The output of a node, or the network's input; NoVolume if there is none."""
        while len(self._outputs) <= index:
            node = self.nodes[len(self._outputs)]
            volumes = tuple(self._of(i) for i in node.inputs)
            try:
                self._outputs.append(self._rules.apply(node.layer, volumes, node.attributes).outcome.output)
            except DoesNotFit as found:
                raise NoVolume(node, volumes, found.misfits) from None
        return self._of(index)

    def _of(self, index: int) -> Volume:
        return self._inputs[-1 - index] if is_input(index) else self._outputs[index]


class AtStep(Mapping[str, Any]):
    """What expressions of a step can name: parameters and indices, and behind them the volumes.

    `here` gives the volume that reaches the step, `named` that of a step by its name.
    """

    def __init__(
        self, environment: Mapping[str, Any], here: Callable[[], Volume], named: Callable[[str], Volume]
    ) -> None:
        self._environment = environment
        self._here = here
        self._named = named

    def __getitem__(self, name: str) -> Any:
        if name in self._environment:
            return self._environment[name]
        measure, step = of_step(name)
        if measure not in _MEASURES:
            raise KeyError(name)
        return _MEASURES[measure](self._here() if step is None else self._named(step))

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)
