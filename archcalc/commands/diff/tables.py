"""The differences of two networks as a report: a row for each, with what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.commands.diff.answer import AFFECTED, FIGURES, Cost, Diff, Difference, brief, costing, diff, folded, total
from archcalc.layers.attributes import shown
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import Part, Quantity

#: So many differences a screen has room for.
_LINES = 16


def build(
    old: Part,
    new: Part,
    old_name: str,
    new_name: str,
    names: Sequence[str] = FIGURES,
    *,
    depth: int | None = None,
    full: bool = False,
) -> Report:
    """What is different in `new`, against `old`, and what that costs in the quantities of those names, signed.

    People see what fits a screen, unless it is `full` or folded at a depth; programs get every difference.
    """
    asked = costing(names)
    answer = diff(old, new, asked)
    found = answer.differences
    whole = tuple(after - before for after, before in zip(total(new, asked), total(old, asked), strict=True))
    columns = (
        Column("change", "change", right=False),
        Column("path", "layer", right=False, breaks="/"),
        Column("what", "what", right=False, rank=1, breaks=" "),
        *(
            Column(
                each.name,
                each.title,
                _signed(each.unit.cell),
                rank=rank and min(rank, 2) + 1,
                short=_signed(each.unit.short),
            )
            for rank, each in enumerate(asked)
        ),
    )
    seen, deep = (list(found), 0) if full else (folded(found, depth), depth) if depth else brief(found, _LINES)
    rows = Table(columns, _rows(found), ("total", None, None, *whole), whole="use --columns")
    table = rows._replace(rows=_rows(seen))
    data = {
        "old": old_name,
        "new": new_name,
        "layers_paired": answer.paired,
        "layers_renamed": answer.renamed,
        "differences": [
            {"change": d.kind, "path": d.path, "what": list(d.words), "layers": d.layers, **_named(asked, d.cost)}
            for d in found
        ],
        "total": _named(asked, whole),
    }
    facts = (
        ("parameters", _settings(old.analysis, new.analysis)),
        ("input", _inputs(old.analysis, new.analysis)),
        ("names", _names(answer)),
    )
    notes = tuple(_notes(found, seen, deep))
    shown_facts = tuple((label, text) for label, text in facts if text)
    if not found:
        return Report(f"{old_name} and {new_name} are the same, layer by layer", shown_facts, (), (), data, rows)
    return Report(f"{old_name} -> {new_name}", shown_facts, (table,), notes, data, rows)


def _rows(found: Sequence[Difference]) -> list[tuple[Any, ...]]:
    return [(each.kind, each.path, _what(each.words, each.layers), *each.cost) for each in found]


def _notes(found: Sequence[Difference], seen: Sequence[Difference], depth: int) -> Iterator[str]:
    """What the table shows, and what it leaves out."""
    yield "new minus old"
    if any(each.kind == AFFECTED for each in seen):
        yield "affected: the layer is unchanged, and its input is not"
    hidden = sum(each.layers for each in found) - sum(each.layers for each in seen)
    if hidden:
        yield f"{hidden:,} affected layer{'s' * (hidden != 1)} with unchanged figures hidden: --full shows all"
    if depth:
        yield f"folded to depth {depth}: --depth N or --full shows more"


def _what(what: tuple[str, ...], layers: int) -> str:
    return "; ".join(what) if what else f"{layers} layers" if layers > 1 else ""


def _signed(write: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: f"{'+' if value > 0 else '-' if value else ''}{write(abs(value))}"


def _named(quantities: Sequence[Quantity], cost: Cost) -> dict[str, Any]:
    return {each.name: each.data(value) for each, value in zip(quantities, cost, strict=True)}


def _settings(old: Analysis, new: Analysis) -> str:
    """Parameters that both specs have with different values."""
    before, after = old.network.parameters, new.network.parameters
    changed: list[Any] = [name for name in after if name in before and before[name] != after[name]]
    return ", ".join(f"{name} {shown(before[name])} -> {shown(after[name])}" for name in changed)


def _names(answer: Diff) -> str:
    """That layers were paired in spite of their names."""
    if not answer.renamed:
        return ""
    if answer.paired == 1:
        return "the name of the only layer differs; it was matched by structure"
    which = "all" if answer.renamed == answer.paired else f"{answer.renamed:,} of"
    name, differ = ("name", "differs") if answer.renamed == 1 else ("names", "differ")
    return f"the {name} of {which} {answer.paired:,} layers {differ}; layers were matched by structure"


def _inputs(old: Analysis, new: Analysis) -> str:
    return "" if old.network.input == new.network.input else f"{old.network.input} -> {new.network.input}"
