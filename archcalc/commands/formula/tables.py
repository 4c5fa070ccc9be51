"""Formulas as a report, as LaTeX and as Python source."""

from __future__ import annotations

from typing import Any

from archcalc.commands.formula.answer import BATCH, Formula, Formulas
from archcalc.layers.attributes import shown
from archcalc.output.layout import Report

_UNITS = {"count": "", "bytes": "bytes"}


def build(made: Formulas) -> Report:
    """Each quantity's formula, the conditions under which they hold, and what is fixed."""
    facts = [(_label(each), str(each)) for each in made.formulas.values()]
    facts += [("for whole", ", ".join(made.free))] if made.free else []
    facts += [("where", _conditions(made))] if made.conditions.constraints else []
    facts += [("with", ", ".join(f"{name} = {value}" for name, value in made.given.items()))] if made.given else []
    fixed = ", ".join(f"{name} = {shown(value)}" for name, value in made.fixed.items())
    facts += [("fixed", fixed)] if fixed else []
    batched = any(BATCH in each.exact.names for each in made.formulas.values())
    samples = "for one sample, or where it stands for `batch` samples" if batched else "for one sample"
    notes = (f"{samples}; // divides and rounds down, / comes out whole under the conditions",)
    return Report(_heading(made), tuple(facts), (), notes, _data(made))


def latex(made: Formulas) -> str:
    """The formulas as one aligned equation; the conditions as a comment."""
    lines = [f"% {_heading(made)}", *(f"% where {each}" for each in made.conditions.constraints)]
    names = [each.quantity.name.replace("_", r"\_") for each in _all(made)]
    equations = [rf"  \text{{{name}}} &= {each.latex}" for name, each in zip(names, _all(made), strict=True)]
    return "\n".join([*lines, r"\begin{align*}", " \\\\\n".join(equations), r"\end{align*}"]) + "\n"


def python(made: Formulas) -> str:
    """A function for each quantity, exact for whole numbers of any size."""
    where = f", where {_conditions(made)}" if made.conditions.constraints else ""
    lines = [f'"""{_heading(made)}, for one sample{where}."""']
    for each in _all(made):
        names = ", ".join(sorted({*made.free, *each.exact.names}))
        lines += ["", "", f"def {each.quantity.name}({names}):", f'    """{each.quantity.doc}"""']
        lines += [f"    return {each.python}"]
    return "\n".join(lines) + "\n"


def _all(made: Formulas) -> list[Formula]:
    return list(made.formulas.values())


def _heading(made: Formulas) -> str:
    free = f" in free {', '.join(made.free)}" if made.free else ""
    return f"{made.architecture}{free}"


def _label(each: Formula) -> str:
    unit = _UNITS.get(each.quantity.unit, each.quantity.unit)
    return f"{each.quantity.name} ({unit})" if unit else each.quantity.name


def _conditions(made: Formulas) -> str:
    return "; ".join(map(str, made.conditions.constraints))


def _data(made: Formulas) -> dict[str, Any]:
    return {
        "architecture": made.architecture,
        "free": list(made.free),
        "fixed": made.fixed,
        "given": {name: str(value) for name, value in made.given.items()},
        "conditions": [
            {"relation": each.relation, "left": str(each.left), "right": str(each.right), "text": str(each)}
            for each in made.conditions.constraints
        ],
        "formulas": [
            {
                "quantity": each.quantity.name,
                "unit": each.quantity.unit,
                "simplified": str(each),
                "exact": each.python,
                "latex": each.latex,
            }
            for each in _all(made)
        ],
    }
