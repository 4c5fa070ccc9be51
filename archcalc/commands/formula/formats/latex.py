"""Formulas as LaTeX."""

from __future__ import annotations

from archcalc.commands.formula.answer import Formulas
from archcalc.commands.formula.tables import all_of, heading
from archcalc.harmless import harmless
from archcalc.output.layout import Report

ENDINGS = (".tex",)


def render(report: Report) -> list[str]:
    """The formulas as one aligned equation; the conditions as a comment."""
    made: Formulas = report.answer
    lines = [f"% {harmless(heading(made))}", *(f"% provided {each}" for each in made.conditions.constraints)]
    names = [each.quantity.name.replace("_", r"\_") for each in all_of(made)]
    equations = [rf"  \text{{{name}}} &= {each.latex}" for name, each in zip(names, all_of(made), strict=True)]
    return ["\n".join([*lines, r"\begin{align*}", " \\\\\n".join(equations), r"\end{align*}"]), "\n"]
