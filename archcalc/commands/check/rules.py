"""What a budget and a comparison with a baseline can break. Each rule with its meaning and its fix."""

from __future__ import annotations

from archcalc.diagnostics.rules import rule

rule(
    "over-budget",
    "A figure of the network is beyond the bound that the project sets for all its specs.",
    "Make the network smaller, or change the bound under [tool.archcalc.budget] in pyproject.toml.",
)

rule(
    "figure-grew",
    "A figure of the network grew by more than is allowed, compared with the baseline.",
    "Make the network smaller again, or allow the growth with a larger --max-growth or a new baseline.",
)
