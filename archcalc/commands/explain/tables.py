"""Explanations as reports: a layer's arithmetic, a total's largest contributions, a rule's meaning."""

from __future__ import annotations

from typing import Any

from archcalc.analysis.main_layer import main_layer
from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.commands.explain.answer import (
    TOTALS,
    Contribution,
    Explained,
    contributions,
    contributions_of_copies,
    explain_layer,
    growth,
)
from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.diagnostics.rules import Rule
from archcalc.layers.attributes import shown
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import Part, quantities
from archcalc.units import exact, percent, share

#: So many contributions are shown to a total that is asked for, and to each where several are; the rest are one row.
_LARGEST, _LARGEST_OF_EACH = 8, 3


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


def of_part(part: Part, quantity: str | None, path: str = "", *, full: bool = False) -> Report:
    """The totals of a network or of a block, or one of them: the largest contributions and the sum.

    People see what equal copies add together, or every layer (`full`); programs get every layer.
    """
    analysis = part.analysis
    if quantity == "receptive_field" and part.whole:
        return _of_receptive_field(analysis)
    known = quantities()
    layers = {total: contributions(part, total) for total in ((quantity,) if quantity else TOTALS)}
    sums = {total: sum(each.amount for each in found) for total, found in layers.items()}
    seen = layers if full else {total: contributions_of_copies(part, total) for total in layers}
    most = len(analysis.layers) + 1 if full else _LARGEST if quantity else _LARGEST_OF_EACH
    table = _of_total(quantity, seen[quantity], sums[quantity], most) if quantity else _of_totals(seen, sums, most)
    data = {
        total: {"sum": sums[total], "contributions": [{"name": each.name, "amount": each.amount} for each in found]}
        for total, found in layers.items()
    }
    every = [(total, each.name, each.amount) for total, found in layers.items() for each in found]
    long = Table(tuple(Column(key, key) for key in ("quantity", "layer", "amount")), every)
    made: dict[str, Any] = {"architecture": analysis.architecture}
    if not part.whole:
        made |= {"layer": path, "layers": len(part.layers)}
    heading = f"{analysis.architecture}, {path}" if path else analysis.architecture
    said = ", ".join(f"{known[total].unit.short(whole)} {known[total].title}" for total, whole in sums.items())
    facts = _of_main(part) if quantity is None else ()
    notes = ["`archcalc explain SPEC LAYER` shows the arithmetic of one layer"]
    if not full and any(len(seen[total]) > most or len(seen[total]) < len(found) for total, found in layers.items()):
        notes.append(f"--full shows every layer{'' if quantity else ', --quantity NAME more of one figure'}")
    return Report(f"{heading}: {said}", facts, (table,), tuple(notes), made | {"totals": data}, long)


def _of_total(name: str, found: list[Contribution], whole: int, most: int) -> Table:
    """The largest contributions to one total, with what it counts."""
    quantity = quantities()[name]
    unit = quantity.unit.name
    columns = (
        Column("layer", "layer", right=False, breaks="/", nests=True),
        Column(name, unit if unit == "bytes" else quantity.title, exact),
        Column("share", "share", percent, rank=1),
    )
    rows = _shares(found, whole, most)
    return Table(columns, rows, ("sum", whole, None), f"{quantity.title}: {quantity.doc}")


def _of_totals(found: dict[str, list[Contribution]], sums: dict[str, int], most: int) -> Table:
    """The largest contributions to several totals, each below its sum."""
    known = quantities()
    rows: list[tuple[str, int, float | None]] = []
    for total, each in found.items():
        title, unit = known[total].title, known[total].unit.name
        rows.append((f"{title}, in bytes" if unit == "bytes" else title, sums[total], None))
        shares = _shares(each, sums[total], most)
        rows += [(f"  {name}", amount, part) for name, amount, part in shares]
    columns = (
        Column("layer", "largest contributions", right=False, breaks="/"),
        Column("amount", "amount", exact),
        Column("share", "share", percent, rank=1),
    )
    return Table(columns, rows)


def _shares(found: list[Contribution], whole: int, most: int) -> list[tuple[str, int, float | None]]:
    """So many of the contributions with their shares, and the rest as one."""
    rows: list[tuple[str, int, float | None]] = [
        (each.name, each.amount, share(each.amount, whole)) for each in found[:most]
    ]
    if rest := found[most:]:
        amount, layers = sum(each.amount for each in rest), sum(each.layers for each in rest)
        rows.append((f"{layers:,} other layer{'s' * (layers != 1)}", amount, share(amount, whole)))
    return rows


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
