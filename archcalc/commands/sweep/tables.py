"""A sweep's columns, written piece by piece: CSV, JSON lines, Parquet; and as a table where they are few."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.output.layout import Column, Report, Table
from archcalc.output.numbers import exact

#: A table for people has at most so many lines.
MOST_ROWS = 1000


def rows(columns: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of some columns of NumPy arrays, as Python's own values."""
    return zip(*(column.tolist() for column in columns.values()), strict=True)


def write_csv(names: Sequence[str], pieces: Iterable[Mapping[str, Any]], stream: IO[str]) -> None:
    """A header and a line for each combination."""
    import csv

    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    for columns in pieces:
        writer.writerows(rows(columns))


def write_json_lines(names: Sequence[str], pieces: Iterable[Mapping[str, Any]], stream: IO[str]) -> None:
    """A JSON object for each combination, one a line."""
    for columns in pieces:
        for row in rows(columns):
            stream.write(json.dumps(dict(zip(names, row, strict=True)), default=_plain) + "\n")


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Fraction) else str(value)


def write_parquet(pieces: Iterable[Mapping[str, Any]], path: Path) -> None:
    """A Parquet file, a row group for each piece. UsageError without pyarrow, or for a figure beyond 64 bits."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError("Parquet needs pyarrow: pip install 'archcalc[parquet]'") from None
    writer = None
    try:
        for columns in pieces:
            try:
                table = pyarrow.table(dict(columns), schema=None if writer is None else writer.schema)
            except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, OverflowError):
                raise UsageError("a figure is beyond 64 bits, which Parquet cannot hold: write CSV") from None
            if writer is None:
                writer = pyarrow.parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    finally:
        if writer is not None:
            writer.close()


def table(architecture: str, names: Sequence[str], pieces: Iterable[Mapping[str, Any]]) -> Report:
    """The combinations as a table; UsageError if they are too many to be read."""
    found: list[tuple[Any, ...]] = []
    for columns in pieces:
        found += rows(columns)
        if len(found) > MOST_ROWS:
            raise UsageError(
                f"the table has more than {MOST_ROWS:,} rows: choose with --where, --top or --pareto, "
                "or write them with --format csv"
            )
    made = Table(tuple(Column(name, name, _shown) for name in names), found)
    data = {"architecture": architecture, "rows": [dict(zip(names, row, strict=True)) for row in found]}
    return Report("", (), (made,), (), data)


def _shown(value: Any) -> str:
    if type(value) is int or (isinstance(value, Fraction) and value.denominator == 1):
        return exact(int(value))
    return f"{float(value):.10g}" if isinstance(value, (float, Fraction)) else str(value)


def reasons(architecture: str, visited: int, counted: Mapping[str, int]) -> Report:
    """How many combinations are not valid, by the rule that they broke first."""
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    split = [(number, *reason.split(": ", 1)) for reason, number in ordered]
    columns = (
        Column("combinations", "combinations", exact),
        Column("rule", "rule", right=False),
        Column("message", "what it says", right=False),
    )
    invalid = sum(counted.values())
    facts = (
        ("combinations", exact(visited)),
        ("valid", exact(visited - invalid)),
        ("not valid", exact(invalid)),
    )
    data = {
        "architecture": architecture,
        "visited": visited,
        "valid": visited - invalid,
        "reasons": [{"combinations": number, "rule": rule, "message": text} for number, rule, text in split],
    }
    return Report("", facts, (Table(columns, list(split)),) if split else (), (), data)
