"""The report of the catalogue: a line for each architecture."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc import catalogue
from archcalc.api import load
from archcalc.cli.progress import told
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import figure, quantities

#: The figures of each architecture.
FIGURES = ("input", "params", "macs", "depth")


def build(groups: Sequence[str] = ()) -> Report:
    """Every spec of the catalogue, or of these groups, analysed with its default parameters. UsageError for a group
    that there is not."""
    known = quantities()
    columns = (
        Column("architecture", "architecture", right=False),
        *(Column(name, known[name].title, known[name].unit.short, rank=_RANKS.get(name, 0)) for name in FIGURES),
        Column("source", "source", right=False, rank=3, breaks=" "),
    )
    rows = []
    specs = catalogue.of_groups(groups) if groups else catalogue.names()
    for name, path in told(specs.items(), len(specs), "specs"):
        analysis = load(path).analyse()
        figures = (figure(analysis, each) for each in FIGURES)
        rows.append((name, *figures, analysis.network.document.citation))
    data = [
        {
            "architecture": row[0],
            "group": catalogue.group_of(specs[row[0]]),
            **{name: known[name].data(value) for name, value in zip(FIGURES, row[1:], strict=False)},
            "source": row[-1],
        }
        for row in rows
    ]
    return Report("", (), (Table(columns, rows),), (), {"architectures": data})


#: How early a column gives way on a narrow screen.
_RANKS = {"input": 1, "depth": 2}
