"""Arithmetic intensity layer by layer, and the least time on a card."""

from __future__ import annotations

from typing import Any

from archcalc.analysis.roofline import bound
from archcalc.analysis.totals import AnalysedLayer
from archcalc.devices import Card
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import Part, quantities
from archcalc.units import bytes_decimal, short, two_digits

#: The figures of each layer and of the network; with a card also the least time.
FIGURES = ("macs", "flops", "bytes_moved", "macs_per_byte")
ON_A_CARD = ("roofline_seconds",)
#: FLOPs have no column of their own beside MACs.
_SHOWN = ("macs", "bytes_moved", "macs_per_byte", "roofline_seconds")
_RANKS = {"macs": 2, "bytes_moved": 1}


def build(network: Part) -> Report:
    """What each layer moves and computes for a batch at inference, and how long that takes at the least."""
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
    columns = [Column("layer", "layer", right=False)]
    columns += [
        Column(each.name, each.title, each.unit.cell, rank=_RANKS.get(each.name, 0))
        for each in asked
        if each.name in _SHOWN
    ]
    columns += [Column("bound", "bound", right=False, rank=3)] if card else []
    footer = ("total", *(totals[name] for name in _SHOWN if name in totals), *([None] if card else []))
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
    notes = ("inputs and parameters are read and outputs written once by each layer; fused layers move less",)
    heading = f"{network.analysis.architecture}: arithmetic intensity"
    return Report(heading, _facts(network, totals), (Table(tuple(columns), rows, footer),), notes, data)


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
    facts = [(known[name].title, f"{known[name].unit.full(totals[name])} {per}") for name in ("bytes_moved",)]
    facts.append(("intensity", f"{two_digits(totals['macs_per_byte'])} MACs per byte moved"))
    if card is not None and card.flops is not None and card.ridge is not None:
        facts += [
            ("card", f"{card.name}: {short(card.flops)}FLOP/s in float32, {bytes_decimal(card.bandwidth)}/s"),
            ("ridge", f"{two_digits(card.ridge)} FLOPs per byte: below it a layer is memory-bound"),
            ("at least", f"{known['roofline_seconds'].unit.full(totals['roofline_seconds'])} {per}, a lower bound"),
            ("source", card.source),
        ]
    return tuple(facts)
