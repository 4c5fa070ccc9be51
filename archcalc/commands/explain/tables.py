"""Explanations as reports: a layer's arithmetic, a total's largest contributions, a rule's meaning."""

from __future__ import annotations

from typing import Any

from archcalc.analysis.main_layer import main_layer
from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.commands.explain.answer import TOTALS, Explained, contributions, explain_layer, growth
from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.diagnostics.rules import Rule
from archcalc.layers.attributes import shown
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import Part, quantities
from archcalc.units import exact, percent, share

#: So many contributions to a total are shown; the rest are one row.
LARGEST = 8


def of_layer(analysis: Analysis, row: AnalysedLayer, quantity: str | None) -> Report:
    """Every figure of a layer with its arithmetic, or one of them. UsageError if the layer has no such figure."""
    found = explain_layer(analysis, row)
    if quantity is not None:
        found = _only(found, quantity)
    heading = f"{analysis.architecture}, {row.name}: {_written(row)}"
    data: dict[str, Any] = {
        "architecture": analysis.architecture,
        "layer": row.name,
        "steps": [_step(one) for one in found],
    }
    columns = ("quantity", "label", "arithmetic", "value", "unit")
    rows = Table(tuple(Column(name, name) for name in columns), [tuple(step.values()) for step in data["steps"]])
    return Report(heading, tuple((one.label, one.text) for one in found), (), (), data, rows)


def _written(row: AnalysedLayer) -> str:
    """A layer and what it was given, as a spec has it."""
    given = ", ".join(f"{name}: {shown(value)}" for name, value in row.node.attributes.items())
    return f"{row.layer}{f' {{{given}}}' if given else ''}"


def _of_main(part: Part) -> tuple[tuple[str, str], ...]:
    """The arithmetic of the layer that stands for a block; nothing for a block of several."""
    main = None if part.whole else main_layer(part.analysis, part.layers)
    if main is None:
        return ()
    told = explain_layer(part.analysis, main)
    return (("layer", f"{main.name}: {_written(main)}"), *((one.label, one.text) for one in told))


def _step(one: Explained) -> dict[str, Any]:
    words = {"quantity": one.quantity or None, "label": one.label, "arithmetic": one.text}
    return {**words, "value": one.value, "unit": one.unit}


def _only(found: list[Explained], quantity: str) -> list[Explained]:
    chosen = [one for one in found if one.quantity == quantity]
    if not chosen:
        known = list(dict.fromkeys(one.quantity for one in found if one.quantity))
        hint = did_you_mean(quantity, known) or f"it has {', '.join(known)}"
        raise UsageError(f"the layer has no figure `{quantity[:60]}`: {hint}")
    return chosen


def of_part(part: Part, quantity: str | None, path: str = "") -> Report:
    """The totals of a network or of a block, or one of them: the largest contributions and the sum."""
    analysis = part.analysis
    if quantity == "receptive_field" and part.whole:
        return _of_receptive_field(analysis)
    known = quantities()
    tables: list[Table] = []
    data: dict[str, Any] = {}
    for total in (quantity,) if quantity else TOTALS:
        parts = contributions(part, total)
        whole = sum(each.amount for each in parts)
        rest = parts[LARGEST:]
        rows = [(each.name, each.amount, share(each.amount, whole)) for each in parts[:LARGEST]]
        if rest:
            amount = sum(each.amount for each in rest)
            rows.append((f"{len(rest)} other layer{'s' * (len(rest) != 1)}", amount, share(amount, whole)))
        unit = known[total].unit.name
        columns = (
            Column("layer", "layer", right=False, breaks="/", nests=True),
            Column(total, unit if unit == "bytes" else known[total].title, exact),
            Column("share", "share", percent, rank=1),
        )
        tables.append(Table(columns, rows, ("sum", whole, None), f"{known[total].title}: {known[total].doc}"))
        data[total] = {"sum": whole, "contributions": [each._asdict() for each in parts]}
    said = ", ".join(f"{known[total].unit.short(made['sum'])} {known[total].title}" for total, made in data.items())
    notes = ("`archcalc explain SPEC LAYER` shows the arithmetic of one layer",)
    every = [(total, each["name"], each["amount"]) for total in data for each in data[total]["contributions"]]
    long = Table(tuple(Column(key, key) for key in ("quantity", "layer", "amount")), every)
    made: dict[str, Any] = {"architecture": analysis.architecture}
    if not part.whole:
        made |= {"layer": path, "layers": len(part.layers)}
    heading = f"{analysis.architecture}, {path}" if path else analysis.architecture
    facts = _of_main(part) if quantity is None else ()
    return Report(f"{heading}: {said}", facts, tuple(tables), notes, {**made, "totals": data}, long)


def _of_receptive_field(analysis: Analysis) -> Report:
    """The layers at which the receptive field grew, and how."""
    grown = growth(analysis)
    columns = (
        Column("layer", "layer", right=False, breaks="/", nests=True),
        Column("growth", "receptive field", right=False, breaks=" "),
    )
    data = {"architecture": analysis.architecture, "receptive_field": [step._asdict() for step in grown]}
    rows = [(step.label, step.text) for step in grown]
    return Report(f"{analysis.architecture}: how the receptive field grew", (), (Table(columns, rows),), (), data)


def of_rule(rule: Rule) -> Report:
    """What a rule of `archcalc check` means, and how to fix what breaks it."""
    facts = (("severity", rule.severity), ("meaning", rule.meaning), ("fix", rule.fix))
    return Report(rule.name, facts, (), (), {"rule": rule._asdict()})
