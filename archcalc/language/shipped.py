"""The files of the catalogue, which any spec can name: where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator

#: What the catalogue's folder is called.
_FOLDER = "architectures"


def folder() -> str:
    """The catalogue's folder: inside the package, or beside it in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    inside = os.path.join(package, _FOLDER)
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(package), _FOLDER)


def contains(path: str) -> bool:
    """Whether a path, without links in it, lies in the catalogue's folder."""
    return path.startswith(os.path.join(os.path.realpath(folder()), ""))


def file(name: str) -> str | None:
    """The file of the catalogue that is named by its path in it, `resnet/blocks.yaml`; None if there is none."""
    if "/" not in name or not name.endswith(".yaml"):
        return None
    path = os.path.realpath(os.path.join(folder(), name))
    return path if contains(path) and os.path.isfile(path) else None


def called(name: str) -> Iterator[tuple[str, str]]:
    """The files of the catalogue that are called so, as `blocks.yaml`: the path of each in it, and on the disk."""
    for group in sorted(os.listdir(folder())) if name and os.path.basename(name) == name else ():
        path = file(f"{group}/{name}")
        if path is not None:
            yield f"{group}/{name}", path
