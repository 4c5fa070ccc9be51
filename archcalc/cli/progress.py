"""Progress on standard error, for what takes longer than a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

_Item = TypeVar("_Item")


class Progress:
    """Says how far a long run is: on a terminal after a second, in a line that is rewritten; elsewhere every ten."""

    def __init__(self, total: int, unit: str) -> None:
        self.total = total
        self.unit = unit
        self.started = time.monotonic()
        self.terminal = sys.stderr.isatty()
        self.next = self.started + (1 if self.terminal else 10)
        self.shown = False

    def __call__(self, done: int) -> None:
        """Tell that so many are done."""
        now = time.monotonic()
        if now < self.next:
            return
        self.next = now + (0.2 if self.terminal else 10)
        self.shown = True
        rest = (now - self.started) * (self.total - done) / max(done, 1)
        text = f"{done:,} of {self.total:,} {self.unit} ({100 * done // max(self.total, 1)}%), {rest:.0f} s to go"
        print(
            f"\r\x1b[K{text}" if self.terminal else text, end="" if self.terminal else "\n", file=sys.stderr, flush=True
        )

    def close(self) -> None:
        """Clear the line."""
        if self.shown and self.terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def told(items: Iterable[_Item], total: int, unit: str) -> Iterator[_Item]:
    """The items, and on standard error how many of them have been worked on."""
    progress = Progress(total, unit)
    try:
        for done, item in enumerate(items):
            progress(done)
            yield item
    finally:
        progress.close()
