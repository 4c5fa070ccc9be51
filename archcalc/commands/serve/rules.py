"""What can be wrong with what the page sets. Each rule with its meaning and its fix."""

from __future__ import annotations

from archcalc.diagnostics.rules import rule

rule(
    "bad-setting",
    "A parameter is set to what the network cannot take, or the spec has no such parameter.",
    "Set another value, or reset the parameters to those of the spec.",
)
