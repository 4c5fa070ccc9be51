"""Explanations as reports: a layer's arithmetic, a total's largest contributions, a rule's meaning."""

from __future__ import annotations

from typing import Any

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.commands.explain.answer import TOTALS, Explained, contributions, explain_layer, growth
from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.diagnostics.rules import Rule
from archcalc.layers.attributes import shown
from archcalc.output.layout import Column, Report, Table
from archcalc.output.numbers import exact, percent, share, short
from archcalc.quantities.registry import quantities

#: So many contributions to a total are shown; the rest are one row.
LARGEST = 8
_ALIASES = {
    "params": "parameters",
    "macs": "MACs",
    "flops": "FLOPs",
    "memory": "output memory",
    "saved": "saved for backward",
}


def of_layer(analysis: Analysis, row: AnalysedLayer, quantity: str | None) -> Report:
    """Every figure of a layer with its arithmetic, or one of them. UsageError if the layer has no such figure."""
    found = explain_layer(analysis, row)
    if quantity is not None:
        found = _only(found, quantity)
    given = ", ".join(f"{name}: {shown(value)}" for name, value in row.node.attributes.items())
    heading = f"{analysis.architecture}, {row.name}: {row.layer}{f' {{{given}}}' if given else ''}"
    data: dict[str, Any] = {
        "architecture": analysis.architecture,
        "layer": row.name,
        "steps": [
            {"quantity": one.quantity, "arithmetic": one.text, "value": one.value, "unit": one.unit} for one in found
        ],
    }
    columns = ("quantity", "arithmetic", "value", "unit")
    rows = Table(tuple(Column(name, name) for name in columns), [tuple(step.values()) for step in data["steps"]])
    return Report(heading, tuple((one.quantity, one.text) for one in found), (), (), data, rows)


def _only(found: list[Explained], quantity: str) -> list[Explained]:
    label = _ALIASES.get(quantity, quantity.replace("_", " "))
    chosen = [one for one in found if one.quantity == label or one.quantity.startswith((f"{label} ", f"{label},"))]
    if not chosen:
        keys = [one.quantity for one in found]
        hint = did_you_mean(label, keys) or f"it has {', '.join(keys)}"
        raise UsageError(f"the layer has no figure `{quantity}`: {hint}")
    return chosen


def of_network(analysis: Analysis, quantity: str | None) -> Report:
    """The totals of a network, or one of them: the largest contributions and the sum."""
    if quantity == "receptive_field":
        return _of_receptive_field(analysis)
    tables: list[Table] = []
    data: dict[str, Any] = {}
    for name in (quantity,) if quantity else TOTALS:
        parts = contributions(analysis, name)
        whole = sum(part.amount for part in parts)
        rest = parts[LARGEST:]
        rows = [(part.name, part.amount, share(part.amount, whole)) for part in parts[:LARGEST]]
        if rest:
            amount = sum(part.amount for part in rest)
            rows.append((f"{len(rest)} other layers", amount, share(amount, whole)))
        columns = (
            Column("layer", "layer", right=False),
            Column(name, name, exact),
            Column("share", "share", percent),
        )
        tables.append(Table(columns, rows, ("sum", whole, None), f"{name}: {quantities()[name].doc}"))
        data[name] = {"sum": whole, "contributions": [part._asdict() for part in parts]}
    said = ", ".join(f"{short(made['sum'])} {name}" for name, made in data.items())
    heading = f"{analysis.architecture}: {said}"
    notes = ("`archcalc explain SPEC LAYER` shows the arithmetic of one layer",)
    every = [(name, part["name"], part["amount"]) for name in data for part in data[name]["contributions"]]
    long = Table(tuple(Column(name, name) for name in ("quantity", "layer", "amount")), every)
    return Report(heading, (), tuple(tables), notes, {"architecture": analysis.architecture, "totals": data}, long)


def _of_receptive_field(analysis: Analysis) -> Report:
    """The layers at which the receptive field grew, and how."""
    grown = growth(analysis)
    columns = (Column("layer", "layer", right=False), Column("growth", "receptive field", right=False))
    data = {"architecture": analysis.architecture, "receptive_field": [step._asdict() for step in grown]}
    rows = [(step.quantity, step.text) for step in grown]
    return Report(f"{analysis.architecture}: how the receptive field grew", (), (Table(columns, rows),), (), data)


def of_rule(rule: Rule) -> Report:
    """What a rule of `archcalc check` means, and how to mend what breaks it."""
    facts = (("severity", rule.severity), ("it means", rule.meaning), ("to mend it", rule.mending))
    return Report(rule.name, facts, (), (), {"rule": rule._asdict()})
