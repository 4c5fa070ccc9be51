"""A check as one page: the counts as its heading, what failed or warns with its place in the spec, then the claims."""

from __future__ import annotations

from archcalc.commands.check.run import Checked
from archcalc.commands.check.tables import claims, findings, findings_text, summary
from archcalc.output.formats.html import ENDINGS
from archcalc.output.layout import Report

__all__ = ["ENDINGS", "render"]


def render(report: Report) -> list[str]:
    """The page."""
    from archcalc.pictures import page
    from archcalc.pictures.page import Rows, Section, Text

    checked: Checked = report.answer
    said = summary(checked)
    sections: list[Section] = []
    if checked.findings:
        sections.append(Rows("findings", findings(checked)))
        sections.append(Text("findings in their specs", findings_text(checked), numbered=False))
    sections += [Rows(table.title, table) for table in claims(checked)]
    notes = tuple(note for note in report.notes if note != said)
    return [page.document(report._replace(heading=said, notes=notes), sections, "archcalc check")]
