"""The JSON in a file that is text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from archcalc.diagnostics.diagnostic import Place, Source, fail
from archcalc.language.source import read_text
from archcalc.records import Record


class Object(Record):
    """An object and the text that it is written in."""

    keys: dict[str, Any]
    source: Source

    def place(self, key: str) -> Place | None:
        """Where a key stands first."""
        written = json.dumps(key)
        start = self.source.text.find(written)
        return Place(self.source, start, start + len(written)) if start >= 0 else None


def read_object(path: Path, shown: str) -> Object:
    """The object in a file. UsageError if it cannot be read, SpecError if it is not a JSON object."""
    source = read_text(path, name=shown)
    try:
        found = json.loads(source.text)
    except json.JSONDecodeError as error:
        place = Place(source, error.pos, min(error.pos + 1, len(source.text)))
        raise fail("bad-json", f"this is not JSON: {error.msg}", place) from None
    except (ValueError, RecursionError) as error:
        reason = "it nests too deep" if isinstance(error, RecursionError) else str(error)
        raise fail("bad-json", f"{shown} is not JSON: {reason}") from None
    if not isinstance(found, dict):
        raise fail("bad-json", f"{shown} is not a JSON object")
    return Object(found, source)
