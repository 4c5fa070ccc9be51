"""The rules that findings name: what each means, and how to fix what breaks it. The names are stable.

A room explains the rules that its code raises in a file `rules.py` of its own, with a call of `rule` for each. These
files are found by themselves, and only when an explanation is asked for.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from archcalc.discovery import loaded_everywhere
from archcalc.records import Record


class Rule(Record):
    """A rule of findings, and its explanation in sentences."""

    name: str
    severity: Literal["error", "warning"]  # a warning is about what is legal and suspicious
    meaning: str  # what is wrong, and why it matters
    fix: str  # what to do about it


_rules: dict[str, Rule] = {}


def rule(name: str, meaning: str, fix: str, severity: Literal["error", "warning"] = "error") -> None:
    """Make a rule known. ValueError if another has the name."""
    if name in _rules:
        raise ValueError(f"two rules are named {name}")
    _rules[name] = Rule(name, severity, meaning, fix)


@cache
def rules() -> dict[str, Rule]:
    """Every rule by name, in order of names."""
    loaded_everywhere("rules")
    return {name: _rules[name] for name in sorted(_rules)}
