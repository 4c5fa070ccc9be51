"""Formulas as Python source."""

from __future__ import annotations

from archcalc.commands.formula.answer import Formulas
from archcalc.commands.formula.tables import all_of, conditions_in_words, heading
from archcalc.harmless import harmless
from archcalc.output.layout import Report

ENDINGS = (".py",)


def render(report: Report) -> list[str]:
    """A function for each quantity, exact for whole numbers of any size."""
    made: Formulas = report.answer
    provided = f", provided {conditions_in_words(made)}" if made.conditions.constraints else ""
    said = harmless(f"{heading(made)}, for one sample{provided}.").replace("\\", "\\\\").replace('"', '\\"')
    lines = [f'"""{said}"""']
    for each in all_of(made):
        names = ", ".join(sorted({*made.free, *each.exact.names}))
        lines += ["", "", f"def {each.quantity.name}({names}):", f'    """{each.quantity.doc}"""']
        lines += [f"    return {each.python}"]
    return ["\n".join(lines), "\n"]
