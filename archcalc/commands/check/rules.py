"""What a budget and a comparison with a baseline can break. Each rule with its meaning and its fix."""

from __future__ import annotations

from archcalc.diagnostics.rules import rule

rule(
    "over-budget",
    "A figure of the network is beyond the bound that the project sets for all its specs.",
    "Make the network smaller, or change the bound under [tool.archcalc.budget] in pyproject.toml.",
)

rule(
    "toml-syntax",
    "The pyproject.toml of the project is not TOML.",
    "Correct what stands at the place; https://toml.io describes the language.",
)

rule(
    "bad-project",
    "[tool.archcalc] in pyproject.toml has a key or a value that it cannot have, or names what does not exist.",
    "Correct the entry: `archcalc help check-in-ci` shows the whole table. `--isolated` leaves the file alone.",
)

rule(
    "figure-grew",
    "A figure of the network grew by more than is allowed, compared with the baseline.",
    "Make the network smaller again, or allow the growth with a larger --max-growth or a new baseline.",
)
