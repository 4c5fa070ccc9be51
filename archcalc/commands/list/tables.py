"""The report of the catalogue: a line of facts for each architecture."""

from __future__ import annotations

from archcalc.api import load
from archcalc.language import catalogue
from archcalc.output.layout import Column, Report, Table
from archcalc.output.numbers import short

_COLUMNS = (
    Column("architecture", "architecture", right=False),
    Column("input", "input", rank=1),
    Column("params", "params", short),
    Column("macs", "MACs", short),
    Column("depth", "depth", rank=2),
    Column("source", "source", right=False, rank=3, wraps=True),
)


def build() -> Report:
    """Every spec of the catalogue analysed with its default parameters."""
    rows = []
    for name, path in catalogue.names().items():
        analysis = load(path).analyse()
        totals = analysis.totals
        citation = analysis.network.document.citation
        rows.append((name, analysis.network.input, totals.params, totals.macs, totals.depth, citation))
    keys = [column.key for column in _COLUMNS]
    specs = [dict(zip(keys, (row[0], list(row[1].shape), *row[2:]), strict=True)) for row in rows]
    note = "parameters are learned values; MACs are per sample, without bias; depth counts layers with weights"
    return Report("", (), (Table(_COLUMNS, rows),), (note,), {"architectures": specs})
