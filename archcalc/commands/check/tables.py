"""The result of a check as a report: a table of claims for each spec, the findings, what changed, and the counts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from archcalc.claims.verdict import ERRATUM, FAILED, MET, Verdict, shown, what
from archcalc.commands.check.baseline import sentence
from archcalc.commands.check.run import Checked, SpecCheck, counts
from archcalc.diagnostics.json import data
from archcalc.diagnostics.text import Paint, Role, render_all, unpainted
from archcalc.output.layout import Column, Report, Table
from archcalc.sizes.volume import Volume

#: The colours of the verdicts.
_ROLES: dict[str, Role] = {MET: "met", FAILED: "error", ERRATUM: "dim"}
_CLAIM_COLUMNS = (
    Column("quantity", "claim", right=False),
    Column("claimed", "claimed"),
    Column("computed", "computed"),
    Column("verdict", "verdict", right=False, role=lambda verdict: _ROLES[verdict]),
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


def build(checked: Checked) -> Report:
    """The whole result: the claims of every spec, the findings, what changed, the counts."""
    tables = list(claims(checked))
    if checked.findings:
        tables.append(findings(checked))
    note = [NOTE] if any(each.verdicts for each in checked.specs) else []
    notes = (*note, *changes_text(checked), summary(checked))
    return Report("", (), tuple(tables), notes, _data(checked), _every_claim(checked), checked)


def findings(checked: Checked) -> Table:
    """The findings of all specs."""
    rows = [(f.severity, f.rule, str(f.place or ""), f.message) for f in checked.findings]
    return Table(_FINDING_COLUMNS, rows, title="findings")


def claims(checked: Checked) -> tuple[Table, ...]:
    """The claims, a table for each spec that makes any."""
    return tuple(
        Table(_CLAIM_COLUMNS, list(map(_row, each.verdicts)), title=each.target.name)
        for each in checked.specs
        if each.verdicts
    )


def verdicts(judged: Sequence[Verdict]) -> Table:
    """The claims of one spec."""
    return Table(_CLAIM_COLUMNS, [_row(verdict) for verdict in judged])


def _every_claim(checked: Checked) -> Table:
    """The claims of all specs in one table, for formats of rows."""
    columns = (Column("spec", "spec", right=False), *_CLAIM_COLUMNS)
    return Table(columns, [(each.target.name, *_row(v)) for each in checked.specs for v in each.verdicts])


def _row(verdict: Verdict) -> tuple[str, ...]:
    claim = verdict.claim
    return (
        what(claim), claim.figure.text, shown(verdict.computed, verdict.unit), verdict.verdict, _source(verdict),
    )  # fmt: skip


def changes_text(checked: Checked) -> list[str]:
    """What changed since a baseline, a line for each spec; nothing without one."""
    if checked.changes is None:
        return []
    return sentence(list(checked.changes)) or ["nothing changed since the baseline"]


def findings_text(checked: Checked, paint: Paint = unpainted, width: int | None = None) -> str:
    """Every finding with its line, caret and notes, in lines of a width."""
    return render_all(checked.findings, paint, width)


def summary(checked: Checked, paint: Paint = unpainted) -> str:
    """The counts in words: `44 specs, 510 claims: 489 met, 21 errata; no errors, 2 warnings`."""
    n = counts(checked.specs)
    claims = f"{n['claims']:,} claim{'s' * (n['claims'] != 1)}"
    fared: tuple[tuple[Role, int, str], ...] = (
        ("met", n["met"], "met"),
        ("dim", n["erratum"], "errata" if n["erratum"] != 1 else "erratum"),
        ("error", n["failed"], "failed"),
    )
    parts = [paint(role, f"{count:,} {word}") for role, count, word in fared if count]
    claims += f": {', '.join(parts)}" if parts else ""
    errors = f"{n['errors'] or 'no'} error{'s' * (n['errors'] != 1)}"
    errors = paint("error", errors) if n["errors"] else errors
    if n["warnings"]:
        errors += ", " + paint("warning", f"{n['warnings']} warning{'s' * (n['warnings'] != 1)}")
    return f"{n['specs']} spec{'s' * (n['specs'] != 1)}, {claims}; {errors}"


def _source(verdict: Verdict) -> str:
    """Where a claim is from; for an erratum also why it is wrong."""
    claim = verdict.claim
    said = [claim.source, claim.note]
    if verdict.verdict == ERRATUM:
        said.append(f"wrong: {claim.erratum}")
    return "; ".join(text for text in said if text)


def _data(checked: Checked) -> dict[str, Any]:
    made: dict[str, Any] = {
        "specs": [_spec(each) for each in checked.specs],
        "claims": [_claim(each, verdict) for each in checked.specs for verdict in each.verdicts],
        "findings": [
            {"spec": each.target.name, **data(finding)} for each in checked.specs for finding in each.findings
        ],
        "counts": counts(checked.specs),
    }
    if checked.changes is not None:
        made["changes"] = [{**change._asdict(), "growth": change.growth} for change in checked.changes]
    return made


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
