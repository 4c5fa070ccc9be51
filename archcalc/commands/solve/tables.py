"""What `solve` has found, as a report."""

from __future__ import annotations

from typing import Any

from archcalc.commands.solve.answer import Solution
from archcalc.layers.attributes import shown
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import quantities


def build(made: Solution) -> Report:
    """The settings, the figures there, the next settings that no longer meet the bounds, and the spec to use."""
    facts = [(name, shown(value)) for name, value in made.settings.items()]
    facts += [(name, _figure(name, value)) for name, value in made.figures.items()]
    if made.beyond:
        settings = ", ".join(f"{name} = {shown(value)}" for name, value in made.beyond.items())
        figures = ", ".join(f"{name} {_figure(name, value)}" for name, value in made.beyond_figures.items())
        facts.append(("beyond", f"{settings}: {figures}"))
    facts.append(("spec", made.reference))
    data = {
        "spec": made.reference,
        "settings": made.settings,
        "figures": made.figures,
        "beyond": made.beyond,
        "beyond_figures": made.beyond_figures,
        "method": made.method,
    }
    notes = (f"found by {made.method}",)
    columns = tuple(Column(name, name) for name in ("spec", *made.settings, *made.figures))
    row = (made.reference, *made.settings.values(), *made.figures.values())
    return Report("", tuple(facts), (), notes, data, Table(columns, [row]))


def _figure(name: str, value: Any) -> str:
    return quantities()[name].unit.full(value)
