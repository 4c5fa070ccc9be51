"""The findings of reading a spec, collected so that one run shows them all."""

from __future__ import annotations

from archcalc.diagnostics.diagnostic import Diagnostic, Place, SpecError

#: How many findings one run shows.
MAX_FINDINGS = 50
ENOUGH = f"there may be more: reading stops at {MAX_FINDINGS} findings"


class Enough(Exception):
    """There are as many findings as anyone reads."""


class Findings:
    """At most `MAX_FINDINGS` findings; the last of them ends the reading."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(self, rule: str, message: str, place: Place | None, *, label: str = "", help: str | None = None) -> None:
        """Note a finding; `Enough` if there are as many as anyone reads."""
        self.keep(Diagnostic(rule, message, place, label=label, help=help))

    def keep(self, diagnostic: Diagnostic) -> None:
        """Note a finding that is worded already."""
        if len(self.found) + 1 >= MAX_FINDINGS:
            self.found.append(diagnostic._replace(notes=(*diagnostic.notes, ENOUGH)))
            raise Enough
        self.found.append(diagnostic)

    def stop(self) -> None:
        """SpecError with all findings, if there are any."""
        if self.found:
            raise SpecError(self.found)
