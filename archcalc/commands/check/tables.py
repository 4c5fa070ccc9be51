"""The result of a check as a report: a table of claims for each spec, the findings, what changed, and the counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from archcalc.claims.verdict import ERRATUM, FAILED, MET, UNCHECKED, VERDICTS, Verdict, related, set_to, shown, what
from archcalc.commands.check.baseline import sentence
from archcalc.commands.check.run import Checked, SpecCheck, counts, each_once
from archcalc.diagnostics.json import data
from archcalc.diagnostics.text import Paint, Role, render_all, unpainted
from archcalc.output.layout import Column, Report, Table
from archcalc.sizes.volume import Volume

#: The colours of the verdicts.
_ROLES: dict[str, Role] = {MET: "met", FAILED: "error", ERRATUM: "dim", UNCHECKED: "dim"}
_CLAIM_COLUMNS = (
    Column("quantity", "claim", right=False, breaks=" _/"),
    Column("claimed", "claimed"),
    Column("computed", "computed"),
    Column("verdict", "verdict", right=False, role=lambda verdict: _ROLES[verdict]),
    Column("source", "source", right=False, rank=1, breaks=" "),
)
_FINDING_COLUMNS = (
    Column("severity", "severity", right=False),
    Column("rule", "rule", right=False),
    Column("place", "place", right=False),
    Column("message", "message", right=False, breaks=" "),
)
#: What a row of a file of rows holds: a claim, a budget, or another finding, which has no figure.
_RESULT_COLUMNS = tuple(
    Column(key, key)
    for key in (
        "spec", "kind", "quantity", "layer", "settings", "relative_to", "claimed", "computed", "unit", "verdict",
        "rule", "message", "source", "file", "line", "column",
    )
)  # fmt: skip
NOTE = "archcalc help check-claims says what meets a figure, and what an erratum is"


def build(checked: Checked) -> Report:
    """The whole result: the claims of every spec, the findings, what changed, the counts."""
    tables = claims(checked)
    note = [NOTE] if any(each.verdicts for each in checked.specs) else []
    if checked.findings:
        tables = (*tables, findings(checked))
    notes = (*note, *changes_text(checked), summary(checked))
    return Report("", (), tables, notes, _data(checked), _every_result(checked), checked)


def findings(checked: Checked) -> Table:
    """The findings of all specs."""
    rows = [(f.severity, f.rule, str(f.place or ""), f.message) for f in checked.findings]
    return Table(_FINDING_COLUMNS, rows, title="findings")


def claims(checked: Checked) -> tuple[Table, ...]:
    """The claims and the budgets, a table for each spec that has any."""
    return tuple(
        verdicts(each.verdicts, each.budgets)._replace(title=each.target.name)
        for each in checked.specs
        if each.verdicts or each.budgets
    )


def verdicts(judged: Iterable[Verdict], budgets: Iterable[Verdict] = ()) -> Table:
    """The claims and budgets of one spec."""
    of_budgets = ((f"budget {what}", *rest) for what, *rest in map(_row, budgets))
    return Table(_CLAIM_COLUMNS, [*map(_row, judged), *of_budgets])


def _every_result(checked: Checked) -> Table:
    """Every claim, every budget and every other finding in one table, for formats of rows."""
    return Table(_RESULT_COLUMNS, [row for each in checked.specs for row in _results(each)])


def _results(each: SpecCheck) -> Iterator[tuple[Any, ...]]:
    for kind, verdicts in (("claim", each.verdicts), ("budget", each.budgets)):
        for verdict in verdicts:
            said = _claim(each, verdict)
            settings, relation = set_to(verdict.claim) or None, related(verdict.claim) or None
            found = verdict.finding
            yield (
                said["spec"], kind, said["quantity"], said["layer"], settings, relation, said["claimed"],
                verdict.computed, said["unit"] or None, said["verdict"], found and found.rule, found and found.message,
                _source(verdict) or None, said["file"], said["line"], said["column"],
            )  # fmt: skip
    for finding in [*each.others, *(each.growth or ())]:
        place = data(finding)
        yield (
            each.target.name, "finding", *[None] * 7, finding.severity, finding.rule, finding.message, None,
            place["file"], place["line"], place["column"],
        )  # fmt: skip


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
    """The counts in words: `44 specs, 510 claims: 489 met, 21 errata; no errors, 2 warnings`; between them the
    budgets, if there are any: `88 budgets: 87 met, 1 failed`."""
    n = counts(checked.specs)
    claims = _fared("claim", {verdict: n[verdict] for verdict in VERDICTS}, paint)
    if n["budgets"]:
        claims += "; " + _fared("budget", {verdict: n.get(f"budgets_{verdict}", 0) for verdict in VERDICTS}, paint)
    errors = f"{n['errors'] or 'no'} error{'s' * (n['errors'] != 1)}"
    errors = paint("error", errors) if n["errors"] else errors
    if n["warnings"]:
        errors += ", " + paint("warning", f"{n['warnings']} warning{'s' * (n['warnings'] != 1)}")
    specs = f"{n['specs']:,} spec{'s' * (n['specs'] != 1)}"
    lists = f"{n['lists']:,} list{'s' * (n['lists'] != 1)} of figures"
    files = [text for text, count in ((specs, n["specs"] or not n["lists"]), (lists, n["lists"])) if count]
    return f"{', '.join(files)}, {claims}; {errors}"


def _fared(noun: str, counted: Mapping[str, int], paint: Paint) -> str:
    """How many claims or budgets there are, and how they fared: `3 claims: 2 met, 1 failed`."""
    words = {ERRATUM: "erratum" if counted[ERRATUM] == 1 else "errata", UNCHECKED: "not checked"}
    parts = [
        paint(_ROLES[verdict], f"{count:,} {words.get(verdict, verdict)}")
        for verdict, count in counted.items()
        if count
    ]
    total = sum(counted.values())
    return f"{total:,} {noun}{'s' * (total != 1)}" + (f": {', '.join(parts)}" if parts else "")


def _source(verdict: Verdict) -> str:
    """Where a claim is from; for an erratum also why it is wrong."""
    claim = verdict.claim
    said = [claim.source, claim.note]
    if verdict.verdict == ERRATUM:
        said.append(f"wrong: {claim.erratum}")
    return "; ".join(text for text in said if text)


def _data(checked: Checked) -> dict[str, Any]:
    made: dict[str, Any] = {
        "specs": [_spec(each) for each in checked.specs if not each.is_list],
        "lists": [_list(each) for each in checked.specs if each.is_list],
        "claims": [_claim(each, verdict) for each in checked.specs for verdict in each.verdicts],
        "budgets": [_claim(each, verdict) for each in checked.specs for verdict in each.budgets],
        "findings": [{"spec": each.target.name, **data(finding)} for each, finding in each_once(checked.specs)],
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


def _list(each: SpecCheck) -> dict[str, Any]:
    return {"list": each.target.name, "file": each.target.shown, "path": each.target.key, "passed": each.passed}


def _claim(each: SpecCheck, verdict: Verdict) -> dict[str, Any]:
    """A verdict; its spec is the one that claims the figure, or that a list of figures names."""
    claim = verdict.claim
    return {
        "spec": claim.spec or each.target.name,
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
