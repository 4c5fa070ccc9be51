"""The differences of two networks as a report: a row for each, with what it costs."""

from __future__ import annotations

from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.commands.diff.answer import diff, total
from archcalc.layers.attributes import shown
from archcalc.output.layout import Column, Report, Table
from archcalc.output.numbers import bytes_decimal, exact


def build(old: Analysis, new: Analysis, old_name: str, new_name: str) -> Report:
    """What is different in `new`, against `old`; costs are per sample and signed."""
    found = diff(old, new)
    whole = total(new).minus(total(old))
    columns = (
        Column("change", "change", right=False),
        Column("path", "layer", right=False),
        Column("what", "what", right=False, rank=3),
        Column("params", "params", _signed),
        Column("macs", "MACs", _signed, rank=1),
        Column("outputs_bytes", "output memory", _signed_bytes, rank=2),
    )
    rows = [(each.kind, each.path, _what(each.what, each.layers), *each.cost) for each in found]
    table = Table(columns, rows, ("total", None, None, *whole))
    data = {
        "old": old_name,
        "new": new_name,
        "differences": [
            {"change": d.kind, "path": d.path, "what": list(d.what), "layers": d.layers, **d.cost._asdict()}
            for d in found
        ],
        "total": whole._asdict(),
    }
    facts = (("parameters of the spec", _settings(old, new)), ("input", _inputs(old, new)))
    notes = ("costs are per sample, new minus old; an affected layer is as it was, and what reaches it is not",)
    shown_facts = tuple((label, text) for label, text in facts if text)
    if not found:
        return Report(f"{old_name} and {new_name} are the same, layer by layer", shown_facts, (), (), data, table)
    return Report(f"{old_name} -> {new_name}", shown_facts, (table,), notes, data)


def _what(what: tuple[str, ...], layers: int) -> str:
    return "; ".join(what) if what else f"{layers} layers" if layers > 1 else ""


def _signed(value: int) -> str:
    return f"{'+' if value > 0 else ''}{exact(value)}" if value else ""


def _signed_bytes(value: int) -> str:
    return f"{'+' if value > 0 else '-'}{bytes_decimal(abs(value))}" if value else ""


def _settings(old: Analysis, new: Analysis) -> str:
    """Parameters that both specs have with different values."""
    before, after = old.network.parameters, new.network.parameters
    changed: list[Any] = [name for name in after if name in before and before[name] != after[name]]
    return ", ".join(f"{name} {shown(before[name])} -> {shown(after[name])}" for name in changed)


def _inputs(old: Analysis, new: Analysis) -> str:
    return "" if old.network.input == new.network.input else f"{old.network.input} -> {new.network.input}"
