"""A model's configuration: its keys typed, and what the class of the configuration sets where the file is silent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archcalc.diagnostics.diagnostic import SpecError, closest, fail, plain
from archcalc.exchange.assembly import Assembly, Item
from archcalc.exchange.flat import Flat
from archcalc.exchange.json_text import Object
from archcalc.language.document import INPUT
from archcalc.records import Record


class Config(Record):
    """The keys of a file, and the defaults of its model type. A key may have older names, which count as it."""

    type: str
    object: Object
    defaults: Mapping[str, Any]

    def refused(self, key: str, message: str) -> SpecError:
        """The finding about a key."""
        said = f"{self.object.source.name} cannot be read: `{key}` {message}"
        return fail("bad-config", said, self.object.place(key))

    def get(self, *names: str) -> Any:
        """The value under the first of these names that the file has, null too, or else the default; None without."""
        found = next((name for name in names if name in self.object.keys), None)
        return self.defaults.get(names[0]) if found is None else self.object.keys[found]

    def whole(self, *names: str) -> int:
        """A whole number from 1. SpecError if it is not one."""
        value = self.get(*names)
        if type(value) is not int or not 0 < value < 2**53:
            raise self.refused(names[0], "is not a whole number from 1")
        return value

    def rate(self, *names: str) -> float:
        """A rate from 0 to 1; 0 where nothing is said. SpecError if it is not one."""
        value = self.get(*names)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise self.refused(names[0], "is not a rate from 0 to 1")
        return value

    def factor(self, name: str, default: float = 1) -> float:
        """A number other than 0. SpecError if it is not one."""
        value = self.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < abs(value) < 1e12:
            raise self.refused(name, "is not a number")
        return value

    def limit(self, name: str) -> float:
        """A number above 0. SpecError if it is not one."""
        value = self.factor(name)
        if value < 0:
            raise self.refused(name, "is not a number above 0")
        return int(value) if value == int(value) else value

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false. SpecError if it is neither."""
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.refused(name, "is neither true nor false")
        return value

    def word(self, *names: str) -> str:
        """A word; empty if nothing is said. SpecError if it is not text."""
        value = self.get(*names)
        if value is not None and not isinstance(value, str):
            raise self.refused(names[0], "is not a word")
        return value or ""

    def words(self, name: str) -> tuple[str, ...]:
        """A list of words; empty if nothing is said. SpecError if it is not one."""
        value = self.get(name) or []
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise self.refused(name, "is not a list of words")
        return tuple(value)

    def must_be(self, name: str, *wanted: Any) -> None:
        """SpecError unless a key has one of these values, or is not there."""
        value = self.get(name)
        if value is not None and value not in wanted:
            raise self.refused(name, f"is {plain(str(value), 40)}, which is not known")

    def activation(self, *names: str) -> tuple[str, dict[str, Any]]:
        """An activation as a layer and its attributes. SpecError if it is not known."""
        word = self.word(*names)
        if word not in _ACTIVATIONS:
            raise self.refused(names[0], f"`{plain(word, 40)}` is not known")
        return _ACTIVATIONS[word]

    def labels(self) -> int:
        """How many classes a classifier has. SpecError if it is not a number from 1."""
        names = self.get("id2label")
        if isinstance(names, dict) and names:
            return len(names)
        return 2 if self.get("num_labels") is None else self.whole("num_labels")

    def head(self, otherwise: str) -> str:
        """What the model's class ends with: `ForCausalLM`, `Model`, … SpecError if there are several classes."""
        classes = self.words("architectures")
        if len(classes) > 1:
            raise self.refused("architectures", "holds several classes")
        name = classes[0] if classes else otherwise
        return name[name.find("For") :] if "For" in name else "LMHeadModel" if name.endswith("LMHeadModel") else "Model"


_TANH = {"approximate": "tanh"}
#: No activation of transformers works in place.
_NEW = {"inplace": False}
_ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "silu": ("silu", _NEW),
    "swish": ("silu", _NEW),
    "gelu": ("gelu", {}),
    "gelu_new": ("gelu", _TANH),
    "gelu_pytorch_tanh": ("gelu", _TANH),
    "relu": ("relu", _NEW),
    "relu6": ("relu6", _NEW),
    "leaky_relu": ("leaky_relu", {}),
    "tanh": ("tanh", {}),
    "sigmoid": ("sigmoid", {}),
    "mish": ("mish", {}),
}


def network(name: str, model: Object) -> Flat:
    """The network of a configuration. SpecError if its model type is not known, or one of its keys is not."""
    from archcalc.exchange.huggingface import decoders, encoders, images

    families = {**decoders.FAMILIES, **encoders.FAMILIES, **images.FAMILIES}
    kind, shown = model.keys["model_type"], model.source.name
    if not isinstance(kind, str) or kind not in families:
        meant = closest(kind, families) if isinstance(kind, str) else None
        known = f"known are {', '.join(sorted(families))}"
        message = f"{shown} cannot be read: the model type `{plain(str(kind), 80)}` is not known"
        suggested = f"did you mean `{meant}`? {known}" if meant else known
        raise fail("unknown-model-type", message, model.place("model_type"), help=suggested)
    family = families[kind]
    config = Config(kind, model, family.defaults)
    assembly = Assembly(shown, {INPUT: family.input(config)})
    end = assembly.read(Item(kind, "model"), (), lambda: family.build(assembly, config))
    return assembly.finish(name, {} if end is None else {"output": end})
