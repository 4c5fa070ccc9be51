"""The state of reading one file: its document so far, the findings, and the files that are open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archcalc.diagnostics.diagnostic import Place, Source
from archcalc.language.document import Document
from archcalc.language.findings import Findings
from archcalc.records import Record


class Files(Record):
    """The files of one spec: imports stay in the folder `root` or below, and `read` reads one of them."""

    root: str
    #: The files that are being read, each imported by the one before.
    open: list[str]
    finished: dict[str, Document]
    read: Callable[[Source, str], Document]


class Reading(Record):
    """One file that is being read."""

    document: Document
    findings: Findings
    files: Files
    #: The blocks that it has or imports: what a parameter can name, beside layers.
    callable_names: set[str]

    def place(self, value: Any) -> Place:
        """Where a value of the file stands."""
        return Place(self.document.source, value.start, value.end)
