"""What the page was opened on: a file that it can save to, or a text that it only begins with."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from archcalc import catalogue
from archcalc.commands.new.command import starter
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.exchange import is_model
from archcalc.language.source import read_text
from archcalc.output.file import write_file
from archcalc.records import Record


class Conflict(Exception):
    """The file is not what the page has read: another program wrote it. `seen` stands for what it is now."""

    def __init__(self, seen: str) -> None:
        self.seen = seen
        super().__init__("the file has changed on the disk since it was opened: save again to overwrite it")


class Opened(Record):
    """What a user named: a spec of the catalogue (`base` is its name), a file that can be saved (`path`), or a text."""

    shown: str
    base: str
    path: Path | None
    text: str
    settings: dict[str, str]

    @classmethod
    def of(cls, reference: str | None) -> Opened:
        """What a reference names, and a starter without one. UsageError if there is nothing to read."""
        if reference is None:
            return cls("a new spec", "", None, starter("mynet"), {})
        name, settings = catalogue.split(reference)
        for key, text in settings.items():
            catalogue.value(key, text)  # what is no value is refused before anything is served
        source = catalogue.read_source(reference)
        path = Path(name)
        if name != "-" and path.is_file() and not is_model(path):
            return cls(name, "", path, source.text, settings)
        base = name if name in catalogue.names() else ""
        return cls("standard input" if name == "-" else name, base, None, source.text, settings)

    def draft(self) -> dict[str, Any]:
        """What the page begins with: of a file, what is in it now. `seen` stands for that, until it is saved."""
        text, seen = self.text, ""
        if self.path is not None:
            with suppress(UsageError):  # gone, or being replaced: the page has what was there
                text = read_text(self.path).text
            seen = self._seen()
        return {"base": self.base, "text": text, "settings": self.settings, "seen": seen}

    def save(self, text: str, seen: str) -> str:
        """Write the file, if it still is what `seen` stands for; what stands for it then. Conflict if it is not,
        UsageError if there is no file, or it cannot be written."""
        if self.path is None:
            raise UsageError("no file was opened: copy the text into one, and open that")
        if (now := self._seen()) != seen:
            raise Conflict(now)
        write_file([text], self.path)
        return self._seen()

    def _seen(self) -> str:
        """A digest of the file; empty where there is none."""
        assert self.path is not None
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError:
            return ""
