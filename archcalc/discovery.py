"""Modules that are found by themselves: a file put into a package is part of the program, and named nowhere else."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
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
def loaded_from(package: str, *, without: frozenset[str] = frozenset()) -> tuple[ModuleType, ...]:
    """The modules directly in a package, but for those named, loaded, so that whatever they register is known."""
    found = found_in(package)
    return tuple(importlib.import_module(full) for name, full in found.items() if name not in without)


@cache
def loaded_everywhere(name: str) -> tuple[ModuleType, ...]:
    """The modules of one name in all rooms of the program, at any depth, loaded."""
    program = __name__.partition(".")[0]
    return tuple(map(importlib.import_module, _everywhere(program, name)))


def _everywhere(package: str, name: str) -> Iterator[str]:
    """The full names of the modules of one name inside a package's packages, without loading the package."""
    (top,) = importlib.import_module(package).__path__
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(inner for inner in folders if os.path.isfile(os.path.join(folder, inner, "__init__.py")))
        inside = os.path.relpath(folder, top)
        if f"{name}.py" in files and inside != os.curdir:
            yield ".".join((package, *inside.split(os.sep), name))
