"""Modules that are found by themselves: a file put into a package is part of the program, and named nowhere else."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType


@cache
def found_in(package: str) -> dict[str, str]:
    """The modules and packages directly in a package, in order of names: short name to full name. None is loaded."""
    folders = importlib.import_module(package).__path__
    return {name: f"{package}.{name}" for name in sorted(module.name for module in pkgutil.iter_modules(folders))}


@cache
def loaded_from(package: str) -> tuple[ModuleType, ...]:
    """The modules directly in a package, loaded, so that whatever they register is known."""
    return tuple(map(importlib.import_module, found_in(package).values()))
