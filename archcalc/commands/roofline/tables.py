"""Arithmetic intensity layer by layer, and the least time on a card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from archcalc.analysis.roofline import bound
from archcalc.analysis.totals import AnalysedLayer
from archcalc.analysis.tree import copies
from archcalc.devices import Card
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import Part, quantities
from archcalc.records import Record
from archcalc.units import bytes_decimal, short, two_digits

#: The figures of each layer and of the network; with a card also the least time.
FIGURES = ("macs", "flops", "bytes_moved", "flops_per_byte")
ON_A_CARD = ("roofline_seconds",)
#: MACs have no column of their own beside FLOPs.
_SHOWN = ("flops", "bytes_moved", "flops_per_byte", "roofline_seconds")
#: What adds up over layers.
_SUMMED = ("flops", "bytes_moved", "roofline_seconds")
_RANKS = {"flops": 4, "bytes_moved": 3, "flops_per_byte": 1}
#: So many layers a screen has room for.
_LARGEST = 6


def build(network: Part, *, full: bool = False) -> Report:
    """What each layer moves and computes for a batch at inference, and how long that takes at the least.

    People see the layers that take longest, or without a card move most, equal copies together, or every one (`full`);
    programs get all.
    """
    card = network.setup.card
    known = quantities()
    asked = [known[name] for name in (*FIGURES, *(ON_A_CARD if card else ()))]
    rows, layers = [], []
    for row in network.layers:
        part = Part(network.analysis, [row], network.setup)
        found = {each.name: each.measure(part) for each in asked}
        limit = None if card is None else bound(found["flops"], found["bytes_moved"], card)
        rows.append((row.name, *(found[name] for name in _SHOWN if name in found), *([limit] if card else [])))
        layers.append({"name": row.name, **_data(found), **({"bound": limit} if card else {})})
    totals = {each.name: each.measure(network) for each in asked}
    columns = [Column("layer", "layer", right=False, breaks="/", nests=True)]
    columns += [
        Column(each.name, each.title, each.unit.short, rank=_RANKS.get(each.name, 0))
        for each in asked
        if each.name in _SHOWN
    ]
    columns += [Column("bound", "bound by", right=False, rank=2)] if card else []
    footer = ("total", *(totals[name] for name in _SHOWN if name in totals), *([None] if card else []))
    table = Table(tuple(columns), rows, footer)
    data: dict[str, Any] = {
        "architecture": network.analysis.architecture,
        "batch": network.setup.batch,
        "gpu": card and _card_data(card),
        "totals": _data(totals),
        "layers": layers,
    }
    if card:
        computing = sum(_flops(network, row) for row in network.layers if _is_compute_bound(network, row, card))
        data["totals"]["compute_bound_flops"] = computing
    seen = table if full else _largest(network, table, "roofline_seconds" if card else "bytes_moved")
    return Report(_heading(network), _facts(network, totals), (seen,), tuple(_notes(seen, table)), data, table)


def _heading(network: Part) -> str:
    what = "arithmetic intensity" if network.setup.card is None else f"the least time on {network.setup.card.name}"
    return f"{network.analysis.architecture}: {what}, inference, float32, batch {network.setup.batch:,}"


class _Copies(Record):
    """Layers that share a row: a path, how many they are, and the figures of one."""

    path: str
    times: int
    figures: dict[str, Any]


def _largest(network: Part, table: Table, name: str) -> Table:
    """What has most of a column, the first of them first, and the others as one: of a row for each layer of the
    network, those of equal neighbours are one, with their sum."""
    keys = [column.key for column in table.columns]
    figures = {row.node.index: row_of for row, row_of in zip(network.layers, table.rows, strict=True)}
    found = [
        _Copies(each.path, each.times, dict(zip(keys, figures[each.layer.node.index], strict=True)))
        for each in copies(network.layers, lambda row: figures[row.node.index][1:])
    ]
    found.sort(key=lambda each: -each.times * each.figures[name])
    rows = [_row(keys, each.path, [each], each.figures.get("bound")) for each in found[:_LARGEST]]
    if rest := found[_LARGEST:]:
        layers = sum(each.times for each in rest)
        rows.append(_row(keys, f"{layers:,} other layer{'s' * (layers != 1)}", rest, None))
    return table._replace(rows=rows)


def _row(keys: Sequence[str], label: str, added: Sequence[_Copies], bound: str | None) -> tuple[Any, ...]:
    """The row of some layers together."""
    sums = {key: sum(each.times * each.figures[key] for each in added) for key in _SUMMED if key in keys}
    flops, moved = sums["flops"], sums["bytes_moved"]
    sums |= {"flops_per_byte": Fraction(flops, moved) if moved else Fraction(0), "bound": bound}
    return (label, *(sums[key] for key in keys[1:]))


def _notes(seen: Table, table: Table) -> Iterator[str]:
    yield "each layer reads and writes its tensors once; fused layers move less"
    if seen is not table and seen.rows != table.rows:
        yield "--full shows every layer, in order"


def _flops(network: Part, row: AnalysedLayer) -> int:
    flops: int = network.samples(row.flops)
    return flops


def _is_compute_bound(network: Part, row: AnalysedLayer, card: Card) -> bool:
    moved = quantities()["bytes_moved"].measure(Part(network.analysis, [row], network.setup))
    return bound(_flops(network, row), moved, card) == "compute"


def _card_data(card: Card) -> dict[str, Any]:
    return {
        "name": card.name,
        "flops_per_second": card.flops,
        "bytes_per_second": card.bandwidth,
        "source": card.source,
    }


def _data(found: dict[str, Any]) -> dict[str, Any]:
    known = quantities()
    return {name: known[name].data(value) for name, value in found.items()}


def _facts(network: Part, totals: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    card, batch = network.setup.card, network.setup.batch
    per = "per sample" if batch == 1 else f"per batch of {batch:,}"
    known = quantities()
    facts = [
        ("bytes moved", f"{known['bytes_moved'].unit.full(totals['bytes_moved'])} {per}"),
        ("intensity", f"{two_digits(totals['flops_per_byte'])} FLOPs per byte moved"),
    ]
    if card is not None and card.flops is not None and card.ridge is not None:
        facts.insert(0, ("at least", f"{known['roofline_seconds'].unit.full(totals['roofline_seconds'])} {per}"))
        facts += [
            ("ridge", f"{two_digits(card.ridge)} FLOPs per byte: layers below it are memory-bound"),
            ("card", f"{short(card.flops)}FLOP/s in float32, {bytes_decimal(card.bandwidth)}/s; {card.source}"),
        ]
    return tuple(facts)
