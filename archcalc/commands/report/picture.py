"""The picture of an architecture: the figures that its boxes show, and the one that colours them."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.analysis.totals import AnalysedLayer
from archcalc.commands.report.columns import LayerColumn
from archcalc.commands.report.row import Row
from archcalc.pictures import network
from archcalc.pictures.network import Heat, Setting
from archcalc.pictures.svg import Drawing
from archcalc.quantities.registry import Part, summing

#: What a box says anyway.
_SAID = frozenset({"name", "layer", "inputs", "kernel", "output"})


def draw(
    whole: Part,
    *,
    columns: Sequence[LayerColumn] = (),
    heat: Heat | None = None,
    depth: int | None = None,
    foldable: bool = False,
) -> Drawing:
    """The network, with the figures of these columns in its boxes, coloured by kind of layer or by a figure; with its
    blocks closed at a depth, or so that a page can fold them."""
    said = [column for column in columns if column.column.key not in _SAID]

    def texts(layers: Sequence[AnalysedLayer]) -> list[str]:
        row = Row(layers[0].name, layers)
        return [_text(column, column.value(whole, row)) for column in said]

    return network.draw(whole.analysis, Setting(texts if said else None, heat, depth, foldable=foldable))


def _text(column: LayerColumn, value: object) -> str:
    words = "" if value is None else column.column.show(value).strip()
    return f"{column.column.title} {words}" if words else ""


def by_quantity(whole: Part, name: str) -> Heat:
    """The colour by a quantity that adds up over layers. UsageError for any other name."""
    quantity = summing(name)
    return Heat(quantity.title, lambda layers: float(Row("", layers).measure(quantity, whole)))
