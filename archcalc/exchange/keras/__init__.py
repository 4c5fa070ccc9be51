"""Keras's models as JSON: `model` follows the tensors between layers, `call` is one call of a layer, and `layers` has a
rule for each layer."""
