"""Architectures side by side as a report: a row for each, its figures and their ratios."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from archcalc.claims.facts import FACTS
from archcalc.commands.compare.answer import Compared, Value
from archcalc.output.layout import Column, Report, Table
from archcalc.quantities.registry import quantities
from archcalc.units import data, decimal

#: What tells more of the figures.
MEANING = "archcalc quantities NAME explains a figure"
PUBLISHED = "published figures are quoted: archcalc show SPEC gives the source"

#: Names for the heads of columns, where a quantity's own name is not the field's word.
_TITLES = {
    "cifar10_error": "CIFAR-10 error",
    "cifar100_error": "CIFAR-100 error",
    "top1_error": "top-1 error",
    "top5_error": "top-5 error",
}


def title(name: str) -> str:
    """What a column is called: the field's word for it."""
    known = quantities().get(name)
    return known.title if known else _TITLES.get(name, name)


def build(rows: Sequence[Compared], base: str, words: Mapping[str, str] | None = None) -> Report:
    """The report of a comparison; ratios are to the figures of `base`, and `words` state the setup."""
    names = list(rows[0].values)
    data = {"base": base, "with": dict(words or {}), "specs": [_data(row) for row in rows]}
    if [row.spec for row in rows] == [base]:  # nobody asks for its ratio to itself
        alone = {name: value._replace(ratio=None) for name, value in rows[0].values.items()}
        rows = [rows[0]._replace(values=alone)]
    columns = [Column("spec", "network", right=False)]
    for name, rank, of_ratio in _ranks(names, rows):
        note = PUBLISHED if name in FACTS else ""
        columns.append(Column(name, title(name), _shown(name), rank=rank, absent="n/a", note=note))
        if _has_ratio(name, rows):
            against = f"ratios are to {base}"
            columns.append(Column(f"{name}_ratio", "ratio", ratio, rank=of_ratio, absent="n/a", note=against))
    measured = [name for name in names if name in FACTS and _notes(name, rows)]
    columns += [Column(f"{name}_note", f"{title(name)} of", right=False, rank=2 * len(names) + 2) for name in measured]
    table = Table(tuple(columns), [_row(row, names, rows, measured) for row in rows], whole="use --columns")
    stated = f"with {', '.join(f'{name} = {value}' for name, value in words.items())}" if words else ""
    remarks = (f"{row.spec}: {remark}" for row in rows for remark in row.remarks)
    return Report("", (), (table,), tuple(filter(None, (*remarks, stated, MEANING))), data)


#: What is asked for most, first.
_ASKED = ("params", "macs", *(name for name, fact in FACTS.items() if fact.unit == "%"), "activation_bytes")


def _ranks(names: Sequence[str], rows: Sequence[Compared]) -> Iterator[tuple[str, int, int]]:
    """When a column and its ratio give way: last what is asked for most, before it the ratios of that, and first the
    rest from the right, each with its ratio, beginning with what no network has."""
    had = [name for name in names if any(row.values[name].value is not None for row in rows)]
    most = [name for name in _ASKED if name in had] or list(names[:1])
    rest = sorted((name for name in names if name not in most), key=lambda name: name not in had)
    for name in names:
        if name in most:
            yield name, most.index(name), len(most) + most.index(name)
        else:
            rank = 2 * (len(most) + rest.index(name))
            yield name, rank, rank + 1


def ratio(value: Fraction) -> str:
    """A ratio to three digits: 0.113x, 2.27x, 21.4x, 1,320x."""
    if not value:
        return "0x"
    digits = 3
    places = max(0, digits - len(str(value.__floor__()))) if value >= 1 else digits - 1
    while value < 1 and value * 10**places < 10 ** (digits - 1) and places < 12:
        places += 1
    scaled = (value * 10**places + Fraction(1, 2)).__floor__()
    text = f"{scaled // 10**places:,}" + (f".{scaled % 10**places:0{places}}" if places else "")
    return f"{text}x"


def _row(row: Compared, names: list[str], rows: Sequence[Compared], measured: list[str]) -> tuple[Any, ...]:
    cells: list[Any] = [row.spec]
    for name in names:
        cells.append(row.values[name].value)
        if _has_ratio(name, rows):
            cells.append(row.values[name].ratio)
    return (*cells, *(_note(row.values[name]) for name in measured))


def _has_ratio(name: str, rows: Sequence[Compared]) -> bool:
    return any(row.values[name].ratio is not None for row in rows)


def _notes(name: str, rows: Sequence[Compared]) -> bool:
    return any(_note(row.values[name]) for row in rows)


def _note(value: Value) -> str | None:
    return value.fact.note or None if value.fact is not None else None


def _shown(name: str) -> Any:
    """How the values of a column are written."""
    if name in FACTS:
        unit = FACTS[name].unit
        return lambda value: f"{decimal(value)}{unit}" if unit == "%" else str(value)
    return quantities()[name].unit.short


def _data(row: Compared) -> dict[str, Any]:
    return {
        "spec": row.spec,
        "architecture": row.architecture,
        **{name: _value(value) for name, value in row.values.items()},
    }


def _value(value: Value) -> dict[str, Any]:
    made: dict[str, Any] = {"value": data(value.value), "ratio": value.ratio}
    if value.fact is not None:
        made |= {"source": value.fact.source, "note": value.fact.note}
    return made
