"""The rules for warnings: each is explained by the docstring of the function that finds it."""

from __future__ import annotations

from archcalc.warnings.registry import load

load()
