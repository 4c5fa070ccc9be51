"""Models as JSON: the object says by its keys which framework has written it."""

from __future__ import annotations

from pathlib import Path

from archcalc.diagnostics.diagnostic import fail
from archcalc.exchange.flat import Flat
from archcalc.exchange.json_text import read_object


def read(path: Path, shown: str) -> Flat:
    """The network of a file. SpecError if it is not of a kind that is known."""
    model = read_object(path, shown)
    if "model_type" in model.keys:
        from archcalc.exchange.huggingface import config

        name = path.resolve().parent.name if path.stem == "config" else path.stem
        return config.network(name or path.stem, model)
    if "class_name" in model.keys:
        from archcalc.exchange.keras import model as keras

        return keras.network(path.stem, model.keys, shown)
    known = "a config.json of Hugging Face has `model_type`, and Keras writes `class_name` with `model.to_json()`"
    raise fail("bad-json", f"{shown} is not a model that is known here", help=known)
