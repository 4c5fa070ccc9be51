"""Modules that are found by themselves: a file put into a package is part of the program, and named nowhere else."""

from __future__ import annotations

import importlib
import os
from functools import cache
from types import ModuleType


@cache
def found_in(package: str) -> dict[str, str]:
    """The modules and packages directly in a package, in order of names: short name to full name. None is loaded."""
    (folder,) = importlib.import_module(package).__path__
    # Not by pkgutil, which takes as long to load as a small package.
    with os.scandir(folder) as entries:
        names = {_module(entry) for entry in entries}
    return {name: f"{package}.{name}" for name in sorted(names - {""})}


def _module(entry: os.DirEntry[str]) -> str:
    """The name of the module or package that a file or a folder is; empty for others."""
    if entry.name.endswith(".py"):
        return entry.name.removesuffix(".py") if entry.name != "__init__.py" else ""
    return entry.name if os.path.isfile(os.path.join(entry.path, "__init__.py")) else ""


@cache
def loaded_from(package: str) -> tuple[ModuleType, ...]:
    """The modules directly in a package, loaded, so that whatever they register is known."""
    return tuple(map(importlib.import_module, found_in(package).values()))
