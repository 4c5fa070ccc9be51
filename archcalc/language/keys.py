"""The keys of a step that are its own, and no layer's: they stand beside the layer that it calls."""

STEP_KEYS = ("as", "from", "repeat", "when", "weights", "trainable")
