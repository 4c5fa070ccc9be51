"""What there is to check: the catalogue, files that are named, and the specs in folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from archcalc import catalogue
from archcalc.claims.listed import is_list
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.exchange import is_model
from archcalc.language import shipped
from archcalc.language.document import SECTIONS
from archcalc.records import Record

#: What stands for standard input.
_STDIN = "-"


class Target(Record):
    """One file to check: `name` is what it is called in results, `shown` its path as a user would write it, and `key`
    its path within the folder or catalogue it was found in, by which it is found in a baseline."""

    name: str
    path: Path
    shown: str
    key: str

    @property
    def is_stdin(self) -> bool:
        """Whether it is what comes on standard input."""
        return self.name == _STDIN

    @property
    def is_path(self) -> bool:
        """Whether it was named by its path, and not as one of the catalogue."""
        return self.name == self.shown


def targets(paths: Iterable[str]) -> list[Target]:
    """The files that paths and catalogue names stand for, each once; those of the current folder if there are none.

    A folder stands for every spec in it and below. UsageError for what does not exist, and for a folder without specs.
    """
    return each_once(target for path in list(paths) or ["."] for target in _of(path))


def each_once(found: Iterable[Target]) -> list[Target]:
    """Each file once, by the first of its names."""
    unique: dict[Path, Target] = {}
    for target in found:
        unique.setdefault(target.path.resolve(), target)
    return list(unique.values())


def in_catalogue() -> list[Target]:
    """Every spec of the catalogue."""
    return [_in_catalogue(name, Path(path)) for name, path in catalogue.names().items()]


def in_folder(folder: Path) -> list[Target]:
    """Every spec and every list of figures in a folder and below, in the order of their paths; hidden folders are left
    out."""
    found = []
    for path in sorted(_yaml_files(folder)):
        text = _beginning(path)
        if _is_spec(text) or is_list(text):
            found.append(Target(_shown(path), path, _shown(path), path.relative_to(folder).as_posix()))
    return found


def _of(reference: str) -> list[Target]:
    if not reference:
        raise UsageError("a path is empty: was a variable not set?")
    if reference == _STDIN:
        return [Target(_STDIN, Path(_STDIN), "<stdin>", _STDIN)]
    path = Path(reference)
    if os.path.exists(path) or path.suffix in (".yaml", ".yml") or "/" in reference or "\\" in reference:
        return at(path)
    if ":" in reference:
        raise UsageError(f"check takes no settings: claims are about a spec as it stands, and so is `{reference}`")
    return [_in_catalogue(reference, Path(catalogue.find(reference)))]


def at(path: Path) -> list[Target]:
    """A file, or every spec in a folder and below. UsageError for what does not exist, and a folder without specs."""
    if os.path.isdir(path):
        found = in_folder(path)
        if not found:
            if path == Path():
                raise UsageError("there are no specs in this folder or below: --catalogue checks those of archcalc")
            what = "a spec is a YAML file with `architecture`, or with `input` and `layers`"
            raise UsageError(f"there are no specs in {path} or below: {what}")
        return found
    if os.path.isfile(path):
        return [Target(_shown(path), path, _shown(path), _key(path))]
    raise UsageError(f"there is no file or folder {path}")


def _in_catalogue(name: str, path: Path) -> Target:
    key = path.relative_to(shipped.folder()).as_posix()
    shown = _shown(path)
    return Target(name, path, key if Path(shown).is_absolute() else shown, key)


def _key(path: Path) -> str:
    shown = _shown(path)
    return path.name if Path(shown).is_absolute() or shown.startswith("..") else shown


def _shown(path: Path) -> str:
    """The path from the working folder, with forward slashes; as it is where it lies elsewhere."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except (OSError, ValueError):
        return path.as_posix()


def _yaml_files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if (
                name.endswith((".yaml", ".yml"))
                and not name.startswith(".")
                and os.path.isfile(os.path.join(parent, name))
            ):
                yield Path(parent) / name


#: A key of the outermost map, in block style.
_TOP_KEY = re.compile(r"^([A-Za-z_]\w*)[ \t]*:", re.MULTILINE | re.ASCII)
#: Enough of a file to see its outermost keys.
_SNIFFED = 1_000_000


def is_spec(path: Path) -> bool:
    """Whether a YAML file looks like a spec or a file of blocks, judged by its text, so that a broken one is seen too.

    A spec names an architecture, or has an input and layers; a file of blocks has blocks, and no key of anything else.
    """
    return _is_spec(_beginning(path))


def holds_list(path: Path) -> bool:
    """Whether a file looks like a list of figures."""
    return not is_model(path) and is_list(_beginning(path))


def _beginning(path: Path) -> str:
    """The text at the head of a file; empty for one that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_SNIFFED).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def _is_spec(text: str) -> bool:
    keys = set(_TOP_KEY.findall(text))
    return "architecture" in keys or {"input", "layers"} <= keys or ("blocks" in keys and keys <= set(SECTIONS))
