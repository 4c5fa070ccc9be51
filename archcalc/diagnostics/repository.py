"""Where a file lies in its repository: services that show findings know no other address of it."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


def path_in_repository(name: str) -> str:
    """The path of a file from the root of its repository, with forward slashes; as it is for a file outside of any.

    The root is GITHUB_WORKSPACE where that holds the file, or the next folder above it with `.git`.
    """
    if name.startswith("<"):  # standard input
        return name
    path = Path(os.path.abspath(name))
    root = _root(path.parent, os.environ.get("GITHUB_WORKSPACE", ""))
    return path.relative_to(root).as_posix() if root is not None else Path(name).as_posix()


@cache
def _root(folder: Path, workspace: str) -> Path | None:
    if workspace and folder.is_relative_to(os.path.abspath(workspace)):
        return Path(os.path.abspath(workspace))
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), None)
