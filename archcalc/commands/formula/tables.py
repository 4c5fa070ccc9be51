"""Formulas as a report; as LaTeX and as Python source they are formats of their own."""

from __future__ import annotations

from typing import Any

from archcalc.commands.formula.answer import BATCH, Formula, Formulas
from archcalc.layers.attributes import shown
from archcalc.output.layout import Column, Report, Table


def build(made: Formulas) -> Report:
    """Each quantity's formula, the conditions under which they hold, and what is fixed."""
    facts = [(_label(each), str(each)) for each in made.formulas.values()]
    facts += [("for integer", ", ".join(made.free))] if made.free else []
    facts += [("provided", conditions_in_words(made))] if made.conditions.constraints else []
    facts += [("with", ", ".join(f"{name} = {value}" for name, value in made.given.items()))] if made.given else []
    fixed = ", ".join(f"{name} = {shown(value)}" for name, value in made.fixed.items())
    facts += [("fixed", fixed)] if fixed else []
    batched = any(BATCH in each.exact.names for each in made.formulas.values())
    samples = "for one sample, or where it stands for `batch` samples" if batched else "for one sample"
    notes = (f"{samples}; // divides and rounds down, / comes out whole under the conditions",)
    data = _data(made)
    columns = tuple(Column(name, name) for name in ("quantity", "unit", "simplified", "exact", "latex"))
    rows = Table(columns, [tuple(each.values()) for each in data["formulas"]])
    return Report(heading(made), tuple(facts), (), notes, data, rows, made)


def all_of(made: Formulas) -> list[Formula]:
    """The formulas, in the order asked for."""
    return list(made.formulas.values())


def heading(made: Formulas) -> str:
    """What the formulas are of."""
    if not made.free:
        return made.architecture
    return f"{made.architecture}, free parameter{'s' if len(made.free) > 1 else ''}: {', '.join(made.free)}"


def _label(each: Formula) -> str:
    unit = each.quantity.unit.name
    return each.quantity.name if unit == "count" else f"{each.quantity.name} ({unit})"


def conditions_in_words(made: Formulas) -> str:
    """The conditions under which the formulas hold, on one line."""
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
                "unit": each.quantity.unit.name,
                "simplified": str(each),
                "exact": each.python,
                "latex": each.latex,
            }
            for each in all_of(made)
        ],
    }
