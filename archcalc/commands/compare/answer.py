"""Architectures side by side: quantities and published facts of each, and their ratios to one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from archcalc.analysis.totals import Analysis
from archcalc.api import Architecture, load
from archcalc.claims.facts import FACTS
from archcalc.claims.read import Fact, facts
from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.memory.setup import stated
from archcalc.quantities.registry import Part, quantities, quantity_named
from archcalc.records import Record
from archcalc.units import VOLUME

#: What is compared unless something else is asked for, with a published error and the year: quantities by name.
COLUMNS = ("params", "macs", "activation_bytes", "depth", "receptive_field")


class Value(Record):
    """One figure of one architecture: `ratio` is to the base's, None where a ratio has no sense or no divisor.

    `fact` is where the figure is from, if it was published and not computed.
    """

    value: Any
    ratio: Fraction | None = None
    fact: Fact | None = None


class Compared(Record):
    """One architecture, named as it was asked for, its figures by column, and what its file does not have of it."""

    spec: str
    architecture: str
    values: dict[str, Value]
    remarks: tuple[str, ...] = ()


class Opened(Record):
    """A spec that is compared, `name` being what it was asked for as."""

    name: str
    architecture: Architecture
    analysis: Analysis


def opened(spec: str) -> Opened:
    """A spec with its network analysed. Errors as those of `archcalc.load` and `analyse`."""
    architecture = load(spec)
    return Opened(spec, architecture, architecture.analyse())


def columns(names: Sequence[str]) -> list[str]:
    """The columns of those names, each once; UsageError for one that is neither a quantity nor a fact."""
    known = [*quantities(), *FACTS]
    for name in names:
        if name not in known:
            published = f"`archcalc quantities` lists the computed ones, and published are {', '.join(FACTS)}"
            hint = did_you_mean(name, known) or published
            raise UsageError(f"there is no column `{name[:80]}`: {hint}")
    return list(dict.fromkeys(names))


def published(specs: Iterable[Opened]) -> set[str]:
    """The names of the facts that are published of any of the specs."""
    return {fact.name for spec in specs for fact in facts(spec.architecture.document)[0]}


def default_columns(specs: Sequence[Opened]) -> tuple[str, ...]:
    """What is compared unless something else is asked for; the error is the first kind that any of the specs has."""
    known = published(specs)
    errors = [name for name, fact in FACTS.items() if fact.unit == "%"]
    return (*COLUMNS, next((name for name in errors if name in known), errors[0]), "year")


def compare(
    specs: Sequence[Opened], names: Sequence[str], *, base: Opened | None = None, words: Mapping[str, str] | None = None
) -> list[Compared]:
    """The figures of each spec, with their ratios to those of `base`, or of the first; `words` state the setup."""
    rows = [measured(spec, names, words) for spec in specs]
    return with_ratios(rows, rows[0] if base is None else measured(base, names, words))


def ordered(rows: list[Compared], by: str) -> list[Compared]:
    """The rows in the order of a column, from small to large; `-params` turns it round. Rows without it come last.

    UsageError for a column of volumes, which have no order."""
    name = by.removeprefix("-")
    if _is_volume(name):
        raise UsageError(f"{name} is a volume, and volumes have no order: sort by a number")
    known = [row for row in rows if _sortable(row.values[name].value) is not None]
    known.sort(key=lambda row: _sortable(row.values[name].value), reverse=by != name)
    return known + [row for row in rows if _sortable(row.values[name].value) is None]


def measured(spec: Opened, names: Sequence[str], words: Mapping[str, str] | None = None) -> Compared:
    """The figures of one spec, without ratios. UsageError where the setup that `words` state is not one for it."""
    network = Part(spec.analysis, setup=stated(spec.analysis.network, words or {}))
    known, _ = facts(spec.architecture.document)
    values = {}
    for name in names:
        if name in FACTS:
            found = next((fact for fact in known if fact.name == name and not fact.erratum), None)
            values[name] = Value(None if found is None else found.value, fact=found)
        else:
            values[name] = Value(quantity_named(name, of="network").measure(network))
    return Compared(spec.name, spec.architecture.name, values, spec.analysis.remarks)


def with_ratios(rows: Iterable[Compared], base: Compared) -> list[Compared]:
    """The rows with the ratios of their figures to those of another."""
    return [
        row._replace(values={name: _against(name, value, base) for name, value in row.values.items()}) for row in rows
    ]


def _against(name: str, value: Value, base: Compared) -> Value:
    return value._replace(ratio=_ratio(name, value, base.values[name]))


def _ratio(name: str, mine: Value, theirs: Value) -> Fraction | None:
    if name == "year" or _is_volume(name):
        return None
    dividend, divisor = _sortable(mine.value), _sortable(theirs.value)
    return None if dividend is None or not divisor else Fraction(dividend) / Fraction(divisor)


def _is_volume(name: str) -> bool:
    return name in quantities() and quantities()[name].unit == VOLUME


def _sortable(value: Any) -> Any:
    """A number to order and divide by: of a value with one size for each axis, the largest."""
    return max(value) if isinstance(value, tuple) and value else value
