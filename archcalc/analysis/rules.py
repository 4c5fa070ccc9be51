"""What a network can break as a whole. Each rule with its meaning and its fix."""

from __future__ import annotations

from archcalc.diagnostics.rules import rule

rule(
    "weights-differ",
    "Two steps share weights by name and would need weights of different sizes, or weights that are trained in "
    "one of them and frozen in the other.",
    "Give them the same attributes, the same `trainable` and inputs of the same channels, or different names.",
)
rule(
    "overwrites-needed",
    "A layer that works in place would overwrite a value that another layer or an output needs, that it needs itself "
    "for the gradient, or that is one of the parts of a split: PyTorch refuses all three.",
    "Leave `inplace` out: the layer then works in place only where it can.",
)
rule(
    "needs-indices",
    "An embedding looks up rows by whole numbers, and what it is given are computed values.",
    "Let it read the network's input, or use a linear layer.",
)
