"""The picture of an architecture: the figures that its boxes show, and the one that colours them."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.commands.report.tables import LayerColumn, Row
from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.pictures import network
from archcalc.pictures.network import Heat, Setting
from archcalc.pictures.svg import Drawing
from archcalc.quantities.registry import Part, quantities

#: What a box says anyway.
_SAID = frozenset({"name", "layer", "inputs", "kernel", "output"})


def draw(
    analysis: Analysis, *, batch: int, depth: int | None, columns: Sequence[LayerColumn], heat: Heat | None
) -> Drawing:
    """The network, with the figures of these columns in its boxes, coloured by kind of layer or by a figure."""
    said = [column for column in columns if column.column.key not in _SAID]

    def texts(layers: Sequence[AnalysedLayer]) -> list[str]:
        row = Row(layers[0].name, layers)
        return [_text(column, column.value(analysis, row, batch)) for column in said]

    return network.draw(analysis, Setting(texts if said else None, heat, depth))


def _text(column: LayerColumn, value: object) -> str:
    words = "" if value is None else column.column.show(value).strip()
    return f"{column.column.title} {words}" if words else ""


def by_quantity(analysis: Analysis, name: str, batch: int) -> Heat:
    """The colour by a quantity that adds up over layers. UsageError for any other name."""
    known = {name: quantity for name, quantity in quantities().items() if quantity.sums}
    if name not in known:
        hint = did_you_mean(name, known) or f"those that add up over layers are {', '.join(sorted(known))}"
        raise UsageError(f"no colours by `{name}`: {hint}")
    measure = known[name].measure
    return Heat(name, lambda layers: float(measure(Part(analysis, layers, batch))))
