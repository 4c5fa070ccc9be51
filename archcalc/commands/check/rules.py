"""What a comparison with a baseline can break. Each rule with its meaning and its fix."""

from __future__ import annotations

from archcalc.diagnostics.rules import rule

rule(
    "figure-grew",
    "A figure of the network grew by more than is allowed, compared with the baseline.",
    "Make the network smaller again, or allow the growth with a larger --max-growth or a new baseline.",
)
