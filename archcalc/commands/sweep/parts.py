"""The parts of a sweep on disk, beside the file that it is written to: what an interrupted sweep has computed.

Each part is a file that is written whole or not at all, and a manifest says of which sweep they are. A file of parts
holds arrays alone, no Python objects: whole numbers beyond 64 bits, fractions and words are text in it.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy

from archcalc import __version__
from archcalc.commands.sweep.choose import Piece
from archcalc.commands.sweep.evaluate import Array
from archcalc.commands.sweep.run import Sweep
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.language.document import Document
from archcalc.output.file import write_file

_MANIFEST = "manifest.json"


class Parts:
    """The folder with the parts of a sweep."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def beside(cls, output: Path) -> Parts:
        """Those of the sweep that is written to a file."""
        return cls(output.with_name(f"{output.name}.parts"))

    def begin(self, sweep: Sweep, *, resume: bool) -> None:
        """Make the folder, or go on with the one that is there. UsageError if it is there and is not to be gone on
        with, or is that of another sweep."""
        manifest = {"archcalc": __version__, "sweep": _identity(sweep), "parts": sweep.parts}
        path = self.folder / _MANIFEST
        if not self.folder.exists():
            try:
                self.folder.mkdir()
            except OSError as error:
                raise UsageError(f"cannot write {self.folder}: {error.strerror}") from None
            write_file([json.dumps(manifest, indent=2) + "\n"], path)
            return
        if not resume:
            raise UsageError(
                f"{self.folder} holds parts of a sweep that was interrupted: go on with it with --resume, or delete it"
            )
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise UsageError(f"{self.folder} is not the folder of an interrupted sweep: it has no manifest") from None
        if found != manifest:
            raise UsageError(
                f"{self.folder} holds parts of another sweep (the spec, the values, the options or the version of"
                " archcalc differ): delete it, or write to another file"
            )
        for unfinished in self.folder.glob(".archcalc-*.part"):
            unfinished.unlink()

    @property
    def empty(self) -> bool:
        """Whether no part is there."""
        return next(self.folder.glob("part-*.npz"), None) is None

    def has(self, number: int) -> bool:
        """Whether a part is there."""
        return self._path(number).exists()

    def save(self, number: int, piece: Piece) -> None:
        """Write a part. UsageError if it cannot be written."""
        arrays: dict[str, Any] = {f"column{i}": _stored(column) for i, column in enumerate(piece.columns.values())}
        told = json.dumps({"columns": list(piece.columns), "visited": piece.visited, "reasons": piece.reasons})
        held = io.BytesIO()
        numpy.savez(held, told=numpy.array(told), **arrays)
        write_file([held.getvalue()], self._path(number))

    def load(self, number: int) -> Piece:
        """Read a part."""
        with numpy.load(self._path(number), allow_pickle=False) as arrays:
            told = json.loads(str(arrays["told"]))
            columns = {name: _restored(arrays[f"column{i}"]) for i, name in enumerate(told["columns"])}
        return Piece(columns, told["visited"], Counter(told["reasons"]))

    def remove(self) -> None:
        """Delete the folder: all that it holds is in the file."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:06}.npz"


def _identity(sweep: Sweep) -> str:
    """What is equal for equal sweeps of equal specs only."""
    request = sweep.request._replace(spec="", settings={})
    said = repr((request, sorted(sweep.settings.items()), sweep.plan.axes, [*_texts(sweep.document)]))
    return hashlib.sha256(said.encode("utf-8", "backslashreplace")).hexdigest()


def _texts(document: Document) -> Iterator[str]:
    """The texts of a spec, and of what it imports."""
    seen: set[int] = set()
    waiting = [document]
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each.source.text
            waiting += [block.document for block in each.imported.values()]


def _stored(column: Array) -> Array:
    if column.dtype != object:
        return column
    return numpy.array([_text(value) for value in column.tolist()], dtype=str)


def _restored(column: Array) -> Array:
    if column.dtype.kind != "U":
        return column
    made = numpy.empty(len(column), dtype=object)
    made[:] = [_value(text) for text in column.tolist()]
    return made


def _text(value: Any) -> str:
    return json.dumps([str(value)] if isinstance(value, Fraction) else value)


def _value(text: str) -> Any:
    value = json.loads(text)
    return Fraction(value[0]) if isinstance(value, list) else value
