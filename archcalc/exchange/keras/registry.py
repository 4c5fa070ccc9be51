"""Where the rules are found: `@keras_layer` makes one known under the names of the classes it reads."""

from __future__ import annotations

from archcalc.exchange.registry import Registry

#: A rule returns the value that a call makes, or one for each of its outputs.
keras_layer = Registry("archcalc.exchange.keras.layers")
