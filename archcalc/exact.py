"""Exact fractions, made where there is one: `fractions` takes as long to load as a small network to analyse.

It brings `decimal`, which most networks never need: their sizes are whole.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from fractions import Fraction


def is_fraction(value: object) -> TypeGuard[Fraction]:
    """Whether the value is an exact fraction: there is none before their module is loaded."""
    loaded = sys.modules.get("fractions")
    return loaded is not None and isinstance(value, loaded.Fraction)


def fraction(value: int | float | str | Fraction, divisor: int = 1) -> Fraction:
    """A number, or its text, divided by a whole number, as an exact fraction. ValueError if it is none."""
    from fractions import Fraction

    return Fraction(value) / divisor
