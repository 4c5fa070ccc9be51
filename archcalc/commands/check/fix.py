"""Stale figures rewritten in place: what a spec claims exactly, of itself and not from a source, as it is now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction

from archcalc.claims.verdict import FAILED, Verdict, shown
from archcalc.commands.check.run import SpecCheck
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.output.file import write_file
from archcalc.records import Record

#: A whole number, perhaps of bytes, or a volume, as it stands in a file, perhaps in quotes.
_WRITTEN = re.compile(r"""(?P<quote>["']?)(?P<number>\d[\d_]*|\d+(?:x\d+)+)(?P<unit>\s*B)?(?P=quote)""")


class Fix(Record):
    """A stretch of a spec, as offsets in characters, and the text that takes its place."""

    start: int
    end: int
    text: str


def fix(specs: Iterable[SpecCheck]) -> int:
    """Write every fix into its file, and say how many there were. UsageError for a spec named without its path."""
    count = 0
    for each in specs:
        found = list(fixes(each))
        if found and each.target.name != each.target.shown:
            raise UsageError(f"--fix rewrites files: name `{each.target.name}` by its path")
        if found:
            _write(each, found)
        count += len(found)
    return count


def fixes(each: SpecCheck) -> Iterator[Fix]:
    """A fix for every claim that failed, is exact, and is from nobody else: no source, no erratum, no other spec."""
    for verdict in each.verdicts:
        claim = verdict.claim
        if verdict.verdict != FAILED or claim.source or claim.erratum or claim.other is not None:
            continue
        written = _WRITTEN.fullmatch(each.source.text[claim.place.start : claim.place.end])
        text = None if written is None else _figure(verdict, written)
        if text is not None:
            start = claim.place.start + (written.start("number") if written else 0)
            yield Fix(start, start + len(written["number"] if written else ""), text)


def _figure(verdict: Verdict, written: re.Match[str]) -> str | None:
    """The computed figure, written as the claimed one is; None where it cannot be written exactly."""
    figure, computed = verdict.claim.figure, verdict.computed
    if figure.volume is not None:
        return shown(computed, verdict.unit).replace(",", "") if computed is not None else None
    if not figure.exact or not isinstance(computed, int | Fraction) or Fraction(computed).denominator != 1:
        return None
    # A number of three digits does not tell whether its author would group four.
    grouped = "_" in written["number"] or len(written["number"]) <= 3
    return format(int(computed), "_" if grouped else "")


def _write(each: SpecCheck, found: list[Fix]) -> None:
    text = each.source.text
    for start, end, new in sorted(found, reverse=True):
        text = text[:start] + new + text[end:]
    # What the reader takes off the front of a file goes back.
    mark = "\ufeff" if each.target.path.read_bytes().startswith(b"\xef\xbb\xbf") else ""
    write_file([mark, text], each.target.path)
