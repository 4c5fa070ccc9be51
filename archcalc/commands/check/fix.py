"""Stale figures rewritten in place: what a spec claims exactly, of itself and not from a source, as it is now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction

from archcalc.claims.verdict import FAILED, Verdict, shown, what
from archcalc.commands.check.run import SpecCheck
from archcalc.diagnostics.diagnostic import Place, UsageError
from archcalc.output.file import write_file
from archcalc.records import Record

#: A whole number, perhaps of bytes, or a volume, as it stands in a file, perhaps in quotes.
_WRITTEN = re.compile(r"""(?P<quote>["']?)(?P<number>\d[\d_]*|\d+(?:x\d+)+)(?P<unit>\s*B)?(?P=quote)""")


class Fix(Record):
    """A stretch of a spec, and the text that takes its place; `what` is the figure that it claims."""

    what: str
    place: Place
    text: str

    def __str__(self) -> str:
        """`specs/small.yaml:12: params: 999 -> 224`."""
        old = self.place.source.text[self.place.start : self.place.end]
        return f"{self.place.source.name}:{self.place.line}: {self.what}: {old} -> {self.text}"


def fix(specs: Iterable[SpecCheck]) -> list[Fix]:
    """Write every fix into its file, and say which there were. UsageError for a spec named without its path."""
    found = [(each, list(fixes(each))) for each in specs]
    for each, made in found:
        if made and not each.target.is_path:
            raise UsageError(f"--fix rewrites files: name `{each.target.name}` by its path")
    for each, made in found:
        if made:
            _write(each, made)
    return [one for _, made in found for one in made]


def fixable(specs: Iterable[SpecCheck]) -> int:
    """How many figures would be rewritten."""
    return sum(1 for each in specs if each.target.is_path for _ in fixes(each))


def fixes(each: SpecCheck) -> Iterator[Fix]:
    """A fix for every claim that failed, is exact, and is from nobody else: no source, no erratum, no other spec."""
    for verdict in each.verdicts:
        claim = verdict.claim
        if verdict.verdict != FAILED or claim.source or claim.erratum or claim.other is not None:
            continue
        written = _WRITTEN.fullmatch(each.source.text[claim.place.start : claim.place.end])
        text = None if written is None else _figure(verdict, written)
        if written is not None and text is not None:
            start = claim.place.start + written.start("number")
            yield Fix(what(claim), Place(each.source, start, start + len(written["number"])), text)


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
    for one in sorted(found, key=lambda one: one.place.start, reverse=True):
        text = text[: one.place.start] + one.text + text[one.place.end :]
    # What the reader takes off the front of a file goes back.
    mark = "\ufeff" if each.target.path.read_bytes().startswith(b"\xef\xbb\xbf") else ""
    write_file([mark, text], each.target.path)
