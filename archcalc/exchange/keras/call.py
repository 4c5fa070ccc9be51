"""One call of a layer: its configuration typed, and the values that it reads.

A tensor of Keras has the batch first and the channels last; its axes between them are a volume's, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archcalc.diagnostics.diagnostic import plain
from archcalc.exchange.assembly import Assembly
from archcalc.exchange.operations.registry import Refusal
from archcalc.sizes.volume import Volume


class Call:
    """What a rule asks, and how it adds steps.

    `inputs` are the values that are read, and `numbers` what is given in the place of one. `shared` says that the layer
    is called more than once, so that its weights are shared.
    """

    def __init__(
        self,
        assembly: Assembly,
        kind: str,
        path: str,
        config: dict[str, Any],
        inputs: Sequence[int],
        numbers: Sequence[float],
        *,
        shared: bool,
        trainable: bool,
    ) -> None:
        self.assembly = assembly
        self.kind = kind
        self.path = path
        self.config = config
        self.inputs = tuple(inputs)
        self.numbers = tuple(numbers)
        self.shared = shared
        self.trainable = trainable

    # --- values and steps

    def input(self) -> int:
        """The one value that is read."""
        if len(self.inputs) != 1 or self.numbers:
            raise Refusal(f"it reads {len(self.inputs)} tensors, and one is read")
        return self.inputs[0]

    def volume(self, value: int) -> Volume:
        """The volume of a value."""
        return self.assembly.volume(value)

    def step(self, layer: str, inputs: int | Sequence[int], attributes: dict[str, Any] | None = None) -> int:
        """The layer's own step."""
        return self._step(layer, inputs, attributes, self.path)

    def within(self, layer: str, inputs: int | Sequence[int], attributes: dict[str, Any] | None = None) -> int:
        """A step beside it, named by its own layer: `dense/relu`."""
        return self._step(layer, inputs, attributes, f"{self.path}.{layer}")

    def _step(self, layer: str, inputs: int | Sequence[int], attributes: dict[str, Any] | None, path: str) -> int:
        weights = path if self.shared else ""
        return self.assembly.step(layer, inputs, attributes, path=path, weights=weights, trainable=self.trainable)

    def activated(self, value: int, key: str = "activation") -> int:
        """What the layer's activation makes of a value."""
        found = self.config.get(key)
        if isinstance(found, dict):
            found = found.get("class_name") if found.get("config") in ({}, None) else found.get("config")
        if found is None or found == "linear":
            return value
        word = str(found).lower() if isinstance(found, str) else ""
        if word not in _ACTIVATIONS:
            raise Refusal(f"its {key} {plain(str(found), 60)} is not known")
        layer, attributes = _ACTIVATIONS[word]
        return self.within(layer, value, attributes) if value != self._before else self.step(layer, value, attributes)

    @property
    def _before(self) -> int:
        return self.inputs[0] if self.inputs else -2

    # --- the configuration

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number. Refusal if it is not one."""
        value = self.config.get(key, default)
        if type(value) is not int or abs(value) >= 2**53:
            raise Refusal(f"its {key} is not a whole number")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A number. Refusal if it is not one."""
        return as_number(self.config.get(key, default), key)

    def flag(self, key: str, default: bool) -> bool:
        """True or false. Refusal if it is neither."""
        value = self.config.get(key, default)
        if not isinstance(value, bool):
            raise Refusal(f"its {key} is neither true nor false")
        return value

    def word(self, key: str, default: str) -> str:
        """A word. Refusal if it is not text."""
        value = self.config.get(key, default)
        if not isinstance(value, str):
            raise Refusal(f"its {key} is not a word")
        return value

    def wholes(self, key: str, count: int, default: Any = None) -> tuple[int, ...]:
        """So many whole numbers, or one for all of them. Refusal if they are not."""
        value = self.config.get(key, default)
        items = [value] * count if type(value) is int else value
        if not isinstance(items, list) or any(type(item) is not int or abs(item) >= 2**53 for item in items):
            raise Refusal(f"its {key} is not a list of whole numbers")
        if len(items) != count:
            raise Refusal(f"its {key} has {len(items)} values, and its input has {count} axes for them")
        return tuple(items)

    def axis(self, value: Any, volume: Volume, what: str = "axis") -> int:
        """An axis of a tensor as an axis of its volume, where 0 is the channels. Refusal if it is the batch."""
        axes = len(volume.shape)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if type(value) is not int or not -axes <= value <= axes or value == 0:
            raise Refusal(f"its {what} is not an axis behind the batch")
        place = value % (axes + 1) if value < 0 else value
        return 0 if place == axes else place

    def channels_last(self) -> None:
        """Refusal if the channels come first."""
        if self.config.get("data_format") not in (None, "channels_last"):
            raise Refusal("its channels come first")


def as_number(value: Any, what: str) -> float:
    """A number of a sensible size, to nine digits: more than a value in 32 bits has. Refusal if it is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (value == 0 or 1e-6 < abs(value) < 1e12):
        raise Refusal(f"its {what} is not a number")
    return value if isinstance(value, int) else float(f"{value:.9g}")


_ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("relu", {}),
    "relu6": ("relu6", {}),
    "leaky_relu": ("leaky_relu", {}),
    "elu": ("elu", {}),
    "selu": ("selu", {}),
    "gelu": ("gelu", {}),
    "silu": ("silu", {}),
    "swish": ("silu", {}),
    "mish": ("mish", {}),
    "sigmoid": ("sigmoid", {}),
    "tanh": ("tanh", {}),
    "softplus": ("softplus", {}),
    "softmax": ("softmax", {}),
    "hard_sigmoid": ("hardsigmoid", {}),
    "hard_silu": ("hardswish", {}),
    "hard_swish": ("hardswish", {}),
    "exponential": ("exp", {}),
}
