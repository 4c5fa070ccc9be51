"""Architectures side by side: quantities and published facts of each, and their ratios to one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from archcalc.api import load
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
    """One architecture, named as it was asked for, and its figures by column."""

    spec: str
    architecture: str
    values: dict[str, Value]


def columns(names: Sequence[str]) -> list[str]:
    """The columns of those names, each once; UsageError for one that is neither a quantity nor a fact."""
    known = [*quantities(), *FACTS]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or "`archcalc quantities` lists the figures"
            raise UsageError(f"there is no column `{name[:80]}`: {hint}")
    return list(dict.fromkeys(names))


def default_columns(specs: Sequence[str]) -> tuple[str, ...]:
    """What is compared unless something else is asked for; the error is the first kind that any of the specs has."""
    published = {fact.name for spec in specs for fact in facts(load(spec).document)[0]}
    errors = [name for name, fact in FACTS.items() if fact.unit == "%"]
    return (*COLUMNS, next((name for name in errors if name in published), errors[0]), "year")


def compare(
    specs: Sequence[str], names: Sequence[str], *, base: str | None = None, words: Mapping[str, str] | None = None
) -> list[Compared]:
    """The figures of each spec, with their ratios to those of `base`, or of the first; `words` state the setup."""
    measured = {spec: _measured(spec, names, words or {}) for spec in dict.fromkeys(specs)}
    divisor = measured[specs[0]] if base is None else measured.get(base) or _measured(base, names, words or {})
    return [_with_ratios(each, divisor) for each in measured.values()]


def ordered(rows: list[Compared], by: str) -> list[Compared]:
    """The rows in the order of a column, from small to large; `-params` turns it round. Rows without it come last.

    UsageError for a column of volumes, which have no order."""
    name = by.removeprefix("-")
    if _is_volume(name):
        raise UsageError(f"{name} is a volume, and volumes have no order: sort by a number")
    known = [row for row in rows if _sortable(row.values[name].value) is not None]
    known.sort(key=lambda row: _sortable(row.values[name].value), reverse=by != name)
    return known + [row for row in rows if _sortable(row.values[name].value) is None]


def _measured(spec: str, names: Sequence[str], words: Mapping[str, str]) -> Compared:
    architecture = load(spec)
    analysis = architecture.analyse()
    network = Part(analysis, setup=stated(analysis.network, words))
    published, _ = facts(architecture.document)
    values = {}
    for name in names:
        if name in FACTS:
            known = next((fact for fact in published if fact.name == name and not fact.erratum), None)
            values[name] = Value(None if known is None else known.value, fact=known)
        else:
            values[name] = Value(quantity_named(name, of="network").measure(network))
    return Compared(spec, architecture.name, values)


def _with_ratios(row: Compared, base: Compared) -> Compared:
    values = {name: value._replace(ratio=_ratio(name, value, base.values[name])) for name, value in row.values.items()}
    return row._replace(values=values)


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
