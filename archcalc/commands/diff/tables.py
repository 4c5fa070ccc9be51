"""The differences of two networks as a report: a row for each, with what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.commands.diff.answer import FIGURES, Cost, costing, diff, total
from archcalc.layers.attributes import shown
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import Part, Quantity


def build(old: Part, new: Part, old_name: str, new_name: str, names: Sequence[str] = FIGURES) -> Report:
    """What is different in `new`, against `old`, and what that costs in the quantities of those names, signed."""
    asked = costing(names)
    found = diff(old, new, asked)
    whole = tuple(after - before for after, before in zip(total(new, asked), total(old, asked), strict=True))
    columns = (
        Column("change", "change", right=False),
        Column("path", "layer", right=False),
        Column("what", "what", right=False, rank=3),
        *(Column(each.name, each.title, _signed(each), rank=min(rank, 2)) for rank, each in enumerate(asked)),
    )
    rows = [(each.kind, each.path, _what(each.what, each.layers), *each.cost) for each in found]
    table = Table(columns, rows, ("total", None, None, *whole))
    data = {
        "old": old_name,
        "new": new_name,
        "differences": [
            {"change": d.kind, "path": d.path, "what": list(d.what), "layers": d.layers, **_named(asked, d.cost)}
            for d in found
        ],
        "total": _named(asked, whole),
    }
    facts = (("parameters", _settings(old.analysis, new.analysis)), ("input", _inputs(old.analysis, new.analysis)))
    notes = ("new minus old; an affected layer is as it was, and what reaches it is not",)
    shown_facts = tuple((label, text) for label, text in facts if text)
    if not found:
        return Report(f"{old_name} and {new_name} are the same, layer by layer", shown_facts, (), (), data, table)
    return Report(f"{old_name} -> {new_name}", shown_facts, (table,), notes, data)


def _what(what: tuple[str, ...], layers: int) -> str:
    return "; ".join(what) if what else f"{layers} layers" if layers > 1 else ""


def _signed(quantity: Quantity) -> Callable[[Any], str]:
    def write(value: Any) -> str:
        return f"{'+' if value > 0 else '-'}{quantity.unit.cell(abs(value))}" if value else ""

    return write


def _named(quantities: Sequence[Quantity], cost: Cost) -> dict[str, Any]:
    return {each.name: each.data(value) for each, value in zip(quantities, cost, strict=True)}


def _settings(old: Analysis, new: Analysis) -> str:
    """Parameters that both specs have with different values."""
    before, after = old.network.parameters, new.network.parameters
    changed: list[Any] = [name for name in after if name in before and before[name] != after[name]]
    return ", ".join(f"{name} {shown(before[name])} -> {shown(after[name])}" for name in changed)


def _inputs(old: Analysis, new: Analysis) -> str:
    return "" if old.network.input == new.network.input else f"{old.network.input} -> {new.network.input}"
