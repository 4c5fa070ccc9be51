"""What a budget and a comparison with a baseline can break. Each rule with its meaning and its fix."""

from __future__ import annotations

from archcalc.diagnostics.rules import rule

rule(
    "over-budget",
    "A figure of the network exceeds a limit that the project sets for all its specs.",
    "Make the network smaller, or change the limit under [tool.archcalc.budget] in pyproject.toml.",
)

rule(
    "toml-syntax",
    "The project's pyproject.toml is not valid TOML.",
    "Correct the line; https://toml.io describes the language.",
)

rule(
    "bad-project",
    "[tool.archcalc] in pyproject.toml has an unknown key, an invalid value, or a path that does not exist.",
    "Correct the entry; `archcalc help check-in-ci` shows the whole table. `--isolated` ignores the file.",
)

rule(
    "figure-grew",
    "A figure of the network has grown since the baseline by more than `--max-growth` allows.",
    "Make the network smaller again, raise `--max-growth`, or save a new baseline.",
)
