"""The result of a check as a report: a table of claims for each spec, the findings, what changed, and the counts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from archcalc.claims.verdict import ERRATUM, Verdict, shown, what
from archcalc.commands.check.baseline import Change, sentence
from archcalc.commands.check.run import SpecCheck, counts
from archcalc.diagnostics.diagnostic import Diagnostic, render
from archcalc.output.layout import Column, Report, Table
from archcalc.sizes.volume import Volume

_CLAIM_COLUMNS = (
    Column("quantity", "claim", right=False),
    Column("claimed", "claimed"),
    Column("computed", "computed"),
    Column("verdict", "verdict", right=False),
    Column("source", "source", right=False, rank=1, wraps=True),
)
_FINDING_COLUMNS = (
    Column("severity", "severity", right=False),
    Column("rule", "rule", right=False),
    Column("place", "place", right=False),
    Column("message", "message", right=False, wraps=True),
)
NOTE = (
    "a figure is held to the precision it is written with: 138M is met by 137.5 to 138.5 million; "
    "an erratum is a figure in print that is known to be wrong, and the check fails if it ever comes true"
)


def build(checks: Sequence[SpecCheck], changes: Sequence[Change] | None) -> Report:
    """The whole result; `changes` are those since a baseline, None without one."""
    tables = list(claims(checks).tables)
    found = [finding for each in checks for finding in each.findings]
    if found:
        rows = [(f.severity, f.rule, str(f.place or ""), f.message) for f in found]
        tables.append(Table(_FINDING_COLUMNS, rows, title="findings"))
    return Report("", (), tuple(tables), tuple(closing(checks, changes)), _data(checks, changes))


def claims(checks: Sequence[SpecCheck]) -> Report:
    """The claims alone, a table for each spec that makes any."""
    return Report("", (), tuple(_claims(each) for each in checks if each.verdicts), (), {})


def closing(checks: Sequence[SpecCheck], changes: Sequence[Change] | None) -> list[str]:
    """The last lines: how claims are held to account, what changed, and the counts."""
    said = [NOTE] if any(each.verdicts for each in checks) else []
    return [*said, *changes_text(changes), summary(checks)]


def paragraphs(checks: Sequence[SpecCheck], changes: Sequence[Change] | None) -> list[str]:
    """What stands below the claims: the findings, and the last lines."""
    note = NOTE if any(each.verdicts for each in checks) else ""
    said = (findings_text(checks), note, "\n".join(changes_text(changes)), summary(checks))
    return [paragraph for paragraph in said if paragraph]


def changes_text(changes: Sequence[Change] | None) -> list[str]:
    """What changed since a baseline, a line for each spec; nothing without one."""
    return [] if changes is None else sentence(list(changes)) or ["nothing changed since the baseline"]


def findings_text(checks: Sequence[SpecCheck]) -> str:
    """Every finding with its line, caret and notes."""
    return "\n\n".join(render(finding) for each in checks for finding in each.findings)


def summary(checks: Sequence[SpecCheck]) -> str:
    """The counts in words: `44 specs, 510 claims: 489 met, 21 errata; no errors, 2 warnings`."""
    n = counts(checks)
    claims = f"{n['claims']:,} claim{'s' * (n['claims'] != 1)}"
    if n["claims"]:
        parts = [
            (n["met"], "met"),
            (n["erratum"], "errata" if n["erratum"] != 1 else "erratum"),
            (n["failed"], "failed"),
        ]
        claims += f": {', '.join(f'{count:,} {word}' for count, word in parts if count)}"
    errors = f"{n['errors'] or 'no'} error{'s' * (n['errors'] != 1)}"
    warnings = f", {n['warnings']} warning{'s' * (n['warnings'] != 1)}" if n["warnings"] else ""
    return f"{n['specs']} spec{'s' * (n['specs'] != 1)}, {claims}; {errors}{warnings}"


def _claims(each: SpecCheck) -> Table:
    rows = [
        (what(v.claim), v.claim.figure.text, shown(v.computed, v.unit), v.verdict, _source(v)) for v in each.verdicts
    ]
    return Table(_CLAIM_COLUMNS, rows, title=each.target.name)


def _source(verdict: Verdict) -> str:
    """Where a claim is from; for an erratum also why it is wrong."""
    claim = verdict.claim
    said = [claim.source, claim.note]
    if verdict.verdict == ERRATUM:
        said.append(f"wrong: {claim.erratum}")
    return "; ".join(text for text in said if text)


def _data(checks: Sequence[SpecCheck], changes: Sequence[Change] | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "specs": [_spec(each) for each in checks],
        "claims": [_claim(each, verdict) for each in checks for verdict in each.verdicts],
        "findings": [_finding(each, finding) for each in checks for finding in each.findings],
        "counts": counts(checks),
    }
    if changes is not None:
        data["changes"] = [{**change._asdict(), "growth": change.growth} for change in changes]
    return data


def _spec(each: SpecCheck) -> dict[str, Any]:
    published = [
        {
            "fact": fact.name,
            "value": fact.value,
            "unit": fact.unit,
            "source": fact.source,
            "note": fact.note,
            "erratum": fact.erratum,
        }
        for fact in each.facts
    ]
    return {
        "spec": each.target.name,
        "file": each.target.shown,
        "path": each.target.key,
        "architecture": each.architecture,
        "passed": each.passed,
        "figures": each.figures,
        "published": published,
    }


def _claim(each: SpecCheck, verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "spec": each.target.name,
        "quantity": claim.quantity.name,
        "layer": claim.layer,
        "settings": {setting.name: setting.value for setting in claim.settings},
        "relative_to": None if claim.other is None else {claim.other.relation: claim.other.spec},
        "claimed": claim.figure.text,
        "computed": _plain(verdict.computed),
        "unit": verdict.unit,
        "source": claim.source,
        "note": claim.note,
        "verdict": verdict.verdict,
        "erratum": claim.erratum,
        "file": claim.place.source.name,
        "line": claim.place.line,
        "column": claim.place.column,
    }


def _plain(computed: Any) -> Any:
    """A number, a list with one number for each axis, or a volume as `[channels, ...space]`."""
    if isinstance(computed, Volume):
        return list(computed.shape)
    if isinstance(computed, Fraction) and computed.denominator == 1:
        return computed.numerator
    return [_plain(size) for size in computed] if isinstance(computed, tuple) else computed


def _finding(each: SpecCheck, finding: Diagnostic) -> dict[str, Any]:
    return {"spec": each.target.name, **data(finding)}


def data(finding: Diagnostic) -> dict[str, Any]:
    """A finding as an object, its place as lines and columns counted from 1, the end excluded."""
    place = finding.place
    made: dict[str, Any] = {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "notes": list(finding.notes),
        "help": finding.help,
        "file": None,
        "line": None,
        "column": None,
        "end_line": None,
        "end_column": None,
    }
    if place is not None:
        line, column = place.source.line_and_column(place.start)
        end_line, end_column = place.source.line_and_column(max(place.end, place.start))
        made |= {"file": place.source.name, "line": line, "column": column}
        made |= {"end_line": end_line, "end_column": end_column}
    return made
