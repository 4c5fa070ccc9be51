"""Naming layers of a network: one way, wherever a command, an option or a claim takes a path.

`stage2/bottleneck.3/conv.2` is a layer, `stage2/bottleneck.3` a block with all that is in it. A path with `*` is a
pattern, in which that stands for any text, slashes too, `?` for one character and `[12]` for one of those. The end of
a path is enough where no other path has it: `fc6` for `classifier/fc6`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Sequence

from archcalc.diagnostics.diagnostic import UsageError, closest

#: An ambiguous end of a path is answered with at most so many paths that have it.
_MOST_SHOWN = 6


class NoSuchPath(UsageError):
    """No layer and no block has the path: `message` says so, `help` what to write instead."""

    def __init__(self, message: str, help: str | None) -> None:
        super().__init__(f"{message}: {help}" if help else message)
        self.message = message
        self.help = help


def selected(names: Sequence[str], path: str) -> list[int]:
    """The numbers of the layers that a path names, in order; `names` are the paths of all layers.

    NoSuchPath if there is none, or if only ends of several paths are meant.
    """
    path = path.rstrip("/")
    if "*" in path:
        pattern = re.compile(f"(?:{fnmatch.translate(re.sub('[*]+', '*', path))[:-2]})(?:/.*)?", re.DOTALL)
        found = [index for index, name in enumerate(names) if pattern.fullmatch(name)]
        if not found:
            raise NoSuchPath(f"no layer matches `{path[:80]}`", _closest(names, path.replace("*", "")))
        return found
    return _below(names, path) or _below(names, _whole(names, path))


def _below(names: Sequence[str], path: str) -> list[int]:
    inside = f"{path}/"
    return [index for index, name in enumerate(names) if name == path or name.startswith(inside)]


def _whole(names: Sequence[str], end: str) -> str:
    """The one path of a layer or a block that ends so."""
    ends = f"/{end}"
    found = dict.fromkeys(
        prefix for name in names if ends in f"/{name}" for prefix in prefixes(name) if prefix.endswith(ends)
    )
    if len(found) == 1:
        return next(iter(found))
    if found:
        shown = ", ".join(f"`{each}`" for each in list(found)[:_MOST_SHOWN])
        more = f" and {len(found) - _MOST_SHOWN:,} more" if len(found) > _MOST_SHOWN else ""
        raise NoSuchPath(
            f"`{end[:80]}` is the end of {len(found):,} paths", f"{shown}{more}; `*/{end[:80]}` is all of them"
        )
    raise NoSuchPath(f"no layer `{end[:80]}`", _closest(names, end))


def prefixes(path: str) -> Iterator[str]:
    """The paths of the blocks around a layer, from the outside in, and its own."""
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)
    yield path


def _in_stage(known: Iterable[str], path: str) -> str | None:
    """The path of what papers and Caffe number within a stage, `conv3_1` or `conv3-1`: `stage3/conv3.1`; None if there
    is none."""
    numbered = re.fullmatch(r"([a-z]+)([0-9]+)[-_.]([0-9]+)", path, re.IGNORECASE)
    if numbered is None:
        return None
    kind, stage, number = numbered.groups()
    wanted = re.compile(rf"(?:.*/)?[a-z_]+{stage}/{kind}[a-z0-9_]*\.{number}", re.IGNORECASE)
    return next(filter(wanted.fullmatch, known), None)


def _copies(known: Iterable[str], path: str) -> str | None:
    """A help text where the path is that of a repeated step without the number of a copy; None where it is not."""
    numbered = re.compile(rf"(?:.*/)?{re.escape(path)}\.[0-9]+")
    found = [name for name in known if numbered.fullmatch(name)]
    outside = sum(name.startswith(path) for name in found)
    if len(found) < 2 or outside not in (0, len(found)):
        return None
    every = f"{path}.*" if outside else f"*/{path}.*"
    return f"`{found[0][:80]}` is one, and `{every[:80]}` is all {len(found):,} of them"


def _closest(names: Sequence[str], path: str) -> str | None:
    known = dict.fromkeys(prefix for name in names for prefix in prefixes(name))
    if meant := _in_stage(known, path):
        return f"did you mean `{meant}`?"
    if copies := _copies(known, path):
        return copies
    ends: dict[str, list[str]] = {}
    for name in known:
        ends.setdefault(name.rpartition("/")[2], []).append(name)
    found = closest(path, [*known, *ends])
    if found is None:
        tops = dict.fromkeys(name.partition("/")[0] for name in names)
        return f"the paths begin with {', '.join(list(tops)[:12])}" if tops else None
    several = [] if found in known else ends[found][1:]
    such = f", the end of {1 + len(several):,} paths such as `{ends[found][0]}`" if several else ""
    return f"did you mean `{found}`{such}?"
