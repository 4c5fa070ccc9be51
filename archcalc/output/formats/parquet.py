"""The rows of a report as Parquet, in which a data frame keeps its types; it needs pyarrow."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from archcalc.diagnostics.diagnostic import UsageError
from archcalc.output.layout import Report, Table, plain_value, row_table

ENDINGS = (".parquet",)

#: So many rows are one row group.
_ROWS = 65_536


def render(report: Report) -> Iterator[bytes]:
    """A row group for every so many rows. UsageError without pyarrow, a table, or for a figure beyond 64 bits."""
    table = row_table(report)
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError("Parquet needs pyarrow: pip install 'archcalc[parquet]'") from None
    sink = _Sink()
    writer = None
    for columns in _of_rows(table) if table.pieces is None else _of_pieces(table.pieces):
        try:
            group = pyarrow.table(columns, schema=None if writer is None else writer.schema)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, OverflowError):
            raise UsageError("a figure is beyond 64 bits, which Parquet cannot hold: write CSV") from None
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(sink, group.schema)
        writer.write_table(group, row_group_size=_ROWS)
        yield sink.taken()
    if writer is not None:
        writer.close()
    yield sink.taken()


def _of_rows(table: Table) -> Iterator[dict[str, Any]]:
    """The columns of a table whose rows are at hand, of so many at a time, and at least once."""
    keys, rows = [column.key for column in table.columns], iter(table.rows)
    some = list(islice(rows, _ROWS))
    while True:
        columns = zip(*(map(plain_value, row) for row in some), strict=True) if some else ([] for _ in keys)
        yield dict(zip(keys, map(list, columns), strict=True))
        if not (some := list(islice(rows, _ROWS))):
            return


def _of_pieces(pieces: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The columns of a table that is made of columns, of so many rows or more at a time, and at least once."""
    held: list[Mapping[str, Any]] = []
    count, given = 0, False
    for piece in pieces:
        held.append(piece)
        count += len(next(iter(piece.values())))
        if count >= _ROWS:
            yield _joined(held)
            held, count, given = [], 0, True
    if count or not given:
        yield _joined(held)


def _joined(pieces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    import numpy

    columns = {key: numpy.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}
    return {
        key: [plain_value(value) for value in column.tolist()] if column.dtype == object else column
        for key, column in columns.items()
    }


class _Sink(io.RawIOBase):
    """Where pyarrow writes, and from where the pieces are taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._length

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._length += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        """What was written since the last call."""
        made = b"".join(self._pieces)
        self._pieces.clear()
        return made
