"""The table for people: rows, or a tree in which equal neighbours share a line; the largest figures are marked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archcalc.analysis.totals import AnalysedLayer
from archcalc.commands.report.columns import LayerColumn, is_figure
from archcalc.commands.report.row import Row
from archcalc.output.layout import Table
from archcalc.quantities.registry import Part, quantities
from archcalc.units import percent, share

if TYPE_CHECKING:
    from archcalc.analysis import tree
    from archcalc.diagnostics.text import Role

#: Where most of these is, a report says in words.
_SAID = ("params", "macs", "activation_bytes")


class Folded:
    """The lines of the table and their figures, worked out when they are read. Without rows they are those of the
    tree."""

    def __init__(self, network: Part, columns: Sequence[LayerColumn], rows: Sequence[Row] | None) -> None:
        self.network = network
        self.columns = columns
        self.rows = rows

    def table(self, flat: Table) -> Table:
        """The table of all layers with a row for each line instead."""
        columns = (made.column._replace(role=self._role(made)) for made in self.columns)
        return flat._replace(columns=tuple(columns), rows=self._rows())

    def sentence(self) -> str:
        """Which line has the most of a quantity, and what share that is."""
        shares: dict[str, list[str]] = {}
        for made in self.columns:
            line = self._largest.get(made.column.key) if made.column.key in _SAID else None
            if line is not None and made.total is not None and (whole := made.total(self.network)):
                part = share(line.times * (made.value(self.network, _all(line)) or 0), whole)
                shares.setdefault(line.path, []).append(f"{percent(part)} of {quantities()[made.column.key].title}")
        return ", ".join(f"{_listed(said)} in `{path}`" for path, said in shares.items())

    @cached_property
    def _lines(self) -> list[tree.Line]:
        from archcalc.analysis import tree

        if self.rows is not None:
            return [tree.Line(row.name, row.name, row.layers, row.layers, opened=False, times=1) for row in self.rows]
        saved = any(made.column.key.startswith("saved") for made in self.columns)

        def telling(row: AnalysedLayer) -> Any:
            return self.network.memory.saved.layers[row.node.index] if saved else None

        return list(tree.lines(self.network.analysis, telling))

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        """Of all equal copies what adds up; the rest of the first."""
        for line in self._lines:
            yield tuple(
                line.label
                if made.column.key == "name"
                else made.value(self.network, _all(line) if made.sums else Row(line.path, line.first))
                for made in self.columns
            )

    @cached_property
    def _largest(self) -> dict[str, tree.Line]:
        """The line with the most of each quantity that adds up; those that are sums of other lines aside."""
        single = [line for line in self._lines if not line.opened]
        return {
            made.column.key: max(single, key=lambda line: line.times * (made.value(self.network, _all(line)) or 0))
            for made in self.columns
            if single and made.sums and is_figure(made)
        }

    def _role(self, made: LayerColumn) -> Callable[[Any], Role | None] | None:
        """How a cell of the column looks: the largest stands out."""
        plain = made.column.role
        if plain is None or not (is_figure(made) and made.sums):
            return plain

        def role(value: Any) -> Role | None:
            line = self._largest.get(made.column.key)
            most = None if line is None else made.value(self.network, _all(line))
            return "most" if value and value == most else plain(value)

        return role


def _all(line: tree.Line) -> Row:
    """All layers of a line as a row."""
    return Row(line.path, line.layers)


def _listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them: `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
