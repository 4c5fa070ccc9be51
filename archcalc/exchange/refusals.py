"""What a reader refuses: every operation or layer that it does not know, in one finding, with how often and where."""

from __future__ import annotations

from collections.abc import Iterable

from archcalc.diagnostics.diagnostic import Diagnostic, Place, plain
from archcalc.records import Record

#: How many kinds are shown.
_SHOWN_KINDS = 30


class Refused(Record):
    """One that was refused: what the file calls its kind, why, where it is, and the line of code that called it."""

    kind: str
    reason: str
    where: str
    code: str = ""
    place: Place | None = None


def unknown(
    shown: str, refused: Iterable[Refused], called: str = "operation", *, help: str | None = None
) -> Diagnostic:
    """The finding about all that was refused, the most frequent first; it points at the first that has a place."""
    kinds: dict[tuple[str, str], list[Refused]] = {}
    for each in refused:
        kinds.setdefault((each.kind, each.reason), []).append(each)
    count = sum(map(len, kinds.values()))
    notes = []
    for (kind, reason), uses in sorted(kinds.items(), key=lambda item: -len(item[1]))[:_SHOWN_KINDS]:
        first = uses[0]
        times = f"{len(uses)} times, first {first.where}" if len(uses) > 1 else first.where
        code = f": `{plain(first.code, 80)}`" if first.code else ""
        notes.append(f"{plain(kind, 60)} ({reason}) {times}{code}")
    if len(kinds) > _SHOWN_KINDS:
        notes.append(f"and {len(kinds) - _SHOWN_KINDS} more kinds")
    kinds_said = f" of {len(kinds)} kinds" if len(kinds) > 1 else ""
    article = "an" if called[0] in "aeiou" else "a"
    many = f"{count} {called}s{kinds_said}" if count > 1 else f"{article} {called}"
    message = f"{shown} has {many} that cannot be read"
    place = next((each.place for uses in kinds.values() for each in uses if each.place is not None), None)
    return Diagnostic("unknown-operation", message, place, notes=tuple(notes), help=help)
