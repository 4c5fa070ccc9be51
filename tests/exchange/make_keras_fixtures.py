"""Write the Keras models that the tests read, and the figures that Keras counts for them:

    python tests/exchange/make_keras_fixtures.py

Needs Keras 3 with any backend.
"""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import keras
from keras import layers

DATA = Path(__file__).parent.parent / "data" / "exchange"


def branches() -> Any:
    """A functional model: a layer that is called twice, branches, a model in the model, and what is frozen."""
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(image)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(scale=False, name="stem_norm")(x)
    x = layers.Activation("swish", name="stem_act")(x)
    again = layers.Conv2D(8, 3, padding="same", activation="relu", name="again")
    x = layers.Add(name="sum")([again(again(x)), x])
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    gate = layers.Conv2D(8, 1, activation="sigmoid", name="excite")(gate)
    x = layers.Multiply(name="gated")([x, gate])
    narrow = layers.SeparableConv2D(4, 3, padding="same", name="separable")(x)
    wide = layers.DepthwiseConv2D(3, strides=1, padding="same", depth_multiplier=2, name="depthwise")(x)
    x = layers.Concatenate(name="both")([narrow, wide])
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool")(x)
    tower = keras.Sequential(
        [keras.Input((4, 4, 20)), layers.Conv2D(6, 2, name="inner"), layers.LeakyReLU(name="leaky")], name="tower"
    )
    tower.get_layer("inner").trainable = False
    x = layers.Flatten(name="flatten")(tower(x))
    x = layers.Dropout(0.4, name="dropout")(x)
    side = layers.Dense(3, name="side")(x)
    return keras.Model(image, [layers.Dense(5, activation="softmax", name="classes")(x), side], name="branches")


def sequence() -> Any:
    """A model in sequence, of text."""
    return keras.Sequential(
        [
            keras.Input((12,)),
            layers.Embedding(50, 8, name="tokens"),
            layers.Conv1D(8, 3, padding="causal", name="causal"),
            layers.LayerNormalization(name="norm"),
            layers.GRU(6, return_sequences=True, name="recurrent"),
            layers.Dense(8, activation="gelu", name="each"),
            layers.Reshape((4, 24), name="folded"),
            layers.Permute((2, 1), name="turned"),
            layers.GlobalMaxPooling1D(name="most"),
            layers.Dense(2, name="out"),
        ],
        name="sequence",
    )


def parameters(weights: Any) -> int:
    """The values in weights."""
    return sum(math.prod(weight.shape) for weight in weights)


def main() -> None:
    figures = {}
    for build in (branches, sequence):
        model = build()
        text = model.to_json()
        if build is branches:
            (DATA / "branches.json").write_text(text + "\n", encoding="utf-8")
        else:
            with zipfile.ZipFile(DATA / "sequence.keras", "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("metadata.json", "{}")
                archive.writestr("config.json", text)
        outputs = model.output_shape if isinstance(model.output_shape, list) else [model.output_shape]
        figures[model.name] = {
            "params": parameters(model.weights),
            "trainable_params": parameters(model.trainable_weights),
            "outputs": [list(shape[1:]) for shape in outputs],
        }
    (DATA / "keras_figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
